//! Walking, scrubbing, repairing, pruning.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::string_slice)]

mod desk;

use std::fs;
use std::ops::ControlFlow::{Break, Continue};
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use desk::{Desk, at};
use mirror_vault::{
    Entry, Expect, Finding, Found, Hash, PathHistory, Recorded, Recovered, Retention, Scrubbed,
};

impl Desk {
    fn scrub(&self, recorded: &Recorded) -> Scrubbed {
        self.vault.scrub(recorded, &mut |_| Continue(())).unwrap()
    }

    fn repair(&self, recorded: &Recorded) -> Vec<Option<String>> {
        let findings = self.scrub(recorded).findings;
        let repairs = self.vault.lock().unwrap().repair(recorded, &findings).unwrap();
        repairs.into_iter().map(|repair| repair.done).collect()
    }

    fn version_path(&self, hash: Hash) -> String {
        let hex = hash.to_string();
        format!(".mirror/versions/{}/{}", &hex[..2], &hex[2..])
    }
}

#[test]
fn a_walk_sees_what_can_be_named_and_says_what_it_passes_by() {
    let desk = Desk::new();
    desk.write("ours.md", "x");
    for path in ["a/b/theirs.md", ".obsidian/app.json", ".hidden.md", "a/.git/config"] {
        desk.edit(path, "y");
    }
    desk.edit("a/what?.md", "z");
    desk.edit("CON.md", "z");
    desk.edit("u\u{308}.md", "decomposed");
    desk.edit("ü.md", "composed");
    symlink("ours.md", desk.path("link.md")).unwrap();
    assert_eq!(
        desk.found(),
        [
            "CON.md skipped: \"CON.md\" is a reserved name on some systems",
            "a/b/theirs.md",
            "a/what?.md skipped: it has the character '?', which not every system takes in a name",
            "link.md skipped: it is a link; the vault follows none",
            "ours.md with its hash",
            "u\u{308}.md skipped: its name is there twice, in two forms of Unicode",
            "ü.md",
        ]
    );
}

#[test]
fn a_walk_shows_stamps_that_tell_a_changed_file_and_can_be_stopped() {
    let desk = Desk::new();
    let written = desk.write("a.md", "one");
    let mut seen = Vec::new();
    let mut look = |found| {
        seen.extend(match found {
            Found::File(Entry { stamp, .. }) => Some(stamp),
            _ => None,
        });
        Continue(())
    };
    desk.vault.walk(&mut look).unwrap();
    assert_eq!(seen, [written.stamp]);
    desk.edit("b.md", "x");
    let mut count = 0;
    desk.vault
        .walk(&mut |_| {
            count += 1;
            Break(())
        })
        .unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_scrub_reads_every_byte_of_a_file_wherever_its_blocks_end() {
    let desk = Desk::new();
    for size in [0, 1, 4095, 4096, 4097, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 4096 + 7] {
        let name = format!("{size}.md");
        let written = desk.write(&name, &"x".repeat(size));
        let recorded = Recorded { files: vec![(at(&name), written.hash)], ..Recorded::default() };
        let scrubbed = desk.scrub(&recorded);
        assert_eq!(scrubbed.findings, [], "{size}");
        if size > 0 {
            let mut text = "x".repeat(size - 1);
            text.push('y');
            desk.edit(&name, &text);
            let found = desk.scrub(&recorded).findings;
            let changed = |finding: &Finding| matches!(finding, Finding::FileChanged { .. });
            assert!(found.iter().any(changed), "the last of {size} bytes: {found:?}");
        }
    }
}

#[test]
fn a_scrub_finds_each_kind_of_damage_and_repairs_from_verified_bytes_only() {
    let desk = Desk::new();
    let texts = ["missing", "damaged", "old", "sum", "unsummed", "gone"];
    let hashes = texts.map(|text| desk.write(&format!("{text}.md"), text).hash);
    let newer = desk.write("old.md", "newer");
    let files = texts.map(|text| (at(&format!("{text}.md")), Hash::of(text.as_bytes())));
    let mut recorded = Recorded { files: files.to_vec(), versions: hashes.to_vec() };
    recorded.files[2].1 = newer.hash;
    recorded.versions.push(newer.hash);
    assert_eq!(desk.scrub(&recorded).findings, []);

    fs::remove_file(desk.path(&desk.version_path(hashes[0]))).unwrap();
    desk.edit(&desk.version_path(hashes[1]), "rot");
    desk.edit(&desk.version_path(hashes[2]), "rot, and no file has it");
    desk.edit("sum.md.sha256", "0000");
    fs::remove_file(desk.path("unsummed.md.sha256")).unwrap();
    fs::remove_file(desk.path("gone.md")).unwrap();
    desk.edit("old.md", "edited");
    let scrubbed = desk.scrub(&recorded);
    let mut expected = vec![
        Finding::VersionMissing { hash: hashes[0] },
        Finding::VersionDamaged { hash: hashes[1], found: Hash::of(b"rot") },
        Finding::VersionDamaged { hash: hashes[2], found: Hash::of(b"rot, and no file has it") },
        Finding::FileMissing { path: at("gone.md"), expected: hashes[5] },
        Finding::FileChanged {
            path: at("old.md"),
            expected: newer.hash,
            found: Hash::of(b"edited"),
        },
        Finding::SidecarWrong { path: at("old.md"), found: Hash::of(b"edited") },
        Finding::SidecarWrong { path: at("sum.md"), found: hashes[3] },
        Finding::SidecarMissing { path: at("unsummed.md"), found: hashes[4] },
        Finding::SidecarAlone { path: at("gone.md") },
    ];
    expected.sort();
    assert_eq!(scrubbed.findings, expected);
    assert_eq!((scrubbed.files, scrubbed.versions), (6, 6));

    let repaired = desk.repair(&recorded);
    assert_eq!(repaired.iter().filter(|done| done.is_some()).count(), 5, "{repaired:?}");
    let left = desk.scrub(&recorded).findings;
    expected.retain(|finding| match finding {
        Finding::VersionDamaged { hash, .. } => *hash == hashes[2],
        Finding::FileMissing { .. } | Finding::FileChanged { .. } => true,
        // Of an edit that is not recorded yet.
        Finding::SidecarWrong { path, .. } => *path == at("old.md"),
        _ => false,
    });
    assert_eq!(left, expected);
    assert_eq!(desk.text("old.md").as_deref(), Some("edited"));
    assert_eq!(desk.names(".mirror/damaged").len(), 1);
}

#[test]
fn a_scrub_tells_its_progress_and_can_be_stopped() {
    let desk = Desk::new();
    let large = vec![1u8; 3 << 20];
    for number in 0..40u8 {
        let locked = desk.vault.lock().unwrap();
        locked.store(&mut &[&[number], &large[..]].concat()[..]).unwrap();
    }
    let mut last = 0;
    let mut tell = |progress: mirror_vault::Progress| {
        assert!(progress.done >= last && progress.total == 40);
        last = progress.done;
        Continue(())
    };
    let scrubbed = desk.vault.scrub(&Recorded::default(), &mut tell).unwrap();
    assert_eq!((scrubbed.versions, last, scrubbed.stopped), (40, 40, false));
    assert_eq!(scrubbed.bytes, 40 * (large.len() as u64 + 1));
    let stopped = desk.vault.scrub(&Recorded::default(), &mut |_| Break(())).unwrap();
    assert!(stopped.stopped && stopped.versions < 40, "{stopped:?}");
}

#[test]
fn what_a_dead_process_left_is_found_and_swept_and_its_bytes_are_kept() {
    let desk = Desk::new();
    desk.edit("a/.mirror-00ab-1.tmp", "the only copy");
    desk.edit("a/.mirror-00ab-1.sum", "a sidecar");
    assert_eq!(desk.found(), ["a/.mirror-00ab-1.sum left", "a/.mirror-00ab-1.tmp left"]);
    let done = desk.repair(&Recorded::default());
    assert!(done.iter().all(Option::is_some), "{done:?}");
    assert_eq!(desk.names("a"), [""; 0]);
    assert_eq!(desk.version(Hash::of(b"the only copy")).as_deref(), Some("the only copy"));
}

#[test]
fn a_torn_intent_is_told_and_what_it_left_is_swept() {
    let desk = Desk::new();
    desk.write("a/b.md", "one");
    desk.edit("a/.mirror-00ab-1.tmp", "half of somethi");
    desk.edit(".mirror/pending/00ab-1.json", "5f0c0b0d\n{\"path\":\"a/b.m");
    desk.edit(".mirror/pending/00ab-1.part", "half");
    let locked = desk.vault.lock().unwrap();
    let recovered = locked.recover().unwrap();
    let [Recovered::Unreadable { kept, .. }] = &recovered[..] else { panic!("{recovered:?}") };
    assert_eq!(kept, &[Hash::of(b"half of somethi")]);
    assert_eq!(desk.names("a"), ["b.md", "b.md.prov.json", "b.md.sha256"]);
    assert_eq!(desk.names(".mirror/pending"), [""; 0]);
    assert_eq!(desk.text("a/b.md").as_deref(), Some("one"));
    assert_eq!(locked.recover().unwrap(), []);
}

#[test]
fn retention_keeps_the_newest_the_young_and_always_the_last_good_version() {
    let desk = Desk::new();
    let texts = ["one", "two", "three", "four", "five"];
    let hashes = texts.map(|text| desk.write("a.md", text).hash);
    let refused = desk.try_write("a.md", "refused", Expect::Absent).expect_err("a conflict");
    let mirror_vault::VaultError::Conflict { kept, .. } = refused else { panic!("{refused}") };
    let unnamed = desk.vault.lock().unwrap().store(&mut &b"unnamed"[..]).unwrap().0;
    let now = SystemTime::now() + Duration::from_secs(60);
    let days = |days: u64| now - Duration::from_secs(days * 86_400);
    let mut versions: Vec<_> =
        hashes.iter().rev().zip([0, 1, 10, 20, 30]).map(|(hash, age)| (*hash, days(age))).collect();
    let prune = |versions: &[(Hash, SystemTime)], newest, since| {
        let history = PathHistory { path: at("a.md"), versions: versions.to_vec() };
        let retention = Retention { newest, since };
        desk.vault.lock().unwrap().prune(&[history], &[kept], retention).unwrap()
    };
    let stays = |hash: &Hash| desk.vault.has_version(hash).unwrap();

    // What was stored since is young, whatever the history says.
    let pruned = prune(&versions, 1, SystemTime::UNIX_EPOCH);
    assert_eq!((pruned.removed.len(), pruned.stay), (0, 7));
    let pruned = prune(&versions, 3, now);
    assert_eq!(pruned.removed.len(), 3);
    assert_eq!(hashes.map(|hash| stays(&hash)), [false, false, true, true, true]);
    assert!(stays(&kept) && !stays(&unnamed));

    // The two newest rot: the third is the last good one, and stays though one would be enough.
    desk.edit(&desk.version_path(hashes[4]), "rot");
    fs::remove_file(desk.path(&desk.version_path(hashes[3]))).unwrap();
    versions.truncate(3);
    let pruned = prune(&versions, 1, now);
    assert_eq!(pruned.removed, []);
    assert!(stays(&hashes[2]));
}

#[test]
fn retention_spares_what_is_in_flight() {
    let desk = Desk::new();
    let first = desk.write("a.md", "one");
    let locked = desk.vault.lock().unwrap();
    let mut content = &b"two"[..];
    let expect = Expect::Is(first.hash);
    let written = locked.write(&at("a.md"), &mut content, expect, &desk::provenance(), b"");
    let written = written.unwrap();
    let since = SystemTime::now() + Duration::from_secs(60);
    let pruned = locked.prune(&[], &[], Retention { newest: 1, since }).unwrap();
    assert_eq!((pruned.removed.len(), pruned.stay), (0, 2));
    locked.finish(&written.id).unwrap();
    let pruned = locked.prune(&[], &[], Retention { newest: 1, since }).unwrap();
    assert_eq!(pruned.removed.len(), 2);
}
