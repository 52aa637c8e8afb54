//! Speech to text: which recordings wait, what an engine heard in them, and the model that a person chose. The engine is
//! built only with the feature `whisper`.

mod background;
mod chunks;
#[cfg(feature = "whisper")]
mod fetch;
pub mod models;
#[cfg(feature = "whisper")]
mod whisper;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use mirror_domain::{Body, Heard};
use mirror_protocol::EventId;
use mirror_store::{BlobRow, BlobState, Meta, View};

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::transcripts::{self, NewSegment, NewTranscript};
use crate::view::{self, Code};
use crate::{audio, clock, convert, fold, notes};

pub use background::Transcribing;
use chunks::Chunks;

/// Failures that are remembered; the oldest go.
const MAX_FAILURES: usize = 500;

/// What hears words in samples. An engine says what it heard; whether to believe it is decided elsewhere.
pub trait Transcriber {
    /// What it is.
    fn engine(&self) -> &str;
    /// Hears mono samples at 16 kHz; times count from their beginning. It looks at `cancel` while it works.
    fn hear(&mut self, samples: &[f32], cancel: &CancelToken) -> Result<Hearing>;
}

/// What was heard.
#[derive(Debug, Clone, Default)]
pub struct Hearing {
    /// In order.
    pub segments: Vec<NewSegment>,
    /// The language, where the engine can tell.
    pub language: Option<String>,
}

/// A recording without a transcript.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recording {
    /// The note.
    pub note: String,
    /// The recording's blob.
    pub audio: String,
}

/// How to fetch a model.
#[derive(Debug, Clone, Default)]
pub struct Fetch {
    /// Another place than the one that is known.
    pub from: Option<String>,
    /// SHA-256 of what lies there; may be left out for a model that is known.
    pub hash: Option<String>,
}

impl Node {
    /// How this device stands to recordings.
    pub fn speech(&self) -> Result<view::Speech> {
        let model = self.speech_model()?;
        let (here, absent) = self.read(untranscribed)?;
        let hash = model.as_ref().map(|model| model.hash.clone());
        let mut failed = self.read(failures)?;
        let open: BTreeSet<&str> = here.iter().map(|one| one.audio.as_str()).collect();
        failed.retain(|one| {
            Some(&one.model_hash) == hash.as_ref() && open.contains(one.audio.as_str())
        });
        let waiting = here.len().saturating_sub(failed.len()) as u64;
        let engine = models::ENGINE.map(str::to_owned);
        let hint = match (&engine, &model) {
            (None, _) => Some(models::NO_ENGINE.to_owned()),
            (_, None) => Some(models::NO_MODEL.to_owned()),
            _ => None,
        };
        let (waiting, absent) = (convert::count(waiting), convert::count(absent));
        Ok(view::Speech { engine, model, waiting, absent, failed, hint })
    }

    /// Recordings that are here, have no transcript, and did not fail with the chosen model.
    pub fn waiting_recordings(&self) -> Result<Vec<Recording>> {
        let hash = self.speech_model()?.map(|model| model.hash);
        let mut here = self.read(untranscribed)?.0;
        let failed = self.read(failures)?;
        here.retain(|one| {
            !failed.iter().any(|f| f.audio == one.audio && Some(&f.model_hash) == hash.as_ref())
        });
        Ok(here)
    }

    /// Recordings that are here and have no transcript, those that failed before too.
    pub fn untranscribed_recordings(&self) -> Result<Vec<Recording>> {
        Ok(self.read(untranscribed)?.0)
    }

    /// Hears one recording with an engine and keeps the transcript. A failure is remembered, so that it is not tried
    /// forever; a person who asks tries again.
    pub fn transcribe_with(
        &self,
        engine: &mut dyn Transcriber,
        model: &view::SpeechModel,
        recording: &Recording,
        cancel: &CancelToken,
    ) -> Result<view::Captured> {
        // Neither a codec nor an engine may take the program down with what a peer sent.
        let heard = std::panic::catch_unwind(AssertUnwindSafe(|| {
            self.hear(engine, &recording.audio, cancel)
        }));
        let heard = heard.unwrap_or_else(|_| {
            Err(Error::integrity("the recording makes the decoder or the engine fail"))
        });
        match heard {
            Ok((hearing, silent)) => {
                let new = NewTranscript {
                    engine: engine.engine().to_owned(),
                    model: model.name.clone(),
                    model_hash: Some(model.hash.clone()),
                    language: hearing.language,
                    silent,
                    segments: hearing.segments,
                };
                self.write_transcript(&recording.note, &recording.audio, new)
            }
            Err(error) if error.code == Code::Cancelled => Err(error),
            Err(error) => {
                self.remember_failure(model, recording, &error)?;
                Err(error)
            }
        }
    }

    /// What an engine hears in a recording, piece by piece, so that hours of it need little memory.
    fn hear(
        &self,
        engine: &mut dyn Transcriber,
        audio: &str,
        cancel: &CancelToken,
    ) -> Result<(Hearing, bool)> {
        let path = self.blob_path(audio)?;
        let (mut all, mut failed) = (Hearing::default(), None);
        let mut chunks = Chunks::default();
        let mut hear = |start_ms: u32, samples: &[f32]| -> Result<()> {
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            let Hearing { segments, language } = engine.hear(samples, cancel)?;
            all.language = all.language.take().or(language);
            let later = segments.into_iter().map(|one| NewSegment {
                start_ms: one.start_ms.saturating_add(start_ms),
                end_ms: one.end_ms.saturating_add(start_ms),
                text: one.text,
            });
            all.segments.extend(later);
            Ok(())
        };
        let read = audio::samples(&path, |block| {
            let heard = chunks.push(block).map_or(Ok(()), |(start, chunk)| hear(start, &chunk));
            failed = heard.err();
            failed.is_none() && !cancel.is_cancelled()
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        read.map_err(|error| {
            Error::new(Code::Invalid, error, "WAV and Ogg Opus can be transcribed")
        })?;
        if let Some((start, chunk)) = chunks.rest() {
            hear(start, &chunk)?;
        }
        Ok((all, chunks.is_silent()))
    }

    fn remember_failure(
        &self,
        model: &view::SpeechModel,
        recording: &Recording,
        error: &Error,
    ) -> Result<()> {
        let failure = view::SpeechFailure {
            note: recording.note.clone(),
            audio: recording.audio.clone(),
            model_hash: model.hash.clone(),
            reason: error.detail.clone(),
            at: clock::rfc3339(clock::now()),
        };
        self.write(|tx| {
            let mut failures = failures(tx)?;
            failures.retain(|one| one.audio != failure.audio);
            failures.push(failure);
            let over = failures.len().saturating_sub(MAX_FAILURES);
            failures.drain(..over);
            let bytes = serde_json::to_vec(&failures).map_err(Error::integrity)?;
            Ok(tx.set_meta(Meta::SpeechFailures, &bytes)?)
        })
    }

    /// The model that a person chose.
    pub fn speech_model(&self) -> Result<Option<view::SpeechModel>> {
        let stored = self.read(|view| Ok(view.meta(Meta::SpeechModel)?))?;
        Ok(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

fn failures(view: &View<'_>) -> Result<Vec<view::SpeechFailure>> {
    let stored = view.meta(Meta::SpeechFailures)?;
    Ok(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// Recordings without a transcript: those that are here, newest first, and how many are not.
fn untranscribed(view: &View<'_>) -> Result<(Vec<Recording>, u64)> {
    let (mut here, mut absent) = (Vec::new(), 0);
    let mut seen = BTreeSet::new();
    for BlobRow { blob, state, .. } in view.blobs()? {
        let mut of = BTreeSet::<EventId>::new();
        for pos in view.blob_refs(&blob)? {
            let Some(event) = view.event_at(pos)? else { continue };
            let Ok(body) = Body::read(&event) else { continue };
            if body.attachments().iter().any(|one| one.is_audio() && one.content() == blob) {
                of.extend(fold::note_of(&event));
            }
        }
        for note in of {
            let Some(graph) = fold::graph(view, note)? else { continue };
            let carried = graph.shown().is_some_and(|shown| shown.carries(&blob.id));
            if !carried || Heard::of(&blob.id, &transcripts::of_note(view, note)?).is_some() {
                continue;
            }
            let recording = Recording { note: note.to_string(), audio: blob.id.to_string() };
            match state {
                BlobState::Present if seen.insert(recording.clone()) => here.push(recording),
                BlobState::Present => {}
                _ => absent += 1,
            }
        }
    }
    Ok((here, absent))
}

impl Node {
    /// Recordings of a note, whether or not they have a transcript.
    pub fn recordings_of(&self, note: &str) -> Result<Vec<Recording>> {
        self.read(|view| {
            let (note, graph) = notes::find(view, note)?;
            let shown = graph.shown().map(|shown| shown.attachments.as_slice()).unwrap_or_default();
            let audio = shown.iter().filter(|one| one.is_audio());
            Ok(audio
                .map(|one| Recording { note: note.to_string(), audio: one.blob.to_string() })
                .collect())
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
