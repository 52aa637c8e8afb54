//! The one error that faces see: a code to branch on, what happened, what to do.

use std::fmt;

use crate::view::{Code, Problem};

/// What went wrong, told to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Only what a face branches on.
    pub code: Code,
    /// What happened: names the input and the limit.
    pub detail: String,
    /// The way out; may be empty.
    pub hint: String,
}

/// The result of everything a node does.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a way out.
    pub fn new(code: Code, detail: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self { code, detail: detail.to_string(), hint: hint.into() }
    }

    /// As data.
    pub fn problem(&self) -> Problem {
        Problem { code: self.code, detail: self.detail.clone(), hint: self.hint.clone() }
    }

    pub(crate) fn invalid(detail: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail, hint)
    }

    pub(crate) fn integrity(detail: impl fmt::Display) -> Self {
        Self::new(
            Code::Integrity,
            detail,
            "run `mirror verify` to find the first bad record; nothing was changed",
        )
    }

    pub(crate) fn not_found(detail: impl fmt::Display) -> Self {
        Self::new(
            Code::NotFound,
            detail,
            "list what there is with `mirror note list` or `mirror log`",
        )
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(
            Code::Cancelled,
            "stopped before the end",
            "what had arrived is kept; reconcile again any time",
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(Code::Io, &error, "check the disk's space and this folder's permissions")
    }
}
