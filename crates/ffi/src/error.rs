//! The one error that Kotlin catches.

use mirror_node::Error;
use mirror_node::view::Code;

/// What went wrong: a code to branch on, what happened, what to do.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum MirrorError {
    /// The node's answer.
    #[error("{detail}")]
    Failed {
        /// What to branch on.
        code: Code,
        /// What happened.
        detail: String,
        /// The way out; may be empty.
        hint: String,
    },
}

impl From<Error> for MirrorError {
    fn from(Error { code, detail, hint }: Error) -> Self {
        Self::Failed { code, detail, hint }
    }
}

/// What every method gives.
pub type Result<T> = std::result::Result<T, MirrorError>;
