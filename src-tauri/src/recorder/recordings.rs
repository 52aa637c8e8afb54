//! The folder of recordings that are not notes yet. A file's name says when it began.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::ZonedDateTime;
use mirror_node::{Error, NewFile, NewNote, Node, NoteQuery, view};

use super::wav;
use crate::shell::lock;

/// The tag of a note that was spoken.
const VOICE: &str = "voice";
/// To the millisecond, as on the phone: by its name, too, a recording is known in its note.
const NAME: &str = "%Y-%m-%dT%H%M%S%.3f%z";
const RFC_3339: &str = "%Y-%m-%dT%H:%M:%S%.3f%:z";

/// The recordings beside a home's database.
pub struct Recordings {
    folder: PathBuf,
    /// Those that are being recorded.
    open: Mutex<BTreeSet<PathBuf>>,
}

impl Recordings {
    pub fn new(home: &Path) -> Self {
        Self { folder: home.join("recordings"), open: Mutex::default() }
    }

    /// A file for a recording that begins now; it is left alone until it is released.
    pub fn create(&self) -> io::Result<(PathBuf, File)> {
        create_folder(&self.folder)?;
        let name = ZonedDateTime::now().strftime(NAME).to_string();
        let mut open = lock(&self.open);
        let mut count = 0;
        let (path, file) = loop {
            let ending = if count == 0 { String::new() } else { format!(" ({count})") };
            let path = self.folder.join(format!("{name}{ending}.wav"));
            match create_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
                made => break (path, made?),
            }
        };
        open.insert(path.clone());
        Ok((path, file))
    }

    /// Nothing is written to it any more.
    pub fn release(&self, path: &Path) {
        lock(&self.open).remove(path);
    }

    /// Makes a recording a note. The file goes once the note is durable.
    pub fn capture(&self, node: &Node, path: &Path) -> Result<view::Note, Error> {
        let files = vec![NewFile { path: path.to_owned(), audio: true }];
        let tags = vec![VOICE.to_owned()];
        let captured =
            node.capture(NewNote { tags, at: began(path), files, ..NewNote::default() })?;
        remove(path);
        node.note(&captured.id)
    }

    /// Makes notes of what the end of the process left behind. A recording that is in a note already, because the process
    /// ended between the two, makes no second one.
    pub fn recover(&self, node: &Node) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut left: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        left.sort();
        for path in left {
            if path.extension().is_none_or(|ending| ending != "wav")
                || lock(&self.open).contains(&path)
            {
                continue;
            }
            let recovered = match wav::repair(&path) {
                Ok(true) => self.recover_one(node, &path),
                Ok(false) => {
                    remove(&path);
                    Ok(())
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = recovered {
                tracing::error!("a recording is not a note yet, and is kept: {error}");
            }
        }
    }

    fn recover_one(&self, node: &Node, path: &Path) -> Result<(), Error> {
        if !is_note(node, path)? {
            return self.capture(node, path).map(drop);
        }
        remove(path);
        Ok(())
    }
}

/// Removes a recording that holds nothing, or that a note holds.
pub fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, "a recording that is done with could not be removed");
    }
}

/// Whether a note of this device has it already: under its name, because its bytes became others when they were taken in.
fn is_note(node: &Node, path: &Path) -> Result<bool, Error> {
    let stem = path.file_stem();
    let here = node.identity()?.device;
    let mut query = NoteQuery {
        since: began(path),
        tag: Some(VOICE.to_owned()),
        archived: true,
        ..NoteQuery::default()
    };
    loop {
        let page = node.notes(query.clone())?;
        let own = page.notes.iter().filter(|note| note.device == here);
        if own
            .flat_map(|note| &note.attachments)
            .any(|one| Path::new(&one.name).file_stem() == stem)
        {
            return Ok(true);
        }
        if page.next.is_none() {
            return Ok(false);
        }
        query.cursor = page.next;
    }
}

/// When it began, as its name says.
fn began(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?.split(' ').next()?;
    Some(ZonedDateTime::strptime(NAME, name).ok()?.strftime(RFC_3339).to_string())
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// A new file that only its owner reads, and whose name is on disk.
fn create_file(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    for folder in path.ancestors().skip(1).take(2) {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirror_node::view::Role;

    #[test]
    fn a_recording_left_behind_becomes_one_note_that_says_when_it_began() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        // The only test of this program that makes keys.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var("MIRROR_KEYS", "file");
        }
        let node = Node::init(&home, "Pixel", Role::Anchor).unwrap();
        let recordings = Recordings::new(&home);
        let (path, file) = recordings.create().unwrap();
        let mut wav = wav::WavWriter::new(file, 16_000).unwrap();
        wav.write(&[40; 16_000]).unwrap();
        let copy = fs::read(&path).unwrap();

        recordings.recover(&node);
        assert_eq!(
            node.notes(NoteQuery::default()).unwrap().total,
            0,
            "while it is recorded, it is left alone"
        );
        recordings.release(&path);
        recordings.recover(&node);
        // The process ended after the note, and before the file went.
        fs::write(&path, copy).unwrap();
        recordings.recover(&node);

        let notes = node.notes(NoteQuery::default()).unwrap().notes;
        assert_eq!(notes.len(), 1);
        assert_eq!(
            (notes[0].tags.as_slice(), notes[0].attachments.len()),
            (&[VOICE.to_owned()][..], 1)
        );
        let began = began(&path).unwrap();
        assert_eq!(notes[0].at, began);
        assert!(!path.exists());
    }
}
