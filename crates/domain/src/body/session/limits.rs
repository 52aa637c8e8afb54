//! The limits of what is said of sessions and distillates.

use super::super::vault::{MAX_BY_BYTES, MAX_PATH_BYTES, MAX_SOURCES, check_path};
use super::super::{Body, MAX_REPLACES};
use super::*;
use crate::text::{TextError, check_reason, check_tags};

/// What is said of a session or a distillate is outside its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionBodyError {
    /// A name outside its alphabet or length.
    #[error(
        "{found:?} is no name of a project: 1 to {MAX_PROJECT_BYTES} of a-z 0-9 . - _, not beginning with a dot"
    )]
    BadProject {
        /// The name, cut.
        found: String,
    },
    /// An agent's name outside its limits.
    #[error("{found:?} is no name of an agent: 1 to {MAX_BY_BYTES} bytes without control signs")]
    BadAgent {
        /// The name, cut.
        found: String,
    },
    /// Too much of something.
    #[error("{what}: {found}, the limit is {limit}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A line of a list that is empty, or more than a line.
    #[error("{what} holds a line that is empty or is more than one line")]
    NoLine {
        /// In which list.
        what: &'static str,
    },
    /// A path that leads elsewhere.
    #[error("{found:?} is no path in a vault")]
    BadPath {
        /// The path, cut.
        found: String,
    },
    /// A reason or a topic outside its limits.
    #[error(transparent)]
    Text(#[from] TextError),
}

type Checked = Result<(), SessionBodyError>;

/// Checks a project's name: it is a folder's name on every system. Empty is none.
pub fn check_project(name: &str) -> Result<(), SessionBodyError> {
    let sign = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    let right = name.len() <= MAX_PROJECT_BYTES
        && name.bytes().all(sign)
        && !name.starts_with('.')
        && !name.ends_with('.');
    let found = || name.chars().take(80).collect();
    if right { Ok(()) } else { Err(SessionBodyError::BadProject { found: found() }) }
}

fn check_agent(name: &str) -> Checked {
    let fits = (1..=MAX_BY_BYTES).contains(&name.len());
    if fits && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(SessionBodyError::BadAgent { found: name.chars().take(80).collect() })
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Checked {
    if found <= limit { Ok(()) } else { Err(SessionBodyError::TooMuch { what, found, limit }) }
}

impl Work {
    /// Its lists by their names.
    pub fn lists(&self) -> [(&'static str, &[String]); 6] {
        [
            ("next", &self.next),
            ("open_loops", &self.loops),
            ("files", &self.files),
            ("commits", &self.commits),
            ("decisions", &self.decisions),
            ("errors", &self.errors),
        ]
    }

    /// Checks its limits.
    pub fn check(&self) -> Result<(), SessionBodyError> {
        at_most("bytes of now", self.now.len(), MAX_NOW_BYTES)?;
        let mut bytes = self.now.len();
        for (what, list) in self.lists() {
            at_most(what, list.len(), MAX_LINES)?;
            for line in list {
                at_most(what, line.len(), MAX_LINE_BYTES)?;
                if line.trim().is_empty() || line.contains(['\n', '\r']) {
                    return Err(SessionBodyError::NoLine { what });
                }
                bytes += line.len();
            }
        }
        at_most("bytes in all", bytes, MAX_WORK_BYTES)
    }
}

impl SessionOpen {
    fn check(&self) -> Checked {
        check_agent(&self.agent)?;
        check_project(&self.project)?;
        at_most("items", self.items.len(), MAX_ITEMS)?;
        at_most("closes", self.closes.len(), MAX_REPLACES)?;
        self.name.as_deref().map_or(Ok(()), check_agent)
    }
}

impl SessionClose {
    fn check(&self) -> Checked {
        self.work.check()?;
        at_most("replaced closes", self.replaces.len(), MAX_REPLACES)?;
        let differences = self.repo.as_ref().map_or(0, |repo| repo.differences.len());
        at_most("differences", differences, MAX_LINES)
    }
}

impl SessionReject {
    fn check(&self) -> Checked {
        at_most("rejections", self.rejections.len(), MAX_REJECTIONS)?;
        self.rejections.iter().try_for_each(|one| {
            at_most("bytes quoted", one.content.len(), MAX_QUOTED_BYTES)?;
            at_most("bytes of a name", one.what.len(), MAX_PATH_BYTES)?;
            at_most("bytes of a detail", one.detail.len(), MAX_LINE_BYTES)
        })
    }
}

impl SessionReview {
    fn check(&self) -> Checked {
        at_most("bytes of a name", self.what.len(), MAX_PATH_BYTES)?;
        Ok(check_reason(&self.reason)?)
    }
}

impl DistillateSeal {
    /// Checks its limits.
    pub fn check(&self) -> Result<(), SessionBodyError> {
        check_project(&self.project)?;
        let found = || self.path.chars().take(80).collect();
        check_path(&self.path).map_err(|_| SessionBodyError::BadPath { found: found() })?;
        at_most("bytes of a title", self.title.len(), MAX_LINE_BYTES)?;
        check_tags(&self.topics)?;
        at_most("sources", self.sources.len(), MAX_SOURCES)?;
        at_most("replaced seals", self.replaces.len(), MAX_REPLACES)
    }
}

impl DistillateStale {
    fn check(&self) -> Checked {
        Ok(check_reason(&self.reason)?)
    }
}

impl Body {
    /// Checks what is said of sessions and distillates before it is written.
    pub fn check_limits(&self) -> Result<(), SessionBodyError> {
        self.check_session()
    }

    pub(in super::super) fn check_session(&self) -> Checked {
        match self {
            Self::SessionOpen(open) => open.check(),
            Self::SessionCheckpoint(checkpoint) => checkpoint.work.check(),
            Self::SessionClose(close) => close.check(),
            Self::SessionRecover(recover) => {
                at_most("replaced closes", recover.replaces.len(), MAX_REPLACES)
            }
            Self::SessionReject(reject) => reject.check(),
            Self::SessionReview(review) => review.check(),
            Self::DistillateSeal(seal) => seal.check(),
            Self::DistillateStale(stale) => stale.check(),
            _ => Ok(()),
        }
    }
}
