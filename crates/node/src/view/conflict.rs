//! Notes and shared files that wait for a person.

use serde::{Deserialize, Serialize};

/// Two latest revisions of one note, or of one shared file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Conflict {
    /// Names the conflict in `resolve`: the note's id, or the first version's of a file.
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
