//! Two processes write one file, again and again.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::string_slice, clippy::print_stdout)]

mod desk;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use desk::{Desk, at, put};
use mirror_vault::{Expect, Hash, Recorded, Vault, VaultError};

const ROUNDS: usize = 150;

/// Not a test of its own: one of the two processes. Prints what each write was, and what it replaced.
#[test]
fn child() {
    let Some(folder) = std::env::var_os("VAULT_CHILD") else { return };
    let told = |name: &str| std::env::var(name).unwrap();
    let (rounds, mode): (usize, _) = (told("VAULT_ROUNDS").parse().unwrap(), told("VAULT_MODE"));
    let vault = Vault::open_existing(Path::new(&folder)).unwrap();
    for number in 0..rounds {
        let hash = match mode.as_str() {
            "count" => count_up(&vault),
            _ => {
                let text = format!("{number} of {}\n", std::process::id());
                put(&vault.lock().unwrap(), "a.md", &text, Expect::Anything).unwrap()
            }
        };
        let previous = hash.previous.map_or_else(|| "nothing".to_owned(), |h| h.to_string());
        println!("wrote {} {previous}", hash.hash);
    }
}

/// Adds one to the number in the file, as it was read without the lock.
fn count_up(vault: &Vault) -> desk::Put {
    loop {
        let (number, expect) = match vault.read(&at("a.md"), 1000) {
            Ok(content) => {
                let text = String::from_utf8(content.bytes).unwrap();
                (text.trim().parse::<u64>().expect("a whole number"), Expect::Is(content.hash))
            }
            Err(VaultError::NoFile { .. }) => (0, Expect::Absent),
            Err(error) => panic!("{error}"),
        };
        match put(&vault.lock().unwrap(), "a.md", &format!("{}\n", number + 1), expect) {
            Ok(written) => return written,
            Err(VaultError::Conflict { .. }) => println!("refused"),
            Err(error) => panic!("{error}"),
        }
    }
}

fn start(desk: &Desk, mode: &str, rounds: usize) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
    child.env("VAULT_CHILD", desk.folder.path()).env("VAULT_MODE", mode);
    child.env("VAULT_ROUNDS", rounds.to_string()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Both processes to their end: how many writes were refused.
fn two_processes(mode: &str, rounds: usize) -> (Desk, usize) {
    let desk = Desk::new();
    let begun = Instant::now();
    let both = [start(&desk, mode, rounds), start(&desk, mode, rounds)];
    let mut replaced: BTreeMap<Option<Hash>, Hash> = BTreeMap::new();
    let mut refused = 0;
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if line == "refused" {
                refused += 1;
            }
            // The first one shares its line with what the test harness says.
            let Some((_, wrote)) = line.split_once("wrote ") else { continue };
            let (hash, previous) = wrote.split_once(' ').unwrap();
            let twice = replaced.insert(previous.parse().ok(), hash.parse().unwrap());
            assert_eq!(twice, None, "two writes replaced {previous}");
        }
    }
    assert_eq!(replaced.len(), 2 * rounds);
    // One unbroken history from nothing to what stands there.
    let (mut at, mut versions) = (None, BTreeSet::new());
    while let Some(next) = replaced.get(&at) {
        versions.insert(*next);
        at = Some(*next);
    }
    assert_eq!(versions.len(), 2 * rounds);
    let now = desk.vault.hash(&desk::at("a.md")).unwrap().unwrap();
    assert_eq!(Some(now.hash), at);
    let recorded = Recorded {
        files: vec![(desk::at("a.md"), now.hash)],
        versions: versions.into_iter().collect(),
    };
    let scrubbed = desk.vault.scrub(&recorded, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(scrubbed.findings, []);
    eprintln!("   {mode}: 2 x {rounds} writes in {:.1?}, {refused} refused", begun.elapsed());
    (desk, refused)
}

#[test]
fn two_processes_write_one_file_and_every_version_is_there() {
    two_processes("replace", ROUNDS);
}

#[test]
fn two_processes_that_expect_what_they_read_lose_no_count() {
    let (desk, _) = two_processes("count", ROUNDS);
    assert_eq!(desk.text("a.md"), Some(format!("{}\n", 2 * ROUNDS)));
}

#[test]
#[ignore = "minutes: 40,000 durable writes"]
fn two_processes_write_one_file_ten_thousand_times_each() {
    two_processes("replace", 10_000);
    let (desk, _) = two_processes("count", 10_000);
    assert_eq!(desk.text("a.md").as_deref(), Some("20000\n"));
}
