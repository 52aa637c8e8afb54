//! What a face is shown: plain data, serialised as it stands.
//!
//! The command line prints these as JSON and the UI's TypeScript types are generated from them, so a field
//! here is a promise. Ids are full lower-case hex, instants RFC 3339 with the author's offset, sizes bytes.

mod backup;
mod blob;
mod conflict;
mod device;
mod health;
mod log;
mod map;
mod note;
mod problem;
mod reconcile;
mod session;
mod speech;
mod standup;
mod transcript;
mod vault;

use serde::{Deserialize, Serialize};

pub use backup::{BackedUp, Restored};
pub use blob::{Attachment, Blob, BlobState};
pub use conflict::{Conflict, DiffChange, DiffSpan, Side, Take};
pub use device::{
    Branch, Chain, Device, Fork, Identity, Invite, Role, Status, SyncState, TicketFacts,
};
pub use health::{BadRecord, Finding, Health, HealthCheck, Verification};
pub use log::{Head, LogEntry, LogPage};
pub use map::{
    DeviceCut, Lane, Map, MapCut, MapEdge, MapNode, Mark, Quality, Service, Tick, Timeline,
};
pub use note::{Captured, Forgotten, Hit, HitSpan, Note, NotePage, NoteState, Revision};
pub use problem::{Code, Problem};
pub use reconcile::{
    BlobProgress, Exported, Imported, PeerReport, Phase, Progress, ReconcileReport, Refusal,
};
pub use session::{
    CoherenceParts, Distillate, ItemChecks, Related, Session, SessionItem, SessionOpened,
    SessionRejection, SessionSaid, SessionStanding,
};
pub use speech::{Speech, SpeechFailure, SpeechModel, SpeechOffer};
pub use standup::{Standup, StandupItem, StandupSection};
pub use transcript::{Doubt, HeardTranscript, Transcript, TranscriptSegment};
pub use vault::{
    AuditEntry, AuditPage, FileVersion, SharedFolder, VaultAct, VaultDiff, VaultFinding,
    VaultNoticed, VaultPruned, VaultScrubbed, VaultWritten, WaitingFile,
};

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
