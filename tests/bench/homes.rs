//! Homes to measure, made once for each size and kept under `target/bench-homes`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use mirror_node::Node;
use mirror_protocol::bundle::{BundleWriter, Manifest};
use mirror_protocol::{Event, canonical_head};
use mirror_store::{Meta, Store, StoreError, Tx};
use sha2::{Digest, Sha256};

use crate::mesh::{self, EDITION, GUESTS, Mesh, Size};

const SCHEMA: &str = include_str!("../../crates/store/src/schema.sql");

/// Everything of one size.
pub struct Homes {
    /// What they hold.
    pub size: Size,
    folder: PathBuf,
}

/// Where homes are kept and copies of them are made.
pub fn root() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    target.unwrap_or_else(beside).join("bench-homes")
}

/// A folder for one measurement; it vanishes when dropped.
pub fn scratch() -> tempfile::TempDir {
    fs::create_dir_all(root()).expect("a folder");
    tempfile::Builder::new().prefix("scratch-").tempdir_in(root()).expect("a folder")
}

impl Homes {
    /// Those of a size, made if they are not kept.
    pub fn of(size: Size) -> Self {
        let schema: String =
            Sha256::digest(SCHEMA).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{EDITION}-{schema}-{}x{}", size.events, size.chains);
        let homes = Self { size, folder: root().join(name) };
        if !homes.folder.exists() {
            eprintln!("   making homes of {} events in {} chains", size.events, size.chains);
            let making = scratch();
            Self { size, folder: making.path().to_owned() }.make();
            fs::rename(making.keep(), &homes.folder).expect("homes can be kept");
        }
        homes
    }

    /// The bundle with everything, sealed to both guests.
    pub fn bundle(&self) -> PathBuf {
        self.folder.join("bundle")
    }

    /// A guest's home that has imported the bundle. Not to be written.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// All events, in the order in which they were written.
    pub fn events(&self, mut visit: impl FnMut(&Event)) {
        let mut mesh = Mesh::new(self.size);
        while let Some(burst) = mesh.next_burst() {
            burst.iter().for_each(&mut visit);
        }
    }

    /// Another place for what goes with this size.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn make(&self) {
        write_bundle(self.size, &self.bundle()).expect("a bundle can be written");
        empty_home(self.size, 0, &self.home());
        let node = Node::open(&self.home()).expect("a home");
        let imported = node.import(&self.bundle()).expect("the bundle imports");
        assert!(imported.refused.is_empty(), "{:?}", imported.refused.first());
        assert_eq!(imported.received as usize, self.size.events, "{} wait", imported.quarantined);
        drop(node);
        settle(&self.home());
    }

    /// A copy of the home as the `guest`th device, who writes its own chain.
    pub fn copy(&self, guest: usize, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        fs::copy(self.home().join("mirror.db"), to.join("mirror.db")).expect("a copy");
        write_keys(self.size, guest, to);
        let chain = Mesh::guest_chain(self.size, guest);
        put(to, |tx| {
            tx.set_meta(Meta::Device, &mesh::device(self.size.chains + guest).0)?;
            tx.set_meta(Meta::Chain, &chain.0)
        });
    }
}

/// A home of the `guest`th device that belongs to the mesh and has met nobody.
pub fn empty_home(size: Size, guest: usize, folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    write_keys(size, guest, folder);
    drop(Store::create(&folder.join("mirror.db")).expect("a database"));
    let mesh = Mesh::new(size).id();
    put(folder, |tx| {
        tx.set_meta(Meta::Account, b"bench")?;
        tx.set_meta(Meta::KeyStore, b"file")?;
        tx.set_meta(Meta::Device, &mesh::device(size.chains + guest).0)?;
        tx.set_meta(Meta::Mesh, &mesh.0)
    });
}

/// Writes facts that a face has no command for.
pub fn put(home: &Path, write: impl FnOnce(&Tx<'_>) -> Result<(), StoreError>) {
    let mut store = Store::open(&home.join("mirror.db")).expect("a database");
    store.write(write).expect("facts can be written");
}

/// Moves the log into the database, so that the file alone is the home.
fn settle(home: &Path) {
    drop(Store::open(&home.join("mirror.db")).expect("a database"));
}

fn write_keys(size: Size, guest: usize, home: &Path) {
    let number = size.chains + guest;
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let keys = serde_json::json!({
        "version": 1,
        "authority": hex(mesh::seed(number, 0)),
        "incarnation": hex(mesh::seed(number, 1)),
        "sealing": mesh::sealing(number).0,
    });
    fs::write(home.join("keys.json"), keys.to_string()).expect("keys can be written");
}

fn write_bundle(size: Size, path: &Path) -> std::io::Result<()> {
    let mut mesh = Mesh::new(size);
    while mesh.next_burst().is_some() {}
    let (device, key) = mesh.writer();
    let manifest = Manifest {
        mesh: mesh.id(),
        device,
        key: mirror_protocol::public_key(key),
        head: canonical_head(mesh.tips()),
        since: None,
        unix_ms: 0,
        tips: {
            let mut tips = mesh.tips();
            tips.sort_unstable();
            tips
        },
    };
    let identities: Vec<age::x25519::Identity> = (size.chains..size.chains + GUESTS)
        .map(|guest| mesh::sealing(guest).0.parse().expect("age's own form"))
        .collect();
    let keys: Vec<_> = identities.iter().map(age::x25519::Identity::to_public).collect();
    let to = keys.iter().map(|key| key as &dyn age::Recipient);
    let sealed = age::Encryptor::with_recipients(to).map_err(std::io::Error::other)?;
    let out = sealed.wrap_output(BufWriter::new(File::create(path)?))?;
    let key = key.clone();
    let mut writer = BundleWriter::new(out, &manifest, &key)?;
    let mut again = Mesh::new(size);
    while let Some(burst) = again.next_burst() {
        for events in mesh::runs(&burst) {
            writer.run(again.run(events))?;
        }
    }
    writer.finish()?.1.finish()?.into_inner()?.flush()
}
