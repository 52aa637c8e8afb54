//! The folder, the database's file, the keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, SystemTime};

use world::Home;

use crate::ward::{Case, End, Patient, patient, see_through};

pub const CASES: &[Case] = &[
    Case { kind: "database-missing", also: &[], exit: 4, end: End::Stays, make: no_database },
    Case { kind: "database-foreign", also: &[], exit: 4, end: End::Stays, make: foreign },
    Case { kind: "wal-off", also: &[], exit: 0, end: End::Opens, make: wal_off },
    Case { kind: "pages-damaged", also: &[], exit: 4, end: End::Stays, make: pages },
    Case { kind: "index-wrong", also: &[], exit: 4, end: End::Mends, make: index },
    Case { kind: "files-open", also: &[], exit: 1, end: End::Mends, make: open_files },
    Case { kind: "temp-files", also: &[], exit: 1, end: End::Mends, make: temp_files },
    Case { kind: "keys-missing", also: &[], exit: 4, end: End::Stays, make: no_keys },
    Case { kind: "keys-damaged", also: &[], exit: 4, end: End::Stays, make: damaged_keys },
    Case { kind: "keys-foreign", also: &[], exit: 4, end: End::Stays, make: foreign_keys },
    Case { kind: "key-not-of-chain", also: &[], exit: 4, end: End::Mends, make: other_key },
    // These take a place of their own, see below.
    Case { kind: "home-unwritable", also: &[], exit: 1, end: End::Stays, make: |_| {} },
    Case { kind: "disk-nearly-full", also: &[], exit: 1, end: End::Stays, make: |_| {} },
    Case { kind: "home-copied", also: &[], exit: 0, end: End::Stays, make: |_| {} },
];

#[test]
fn damages_of_files_and_keys() {
    see_through(&CASES[..11]);
}

fn no_database(home: &Patient) {
    fs::remove_file(home.path("mirror.db")).unwrap();
}

fn foreign(home: &Patient) {
    fs::write(home.path("mirror.db"), "Dear Sir, ".repeat(100)).unwrap();
}

fn wal_off(home: &Patient) {
    home.sql("PRAGMA journal_mode = DELETE");
}

fn pages(home: &Patient) {
    let page = home.number("SELECT rootpage FROM sqlite_schema WHERE name = 'notes'");
    let size = home.number("PRAGMA page_size");
    let mut bytes = fs::read(home.path("mirror.db")).unwrap();
    let (page, size) = (page as usize, size as usize);
    bytes[(page - 1) * size..page * size].fill(0x5a);
    fs::write(home.path("mirror.db"), bytes).unwrap();
}

/// The index is filled as another definition says, which is then put back.
fn index(home: &Patient) {
    let define = |is: &str| {
        home.sql(&format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema
             SET sql = 'CREATE INDEX events_without_body ON events (pos) WHERE body {is} NULL'
             WHERE name = 'events_without_body';"
        ));
    };
    define("IS NOT");
    home.sql("REINDEX");
    define("IS");
}

fn open_files(home: &Patient) {
    fs::set_permissions(home.path("keys.json"), fs::Permissions::from_mode(0o644)).unwrap();
}

fn temp_files(home: &Patient) {
    let file = fs::File::create(home.path(".tmpX1y2Z3")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60)).unwrap();
    // One that is new is somebody's at work.
    fs::write(home.path(".tmpnew"), "").unwrap();
}

fn no_keys(home: &Patient) {
    fs::remove_file(home.path("keys.json")).unwrap();
}

fn damaged_keys(home: &Patient) {
    fs::write(home.path("keys.json"), "{\"version\":1}").unwrap();
}

fn foreign_keys(home: &Patient) {
    fs::copy(home.ward.desk.folder().join("keys.json"), home.path("keys.json")).unwrap();
}

fn other_key(home: &Patient) {
    let keys = fs::read(home.path("keys.json")).unwrap();
    let mut keys: serde_json::Value = serde_json::from_slice(&keys).unwrap();
    keys["incarnation"] = "07".repeat(32).into();
    fs::write(home.path("keys.json"), keys.to_string()).unwrap();
}

/// A small file system in memory, taken down again.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(home: &Home, options: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "none"]).arg(home.folder());
        let mounted = mount.status().is_ok_and(|status| status.success());
        mounted.then(|| Self(home.folder().to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn kinds(home: &Home, exit: i32) -> Vec<String> {
    let found = home.run(&["--json", "doctor"]).exits(exit).json();
    let kinds = found["findings"].as_array().unwrap().iter();
    kinds.map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
}

/// Needs the right to mount: without it the case can't be made, and says so.
#[test]
fn a_small_disk_and_one_that_may_not_be_written() {
    let patient = patient("disk");
    let copy = patient.ward.world.path("copy-for-disk");
    patient.home.is_copied_to(&copy);
    let Some(disk) = Disk::mount(&patient.home, "size=16m,mode=700") else {
        eprintln!("not made: nothing can be mounted here");
        return;
    };
    for entry in fs::read_dir(&copy).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), disk.0.join(entry.file_name())).unwrap();
        }
    }
    // The file that was not copied with the rest.
    let found = kinds(&patient.home, 4);
    assert!(found.contains(&"disk-nearly-full".to_owned()), "{found:?}");
    let remount = ["-o", "remount,ro"];
    let status = Command::new("mount").args(remount).arg(&disk.0).status().unwrap();
    assert!(status.success());
    assert_eq!(kinds(&patient.home, 1), ["home-unwritable"]);
}

#[test]
fn a_copied_home_is_told_of_until_it_goes_on_in_a_new_chain() {
    let patient = patient("copied");
    let copy = patient.home.copy_as("copy", patient.ward.world.path("a-copy"));
    // The original has a marker from its first opening on.
    patient.home.head();
    let copy_of_it = patient.home.copy_as("copy", patient.ward.world.path("another-copy"));
    assert!(kinds(&copy, 0).is_empty(), "without a marker nothing tells");
    assert_eq!(kinds(&copy_of_it, 0), ["home-copied"]);
    copy_of_it.captures("in a new chain");
    assert_eq!(kinds(&copy_of_it, 0), ["full-text-behind"]);
}
