//! The words of these tests: a vault in a folder of its own, and what a person sees of it.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::fs;
use std::path::{Path, PathBuf};

use mirror_vault::{
    Expect, Found, Hash, Locked, Provenance, Result, Stamp, Vault, VaultError, VaultPath, Written,
};
use tempfile::TempDir;

/// A folder with a vault in it.
pub struct Desk {
    pub folder: TempDir,
    pub vault: Vault,
}

pub fn at(path: &str) -> VaultPath {
    VaultPath::new(path).expect("a path")
}

pub fn provenance() -> Provenance {
    let events = vec!["e0ab".to_owned()];
    Provenance { events, tool: "a test".to_owned(), time: "2026-11-24T12:00:00Z".to_owned() }
}

/// A write that is finished.
#[derive(Debug)]
pub struct Put {
    pub hash: Hash,
    pub bytes: u64,
    pub previous: Option<Hash>,
    pub stamp: Stamp,
}

/// Writes and finishes, as a caller does that has recorded it.
pub fn put(locked: &Locked<'_>, path: &str, text: &str, expect: Expect) -> Result<Put> {
    let written =
        locked.write(&at(path), &mut text.as_bytes(), expect, &provenance(), b"a note")?;
    locked.finish(&written.id)?;
    let Written { hash, bytes, previous, stamp, .. } = written;
    Ok(Put { hash, bytes, previous, stamp })
}

impl Desk {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::open(folder.path()).expect("a vault");
        Self { folder, vault }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    /// As another program does it.
    pub fn edit(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().expect("a folder")).expect("a folder");
        fs::write(self.path(name), text).expect("a file");
    }

    pub fn write(&self, path: &str, text: &str) -> Put {
        self.try_write(path, text, Expect::Anything).expect("a write")
    }

    pub fn try_write(&self, path: &str, text: &str, expect: Expect) -> Result<Put> {
        put(&self.vault.lock().expect("the lock"), path, text, expect)
    }

    pub fn version(&self, hash: Hash) -> Option<String> {
        match self.vault.version_bytes(&hash, 1 << 20) {
            Ok(bytes) => Some(String::from_utf8(bytes).expect("text")),
            Err(VaultError::NoVersion { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Everything that a walk finds, as text.
    pub fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut see = |what| {
            found.push(match what {
                Found::File(entry) if entry.has_sidecar => format!("{} with its hash", entry.path),
                Found::File(entry) => entry.path.to_string(),
                Found::Skipped { path, why } => format!("{} skipped: {why}", path.display()),
                Found::Stray(stray) => format!("{} left", stray.path.display()),
            });
            std::ops::ControlFlow::Continue(())
        };
        self.vault.walk(&mut see).expect("a walk");
        found.sort();
        found
    }

    /// Names in a folder, the hidden ones too.
    pub fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
