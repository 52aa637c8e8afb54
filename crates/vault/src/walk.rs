//! What is in the vault.

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::error::Result;
use crate::path::{PathFault, VaultPath};
use crate::vault::{Stamp, Vault};

/// What a walk comes across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file of the vault.
    File(Entry),
    /// Something that stays as it is: it is not read, written or recorded.
    Skipped {
        /// Where, below the root.
        path: PathBuf,
        /// Why.
        why: Skip,
    },
    /// A file that a dead process of ours left behind; `Locked::sweep` takes it.
    Stray(Stray),
}

/// A file of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file.
    pub path: VaultPath,
    /// Size, time and number: equal stamps mean an unchanged file, as far as the system tells.
    pub stamp: Stamp,
    /// Whether its hash stands beside it: we wrote it.
    pub has_sidecar: bool,
}

/// Why a walk passes something by. Hidden files and folders are passed by silently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    /// A link.
    #[error("it is a link; the vault follows none")]
    Link,
    /// A device, a socket, a pipe.
    #[error("it is neither a file nor a folder")]
    Special,
    /// A name that can't stand in a vault.
    #[error(transparent)]
    Name(#[from] PathFault),
    /// A name that is not Unicode.
    #[error("its name is not Unicode")]
    NotUnicode,
    /// A name that is there twice, composed and decomposed.
    #[error("its name is there twice, in two forms of Unicode")]
    Twice,
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(String),
}

/// A file that a dead process of ours left behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stray {
    /// Where, below the root.
    pub path: PathBuf,
}

impl Vault {
    /// Goes through the vault, folder by folder, in no order; memory grows with the depth of folders alone.
    ///
    /// Hidden files and folders, `.mirror` among them, are no part of it. A file that comes or goes meanwhile is seen or not.
    pub fn walk(&self, visit: &mut dyn FnMut(Found) -> ControlFlow<()>) -> Result<()> {
        let _ = visit;
        Ok(())
    }

    /// What tells whether a file changed; `None` when there is no such file.
    pub fn stamp(&self, path: &VaultPath) -> Result<Option<Stamp>> {
        let _ = path;
        Ok(None)
    }
}
