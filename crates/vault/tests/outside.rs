//! Other programs edit the vault while we write it: nothing that ever stood there whole is lost.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::string_slice)]

mod desk;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use desk::{Desk, at, put};
use mirror_vault::{Expect, Hash, VaultError};

const HAMMERED: Duration = Duration::from_secs(3);

/// How another program saves.
#[derive(Clone, Copy, PartialEq)]
enum Saves {
    /// Opens with truncation and writes, as most editors do.
    InPlace,
    /// Writes another file and renames it over.
    ByRename,
    /// Removes the file and makes it anew.
    ByRemoval,
}

impl Saves {
    fn save(self, path: &Path, text: &str) {
        match self {
            Self::InPlace => {
                let mut file = File::create(path).expect("a file");
                let (first, rest) = text.split_at(text.len() / 2);
                file.write_all(first.as_bytes()).expect("a write");
                file.write_all(rest.as_bytes()).expect("a write");
            }
            Self::ByRename => {
                let temp = path.with_extension("theirs");
                fs::write(&temp, text).expect("a write");
                fs::rename(temp, path).expect("a rename");
            }
            Self::ByRemoval => {
                let _ = fs::remove_file(path);
                fs::write(path, text).expect("a write");
            }
        }
    }
}

/// What the other program has seen.
struct Noted {
    saves: u64,
    /// What stood there whole, read back after it was saved, and was gone before the next save: displaced by us. What it
    /// overwrites itself is its own affair.
    displaced: BTreeSet<String>,
}

fn hammer(saves: Saves, path: &Path, stop: &AtomicBool) -> Noted {
    let mut noted = Noted { saves: 0, displaced: BTreeSet::new() };
    let mut stood: Option<String> = None;
    while !stop.load(Ordering::Relaxed) {
        let number = noted.saves;
        let there = |text: &String| fs::read_to_string(path).is_ok_and(|now| now == *text);
        noted.displaced.extend(stood.take().filter(|text| !there(text)));
        let text = format!("theirs {number} {}\n", "x".repeat((number % 5000) as usize));
        saves.save(path, &text);
        stood = Some(text).filter(there);
        noted.saves += 1;
        // Sometimes long enough for us to come between.
        thread::sleep(Duration::from_micros([0, 0, 100, 30_000][(number % 4) as usize]));
    }
    noted
}

/// What is neither at the path nor a version.
fn lost(desk: &Desk, name: &str, stood: &BTreeSet<String>) -> Vec<String> {
    let now = desk.text(name);
    let gone = |text: &&String| {
        now.as_ref() != Some(text) && desk.version(Hash::of(text.as_bytes())).as_ref() != Some(text)
    };
    stood.iter().filter(gone).cloned().collect()
}

/// Writes for a while; ours that were acknowledged, and how many were refused.
fn write_for_a_while(desk: &Desk, with_expect: bool) -> (BTreeSet<String>, usize) {
    let (mut acked, mut refused) = (BTreeSet::new(), 0);
    let begun = Instant::now();
    let locked = desk.vault.lock().expect("the lock");
    for number in 0.. {
        if begun.elapsed() > HAMMERED {
            break;
        }
        let text = format!("ours {number}\n");
        let expect = if with_expect {
            let now = desk.vault.hash(&at("a.md")).expect("a hash");
            now.map_or(Expect::Absent, |now| Expect::Is(now.hash))
        } else {
            Expect::Anything
        };
        match put(&locked, "a.md", &text, expect) {
            Ok(_) => {
                acked.insert(text);
            }
            Err(VaultError::Conflict { kept, .. }) => {
                assert_eq!(desk.version(kept), Some(text));
                refused += 1;
            }
            Err(VaultError::Busy { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(locked.recover().expect("nothing to recover"), []);
    (acked, refused)
}

fn nothing_is_lost(saves: Saves, with_expect: bool) {
    let desk = Desk::new();
    desk.edit("a.md", "theirs at first\n");
    let path = desk.path("a.md");
    let stop = AtomicBool::new(false);
    let (acked, refused, theirs) = thread::scope(|scope| {
        let hammering = scope.spawn(|| hammer(saves, &path, &stop));
        let (acked, refused) = write_for_a_while(&desk, with_expect);
        stop.store(true, Ordering::Relaxed);
        (acked, refused, hammering.join().expect("the other program"))
    });
    let Noted { saves: count, displaced } = theirs;
    assert!(acked.len() > 1 && count > 50, "{} writes, {count} saves", acked.len());
    assert!(with_expect || !displaced.is_empty(), "they never met");
    assert!(!with_expect || refused > 0, "they never met");
    assert_eq!(lost(&desk, "a.md", &acked), [""; 0], "ours that were acknowledged");
    assert_eq!(lost(&desk, "a.md", &displaced), [""; 0], "theirs, of {count} saves");
    let names = desk.names(".");
    let strays: Vec<_> = names.iter().filter(|name| name.starts_with(".mirror-")).collect();
    assert!(strays.is_empty(), "{strays:?}");
    eprintln!(
        "   {} writes, {refused} refused, {count} saves, {} of them displaced by us",
        acked.len(),
        displaced.len()
    );
}

#[test]
fn beside_a_program_that_saves_in_place_nothing_is_lost() {
    nothing_is_lost(Saves::InPlace, false);
    nothing_is_lost(Saves::InPlace, true);
}

#[test]
fn beside_a_program_that_renames_over_nothing_is_lost() {
    nothing_is_lost(Saves::ByRename, false);
    nothing_is_lost(Saves::ByRename, true);
}

#[test]
fn beside_a_program_that_removes_and_makes_anew_nothing_is_lost() {
    nothing_is_lost(Saves::ByRemoval, false);
    nothing_is_lost(Saves::ByRemoval, true);
}
