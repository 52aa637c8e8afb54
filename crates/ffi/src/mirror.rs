//! What Kotlin does with a node.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use mirror_node::view::{
    Blob, Captured, Change, Conflict, Device, Exported, HeardTranscript, Hit, Invite, Note,
    NotePage, Progress, ReconcileReport, Revision, Role, Standup, Status, Take, TicketFacts,
};
use mirror_node::{NewFile, NewNote, NewSegment, NewTranscript, Node, NoteQuery, With};

use crate::cancel::Cancel;
use crate::error::{MirrorError, Result};
use crate::shared::{share, shared};

/// A file that a new note carries; it is copied, and called what its path ends with.
#[derive(uniffi::Record)]
pub struct CaptureFile {
    /// Where it is.
    pub path: String,
    /// It must be a recording.
    pub audio: bool,
}

/// A note to be captured.
#[derive(uniffi::Record)]
pub struct Capture {
    /// Markdown; may be empty when there are files.
    pub text: String,
    /// Tags.
    pub tags: Vec<String>,
    /// RFC 3339 with the author's offset; now, when it is not given.
    pub at: Option<String>,
    /// Files and recordings.
    pub files: Vec<CaptureFile>,
    /// The text is the draft: it becomes the note, in one step.
    pub draft: bool,
}

/// A transcript to be written.
#[derive(uniffi::Record)]
pub struct TranscriptToWrite {
    /// What heard it, as `android-recogniser`.
    pub engine: String,
    /// Its model.
    pub model: String,
    /// SHA-256 of the model's file, in hex, where there is one.
    pub model_hash: Option<String>,
    /// The language, as BCP 47 names it.
    pub language: Option<String>,
    /// The recording holds no sound at all.
    pub silent: bool,
    /// What was said, in order.
    pub segments: Vec<SegmentToWrite>,
}

/// A piece of a transcript to be written.
#[derive(uniffi::Record)]
pub struct SegmentToWrite {
    /// Where it begins, in milliseconds of the recording.
    pub start_ms: u32,
    /// Where it ends.
    pub end_ms: u32,
    /// What was heard.
    pub text: String,
}

/// What to list.
#[derive(uniffi::Record)]
pub struct Query {
    /// RFC 3339: nothing older.
    pub since: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// By this device.
    pub device: Option<String>,
    /// Notes in a page, 500 at most.
    pub limit: u32,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Archived ones too.
    pub archived: bool,
}

/// Whom to reconcile with.
#[derive(uniffi::Enum)]
pub enum Peer {
    /// Every member whose address is known.
    All,
    /// One device: its name, id, or a unique beginning.
    Device {
        /// Which.
        name: String,
    },
    /// Whoever answers at an address, if it is a member.
    Address {
        /// `host:port`.
        address: String,
    },
    /// A bundle.
    Bundle {
        /// Where it is.
        path: String,
    },
}

/// Told how far a reconcile has come, before its report; the reconcile waits for it.
#[uniffi::export(with_foreign)]
pub trait Progressing: Send + Sync {
    /// It moved on.
    fn moved(&self, progress: Progress);
}

/// A home that belongs to a mesh.
#[derive(uniffi::Object)]
pub struct Mirror {
    node: Node,
}

#[uniffi::export]
impl Mirror {
    /// Opens a home. Every caller in this process gets the same node.
    #[uniffi::constructor]
    pub fn open(home: &str) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { node: shared(Path::new(home))? }))
    }

    /// Founds a mesh in a folder.
    #[uniffi::constructor]
    pub fn init(home: &str, name: &str, role: Role) -> Result<Arc<Self>> {
        let home = Path::new(home);
        let node = Node::init(home, name, role)?;
        share(home, &node)?;
        Ok(Arc::new(Self { node }))
    }

    /// Captures a note; durable when it returns.
    pub fn capture(&self, note: Capture) -> Result<Captured> {
        let Capture { text, tags, at, files, draft } = note;
        let file = |CaptureFile { path, audio }| NewFile { path: path.into(), audio };
        let files = files.into_iter().map(file).collect();
        Ok(self.node.capture(NewNote { text, tags, at, files, draft })?)
    }

    /// Revises a note; without `base`, the revision shown now.
    pub fn edit(&self, note: &str, base: Option<String>, text: &str) -> Result<Captured> {
        Ok(self.node.edit(note, base.as_deref(), text, None)?)
    }

    /// Puts a note away; it stays in the history.
    pub fn archive(&self, note: &str) -> Result<Captured> {
        Ok(self.node.archive(note, None)?)
    }

    /// One note, by its id or a unique beginning of it.
    pub fn note(&self, note: &str) -> Result<Note> {
        Ok(self.node.note(note)?)
    }

    /// A note's revisions in canonical order.
    pub fn history(&self, note: &str) -> Result<Vec<Revision>> {
        Ok(self.node.history(note)?)
    }

    /// A page of notes, newest first.
    pub fn notes(&self, query: Query) -> Result<NotePage> {
        let Query { since, tag, device, limit, cursor, archived } = query;
        Ok(self.node.notes(NoteQuery {
            since,
            tag,
            device,
            limit,
            cursor,
            archived,
            ..NoteQuery::default()
        })?)
    }

    /// Notes that hold every word.
    pub fn search(&self, query: &str, limit: u32) -> Result<Vec<Hit>> {
        Ok(self.node.search(query, limit)?)
    }

    /// Notes that wait for a person.
    pub fn conflicts(&self) -> Result<Vec<Conflict>> {
        Ok(self.node.conflicts()?)
    }

    /// Settles a conflict; with `seen`, only while these are the revisions in conflict.
    pub fn resolve(&self, note: &str, take: Take, seen: Option<Vec<String>>) -> Result<Captured> {
        Ok(self.node.resolve(note, take, seen.as_deref())?)
    }

    /// The text that is being written.
    pub fn draft(&self) -> Result<String> {
        Ok(self.node.draft()?)
    }

    /// Keeps the text that is being written; durable when it returns.
    pub fn save_draft(&self, text: &str) -> Result<()> {
        Ok(self.node.save_draft(text)?)
    }

    /// How this device stands.
    pub fn status(&self) -> Result<Status> {
        Ok(self.node.status()?)
    }

    /// The devices and how they stand to this one.
    pub fn devices(&self) -> Result<Vec<Device>> {
        Ok(self.node.devices()?)
    }

    /// The morning page.
    pub fn standup(&self, date: Option<String>, zone: Option<String>) -> Result<Standup> {
        Ok(self.node.standup(date.as_deref(), zone.as_deref())?)
    }

    /// Says what was heard in a recording of a note; it replaces what was heard before, and can be replaced. Durable when it
    /// returns. `audio` is the attachment's blob.
    pub fn write_transcript(
        &self,
        note: &str,
        audio: &str,
        transcript: TranscriptToWrite,
    ) -> Result<Captured> {
        let TranscriptToWrite { engine, model, model_hash, language, silent, segments } =
            transcript;
        let segment =
            |SegmentToWrite { start_ms, end_ms, text }| NewSegment { start_ms, end_ms, text };
        let segments = segments.into_iter().map(segment).collect();
        let new = NewTranscript { engine, model, model_hash, language, silent, segments };
        Ok(self.node.write_transcript(note, audio, new)?)
    }

    /// The transcript of a note's recording with its pieces; of its first recording, when none is named.
    pub fn transcript(&self, note: &str, audio: Option<String>) -> Result<HeardTranscript> {
        Ok(self.node.transcript(note, audio.as_deref())?)
    }

    /// Where the content of an attachment lies, when it is here; the file is not to be changed.
    pub fn attachment_path(&self, blob: &str) -> Result<String> {
        let path = self.node.blob_path(blob)?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Asks for content that is not here; it comes with the next reconcile.
    pub fn want_attachment(&self, blob: &str) -> Result<Blob> {
        Ok(self.node.want_blob(blob)?)
    }

    /// Writes a bundle for every member, or for one; without `since`, of everything that is not known to be there.
    pub fn export_bundle(
        &self,
        path: &str,
        device: Option<String>,
        since: Option<String>,
    ) -> Result<Exported> {
        Ok(self.node.export(Path::new(path), device.as_deref(), since.as_deref())?)
    }

    /// A ticket for one new device, while this home is served.
    pub fn invite(&self, role: Role) -> Result<Invite> {
        Ok(self.node.invite(role)?)
    }
}

#[uniffi::export(async_runtime = "tokio")]
impl Mirror {
    /// Joins the mesh of a ticket as a new device. Nothing is laid down until the other side has said yes.
    #[uniffi::constructor]
    pub async fn join(home: String, ticket: String, name: Option<String>) -> Result<Arc<Self>> {
        let home = PathBuf::from(home);
        let node = Node::join(&home, &ticket, name.as_deref()).await?.node;
        share(&home, &node)?;
        Ok(Arc::new(Self { node }))
    }

    /// Reconciles. What fails with one peer stands in its report and stops no other.
    pub async fn reconcile(
        &self,
        with: Peer,
        cancel: Arc<Cancel>,
        progress: Option<Arc<dyn Progressing>>,
    ) -> Result<ReconcileReport> {
        let with = match with {
            Peer::All => With::All,
            Peer::Device { name } => With::Device(name),
            Peer::Address { address } => With::Address(address),
            Peer::Bundle { path } => With::File(path.into()),
        };
        let mut changes = self.node.subscribe();
        let mut reconciled = pin!(self.node.reconcile(with, cancel.token.clone()));
        // In one task: nothing of it goes on when Kotlin gives up waiting, and all progress is told before the report.
        loop {
            tokio::select! {
                biased;
                change = changes.recv() => tell(change.ok(), progress.as_deref()),
                report = &mut reconciled => {
                    while let Ok(change) = changes.try_recv() {
                        tell(Some(change), progress.as_deref());
                    }
                    return Ok(report?);
                }
            }
        }
    }

    /// Answers other devices at an address until the service is stopped or dropped.
    pub async fn serve(&self, listen: Option<String>) -> Result<Arc<Served>> {
        let listen = listen.map(|text| parse(&text)).transpose()?;
        let serving = self.node.serve(listen).await?;
        let addresses = serving.addresses();
        Ok(Arc::new(Served { addresses, serving: tokio::sync::Mutex::new(Some(serving)) }))
    }
}

/// A home that answers other devices.
#[derive(uniffi::Object)]
pub struct Served {
    addresses: Vec<String>,
    serving: tokio::sync::Mutex<Option<mirror_node::Serving>>,
}

#[uniffi::export(async_runtime = "tokio")]
impl Served {
    /// Where it can be reached.
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.clone()
    }

    /// Stops it.
    pub async fn stop(&self) {
        if let Some(serving) = self.serving.lock().await.take() {
            serving.stop().await;
        }
    }
}

/// What a ticket says, for a person to compare before joining.
#[uniffi::export]
pub fn read_ticket(ticket: &str) -> Result<TicketFacts> {
    Ok(Node::read_ticket(ticket)?)
}

/// Whether a folder holds a device already.
#[uniffi::export]
pub fn is_initialised(home: &str) -> Result<bool> {
    Ok(Node::is_initialised(Path::new(home))?)
}

fn tell(change: Option<Change>, to: Option<&dyn Progressing>) {
    if let (Some(Change::Progress(moved)), Some(to)) = (change, to) {
        to.moved(moved);
    }
}

fn parse(listen: &str) -> Result<std::net::SocketAddr> {
    listen.parse().map_err(|_| MirrorError::Failed {
        code: mirror_node::view::Code::Invalid,
        detail: format!("{listen:?} is no address to listen at"),
        hint: "write it like 127.0.0.1:0".to_owned(),
    })
}
