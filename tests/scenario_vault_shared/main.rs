//! A folder of the vault shared by several devices: offline edits on both sides, large files, removals, programs that
//! edit beside us. Every content that stood whole on a disk is in its versions.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use world::{Home, World, text};

mod disk;
mod edits;
mod hostile;

/// A device with its vault.
pub struct Desk {
    pub home: Home,
    pub vault: PathBuf,
}

impl Desk {
    pub fn of(home: Home) -> Self {
        let vault = home.folder().join("vault");
        Self { home, vault }
    }

    /// As another program does it: in place, without asking.
    pub fn types(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.vault.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[track_caller]
    pub fn writes(&self, path: &str, bytes: &str) -> Value {
        self.home.run_with(&["--json", "vault", "write", path], bytes).exits(0).json()
    }

    pub fn removes(&self, path: &str) {
        fs::remove_file(self.vault.join(path)).unwrap();
    }

    #[track_caller]
    pub fn reads(&self, path: &str) -> String {
        let path = self.vault.join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn has(&self, path: &str) -> bool {
        self.vault.join(path).exists()
    }

    #[track_caller]
    pub fn shares(&self, folder: &str) -> Value {
        self.home.json(&["vault", "share", folder])
    }

    /// What it says of the one folder that is shared.
    #[track_caller]
    pub fn shared(&self) -> Value {
        let folders = self.home.list(&["vault", "shared"]);
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders[0].clone()
    }

    /// Brings what came onto the disk, as `serve` and the app do by themselves.
    #[track_caller]
    pub fn looks(&self) {
        self.home.json(&["vault", "scan"]);
    }

    #[track_caller]
    pub fn meets(&self, other: &Desk) -> Value {
        self.ends_with(other, 0)
    }

    #[track_caller]
    pub fn ends_with(&self, other: &Desk, exit: i32) -> Value {
        other.looks();
        let report = self.home.reconciles(&other.home.serve()).exits(exit).json();
        other.looks();
        report
    }

    #[track_caller]
    pub fn conflict(&self) -> Value {
        let conflicts = self.home.list(&["conflicts"]);
        assert_eq!(conflicts.len(), 1, "on {}: {conflicts:?}", self.home.name());
        conflicts[0].clone()
    }

    #[track_caller]
    pub fn is_at_peace(&self) {
        let conflicts = self.home.list(&["conflicts"]);
        assert!(conflicts.is_empty(), "on {}: {conflicts:?}", self.home.name());
    }

    /// What the versions of a file held that stood on this disk.
    #[track_caller]
    pub fn versions(&self, path: &str) -> BTreeSet<String> {
        let versions = self.home.list(&["vault", "history", path]);
        let held = versions.iter().filter(|version| !version["hash"].is_null());
        held.map(|version| {
            let id = text(&version["version"]);
            self.home.run(&["vault", "read", path, "--version", id]).exits(0).stdout
        })
        .collect()
    }

    #[track_caller]
    pub fn says_hash(&self, path: &str) -> String {
        let versions = self.home.list(&["vault", "history", path]);
        let current = versions.iter().find(|version| version["current"] == true);
        text(&current.unwrap_or_else(|| panic!("{versions:?}"))["hash"]).to_owned()
    }
}

/// Two devices that share `work`, in which `plan.md` lies on both.
pub struct Story {
    pub world: World,
    pub mac: Desk,
    pub laptop: Desk,
}

pub const PLAN: &str = "milk\nbread\ncoffee\n";

impl Story {
    pub fn begins() -> Self {
        let world = World::new();
        let mac = Desk::of(world.first("Mac"));
        mac.types("work/plan.md", PLAN);
        mac.types("private.md", "mine alone");
        mac.shares("work");
        let laptop = Desk::of(world.joins("Laptop", "node", &mac.home));
        laptop.meets(&mac);
        assert_eq!(laptop.reads("work/plan.md"), PLAN);
        Self { world, mac, laptop }
    }

    /// Both agree on the history and on what it means, and nothing waits.
    #[track_caller]
    pub fn agree(&self) {
        assert_eq!(self.mac.home.head(), self.laptop.home.head());
        for desk in [&self.mac, &self.laptop] {
            desk.is_at_peace();
            assert_eq!(desk.shared()["waiting"], 0, "{}", desk.shared());
            desk.home.verifies();
        }
    }
}
