//! What was heard, as Kotlin gets it: the views' own types, as in `records`.
#![allow(missing_docs)]

use mirror_node::view::{Doubt, HeardTranscript, Transcript, TranscriptSegment};

/// The transcript of a recording.
#[uniffi::remote(Record)]
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
#[uniffi::remote(Record)]
pub struct HeardTranscript {
    pub transcript: Transcript,
    pub segments: Vec<TranscriptSegment>,
}

/// A piece of a transcript.
#[uniffi::remote(Record)]
pub struct TranscriptSegment {
    /// Milliseconds of the recording.
    pub start_ms: u32,
    pub end_ms: u32,
    pub text: String,
    pub doubt: Option<Doubt>,
}

/// Why a piece may never have been said.
#[uniffi::remote(Enum)]
pub enum Doubt {
    /// What engines say of silence and noise.
    KnownPhrase,
    /// The same again and again.
    Repeat,
}
