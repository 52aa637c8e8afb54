//! Blobs as files: one a content, named by its hash, whole or not there; what is still coming lies beside it.
//!
//! Nothing takes its place before it was checked and synced. What does not match its name is moved aside; only what was
//! forgotten is deleted.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mirror_protocol::blob::BlobHasher;
use mirror_protocol::limits::CHUNK_BYTES;
use mirror_protocol::{BlobId, BlobRef, ChunkList, ChunkSet};

use crate::error::StoreError;

/// How the names of copies begin that are still being made.
const INCOMING: &str = "incoming-";
/// No copy takes so long.
const UNFINISHED: Duration = Duration::from_secs(24 * 60 * 60);

/// The blobs' folder of a home.
#[derive(Debug, Clone)]
pub struct BlobFiles {
    root: PathBuf,
}

/// What became of a part whose chunks are all here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completed {
    /// It is in its place.
    Whole,
    /// The disk gave back other bytes than were written: only these chunks still hold.
    Damaged(ChunkSet),
    /// Every chunk is the list's, and yet it is another content: the name is false.
    False,
}

impl BlobFiles {
    /// The blobs of a home; the folder is made when the first one comes.
    pub fn new(home: &Path) -> Self {
        Self { root: home.join("blobs") }
    }

    /// Where a content is, when it is here whole.
    pub fn path(&self, blob: &BlobId) -> PathBuf {
        let hex = blob.to_string();
        let (folder, name) = hex.split_at_checked(2).unwrap_or_default();
        self.root.join(folder).join(name)
    }

    /// Where the part of a content is. A false name of the same content has a part of its own.
    fn part_path(&self, blob: &BlobRef) -> PathBuf {
        let BlobRef { id, bytes, chunks } = blob;
        let folder = self.path(id).parent().map_or_else(|| self.root.clone(), Path::to_owned);
        folder.join(format!("{id}.{chunks}.{bytes}.part"))
    }

    /// Copies content in; durable in its place when it returns, whether or not it was there before.
    pub fn take_in(&self, content: &mut dyn Read) -> Result<ChunkList, StoreError> {
        self.make_folder(&self.root)?;
        self.sweep()?;
        let mut file = tempfile::Builder::new().prefix(INCOMING).tempfile_in(&self.root)?;
        let mut hasher = BlobHasher::default();
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            hasher.update(read)?;
            file.write_all(read)?;
        }
        let list = hasher.finish()?;
        file.as_file().sync_all()?;
        let path = self.path(&list.name().id);
        self.make_folder_of(&path)?;
        file.persist(&path).map_err(|error| error.error)?;
        sync_folder_of(&path)?;
        // What was coming from elsewhere is here now.
        match std::fs::remove_file(self.part_path(&list.name())) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(list),
        }
    }

    /// Opens a content that is here whole.
    pub fn open(&self, blob: &BlobId) -> io::Result<File> {
        File::open(self.path(blob))
    }

    /// Opens what is here of a content that is still coming.
    pub fn open_part(&self, blob: &BlobRef) -> io::Result<File> {
        File::open(self.part_path(blob))
    }

    /// Opens a part to write its chunks.
    pub fn part(&self, blob: &BlobRef) -> Result<Part, StoreError> {
        let path = self.part_path(blob);
        self.make_folder_of(&path)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        sync_folder_of(&path)?;
        Ok(Part { file, blob: *blob })
    }

    /// Puts a part whose chunks are all written into its place.
    pub fn complete(&self, blob: &BlobRef, list: &ChunkList) -> Result<Completed, StoreError> {
        let (part, path) = (self.part_path(blob), self.path(&blob.id));
        match File::open(&part) {
            Ok(file) => {
                if name_of(&file)? == Some(*blob) {
                    file.sync_all()?;
                    std::fs::rename(&part, &path)?;
                    sync_folder_of(&path)?;
                    return Ok(Completed::Whole);
                }
                let good = chunks_of(&file, blob, list, &ChunkSet::none(blob.count()))?;
                if good.is_whole() {
                    std::fs::remove_file(&part)?;
                    return Ok(Completed::False);
                }
                Ok(Completed::Damaged(good))
            }
            // Another process was faster.
            Err(error) if error.kind() == ErrorKind::NotFound && self.holds(blob)? => {
                Ok(Completed::Whole)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a content through: whether its file is here and is what its name says.
    pub fn holds(&self, blob: &BlobRef) -> Result<bool, StoreError> {
        match self.open(&blob.id) {
            Ok(file) => Ok(name_of(&file)? == Some(*blob)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The chunk list of a content, made anew from its file; `None` when the file is not what its name says.
    pub fn list_of(&self, blob: &BlobRef) -> Result<Option<ChunkList>, StoreError> {
        match self.open(&blob.id) {
            Ok(file) => Ok(list_of(&file)?.filter(|list| list.name() == *blob)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The contents that have a file in its place, whether or not it is what its name says.
    pub fn contents(&self) -> Result<Vec<BlobId>, StoreError> {
        let mut found = Vec::new();
        for folder in std::fs::read_dir(&self.root).into_iter().flatten() {
            let folder = folder?;
            let beginning = folder.file_name().to_string_lossy().into_owned();
            if beginning.len() != 2 || !folder.file_type()?.is_dir() {
                continue;
            }
            for entry in std::fs::read_dir(folder.path())? {
                let name = entry?.file_name();
                let hex = format!("{beginning}{}", name.to_string_lossy());
                found.extend(hex.parse::<BlobId>().ok());
            }
        }
        Ok(found)
    }

    /// Copies that are still being made, or that a killed process left.
    pub fn unfinished(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.root).into_iter().flatten() {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(INCOMING) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Moves a content away that is not what its name says; where to, or `None` when no file was there.
    pub fn set_aside(&self, blob: &BlobId, at_ms: i64) -> Result<Option<PathBuf>, StoreError> {
        let path = self.path(blob);
        let aside = self.root.join("aside").join(format!("{blob}-{at_ms}"));
        self.make_folder_of(&aside)?;
        match std::fs::rename(&path, &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        sync_folder_of(&aside)?;
        sync_folder_of(&path)?;
        Ok(Some(aside))
    }

    /// Removes a content, and what was moved aside of it.
    pub(crate) fn erase(&self, blob: &BlobId) -> Result<(), StoreError> {
        let path = self.path(blob);
        remove(&path)?;
        let aside = self.root.join("aside");
        let name = format!("{blob}-");
        for entry in std::fs::read_dir(&aside).into_iter().flatten() {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&name) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes what is here of a content that is still coming.
    pub(crate) fn erase_part(&self, blob: &BlobRef) -> Result<(), StoreError> {
        remove(&self.part_path(blob))
    }

    /// Removes copies that a killed process left unfinished.
    fn sweep(&self) -> Result<(), StoreError> {
        for entry in std::fs::read_dir(&self.root)? {
            let entry = entry?;
            let incoming = entry.file_name().to_string_lossy().starts_with(INCOMING);
            let age = entry.metadata().and_then(|meta| meta.modified()).map(|at| at.elapsed());
            // A file that has gone meanwhile, or a clock that went back: not now.
            if incoming && age.is_ok_and(|age| age.is_ok_and(|age| age > UNFINISHED)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes a folder of the owner's alone; durable when it returns.
    fn make_folder(&self, folder: &Path) -> Result<(), StoreError> {
        if folder.is_dir() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
            _ => sync_folder_of(folder),
        }
    }

    fn make_folder_of(&self, path: &Path) -> Result<(), StoreError> {
        self.make_folder(&self.root)?;
        path.parent().map_or(Ok(()), |folder| self.make_folder(folder))
    }
}

/// A content that is still coming.
#[derive(Debug)]
pub struct Part {
    file: File,
    blob: BlobRef,
}

impl Part {
    /// Writes a chunk to its place; durable after [`Part::sync`].
    pub fn write(&mut self, index: u32, chunk: &[u8]) -> Result<(), StoreError> {
        let (start, _) = self.blob.chunk(index).unwrap_or_default();
        self.file.seek(SeekFrom::Start(start))?;
        Ok(self.file.write_all(chunk)?)
    }

    /// Makes what was written durable.
    pub fn sync(&self) -> Result<(), StoreError> {
        Ok(self.file.sync_data()?)
    }

    /// The chunks that are here: those that are known, and others that were written before a cut and hold.
    pub fn recover(&self, list: &ChunkList, known: &ChunkSet) -> Result<ChunkSet, StoreError> {
        chunks_of(&self.file, &self.blob, list, known)
    }
}

/// Reads a chunk of an open content; an error when it ends before.
pub fn read_chunk(file: &File, blob: &BlobRef, index: u32) -> io::Result<Vec<u8>> {
    let (start, bytes) = blob.chunk(index).ok_or(ErrorKind::InvalidInput)?;
    let mut file = file;
    file.seek(SeekFrom::Start(start))?;
    let mut chunk = vec![0; bytes];
    file.read_exact(&mut chunk)?;
    Ok(chunk)
}

/// What a file is; `None` when it is nothing that a blob can be.
fn name_of(file: &File) -> Result<Option<BlobRef>, StoreError> {
    Ok(list_of(file)?.map(|list| list.name()))
}

fn list_of(mut file: &File) -> Result<Option<ChunkList>, StoreError> {
    let mut hasher = BlobHasher::default();
    let mut buffer = vec![0; CHUNK_BYTES];
    file.seek(SeekFrom::Start(0))?;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish().ok()),
            Ok(read) if hasher.update(buffer.get(..read).unwrap_or_default()).is_err() => {
                return Ok(None);
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn chunks_of(
    file: &File,
    blob: &BlobRef,
    list: &ChunkList,
    known: &ChunkSet,
) -> Result<ChunkSet, StoreError> {
    let mut here = known.clone();
    let length = file.metadata()?.len();
    for index in (0..blob.count()).filter(|index| !known.contains(*index)) {
        let Some((start, bytes)) = blob.chunk(index) else { break };
        if start + bytes as u64 > length {
            break;
        }
        if list.check(index, &read_chunk(file, blob, index)?).is_ok() {
            here.insert(index);
        }
    }
    Ok(here)
}

/// Removes a file if it is there; durable when it returns.
fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => sync_folder_of(path),
    }
}

fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(())
}
