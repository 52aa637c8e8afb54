//! Notes, their history, and what a search finds of them.

use serde::{Deserialize, Serialize};

use super::Attachment;

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

/// A page of notes, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct NotePage {
    pub notes: Vec<Note>,
    /// Pass it back for the next page; `None` at the end.
    pub next: Option<String>,
    pub total: u32,
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

/// What was forgotten.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Forgotten {
    /// The event that says so; the last one, if it took several.
    pub id: String,
    pub note: String,
    /// The revisions whose bodies are gone.
    pub forgotten: Vec<String>,
    /// Their bytes are erased from this home's files; if not, the next opening tries again.
    pub erased: bool,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct HitSpan {
    pub text: String,
    pub matched: bool,
}
