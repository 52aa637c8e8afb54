//! What was in flight when a process died.

use crate::error::Result;
use crate::hash::Hash;
use crate::path::VaultPath;
use crate::vault::Locked;
use crate::write::ChangeId;

/// What became of a change that was in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// It came to pass, and its record may be missing: commit that, then call `finish`.
    Finished(InFlight),
    /// It did not. What was to be written is kept as a version, when it was whole.
    RolledBack(InFlight),
    /// Its intent can't be read; the files that it left behind are swept away, their bytes kept as these versions.
    Unreadable {
        /// The intent.
        id: ChangeId,
        /// What was found of it.
        kept: Vec<Hash>,
    },
}

/// A change as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// For `finish`.
    pub id: ChangeId,
    /// The file.
    pub path: VaultPath,
    /// What stood there.
    pub from: Option<Hash>,
    /// What was to stand there: nothing for a removal.
    pub to: Option<Hash>,
    /// The size of what was to stand there; of a removal, of what stood there.
    pub bytes: u64,
    /// What stands there now.
    pub now: Option<Hash>,
    /// The caller's note.
    pub note: Vec<u8>,
}

impl Locked<'_> {
    /// Finishes or rolls back what was in flight. Call it once after each start, before anything is written.
    pub fn recover(&self) -> Result<Vec<Recovered>> {
        Ok(Vec::new())
    }
}
