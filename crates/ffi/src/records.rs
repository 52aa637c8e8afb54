//! The views of the node as Kotlin gets them. Each is the view's own type: what is written here has to be its definition, or
//! it does not compile.
#![allow(missing_docs)]

use mirror_node::view::{
    Attachment, Blob, BlobState, Branch, Captured, Chain, Code, Conflict, Device, DiffChange,
    DiffSpan, Exported, Fork, Hit, HitSpan, Identity, Invite, Note, NotePage, NoteState,
    PeerReport, Phase, Problem, Progress, ReconcileReport, Refusal, Revision, Role, Side, Standup,
    StandupItem, StandupSection, Status, SyncState, Take, TicketFacts, Transcript,
};

/// One note, at its latest revision.
#[uniffi::remote(Record)]
pub struct Note {
    pub note: String,
    /// The event of the revision shown.
    pub id: String,
    pub text: String,
    pub tags: Vec<String>,
    pub at: String,
    pub device: String,
    pub device_name: String,
    pub state: NoteState,
    /// Names of the other devices known to hold this revision.
    pub saved_on: Vec<String>,
    /// What it carries beside its text, which may be empty then.
    pub attachments: Vec<Attachment>,
}

/// What a note asks of the person.
#[uniffi::remote(Enum)]
pub enum NoteState {
    /// One latest revision.
    Current,
    /// Several latest revisions: somebody has to choose.
    Conflict,
    /// Put away; still there.
    Archived,
}

/// A page of notes, newest first.
#[uniffi::remote(Record)]
pub struct NotePage {
    pub notes: Vec<Note>,
    /// Pass it back for the next page; `None` at the end.
    pub next: Option<String>,
    pub total: u32,
}

/// What a capture, an edit or a decision made durable.
#[uniffi::remote(Record)]
pub struct Captured {
    /// The event.
    pub id: String,
    pub note: String,
    pub chain: String,
    pub seq: u32,
    pub lamport: u32,
    pub at: String,
}

/// One revision in a note's history.
#[uniffi::remote(Record)]
pub struct Revision {
    pub id: String,
    pub parents: Vec<String>,
    pub text: String,
    pub tags: Vec<String>,
    pub at: String,
    pub device: String,
    pub device_name: String,
    pub archived: bool,
    /// Nothing replaces it.
    pub latest: bool,
}

/// A search result.
#[uniffi::remote(Record)]
pub struct Hit {
    pub note: String,
    pub id: String,
    /// The match is in what was heard in a recording, not in what was written.
    pub in_transcript: bool,
    /// Text around the match, in pieces.
    pub spans: Vec<HitSpan>,
    /// The same as one string.
    pub snippet: String,
    pub at: String,
    pub device: String,
    pub device_name: String,
    pub tags: Vec<String>,
    pub state: NoteState,
}

/// A piece of a snippet.
#[uniffi::remote(Record)]
pub struct HitSpan {
    pub text: String,
    pub matched: bool,
}

/// Two latest revisions of one note.
#[uniffi::remote(Record)]
pub struct Conflict {
    /// Names the conflict in `resolve`: the note's id.
    pub id: String,
    pub note: String,
    /// The file, as it lies in the vault. A side's text is a line that says what it is, when it is no short text.
    pub file: Option<String>,
    pub base: Option<Side>,
    /// The revision of this device, or the one first in canonical order if neither is.
    pub ours: Side,
    pub theirs: Side,
    /// The merge, when no hunks overlap.
    pub proposal: Option<String>,
}

/// One side of a conflict.
#[uniffi::remote(Record)]
pub struct Side {
    pub id: String,
    pub device: String,
    pub device_name: String,
    pub at: String,
    pub text: String,
    pub tags: Vec<String>,
    pub archived: bool,
    /// The text against the base, word by word.
    pub diff: Vec<DiffSpan>,
}

/// A piece of a diff.
#[uniffi::remote(Record)]
pub struct DiffSpan {
    pub change: DiffChange,
    pub text: String,
}

/// What happened to a piece of text.
#[uniffi::remote(Enum)]
pub enum DiffChange {
    Same,
    Added,
    Removed,
}

/// How to settle a conflict.
#[uniffi::remote(Enum)]
pub enum Take {
    Ours,
    Theirs,
    /// The proposal, as it stands.
    Merged,
    /// A text of the person's own.
    Text(String),
}

/// The first question of every screen: what is my state, what needs me.
#[uniffi::remote(Record)]
pub struct Status {
    /// `None` until the home has been initialised or has joined a mesh.
    pub identity: Option<Identity>,
    pub head: String,
    pub events: u32,
    pub notes: u32,
    pub state: SyncState,
    /// Notes with more than one latest revision.
    pub conflicts: u32,
    /// Own events that no peer has acknowledged.
    pub unreconciled: u32,
    /// RFC 3339; the newest checkpoint with any peer.
    pub last_reconcile: Option<String>,
    pub devices: Vec<Device>,
}

/// The answer of `init` and `join`.
#[uniffi::remote(Record)]
pub struct Identity {
    pub device: String,
    pub mesh: String,
    pub name: String,
    pub role: Role,
    pub home: String,
    /// Where the secret keys are kept: `keychain`, `keystore` or `file`.
    pub keys: String,
}

/// A device's job in the mesh.
#[uniffi::remote(Enum)]
pub enum Role {
    /// Admits and revokes devices.
    Anchor,
    /// Reads and writes everything.
    Node,
    /// A phone: captures, reads, reconciles; can't change the membership.
    Capture,
}

/// A device's relation to this one, as far as this one really knows.
#[uniffi::remote(Enum)]
pub enum SyncState {
    /// At the last contact both had one canonical head, and neither has moved since as far as we know.
    Synced,
    /// The peer is known to hold events that we lack.
    Behind,
    /// We hold events that the peer has not acknowledged.
    Ahead,
    /// Notes wait for a person.
    Conflict,
    /// In step when last heard of, but that was longer than a day ago.
    Stale,
    /// The last attempt to reach it failed.
    Offline,
    /// Never spoken to.
    Unknown,
    /// Removed from the mesh.
    Revoked,
    /// Two branches of one chain exist.
    Forked,
}

/// A member of the mesh.
#[uniffi::remote(Record)]
pub struct Device {
    pub device: String,
    pub name: String,
    pub role: Role,
    pub state: SyncState,
    pub last_contact: Option<String>,
    /// One of its chains has several branches.
    pub forked: bool,
    /// Where its chains fork, with the signatures that prove it.
    pub forks: Vec<Fork>,
    /// Events that it wrote beyond its revocation: kept, and of no effect.
    pub late: u32,
    /// This very device.
    pub this: bool,
    /// Events that we hold and it has not acknowledged.
    pub ahead: u32,
    /// Events that it told us of and we don't hold.
    pub behind: u32,
    pub addresses: Vec<String>,
    /// Why the last attempt failed, in words.
    pub last_error: Option<String>,
    pub chains: Vec<Chain>,
}

/// A chain and its newest event.
#[uniffi::remote(Record)]
pub struct Chain {
    pub chain: String,
    pub device: String,
    pub seq: u32,
    pub tip: String,
}

/// A place where a chain forks: its author signed for both sides.
#[uniffi::remote(Record)]
pub struct Fork {
    pub chain: String,
    /// The position of the last event that the branches share.
    pub base: u32,
    pub branches: Vec<Branch>,
}

/// One side of a fork.
#[uniffi::remote(Record)]
pub struct Branch {
    /// Its first event.
    pub first: String,
    pub seq: u32,
    /// Its newest event, and the author's signature over it.
    pub tip: String,
    pub signature: String,
}

/// A ticket for one new device.
#[uniffi::remote(Record)]
pub struct Invite {
    pub ticket: String,
    pub expires: String,
    pub digits: String,
    pub role: Role,
}

/// What a ticket says before it is used.
#[uniffi::remote(Record)]
pub struct TicketFacts {
    /// To be compared with the inviter's screen.
    pub digits: String,
    pub expires: String,
}

/// What a reconcile did.
#[uniffi::remote(Record)]
pub struct ReconcileReport {
    pub head: String,
    pub conflicts: u32,
    pub peers: Vec<PeerReport>,
}

/// What a reconcile did with one peer.
#[uniffi::remote(Record)]
pub struct PeerReport {
    pub device: String,
    pub name: String,
    /// `iroh` or `bundle`.
    pub link: String,
    pub ok: bool,
    pub round_trips: u32,
    pub bytes_in: u32,
    pub bytes_out: u32,
    pub received: u32,
    pub sent: u32,
    pub duplicates: u32,
    pub quarantined: u32,
    /// Files and recordings that became whole here.
    pub blobs_received: u32,
    /// Those of which the peer was sent something.
    pub blobs_sent: u32,
    /// The bytes of their content that travelled.
    pub blob_bytes_in: u32,
    pub blob_bytes_out: u32,
    pub refused: Vec<Refusal>,
    /// What the peer once signed for and no longer has: it fell back to an older state.
    pub stale: Vec<Refusal>,
    pub head_before: String,
    pub head_after: String,
    /// Both sides signed `head_after`.
    pub committed: bool,
    pub ms: u32,
    /// Why it is not ok.
    pub error: Option<Problem>,
}

/// Something that was not taken, and why.
#[uniffi::remote(Record)]
pub struct Refusal {
    pub what: String,
    pub reason: String,
}

/// How far a running reconcile has come with one peer.
#[uniffi::remote(Record)]
pub struct Progress {
    pub device: String,
    pub name: String,
    pub phase: Phase,
    pub received: u32,
    /// New notes among what was received.
    pub notes: u32,
    pub to_receive: u32,
    pub sent: u32,
    pub to_send: u32,
}

/// The steps of a reconcile.
#[uniffi::remote(Enum)]
pub enum Phase {
    Connecting,
    Comparing,
    Exchanging,
    Committing,
    Done,
    Failed,
    Cancelled,
}

/// The morning page.
#[uniffi::remote(Record)]
pub struct Standup {
    /// The day it is written for, `YYYY-MM-DD`.
    pub date: String,
    pub zone: String,
    pub sections: Vec<StandupSection>,
    pub markdown: String,
}

/// A part of the morning page.
#[uniffi::remote(Record)]
pub struct StandupSection {
    pub title: String,
    pub items: Vec<StandupItem>,
}

/// A line of the morning page; never without the event it comes from.
#[uniffi::remote(Record)]
pub struct StandupItem {
    pub event: String,
    pub note: Option<String>,
    pub text: String,
    /// The author's own local time, `HH:MM`.
    pub time: String,
    pub at: String,
    pub device_name: String,
}

/// An error as a face shows it.
#[uniffi::remote(Record)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    pub hint: String,
}

/// Only what a face branches on.
#[uniffi::remote(Enum)]
pub enum Code {
    /// No mesh in this home yet.
    NotInitialised,
    /// The input is wrong: the detail names it.
    Invalid,
    /// No such note, device, event.
    NotFound,
    /// Waits for a person.
    Conflict,
    /// Bytes are not what their hash or signature says.
    Integrity,
    /// Policy, scope, a stranger.
    Refused,
    /// A peer can't be reached.
    Offline,
    /// The person stopped it.
    Cancelled,
    /// Written by a newer version.
    TooNew,
    /// Disk, permissions, database.
    Io,
}

/// A file or a recording of a note.
#[uniffi::remote(Record)]
pub struct Attachment {
    /// SHA-256 of its content.
    pub blob: String,
    /// What the file was called.
    pub name: String,
    /// Its media type.
    pub media: String,
    pub size: u32,
    pub state: BlobState,
    /// Parts of 256 KiB that are here, and that there are.
    pub chunks_here: u32,
    pub chunks: u32,
    /// What was heard in it; a recording without one waits for it.
    pub transcript: Option<Transcript>,
}

/// How much of a content is here.
#[uniffi::remote(Enum)]
pub enum BlobState {
    /// All of it.
    Present,
    /// Some of it; the rest comes with the next reconcile.
    Partial,
    /// Nothing; it was asked for and comes from the next device that has it.
    Wanted,
    /// Nothing; it comes when there is room under the cap, or when it is asked for.
    Absent,
    /// No content is what the note says of it.
    Misnamed,
}

/// A content that notes name.
#[uniffi::remote(Record)]
pub struct Blob {
    /// SHA-256 of it.
    pub blob: String,
    pub size: u32,
    pub state: BlobState,
    /// A person asked for it.
    pub wanted: bool,
    pub chunks_here: u32,
    pub chunks: u32,
    /// What it is called.
    pub names: Vec<String>,
    /// The notes that carry it, or did.
    pub notes: Vec<String>,
}

/// A bundle that was written.
#[uniffi::remote(Record)]
pub struct Exported {
    pub file: String,
    pub events: u32,
    pub blobs: u32,
    pub bytes: u32,
}
