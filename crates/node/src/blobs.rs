//! Blobs of this home: taken in with a note, listed, asked for, given out, checked, and held under a cap.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use mirror_domain::attachment::{UNKNOWN_MEDIA, media_of};
use mirror_domain::{Attachment, Body, Role};
use mirror_protocol::limits::MAX_BLOB_BYTES;
use mirror_protocol::{BlobRef, ChunkList};
use mirror_store::{BlobFiles, BlobRow, BlobState, Meta, Tx, View, read_chunk};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::view::{self, BadRecord};
use crate::{audio, clock, convert};

/// What blobs may take up on a device that computes, and on one that captures.
const CAP_BYTES: u64 = 10_000_000_000;
const CAPTURE_CAP_BYTES: u64 = 1_000_000_000;

/// A file to be attached to a new note.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Where it is; it is copied.
    pub path: PathBuf,
    /// It must be a recording.
    pub audio: bool,
}

/// What may still come by itself.
pub struct Allowance {
    room: u64,
}

impl Allowance {
    pub fn of(node: &Node, view: &View<'_>) -> Result<Self> {
        Ok(Self { room: cap(node, view)?.saturating_sub(view.blob_bytes()?) })
    }

    /// Whether a missing blob may come: what a person asked for always, what has begun, and others while there is room.
    pub fn takes(&mut self, row: &BlobRow) -> bool {
        if row.state == BlobState::Absent {
            if !row.wanted && row.blob.bytes > self.room {
                return false;
            }
            self.room = self.room.saturating_sub(row.blob.bytes);
        }
        matches!(row.state, BlobState::Absent | BlobState::Partial)
    }
}

fn cap(node: &Node, view: &View<'_>) -> Result<u64> {
    let set = view.meta_text(Meta::BlobCap)?.and_then(|text| text.parse().ok());
    let here = view.members()?.into_iter().find(|member| member.device == node.inner.device);
    let role = here.and_then(|member| Role::from_number(member.role));
    let default = if role == Some(Role::Capture) { CAPTURE_CAP_BYTES } else { CAP_BYTES };
    Ok(set.unwrap_or(default))
}

/// Names the blobs of an event that is being stored.
pub fn name_all(
    tx: &Tx<'_>,
    body: &Body,
    pos: mirror_store::Pos,
    at: mirror_protocol::Lamport,
) -> Result<()> {
    for attachment in body.attachments() {
        tx.name_blob(&attachment.content(), pos, at)?;
    }
    Ok(())
}

/// A note's attachment as a face is shown it.
pub fn attachment_view(
    view: &View<'_>,
    attachment: &Attachment,
    transcript: Option<view::Transcript>,
) -> Result<view::Attachment> {
    let blob = attachment.content();
    let row = view.blob(&blob)?;
    Ok(view::Attachment {
        blob: attachment.blob.to_string(),
        name: attachment.name.clone(),
        media: attachment.media.clone(),
        size: convert::count(attachment.bytes),
        state: row.as_ref().map_or(view::BlobState::Absent, state),
        chunks_here: row.map_or(0, |row| row.have.count()),
        chunks: blob.count(),
        transcript,
    })
}

fn state(row: &BlobRow) -> view::BlobState {
    match row.state {
        BlobState::Absent if row.wanted => view::BlobState::Wanted,
        BlobState::Absent => view::BlobState::Absent,
        BlobState::Partial => view::BlobState::Partial,
        BlobState::Present => view::BlobState::Present,
        BlobState::False => view::BlobState::Misnamed,
    }
}

impl Node {
    pub(crate) fn blob_files(&self) -> BlobFiles {
        BlobFiles::new(&self.inner.home)
    }

    /// Copies files in; durable when it returns. What they are called is checked before the first byte is read.
    pub(crate) fn take_in(&self, files: &[NewFile]) -> Result<Vec<(Attachment, ChunkList)>> {
        let named = files.iter().map(named).collect::<Result<Vec<_>>>()?;
        let mut taken = Vec::new();
        for ((path, name, media), file) in named.into_iter().zip(files) {
            if let Some(spoken) = self.take_in_encoded(file, &name)? {
                taken.push(spoken);
                continue;
            }
            let list = File::open(path)
                .map_err(mirror_store::StoreError::from)
                .and_then(|mut file| self.blob_files().take_in(&mut file))
                .map_err(|error| {
                    let Error { code, detail, hint } = error.into();
                    Error::new(code, format!("{}: {detail}", path.display()), hint)
                })?;
            taken.push((Attachment::new(list.name(), &name, media), list));
        }
        Ok(taken)
    }

    /// A recording in WAV is taken in as Opus, once what was encoded was heard again; the file itself stays with the
    /// caller until the note is durable. What can't be encoded is taken in as it is.
    fn take_in_encoded(
        &self,
        file: &NewFile,
        name: &str,
    ) -> Result<Option<(Attachment, ChunkList)>> {
        let Some(stem) = name.strip_suffix(".wav").or_else(|| name.strip_suffix(".WAV")) else {
            return Ok(None);
        };
        let (true, Ok(wav)) = (file.audio, File::open(&file.path)) else { return Ok(None) };
        let mut encoded = tempfile::tempfile_in(&self.inner.home)?;
        if let Err(error) = audio::encode(wav, &mut encoded) {
            tracing::info!(%error, "a recording is kept as WAV");
            return Ok(None);
        }
        let list = self.blob_files().take_in(&mut encoded)?;
        Ok(Some((Attachment::new(list.name(), &format!("{stem}.opus"), "audio/ogg"), list)))
    }

    /// Every blob that a note names, newest first.
    pub fn blobs(&self) -> Result<Vec<view::Blob>> {
        self.read(|view| view.blobs()?.iter().map(|row| blob_view(view, row)).collect())
    }

    /// Asks for a blob: it comes first at the next reconcile, whatever the cap is.
    pub fn want_blob(&self, id: &str) -> Result<view::Blob> {
        self.write(|tx| {
            let mut row = find(tx, id)?;
            row.wanted = matches!(row.state, BlobState::Absent | BlobState::Partial);
            tx.put_blob(&row)?;
            blob_view(tx, &row)
        })
    }

    /// The file of a blob that is here; it is not to be changed.
    pub fn blob_path(&self, id: &str) -> Result<PathBuf> {
        let row = self.read(|view| find(view, id))?;
        here(&row)?;
        Ok(self.blob_files().path(&row.blob.id))
    }

    /// A piece of a blob that is here, of a megabyte at most; less at its end, and nothing behind it.
    pub fn read_blob(&self, id: &str, from: u64) -> Result<Vec<u8>> {
        const PIECE: u64 = 1 << 20;
        let mut file = File::open(self.blob_path(id)?)?;
        file.seek(SeekFrom::Start(from))?;
        let mut piece = Vec::new();
        file.take(PIECE).read_to_end(&mut piece)?;
        Ok(piece)
    }

    /// Writes a blob's content to a file, each chunk checked; until it is whole and synced, what stood there stands.
    pub fn save_blob(&self, id: &str, to: &Path) -> Result<view::Blob> {
        let (row, list, shown) = self.read(|view| {
            let row = find(view, id)?;
            here(&row)?;
            let list = list_of(view, &row.blob)?;
            Ok((row.clone(), list, blob_view(view, &row)?))
        })?;
        let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut out = tempfile::NamedTempFile::new_in(folder)?;
        for index in 0..row.blob.count() {
            let Some(chunk) = self.checked_chunk(&row.blob, &list, index)? else {
                self.damaged(&row.blob)?;
                return Err(Error::new(
                    view::Code::Integrity,
                    format!("blob {} is not what it was; it was moved aside", row.blob.id),
                    "reconcile with a device that has it",
                ));
            };
            out.write_all(&chunk)?;
        }
        out.as_file().sync_all()?;
        out.persist(to).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()?;
        Ok(shown)
    }

    /// How much of what notes carry is here.
    pub(crate) fn blobs_in_words(&self) -> Result<String> {
        self.read(|view| {
            let rows = view.blobs()?;
            let count = |state| rows.iter().filter(|row| row.state == state).count();
            let (bytes, cap) = (view.blob_bytes()?, cap(self, view)?);
            let [here, part, absent] =
                [BlobState::Present, BlobState::Partial, BlobState::Absent].map(count);
            Ok(format!(
                "{here} here, {part} in part, {absent} not here; {bytes} bytes, the cap is {cap}"
            ))
        })
    }

    /// The bytes that blobs may take up before a person asks for more.
    pub fn blob_cap(&self) -> Result<u64> {
        self.read(|view| cap(self, view))
    }

    /// Sets it. What is here stays, also when it is more.
    pub fn set_blob_cap(&self, bytes: u64) -> Result<()> {
        self.quiet_write(|tx| Ok(tx.set_meta(Meta::BlobCap, bytes.to_string().as_bytes())?))
    }

    /// A chunk of a whole blob; `None` when its file is gone or holds something else.
    pub(crate) fn checked_chunk(
        &self,
        blob: &BlobRef,
        list: &ChunkList,
        index: u32,
    ) -> Result<Option<Vec<u8>>> {
        let read = self.blob_files().open(&blob.id).and_then(|file| read_chunk(&file, blob, index));
        match read {
            Ok(chunk) => Ok(Some(chunk).filter(|chunk| list.check(index, chunk).is_ok())),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A blob is not what it was: its file is kept aside, and it is asked for again.
    pub(crate) fn damaged(&self, blob: &BlobRef) -> Result<()> {
        let aside = self.blob_files().set_aside(&blob.id, clock::now_ms())?;
        tracing::warn!(blob = %blob.id, ?aside, "a blob is damaged");
        self.write(|tx| {
            if let Some(mut row) = tx.blob(blob)? {
                (row.state, row.wanted) = (BlobState::Absent, true);
                tx.put_blob(&row)?;
            }
            Ok(())
        })
    }

    /// Counts the blobs that are here and finds the first that is not what its name says: by its size, or `deep`, by
    /// reading all of it; then all that are damaged are moved aside and asked for again.
    pub(crate) fn check_blobs(&self, deep: bool) -> Result<(u64, Option<BadRecord>)> {
        let rows = self.read(|view| Ok(view.blobs()?))?;
        let (mut count, mut first) = (0, None);
        for BlobRow { blob, .. } in rows.iter().filter(|row| row.state == BlobState::Present) {
            count += 1;
            let meta = std::fs::metadata(self.blob_files().path(&blob.id));
            let right = match meta {
                Ok(meta) if meta.len() == blob.bytes => !deep || self.blob_files().holds(blob)?,
                Ok(_) => false,
                Err(error) if is_missing(&error) => false,
                Err(error) => return Err(error.into()),
            };
            if right {
                continue;
            }
            let (what, id) = ("blob".to_owned(), blob.id.to_string());
            let mut reason = "its file is not what its name says".to_owned();
            if deep {
                self.damaged(blob)?;
                reason.push_str("; it was moved aside, and comes again from a device that has it");
            }
            first.get_or_insert(BadRecord { what, id, reason });
        }
        Ok((count, first))
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotFound, UnexpectedEof};
    matches!(error.kind(), NotFound | UnexpectedEof)
}

/// A file's name and media type, before it is read.
fn named(file: &NewFile) -> Result<(&Path, String, &'static str)> {
    let path = file.path.as_path();
    let shown = path.display();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Error::invalid(format!("{shown} is no file"), "name a file"))?;
    let media = media_of(&name).unwrap_or(UNKNOWN_MEDIA);
    if file.audio && !media.starts_with("audio/") {
        let detail = format!("{shown} has no ending of a recording, such as .m4a, .ogg or .wav");
        return Err(Error::invalid(detail, "attach it with --file, or give it its ending"));
    }
    let meta = std::fs::metadata(path).map_err(|error| {
        let Error { code, detail, .. } = error.into();
        Error::new(code, format!("{shown}: {detail}"), "check the path and its permissions")
    })?;
    if !meta.is_file() || !(1..=MAX_BLOB_BYTES).contains(&meta.len()) {
        let detail = format!("{shown} is no file of 1 to {MAX_BLOB_BYTES} bytes");
        return Err(Error::invalid(
            detail,
            "attach a file that holds something, in parts if need be",
        ));
    }
    Ok((path, name, media))
}

/// The encoded list of a blob that is here or has begun to come.
pub fn list_of(view: &View<'_>, blob: &BlobRef) -> Result<ChunkList> {
    let list = view.chunk_list(blob)?.unwrap_or_default();
    ChunkList::read(blob, &list).map_err(Error::integrity)
}

fn here(row: &BlobRow) -> Result<()> {
    if row.state == BlobState::Present {
        return Ok(());
    }
    let id = row.blob.id.to_string();
    let detail = match row.state {
        BlobState::False => format!("no content is what the note says of blob {id}"),
        _ => format!("blob {id} is not here: {} of {} chunks", row.have.count(), row.blob.count()),
    };
    let hint = format!("ask for it with `mirror blob want {id}`, then reconcile");
    Err(Error::new(view::Code::NotFound, detail, hint))
}

/// A blob by its id or a unique beginning of it.
fn find(view: &View<'_>, text: &str) -> Result<BlobRow> {
    let lower = text.trim().to_lowercase();
    let mut rows = view.blobs()?;
    rows.retain(|row| !lower.is_empty() && row.blob.id.to_string().starts_with(&lower));
    // Of one content's names the false ones come last.
    rows.sort_by_key(|row| {
        let order = [BlobState::Present, BlobState::Partial, BlobState::Absent, BlobState::False];
        order.iter().position(|state| *state == row.state)
    });
    let first = rows.first().cloned();
    let first = first.ok_or_else(|| {
        let detail = format!("no blob begins with {text:?}");
        Error::new(view::Code::NotFound, detail, "list what there is with `mirror blob list`")
    })?;
    if rows.iter().any(|row| row.blob.id != first.blob.id) {
        return Err(Error::invalid(
            format!("{text:?} fits several blobs"),
            "write more of its digits",
        ));
    }
    Ok(first)
}

fn blob_view(view: &View<'_>, row: &BlobRow) -> Result<view::Blob> {
    let (mut names, mut notes) = (Vec::new(), Vec::new());
    for pos in view.blob_refs(&row.blob)? {
        let Some(event) = view.event_at(pos)? else { continue };
        let Ok(body) = Body::read(&event) else { continue };
        let named = body.attachments().iter().filter(|a| a.content() == row.blob);
        names.extend(named.map(|attachment| attachment.name.clone()));
        notes.extend(crate::fold::note_of(&event).map(|note| note.to_string()));
    }
    for list in [&mut names, &mut notes] {
        list.sort_unstable();
        list.dedup();
    }
    Ok(view::Blob {
        blob: row.blob.id.to_string(),
        size: convert::count(row.blob.bytes),
        state: state(row),
        wanted: row.wanted,
        chunks_here: row.have.count(),
        chunks: row.blob.count(),
        names,
        notes,
    })
}
