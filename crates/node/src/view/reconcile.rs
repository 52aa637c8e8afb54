//! What moves between devices: over a link or in a file.

use serde::{Deserialize, Serialize};

use super::Problem;

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
    /// What the bundle's maker had told of before and does not have in it: an old bundle, or an older state.
    pub stale: Vec<Refusal>,
    pub head: String,
    pub conflicts: u32,
}
