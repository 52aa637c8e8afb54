//! What a face is shown: plain data, serialised as it stands.
//!
//! The command line prints these as JSON and the UI's TypeScript types are generated from them, so a field
//! here is a promise. Ids are full lower-case hex, instants RFC 3339 with the author's offset, sizes bytes.

use serde::{Deserialize, Serialize};

/// A device's relation to this one, as far as this one really knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
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

/// What a note asks of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum NoteState {
    /// One latest revision.
    Current,
    /// Several latest revisions: somebody has to choose.
    Conflict,
    /// Put away; still there.
    Archived,
}

/// A device's job in the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Admits and revokes devices.
    Anchor,
    /// Reads and writes everything.
    Node,
    /// A phone: captures, reads, reconciles; can't change the membership.
    Capture,
}

/// The answer of `init` and `join`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Identity {
    pub device: String,
    pub mesh: String,
    pub name: String,
    pub role: Role,
    pub home: String,
    /// Where the secret keys are kept: `keychain` or `file`.
    pub keys: String,
}

/// The first question of every screen: what is my state, what needs me.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
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

/// A member of the mesh.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Device {
    pub device: String,
    pub name: String,
    pub role: Role,
    pub state: SyncState,
    pub last_contact: Option<String>,
    pub forked: bool,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Chain {
    pub chain: String,
    pub device: String,
    pub seq: u32,
    pub tip: String,
}

/// One note, at its latest revision.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
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

/// A file or a recording of a note.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
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
}

/// How much of a content is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
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

/// What a capture, an edit or a decision made durable.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Captured {
    /// The event.
    pub id: String,
    pub note: String,
    pub chain: String,
    pub seq: u32,
    pub lamport: u32,
    pub at: String,
}

/// A page of notes, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct NotePage {
    pub notes: Vec<Note>,
    /// Pass it back for the next page; `None` at the end.
    pub next: Option<String>,
    pub total: u32,
}

/// One revision in a note's history.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Hit {
    pub note: String,
    pub id: String,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct HitSpan {
    pub text: String,
    pub matched: bool,
}

/// One side of a conflict.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct DiffSpan {
    pub change: DiffChange,
    pub text: String,
}

/// What happened to a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum DiffChange {
    Same,
    Added,
    Removed,
}

/// Two latest revisions of one note.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Conflict {
    /// Names the conflict in `resolve`: the note's id.
    pub id: String,
    pub note: String,
    pub base: Option<Side>,
    /// The revision of this device, or the one first in canonical order if neither is.
    pub ours: Side,
    pub theirs: Side,
    /// The merge, when no hunks overlap.
    pub proposal: Option<String>,
}

/// How to settle a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case", tag = "take", content = "text")]
pub enum Take {
    Ours,
    Theirs,
    /// The proposal, as it stands.
    Merged,
    /// A text of the person's own.
    Text(String),
}

/// What a reconcile did.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct ReconcileReport {
    pub head: String,
    pub conflicts: u32,
    pub peers: Vec<PeerReport>,
}

/// What a reconcile did with one peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
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
    pub head_before: String,
    pub head_after: String,
    /// Both sides signed `head_after`.
    pub committed: bool,
    pub ms: u32,
    /// Why it is not ok.
    pub error: Option<Problem>,
}

/// Something that was not taken, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Refusal {
    pub what: String,
    pub reason: String,
}

/// How far a running reconcile has come with one peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
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

/// How many files and recordings a running reconcile has exchanged with one peer, after the events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct BlobProgress {
    pub name: String,
    /// Whole ones.
    pub received: u32,
    pub bytes_in: u32,
    pub bytes_out: u32,
}

/// The steps of a reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Connecting,
    Comparing,
    Exchanging,
    Committing,
    Done,
    Failed,
    Cancelled,
}

/// The mesh as data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Map {
    pub head: String,
    pub nodes: Vec<MapNode>,
    pub edges: Vec<MapEdge>,
}

/// A thing on the map.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct MapNode {
    pub id: String,
    /// `device` today; agents and services join it.
    pub kind: String,
    pub name: String,
    pub state: SyncState,
    pub tier: Option<String>,
    pub place: Option<String>,
    /// In the unit square. Always finite, so not the `number | null` that a float would be in TypeScript.
    #[cfg_attr(feature = "types", specta(type = i32))]
    pub x: f32,
    #[cfg_attr(feature = "types", specta(type = i32))]
    pub y: f32,
}

/// A link on the map.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct MapEdge {
    pub from: String,
    pub to: String,
    pub link: String,
    pub state: SyncState,
    pub lag_events: u32,
    pub last_contact: Option<String>,
}

/// The morning page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Standup {
    /// The day it is written for, `YYYY-MM-DD`.
    pub date: String,
    pub zone: String,
    pub sections: Vec<StandupSection>,
    pub markdown: String,
}

/// A part of the morning page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct StandupSection {
    pub title: String,
    pub items: Vec<StandupItem>,
}

/// A line of the morning page; never without the event it comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct StandupItem {
    pub event: String,
    pub note: Option<String>,
    pub text: String,
    /// The author's own local time, `HH:MM`.
    pub time: String,
    pub at: String,
    pub device_name: String,
}

/// An event in canonical order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct LogEntry {
    pub id: String,
    pub chain: String,
    pub device: String,
    pub device_name: String,
    pub seq: u32,
    pub prev: Option<String>,
    pub deps: Vec<String>,
    pub lamport: u32,
    pub at: String,
    pub kind: String,
    pub body_hash: String,
}

/// A page of the log, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct LogPage {
    pub entries: Vec<LogEntry>,
    pub next: Option<String>,
}

/// A ticket for one new device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Invite {
    pub ticket: String,
    pub expires: String,
    pub digits: String,
    pub role: Role,
}

/// Where this home's history stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Head {
    pub head: String,
    /// `FOLD_VERSION:DIGEST`: equal on two devices that fold one history alike.
    pub state: String,
    pub events: u32,
    pub chains: Vec<Chain>,
}

/// What `verify` recomputed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Verification {
    pub ok: bool,
    pub events: u32,
    pub chains: u32,
    pub bodies: u32,
    pub blobs: u32,
    pub first_bad: Option<BadRecord>,
}

/// The first record that is not what it should be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct BadRecord {
    /// `event`, `body`, `link`, `lamport`, `head`, `projection`, `database`, `blob`.
    pub what: String,
    pub id: String,
    pub reason: String,
}

/// A bundle that was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Exported {
    pub file: String,
    pub events: u32,
    pub blobs: u32,
    pub bytes: u32,
}

/// A bundle that was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Imported {
    pub received: u32,
    pub duplicates: u32,
    pub quarantined: u32,
    /// Files and recordings that became whole here.
    pub blobs: u32,
    pub refused: Vec<Refusal>,
    pub head: String,
    pub conflicts: u32,
}

/// The answer of `doctor`: each check with its finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Health {
    pub ok: bool,
    pub checks: Vec<HealthCheck>,
}

/// One thing that `doctor` looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct HealthCheck {
    pub name: String,
    pub ok: bool,
    pub detail: String,
    /// What to do; empty when there is nothing to do.
    pub hint: String,
}

/// What a ticket says before it is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct TicketFacts {
    /// To be compared with the inviter's screen.
    pub digits: String,
    pub expires: String,
}

/// An error as a face shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    pub hint: String,
}

/// Only what a face branches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
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

/// Told to every face when something changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case", tag = "what", content = "value")]
pub enum Change {
    /// Notes, devices or the head moved: ask again.
    Data,
    /// A reconcile moved on.
    Progress(Progress),
    /// Files and recordings moved on.
    Blobs(BlobProgress),
    /// A reconcile ended.
    Reconciled(ReconcileReport),
}
