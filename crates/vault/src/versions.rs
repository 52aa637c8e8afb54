//! Contents by their hash: `.mirror/versions/AB/REST`. What is there was synced and read back before it got its name.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::durable::Syncs;
use crate::error::{Result, VaultError};
use crate::folder::{Folder, Rename, Writing};
use crate::hash::{Hash, copy_hashed};
use crate::vault::Locked;

/// The folder of contents by their hash.
pub(crate) const VERSIONS: &str = "versions";
/// Where a version goes that is not what its name says.
pub(crate) const DAMAGED: &str = "damaged";

/// A content on its way to become a version. Dropped, it is gone.
pub(crate) struct Part<'a> {
    pending: &'a Folder,
    name: String,
    pub file: File,
    pub hash: Hash,
    pub bytes: u64,
    placed: Cell<bool>,
}

/// The folders that a new version's name stands in, to be synced.
pub(crate) struct Placed {
    folder: Folder,
    /// The version itself, when it was there before and may not have been synced.
    file: Option<File>,
    made: bool,
}

/// The folder's and the file's name of a version.
pub(crate) fn name_of(hash: &Hash) -> (String, String) {
    let hex = hash.to_string();
    let (folder, name) = hex.split_at_checked(2).unwrap_or_default();
    (folder.to_owned(), name.to_owned())
}

/// Opens a version as it stands there.
pub(crate) fn open(versions: &Folder, hash: &Hash) -> Result<Option<File>> {
    let (folder, name) = name_of(hash);
    versions.folder(&folder)?.map_or(Ok(None), |folder| folder.file(&name))
}

/// Every version that is there, in order: 32 bytes of memory each.
pub(crate) fn list(versions: &Folder) -> Result<Vec<Hash>> {
    let mut hashes: Vec<Hash> = Vec::new();
    for entry in versions.names()? {
        let Ok(first) = entry?.0.into_string() else { continue };
        if first.len() != 2 {
            continue;
        }
        let Some(folder) = versions.folder(&first)? else { continue };
        for entry in folder.names()? {
            let Ok(rest) = entry?.0.into_string() else { continue };
            hashes.extend(format!("{first}{rest}").parse::<Hash>().ok());
        }
    }
    hashes.sort_unstable();
    Ok(hashes)
}

/// Reads a file from its beginning.
pub(crate) fn hash_file(mut file: &File) -> std::io::Result<(Hash, u64)> {
    crate::fault::step(crate::fault::Step::Read)?;
    file.rewind()?;
    Hash::read(&mut file)
}

impl<'a> Part<'a> {
    /// Takes a content in, beside where it will stand.
    pub fn take(pending: &'a Folder, id: &str, content: &mut dyn Read) -> Result<Self> {
        let name = format!("{id}.part");
        let file = pending.create(&name, 0o600)?;
        let mut part =
            Self { pending, name, file, hash: Hash([0; 32]), bytes: 0, placed: Cell::new(false) };
        let copied = copy_hashed(content, &mut Writing(&part.file));
        let path = pending.path_of(&part.name);
        (part.hash, part.bytes) = copied.map_err(|error| VaultError::io("write", path, error))?;
        Ok(part)
    }

    pub fn sync_with<'b>(&'b self, syncs: &mut Syncs<'b>) {
        syncs.add(&self.file, self.pending.path_of(&self.name));
    }

    /// After it was synced: what comes back has to be what went in.
    pub fn read_back(&self) -> Result<()> {
        read_back(&self.file, self.hash, || self.pending.path_of(&self.name))
    }

    /// Gives it its name. Durable when what is returned is synced.
    pub fn place(&self, ours: &Folder, versions: &Folder) -> Result<Placed> {
        let (folder, name) = name_of(&self.hash);
        let (folder, made) = versions.made(&folder, 0o700)?;
        if let Some(file) = folder.file(&name)? {
            if hash_file(&file).is_ok_and(|(hash, _)| hash == self.hash) {
                return Ok(Placed { folder, file: Some(file), made });
            }
            set_aside(ours, &folder, &self.hash)?;
        }
        let renamed = self.pending.rename(&self.name, &folder, &name, Rename::Replace);
        renamed.map_err(|error| VaultError::io("write", folder.path_of(&name), error))?;
        self.placed.set(true);
        Ok(Placed { folder, file: None, made })
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.placed.get() {
            let _ = self.pending.unlink(&self.name);
        }
    }
}

impl Placed {
    pub fn sync_with<'b>(&'b self, versions: &'b Folder, syncs: &mut Syncs<'b>) {
        syncs.add(&self.folder, self.folder.path());
        if let Some(file) = &self.file {
            syncs.add(file, self.folder.path());
        }
        if self.made {
            syncs.add(versions, versions.path());
        }
    }
}

/// After a sync: what comes back has to be what went in.
pub(crate) fn read_back(
    file: &File,
    expected: Hash,
    path: impl Fn() -> std::path::PathBuf,
) -> Result<()> {
    let (found, _) = hash_file(file).map_err(|error| VaultError::io("read back", path(), error))?;
    if found == expected {
        return Ok(());
    }
    Err(VaultError::ReadBack { path: path(), expected, found })
}

/// Moves a version away that is not what its name says; it is never deleted.
pub(crate) fn set_aside(ours: &Folder, folder: &Folder, hash: &Hash) -> Result<()> {
    let (damaged, _) = ours.made(DAMAGED, 0o700)?;
    let (_, name) = name_of(hash);
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let renamed = folder.rename(&name, &damaged, &format!("{hash}-{at}"), Rename::Replace);
    renamed.map_err(|error| VaultError::io("move aside", folder.path_of(&name), error))
}

impl Locked<'_> {
    /// Stores a content as a version; durable when it returns.
    pub(crate) fn store_as(&self, id: &str, content: &mut dyn Read) -> Result<(Hash, u64)> {
        // Of an earlier recovery that was killed.
        self.pending.unlink(&format!("{id}.part"))?;
        let part = Part::take(&self.pending, id, content)?;
        self.make_version(&part)?;
        Ok((part.hash, part.bytes))
    }

    /// Makes a part a version; durable when it returns.
    pub(crate) fn make_version(&self, part: &Part<'_>) -> Result<()> {
        let mut syncs = Syncs::default();
        part.sync_with(&mut syncs);
        syncs.run()?;
        part.read_back()?;
        let placed = part.place(&self.ours, &self.versions)?;
        let mut syncs = Syncs::default();
        placed.sync_with(&self.versions, &mut syncs);
        syncs.run()
    }

    /// Sees to it that the bytes of a file are a version, and a good one.
    pub(crate) fn ensure_version(&self, id: &str, mut file: &File, hash: &Hash) -> Result<()> {
        let there = open(&self.versions, hash)?;
        if there.is_some_and(|there| hash_file(&there).is_ok_and(|(found, _)| found == *hash)) {
            return Ok(());
        }
        let rewound = file.rewind();
        rewound.map_err(|error| VaultError::io("read", self.pending.path(), error))?;
        let (found, _) = self.store_as(&format!("{id}-before"), &mut file)?;
        if found == *hash {
            return Ok(());
        }
        // It changed under our hands: both are kept, and the caller looks again.
        Err(VaultError::ReadBack { path: self.pending.path().into(), expected: *hash, found })
    }
}
