//! Files and recordings.

use serde::{Deserialize, Serialize};

use super::Transcript;

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
    /// What was heard in it; a recording without one waits for it.
    pub transcript: Option<Transcript>,
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
