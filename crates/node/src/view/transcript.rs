//! What was heard in recordings. It is derived, and may hold errors.

use serde::{Deserialize, Serialize};

/// The transcript of a recording.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Transcript {
    /// The event.
    pub id: String,
    /// SHA-256 of the recording.
    pub audio: String,
    /// Empty where nothing was heard.
    pub text: String,
    pub engine: String,
    pub model: String,
    /// SHA-256 of the model's file.
    pub model_hash: Option<String>,
    pub language: Option<String>,
    /// The recording holds no sound at all.
    pub silent: bool,
    /// Something in it may never have been said.
    pub doubtful: bool,
    pub at: String,
    pub device: String,
    pub device_name: String,
    /// Other transcripts that nothing replaces either.
    pub others: u32,
}

/// A transcript with its pieces.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct HeardTranscript {
    pub transcript: Transcript,
    pub segments: Vec<TranscriptSegment>,
}

/// A piece of a transcript.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct TranscriptSegment {
    /// Milliseconds of the recording.
    pub start_ms: u32,
    pub end_ms: u32,
    pub text: String,
    pub doubt: Option<Doubt>,
}

/// Why a piece may never have been said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// What engines say of silence and noise.
    KnownPhrase,
    /// The same again and again.
    Repeat,
}
