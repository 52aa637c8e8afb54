//! Stopping long work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Stops what it was given to. Clones stop together.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    state: Arc<(AtomicBool, Notify)>,
}

impl CancelToken {
    /// Stops it.
    pub fn cancel(&self) {
        self.state.0.store(true, Ordering::SeqCst);
        self.state.1.notify_waiters();
    }

    /// Whether it was stopped.
    pub fn is_cancelled(&self) -> bool {
        self.state.0.load(Ordering::SeqCst)
    }

    /// Returns once it is stopped.
    pub async fn cancelled(&self) {
        let notified = self.state.1.notified();
        if !self.is_cancelled() {
            notified.await;
        }
    }
}
