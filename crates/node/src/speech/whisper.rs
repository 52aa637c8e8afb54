//! whisper.cpp, by `whisper-rs`.

use std::thread::available_parallelism;

use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError,
};

use super::{Hearing, Transcriber, models};
use crate::audio::SPEECH_HZ;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::transcripts::NewSegment;
use crate::view::{Code, SpeechModel};

/// A model that is loaded.
pub struct Whisper {
    context: WhisperContext,
    english: bool,
}

impl Whisper {
    /// Loads a model's file.
    pub fn load(model: &SpeechModel) -> Result<Self> {
        whisper_rs::install_logging_hooks();
        let parameters = WhisperContextParameters::default();
        let context = WhisperContext::new_with_params(&model.path, parameters);
        let context = context.map_err(|error| {
            let hint = "fetch it again with `mirror speech fetch NAME`";
            Error::new(Code::Invalid, format!("{} is no model: {error}", model.path), hint)
        })?;
        let english = models::is_english(&model.name) || !context.is_multilingual();
        Ok(Self { context, english })
    }
}

impl Transcriber for Whisper {
    fn engine(&self) -> &str {
        "whisper.cpp"
    }

    fn hear(&mut self, samples: &[f32], cancel: &CancelToken) -> Result<Hearing> {
        // Less than a second is padded, or the engine gives nothing.
        let mut padded = samples.to_vec();
        padded.resize(padded.len().max(SPEECH_HZ as usize * 11 / 10), 0.0);
        let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        let threads = available_parallelism().map_or(1, usize::from).div_ceil(2).min(8);
        parameters.set_n_threads(threads as i32);
        parameters.set_language(Some(if self.english { "en" } else { "auto" }));
        parameters.set_audio_ctx(window(padded.len()));
        parameters.set_no_context(true);
        parameters.set_suppress_blank(true);
        parameters.set_print_progress(false);
        parameters.set_print_realtime(false);
        parameters.set_print_timestamps(false);
        let stop = cancel.clone();
        // Boxed here: whisper-rs 0.16 boxes what it is given once more, and calls it as what it was given.
        let stop: Box<dyn FnMut() -> bool> = Box::new(move || stop.is_cancelled());
        parameters.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(stop);
        let mut state = self.context.create_state().map_err(broken)?;
        if let Err(error) = state.full(parameters, &padded) {
            return Err(if cancel.is_cancelled() { Error::cancelled() } else { broken(error) });
        }
        let language = whisper_rs::get_lang_str(state.full_lang_id_from_state());
        let end = samples.len() as u64 * 1000 / u64::from(SPEECH_HZ);
        let ms = |hundredths: i64| (hundredths.max(0) as u64 * 10).min(end) as u32;
        let mut segments = Vec::new();
        for segment in state.as_iter() {
            segments.push(NewSegment {
                start_ms: ms(segment.start_timestamp()),
                end_ms: ms(segment.end_timestamp()),
                text: segment.to_str_lossy().map_err(broken)?.into_owned(),
            });
        }
        Ok(Hearing { segments, language: language.map(str::to_owned) })
    }
}

/// How much of its window of 30 s the engine has to look at; 0 is all. A short recording costs a quarter.
fn window(samples: usize) -> i32 {
    let seconds = samples / SPEECH_HZ as usize + 1;
    if seconds > 24 { 0 } else { (seconds * 50 + 128).max(512) as i32 }
}

fn broken(error: WhisperError) -> Error {
    Error::new(Code::Io, format!("the speech engine failed: {error}"), "try a smaller model")
}
