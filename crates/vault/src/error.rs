//! What can go wrong with a vault.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::hash::Hash;
use crate::path::{PathError, VaultPath};
use crate::write::Expect;

/// What a call to a vault gives.
pub type Result<T> = std::result::Result<T, VaultError>;

/// An error of the vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Not a path in a vault.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The vault's folder is not there, or a link that leads nowhere.
    #[error("there is no folder at {path}; if it lies on another disk, connect that first")]
    NoFolder {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Something else stands there.
    #[error("{path} is not a folder")]
    NotAFolder {
        /// What was given, or a part of a path inside the vault.
        path: PathBuf,
    },
    /// A folder without `.mirror`: not the vault, or a disk that is not connected.
    #[error(
        "{path} is not a vault: it has no .mirror in it; if it lies on another disk, connect that first"
    )]
    NotAVault {
        /// The folder.
        path: PathBuf,
    },
    /// Nothing can be written there.
    #[error(
        "{path} can't be written: {source}; give yourself the right to write there, or choose another folder"
    )]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk, or what one may use of it, is full.
    #[error(
        "no room to write {path}: {source}; nothing was changed; free some space and try again"
    )]
    Full {
        /// What was being written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes could not be made durable. What was written is thrown away, never counted on.
    #[error(
        "{path} could not be made durable: {source}; nothing was changed; check the disk before you go on"
    )]
    NotDurable {
        /// What was being synced.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It may or may not have come to pass: `recover` tells.
    #[error("{path} was written, and can't be relied on: {source}; recover before you go on")]
    Unsettled {
        /// The file.
        path: VaultPath,
        /// What failed.
        source: Box<VaultError>,
    },
    /// The disk gave back other bytes than were written.
    #[error(
        "{path} read back as {found} after {expected} was written; nothing was changed; check the disk before you go on"
    )]
    ReadBack {
        /// What was read.
        path: PathBuf,
        /// What was written.
        expected: Hash,
        /// What came back.
        found: Hash,
    },
    /// The file is not what the caller expected. Nothing of it was changed, and the caller's bytes are kept.
    #[error(
        "{path} is not what was expected ({expected}): {}; the new content is kept as {kept}",
        found_text(found)
    )]
    Conflict {
        /// The file.
        path: VaultPath,
        /// What the caller expected.
        expected: Expect,
        /// What stands there.
        found: Option<Hash>,
        /// The version that holds what was to be written; of a removal, what stands there.
        kept: Hash,
        /// Its size.
        bytes: u64,
    },
    /// The file kept changing under us.
    #[error("{path} keeps changing; try again when the other program has finished")]
    Busy {
        /// The file.
        path: VaultPath,
    },
    /// No such file.
    #[error("there is no {path} in the vault")]
    NoFile {
        /// The file.
        path: VaultPath,
    },
    /// A folder, a device, a socket.
    #[error("{path} is not a file")]
    NotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// A link, which could lead out of the vault.
    #[error("{path} is a link; the vault follows none")]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A name that some systems can't tell from one that is there.
    #[error("{path} can't stand beside {with}: they differ only in case")]
    Clash {
        /// What was asked for.
        path: PathBuf,
        /// What is there.
        with: String,
    },
    /// More than the caller takes into memory.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// Which content.
        what: String,
        /// The most that the caller takes.
        limit: u64,
    },
    /// No version has that hash.
    #[error("there is no version {hash}")]
    NoVersion {
        /// What was asked for.
        hash: Hash,
    },
    /// A version is not what its name says.
    #[error("the version {hash} is damaged: its bytes are {found}")]
    Damaged {
        /// Its name.
        hash: Hash,
        /// What it holds.
        found: Hash,
    },
    /// Anything else the system said.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Whether the system said this.
pub(crate) fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}

fn found_text(found: &Option<Hash>) -> String {
    found.map_or_else(|| "there is no such file".to_owned(), |hash| format!("it is {hash}"))
}

impl VaultError {
    /// Names what a system error was about, and tells those apart that a person can do something about.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path, source }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, source },
            io::ErrorKind::PermissionDenied if action != "read" => Self::ReadOnly { path, source },
            _ if is(&source, Errno::LOOP) => Self::Link { path },
            _ => Self::Io { action, path, source },
        }
    }
}
