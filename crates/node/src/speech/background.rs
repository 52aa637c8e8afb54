//! Recordings are transcribed while a home is served or its window is open: one at a time, behind everything else.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::broadcast::error::TryRecvError;

use super::models;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::node::Node;
use crate::view::Code;

/// How often it is looked whether something changed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Transcribes until it is dropped.
#[derive(Debug)]
pub struct Transcribing {
    cancel: CancelToken,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Transcribing {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Node {
    /// Transcribes what waits, and what comes, with the chosen model, also one that is chosen later. `None` in a build
    /// without an engine.
    pub fn transcribe_in_background(&self) -> Option<Transcribing> {
        models::ENGINE?;
        let (node, cancel) = (self.clone(), CancelToken::default());
        let stop = cancel.clone();
        let work = move || {
            go_behind();
            let mut changes = node.subscribe();
            while !stop.is_cancelled() {
                if let Err(error) = node.transcribe_waiting(&stop)
                    && error.code != Code::Cancelled
                {
                    tracing::warn!(%error, "recordings could not be transcribed");
                }
                // Until something changes.
                while !stop.is_cancelled() && matches!(changes.try_recv(), Err(TryRecvError::Empty))
                {
                    std::thread::sleep(LOOK_EVERY);
                }
                while !matches!(changes.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed))
                {
                }
            }
        };
        let thread = std::thread::Builder::new().name("speech".to_owned()).spawn(work).ok();
        Some(Transcribing { cancel, thread })
    }

    fn transcribe_waiting(&self, stop: &CancelToken) -> Result<()> {
        if self.speech_model()?.is_none() {
            return Ok(());
        }
        let waiting = self.waiting_recordings()?;
        if waiting.is_empty() {
            return Ok(());
        }
        self.transcribe(&waiting, stop, &mut |recording, done| {
            if let Err(error) = done {
                tracing::info!(audio = %recording.audio, %error, "a recording was not transcribed");
            }
        })
    }
}

/// This thread, and those that it starts, let all others go first.
fn go_behind() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 15) {
        tracing::debug!(%error, "the speech thread keeps its priority");
    }
}
