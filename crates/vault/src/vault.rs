//! A vault, open; and what can be read of it without its lock.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use sha2::{Digest, Sha256};

use crate::durable::Syncs;
use crate::error::{Result, VaultError};
use crate::folder::{self, Folder, stamp};
use crate::hash::{Hash, copy_hashed};
use crate::intent::PENDING;
use crate::path::VaultPath;
use crate::place::Place;
use crate::sidecar::{self, PROVENANCE, Provenance, SUM};
use crate::versions::{self, VERSIONS};

/// Our folder in the vault.
pub const OURS: &str = ".mirror";
const LOCK: &str = "lock";

/// A folder of files that other programs edit too.
#[derive(Debug, Clone)]
pub struct Vault {
    root: PathBuf,
}

/// A vault that no other process or thread changes through this crate. Dropping it gives the lock up.
#[derive(Debug)]
pub struct Locked<'a> {
    vault: &'a Vault,
    pub(crate) root: Folder,
    pub(crate) ours: Folder,
    pub(crate) versions: Folder,
    pub(crate) pending: Folder,
    /// The system's lock is the open file's.
    _lock: File,
}

/// What tells a changed file from an unchanged one without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
    hash: Hash,
    /// Taken when the end was reached.
    hasher: Option<Sha256>,
}

impl Vault {
    /// Opens a folder as a vault; `.mirror` is made when it is not there.
    pub fn open(root: &Path) -> Result<Self> {
        let folder = Folder::root(root)?;
        let (ours, made) = folder.made(OURS, 0o700)?;
        let parts = [ours.make(VERSIONS, 0o700)?, ours.make(PENDING, 0o700)?];
        // Opened to write once here, so that a folder that can't be written says so now.
        drop(ours.lock_file(LOCK)?);
        if made || parts.contains(&true) {
            let mut syncs = Syncs::default();
            syncs.add(&folder, folder.path());
            syncs.add(&ours, ours.path());
            syncs.run()?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Opens a vault that was one before: a folder without `.mirror` is refused, as an empty mount point is.
    pub fn open_existing(root: &Path) -> Result<Self> {
        let vault = Self { root: root.to_owned() };
        vault.ours()?;
        Self::open(root)
    }

    /// The folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The root and our folder in it, opened anew: the vault's folder may have been moved, or its disk taken out.
    fn ours(&self) -> Result<(Folder, Folder)> {
        let root = Folder::root(&self.root)?;
        let ours = root.folder(OURS)?;
        Ok((root, ours.ok_or_else(|| VaultError::NotAVault { path: self.root.clone() })?))
    }

    /// Waits until no other process or thread holds the lock, and takes it. The system gives it up when the process dies.
    pub fn lock(&self) -> Result<Locked<'_>> {
        self.locked(|file| file.lock().map(|()| true))?.ok_or_else(|| self.not_a_vault())
    }

    /// Takes the lock when it is free.
    pub fn try_lock(&self) -> Result<Option<Locked<'_>>> {
        self.locked(|file| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }

    fn locked(&self, take: impl Fn(&File) -> io::Result<bool>) -> Result<Option<Locked<'_>>> {
        let (root, ours) = self.ours()?;
        let lock = ours.lock_file(LOCK)?;
        let taken = take(&lock);
        if !taken.map_err(|error| VaultError::io("lock", ours.path_of(LOCK), error))? {
            return Ok(None);
        }
        let part = |name: &str| ours.folder(name)?.ok_or_else(|| self.not_a_vault());
        let (versions, pending) = (part(VERSIONS)?, part(PENDING)?);
        Ok(Some(Locked { vault: self, root, versions, pending, ours, _lock: lock }))
    }

    fn not_a_vault(&self) -> VaultError {
        VaultError::NotAVault { path: self.root.clone() }
    }

    /// A file's content, up to a size.
    pub fn read(&self, path: &VaultPath, limit: u64) -> Result<Content> {
        let (file, place) = self.file(path)?;
        let fault = |error| VaultError::io("read", place.folder.path_of(&place.name), error);
        let mut bytes = Vec::new();
        (&file).take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fault)?;
        if bytes.len() as u64 > limit {
            return Err(VaultError::TooLarge { what: path.to_string(), limit });
        }
        let stamp = stamp_of(&file).map_err(fault)?;
        Ok(Content { hash: Hash::of(&bytes), bytes, stamp })
    }

    /// A file, to read from its beginning.
    pub fn stream(&self, path: &VaultPath) -> Result<File> {
        self.file(path).map(|(file, _)| file)
    }

    /// A file's hash; `None` when there is no such file.
    pub fn hash(&self, path: &VaultPath) -> Result<Option<Hashed>> {
        let Some(place) = Place::find(self.ours()?.0, path)? else { return Ok(None) };
        let Some(file) = place.folder.file(&place.name)? else { return Ok(None) };
        let fault = |error| VaultError::io("read", place.folder.path_of(&place.name), error);
        // The older stamp: what changes while we read has another one afterwards.
        let stamp = stamp_of(&file).map_err(fault)?;
        let (hash, _) = versions::hash_file(&file).map_err(fault)?;
        Ok(Some(Hashed { hash, stamp }))
    }

    /// What tells whether a file changed, without reading it; `None` when there is no such file.
    pub fn stamp(&self, path: &VaultPath) -> Result<Option<Stamp>> {
        let Some(place) = Place::find(self.ours()?.0, path)? else { return Ok(None) };
        let stat = place.folder.stat(&place.name)?;
        Ok(stat.filter(|stat| folder::kind(stat) == FileType::RegularFile).as_ref().map(stamp))
    }

    fn file(&self, path: &VaultPath) -> Result<(File, Place)> {
        let none = || VaultError::NoFile { path: path.clone() };
        let place = Place::find(self.ours()?.0, path)?.ok_or_else(none)?;
        let file = place.folder.file(&place.name)?.ok_or_else(none)?;
        Ok((file, place))
    }

    /// Which of the files beside a file are not what they should be for a content that came from there: their endings.
    pub fn wrong_beside(
        &self,
        path: &VaultPath,
        hash: Hash,
        from: &Provenance,
    ) -> Result<Vec<&'static str>> {
        let Some(place) = Place::find(self.ours()?.0, path)? else {
            return Ok(vec![SUM, PROVENANCE]);
        };
        let right = sidecar::beside(&place.name, hash, from)?;
        let found = sidecar::beside_of(&place.folder, &place.name)?;
        let wrong =
            [(SUM, right.sum == found.sum), (PROVENANCE, right.provenance == found.provenance)];
        Ok(wrong.into_iter().filter(|(_, same)| !same).map(|(ending, _)| ending).collect())
    }

    /// Whether there is a version of this name. It may be damaged.
    pub fn has_version(&self, hash: &Hash) -> Result<bool> {
        Ok(self.version_file(hash)?.is_some())
    }

    /// A version, to read.
    pub fn version(&self, hash: &Hash) -> Result<Version> {
        let file = self.version_file(hash)?.ok_or(VaultError::NoVersion { hash: *hash })?;
        Ok(Version { file, hash: *hash, hasher: Some(Sha256::new()) })
    }

    /// A version's bytes, verified, up to a size.
    pub fn version_bytes(&self, hash: &Hash, limit: u64) -> Result<Vec<u8>> {
        let file = self.version_file(hash)?.ok_or(VaultError::NoVersion { hash: *hash })?;
        let mut bytes = Vec::new();
        let path = || self.root.join(OURS).join(VERSIONS).join(hash.to_string());
        let read = copy_hashed(&mut file.take(limit.saturating_add(1)), &mut bytes);
        let (found, length) = read.map_err(|error| VaultError::io("read", path(), error))?;
        if length > limit {
            return Err(VaultError::TooLarge { what: format!("the version {hash}"), limit });
        }
        if found != *hash {
            return Err(VaultError::Damaged { hash: *hash, found });
        }
        Ok(bytes)
    }

    fn version_file(&self, hash: &Hash) -> Result<Option<File>> {
        let versions = self.ours()?.1.folder(VERSIONS)?;
        versions.map_or(Ok(None), |versions| versions::open(&versions, hash))
    }

    /// The root, for a walk.
    pub(crate) fn folder(&self) -> Result<Folder> {
        Ok(self.ours()?.0)
    }

    /// The folder of versions, for a scrub.
    pub(crate) fn versions(&self) -> Result<Folder> {
        self.ours()?.1.folder(VERSIONS)?.ok_or_else(|| self.not_a_vault())
    }
}

/// The stamp of an open file.
pub(crate) fn stamp_of(file: &File) -> io::Result<Stamp> {
    Ok(stamp(&rustix::fs::fstat(file)?))
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
        let read = self.file.read(buffer)?;
        if read > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(buffer.get(..read).unwrap_or_default());
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
        {
            let found = Hash(hasher.finalize().into());
            if found != self.hash {
                let error = VaultError::Damaged { hash: self.hash, found };
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
        Ok(read)
    }
}
