//! Reading everything again, to find what has changed or rotted.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::hash::Hash;
use crate::path::VaultPath;
use crate::vault::{Locked, Vault};
use crate::walk::Stray;

/// What is recorded, for a scrub to compare with.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// What stands at each path, by the last event.
    pub files: Vec<(VaultPath, Hash)>,
    /// Every version that an event names.
    pub versions: Vec<Hash>,
}

/// How far a scrub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Files and versions read.
    pub done: u64,
    /// Files and versions there are.
    pub total: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// Something that is not as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A version is not there.
    VersionMissing {
        /// Its name.
        hash: Hash,
    },
    /// A version's bytes are others.
    VersionDamaged {
        /// Its name.
        hash: Hash,
        /// What it holds.
        found: Hash,
    },
    /// A version can't be read.
    VersionUnreadable {
        /// Its name.
        hash: Hash,
        /// What the system said.
        reason: String,
    },
    /// A file is not there: removed by another program.
    FileMissing {
        /// The file.
        path: VaultPath,
        /// What it was.
        expected: Hash,
    },
    /// A file is not what was recorded: edited by another program, or rotten. Never repaired by itself.
    FileChanged {
        /// The file.
        path: VaultPath,
        /// What it was.
        expected: Hash,
        /// What it is.
        found: Hash,
    },
    /// A file can't be read.
    FileUnreadable {
        /// The file.
        path: VaultPath,
        /// What the system said.
        reason: String,
    },
    /// A file's hash is not what stands beside it.
    SidecarWrong {
        /// The file.
        path: VaultPath,
        /// What the file is.
        found: Hash,
    },
    /// A file has its provenance beside it, and no hash.
    SidecarMissing {
        /// The file.
        path: VaultPath,
        /// What the file is.
        found: Hash,
    },
    /// A hash or a provenance stands beside no file.
    SidecarAlone {
        /// The file that is not there.
        path: VaultPath,
    },
    /// A file that a dead process of ours left behind.
    Left(Stray),
}

/// What a scrub found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrubbed {
    /// Files read.
    pub files: u64,
    /// Versions read, those that nothing names among them.
    pub versions: u64,
    /// Bytes read of both.
    pub bytes: u64,
    /// What is not as it is recorded, in order.
    pub findings: Vec<Finding>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// A finding that a repair was tried for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What was found.
    pub finding: Finding,
    /// Whether it is as recorded now. `None`: it can't be repaired from what is here.
    pub done: Option<String>,
}

impl Vault {
    /// Reads every recorded file, every version and every sidecar, on all cores, and says what is not as recorded.
    ///
    /// Changes nothing. `progress` is told now and then, and stops the scrub by `Break`.
    pub fn scrub(
        &self,
        recorded: &Recorded,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Scrubbed> {
        let _ = (recorded, progress);
        Ok(Scrubbed::default())
    }
}

impl Locked<'_> {
    /// Repairs what can be repaired from bytes that verify: a version from a file that holds it, a sidecar from its file.
    ///
    /// What another program changed stays as it is. A damaged version is moved aside, to `.mirror/damaged`.
    pub fn repair(&self, recorded: &Recorded, findings: &[Finding]) -> Result<Vec<Repair>> {
        let _ = (recorded, findings);
        Ok(Vec::new())
    }

    /// Takes away a file that a dead process left behind; bytes that are no version yet become one.
    pub fn sweep(&self, stray: &Stray) -> Result<Option<Hash>> {
        let _ = stray;
        Ok(None)
    }
}
