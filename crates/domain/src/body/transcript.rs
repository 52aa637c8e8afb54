//! `note.transcript`: the words of a recording, as an engine heard them. Derived: it can be made again, and replaced.

use minicbor::{Decode, Encode};
use mirror_protocol::{BlobId, EventId};

use super::MAX_REPLACES;
use crate::text::MAX_TEXT_BYTES;

/// Segments of one event; with the longest texts they fit a body.
pub const MAX_SEGMENTS: usize = 512;
/// Bytes of the name of an engine or a model.
pub const MAX_ENGINE_BYTES: usize = 128;
/// Bytes of the name of a language.
pub const MAX_LANGUAGE_BYTES: usize = 16;

/// `note.transcript`: what was heard in a recording that a note carries.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NoteTranscript {
    /// The note.
    #[n(0)]
    pub note: EventId,
    /// The recording: SHA-256 of its content.
    #[n(1)]
    pub audio: BlobId,
    /// The transcripts that it replaces.
    #[cbor(n(2), default, skip_if = "Vec::is_empty")]
    pub replaces: Vec<EventId>,
    /// The transcript that it goes on with: a long recording takes several events.
    #[n(3)]
    pub continues: Option<EventId>,
    /// What heard it.
    #[n(4)]
    pub engine: String,
    /// Its model.
    #[n(5)]
    pub model: String,
    /// SHA-256 of the model's file, where there is one.
    #[n(6)]
    pub model_hash: Option<BlobId>,
    /// The language, as BCP 47 names it, where it is known.
    #[n(7)]
    pub language: Option<String>,
    /// The recording holds no sound at all.
    #[cbor(n(8), default, skip_if = "is_false")]
    pub silent: bool,
    /// What was said, in order; nothing where no speech was heard.
    #[n(9)]
    pub segments: Vec<Segment>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A piece of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Segment {
    /// Where it begins, in milliseconds of the recording.
    #[n(0)]
    pub start_ms: u32,
    /// Where it ends.
    #[n(1)]
    pub end_ms: u32,
    /// What was heard.
    #[n(2)]
    pub text: String,
}

/// A transcript outside its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// Too many pieces.
    #[error("{found} segments, the limit is {MAX_SEGMENTS}")]
    Segments {
        /// How many.
        found: usize,
    },
    /// Too much text.
    #[error("a transcript of {found} bytes, the limit of one event is {MAX_TEXT_BYTES}")]
    TooLong {
        /// Its bytes.
        found: usize,
    },
    /// A piece that ends before it begins, begins before the one before it, or says nothing.
    #[error(
        "segment {index} is none: it needs words without control signs, an end that is not before its beginning, and a beginning not before that of the one before"
    )]
    BadSegment {
        /// Which, from 0.
        index: usize,
    },
    /// A recording without a sound in which something was heard.
    #[error("a silent recording has no segments, this one has {found}")]
    Silent {
        /// How many.
        found: usize,
    },
    /// A name outside its limits.
    #[error(
        "{found:?} is no name of an engine or a model: 1 to {MAX_ENGINE_BYTES} bytes without control signs"
    )]
    BadEngine {
        /// The name, cut.
        found: String,
    },
    /// A language outside its alphabet.
    #[error("{found:?} is no language: 2 to {MAX_LANGUAGE_BYTES} letters, digits and hyphens")]
    BadLanguage {
        /// What was given, cut.
        found: String,
    },
    /// Replaces too much.
    #[error("it replaces {found} transcripts, the limit is {MAX_REPLACES}")]
    Replaces {
        /// How many.
        found: usize,
    },
}

impl NoteTranscript {
    pub(crate) fn check(&self) -> Result<(), TranscriptError> {
        let cut = |text: &str| text.chars().take(80).collect::<String>();
        if self.replaces.len() > MAX_REPLACES {
            return Err(TranscriptError::Replaces { found: self.replaces.len() });
        }
        for name in [&self.engine, &self.model] {
            if !(1..=MAX_ENGINE_BYTES).contains(&name.len()) || name.chars().any(char::is_control) {
                return Err(TranscriptError::BadEngine { found: cut(name) });
            }
        }
        if let Some(language) = &self.language {
            let fits = (2..=MAX_LANGUAGE_BYTES).contains(&language.len());
            if !fits || !language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err(TranscriptError::BadLanguage { found: cut(language) });
            }
        }
        check_segments(&self.segments)?;
        if self.silent && !self.segments.is_empty() {
            return Err(TranscriptError::Silent { found: self.segments.len() });
        }
        Ok(())
    }
}

/// Divides a long transcript so that each part fits an event; at least one part.
pub fn parts(segments: Vec<Segment>) -> Vec<Vec<Segment>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for segment in segments {
        if part.len() == MAX_SEGMENTS || bytes + segment.text.len() > MAX_TEXT_BYTES {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += segment.text.len();
        part.push(segment);
    }
    parts.push(part);
    parts
}

fn check_segments(segments: &[Segment]) -> Result<(), TranscriptError> {
    if segments.len() > MAX_SEGMENTS {
        return Err(TranscriptError::Segments { found: segments.len() });
    }
    let found = segments.iter().map(|segment| segment.text.len()).sum();
    if found > MAX_TEXT_BYTES {
        return Err(TranscriptError::TooLong { found });
    }
    let mut before = 0;
    for (index, Segment { start_ms, end_ms, text }) in segments.iter().enumerate() {
        let says = !text.trim().is_empty() && !text.chars().any(char::is_control);
        if !says || end_ms < start_ms || *start_ms < before {
            return Err(TranscriptError::BadSegment { index });
        }
        before = *start_ms;
    }
    Ok(())
}
