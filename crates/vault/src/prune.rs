//! Retention: which versions go.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crate::error::Result;
use crate::folder::stamp;
use crate::hash::Hash;
use crate::intent::{DONE, Intent, MEANT};
use crate::path::VaultPath;
use crate::vault::{Locked, Stamp};
use crate::versions::{self, hash_file};

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
        let mut stay: BTreeSet<Hash> = also.iter().copied().collect();
        for history in histories {
            let mut good = false;
            for (number, (hash, at)) in history.versions.iter().enumerate() {
                if number < retention.newest.max(1) || *at >= retention.since {
                    stay.insert(*hash);
                }
                if !good {
                    stay.insert(*hash);
                    good = self.is_good(hash)?;
                }
            }
        }
        self.add_in_flight(&mut stay)?;
        let mut pruned = Pruned::default();
        for hash in versions::list(&self.versions)? {
            let (folder, name) = versions::name_of(&hash);
            let Some(folder) = self.versions.folder(&folder)? else { continue };
            let Some(stat) = folder.stat(&name)? else { continue };
            if stay.contains(&hash) || is_young(stamp(&stat), retention.since) {
                pruned.stay += 1;
                continue;
            }
            folder.unlink(&name)?;
            pruned.bytes += stamp(&stat).bytes;
            pruned.removed.push(hash);
        }
        Ok(pruned)
    }

    fn is_good(&self, hash: &Hash) -> Result<bool> {
        let file = versions::open(&self.versions, hash)?;
        Ok(file.is_some_and(|file| hash_file(&file).is_ok_and(|(found, _)| found == *hash)))
    }

    fn add_in_flight(&self, stay: &mut BTreeSet<Hash>) -> Result<()> {
        for entry in self.pending.names()? {
            let Ok(name) = entry?.0.into_string() else { continue };
            if (name.ends_with(MEANT) || name.ends_with(DONE))
                && let Some(intent) = Intent::read(&self.pending, &name)?
            {
                stay.extend([intent.from, intent.to].into_iter().flatten());
            }
        }
        Ok(())
    }
}

/// Whether a version was stored since.
fn is_young(stamp: Stamp, since: SystemTime) -> bool {
    let since = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).is_ok_and(|since| stamp.mtime_ns >= since)
}
