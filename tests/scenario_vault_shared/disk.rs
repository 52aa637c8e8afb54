//! What comes onto a disk, what waits, and what stays when processes die.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use world::dice::Dice;
use world::{World, text};

use crate::{Desk, PLAN, Story};

#[test]
fn a_device_that_joins_later_gets_all_of_a_shared_folder_and_nothing_else() {
    let story = Story::begins();
    let Story { world, mac, laptop } = &story;
    assert!(!laptop.has("private.md"), "only what is shared travels");
    laptop.types("work/deep/er/note.md", "from the laptop");
    laptop.meets(mac);
    assert_eq!(mac.reads("work/deep/er/note.md"), "from the laptop");
    assert_eq!(mac.shared()["files"], 2, "{}", mac.shared());

    let phone = Desk::of(world.joins("Pixel", "capture", &mac.home));
    phone.meets(mac);

    assert_eq!(phone.reads("work/plan.md"), PLAN);
    assert_eq!(phone.reads("work/deep/er/note.md"), "from the laptop");
    let history = phone.home.list(&["vault", "history", "work/plan.md"]);
    assert_eq!(history[0]["device_name"], "Mac", "it says whose version it is: {history:?}");
    assert_eq!(phone.says_hash("work/plan.md"), mac.says_hash("work/plan.md"));
    laptop.meets(mac);
    story.agree();
    phone.home.verifies();
}

#[test]
fn a_removal_and_a_rename_reach_the_other_disk_and_lose_nothing() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    fs::rename(mac.vault.join("work/plan.md"), mac.vault.join("work/shopping.md")).unwrap();

    laptop.meets(mac);

    assert!(!laptop.has("work/plan.md"));
    assert_eq!(laptop.reads("work/shopping.md"), PLAN);
    assert!(laptop.versions("work/plan.md").contains(PLAN));
    laptop.removes("work/shopping.md");
    laptop.meets(mac);
    assert!(!mac.has("work/shopping.md"));
    assert!(mac.versions("work/shopping.md").contains(PLAN));
    // Both gone, and written anew: no conflict with what is no more.
    mac.writes("work/plan.md", "again\n");
    laptop.meets(mac);
    assert_eq!(laptop.reads("work/plan.md"), "again\n");
    story.agree();
}

#[test]
fn both_remove_one_file_and_nobody_has_to_choose() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.removes("work/plan.md");
    laptop.removes("work/plan.md");
    laptop.meets(mac);
    story.agree();
    assert!(!mac.has("work/plan.md") && !laptop.has("work/plan.md"));
}

#[test]
fn a_large_file_goes_through_a_session_that_was_cut() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    let mut dice = Dice::seeded(51);
    let film: Vec<u8> =
        std::iter::repeat_with(|| dice.roll().to_le_bytes()).flatten().take(20 << 20).collect();
    mac.types("work/film.mov", &film);
    mac.looks();
    let part = |desk: &Desk| {
        let folders =
            fs::read_dir(desk.home.folder().join("blobs")).into_iter().flatten().flatten();
        let files =
            folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().flatten();
        let parts = files.filter(|file| file.path().extension().is_some_and(|end| end == "part"));
        parts.map(|part| part.metadata().unwrap().len()).sum::<u64>()
    };
    let serve = mac.home.serve();
    let mut reconcile = laptop.home.start(&["reconcile", "--with", serve.address(), "--json"]);
    while part(laptop) == 0 && reconcile.is_alive() {
        thread::sleep(Duration::from_millis(1));
    }
    reconcile.kill();
    assert!(!laptop.has("work/film.mov"), "nothing half done shows");
    laptop.looks();
    let waits = laptop.shared();
    assert_eq!(waits["waiting"], 1, "{waits}");
    assert!(text(&waits["first_waiting"][0]["reason"]).contains("reconcile"), "{waits}");

    laptop.home.reconciles(&serve).exits(0);

    assert!(fs::read(laptop.vault.join("work/film.mov")).unwrap() == film, "other bytes");
    drop(serve);
    story.agree();
    // A conflict of what is no text says so.
    mac.types("work/film.mov", [0, 1, 2]);
    laptop.types("work/film.mov", [0xff, 4]);
    laptop.ends_with(mac, 3);
    let conflict = laptop.conflict();
    assert_eq!(conflict["proposal"], Value::Null);
    assert!(text(&conflict["base"]["text"]).contains("20971520 bytes"), "{conflict}");
    assert!(text(&conflict["ours"]["text"]).contains("2 bytes that are no text"), "{conflict}");
    laptop.home.json(&["resolve", text(&conflict["id"]), "--take", "theirs"]);
    assert_eq!(fs::read(laptop.vault.join("work/film.mov")).unwrap(), [0, 1, 2]);
}

#[test]
fn a_phone_takes_what_fits_its_cap_and_says_what_waits() {
    let world = World::new();
    let mac = Desk::of(world.first("Mac"));
    mac.types("work/small.md", "small\n");
    mac.types("work/large.bin", vec![7; 400_000]);
    mac.shares("work");
    let phone = Desk::of(world.joins("Pixel", "capture", &mac.home));
    phone.home.json(&["blob", "cap", "300000"]);

    phone.meets(&mac);

    assert_eq!(phone.reads("work/small.md"), "small\n");
    assert!(!phone.has("work/large.bin"));
    let waits = phone.shared();
    assert_eq!((&waits["waiting"], &waits["files"]), (&1.into(), &2.into()), "{waits}");
    let first = &waits["first_waiting"][0];
    assert_eq!(first["path"], "work/large.bin");
    let reason = text(&first["reason"]);
    assert!(reason.contains("over this device's cap"), "{reason}");
    let (_, blob) = reason.rsplit_once("want ").unwrap();
    phone.home.json(&["blob", "want", blob.trim_end_matches('`')]);
    phone.meets(&mac);
    assert_eq!(fs::read(phone.vault.join("work/large.bin")).unwrap().len(), 400_000);
    assert_eq!(phone.shared()["waiting"], 0);
}

#[test]
fn a_phone_can_t_decide_what_is_shared() {
    let world = World::new();
    let mac = Desk::of(world.first("Mac"));
    let phone = Desk::of(world.joins("Pixel", "capture", &mac.home));
    phone.home.fails(&["vault", "share", "."], 5, "refused");
    mac.shares(".");
    mac.home.fails(&["vault", "share", "."], 1, "invalid");
    phone.home.fails(&["vault", "unshare", "."], 5, "refused");
}

#[test]
fn a_folder_that_is_no_longer_shared_stays_and_goes_its_own_way() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    laptop.home.json(&["vault", "unshare", "work"]);
    laptop.meets(mac);
    mac.types("work/plan.md", "mine now\n");
    laptop.meets(mac);
    assert_eq!(laptop.reads("work/plan.md"), PLAN);
    assert_eq!(mac.shared()["shared"], false);

    laptop.shares("work");
    laptop.meets(mac);
    laptop.meets(mac);

    // What was done meanwhile is said, on top of what both had.
    for desk in [mac, laptop] {
        assert_eq!(desk.reads("work/plan.md"), "mine now\n");
    }
    story.agree();
}

#[test]
fn a_name_that_this_disk_can_t_hold_waits_with_its_reason() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    laptop.types("work/Notes.md", "of the laptop\n");
    mac.types("work/notes.md", "of the Mac\n");

    laptop.meets(mac);
    laptop.meets(mac);

    for (desk, own, other) in
        [(mac, "work/notes.md", "work/Notes.md"), (laptop, "work/Notes.md", "work/notes.md")]
    {
        assert!(desk.has(own) && !desk.has(other));
        let waits = desk.shared();
        let first = &waits["first_waiting"][0];
        assert_eq!((&waits["waiting"], &first["path"]), (&1.into(), &other.into()), "{waits}");
        assert!(text(&first["reason"]).contains("case"), "{waits}");
    }
    laptop.removes("work/Notes.md");
    laptop.meets(mac);
    laptop.looks();
    assert_eq!(laptop.reads("work/notes.md"), "of the Mac\n");
    story.agree();
}

#[test]
fn a_bundle_carries_shared_files() {
    let story = Story::begins();
    let Story { world, mac, laptop } = &story;
    mac.types("work/plan.md", "by courier\n");
    let bundle = world.path("mac.bundle");
    let bundle = bundle.to_str().unwrap();
    mac.home.json(&["export", "-o", bundle]);
    laptop.home.json(&["import", bundle]);
    assert_eq!(laptop.reads("work/plan.md"), "by courier\n");
    story.agree();
}

#[test]
fn devices_that_serve_bring_changes_onto_the_disk_by_themselves() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    let serve = mac.home.serve();
    laptop.types("work/plan.md", "typed on the laptop\n");
    laptop.home.reconciles(&serve).exits(0);
    let until = Instant::now() + Duration::from_secs(30);
    while mac.reads("work/plan.md") != "typed on the laptop\n" {
        assert!(Instant::now() < until, "it never came: {}", mac.reads("work/plan.md"));
        thread::sleep(Duration::from_millis(20));
    }
    // And what is typed there goes out with the next call.
    mac.types("work/plan.md", "typed on the Mac\n");
    while laptop.reads("work/plan.md") != "typed on the Mac\n" {
        assert!(Instant::now() < until, "it never went");
        laptop.home.reconciles(&serve).exits(0);
    }
    drop(serve);
    story.agree();
}

#[test]
fn what_was_folded_is_folded_the_same_again() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.types("work/plan.md", "of the Mac\n");
    laptop.types("work/plan.md", "of the laptop\n");
    laptop.ends_with(mac, 3);
    for desk in [mac, laptop] {
        let before = desk.conflict();
        desk.home.json(&["doctor", "--rebuild"]);
        desk.looks();
        assert_eq!(desk.conflict(), before, "on {}", desk.home.name());
        desk.home.verifies();
    }
    assert_eq!(mac.home.head(), laptop.home.head());
}

#[test]
fn whatever_dies_no_edit_is_lost() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    let mut dice = Dice::seeded(52);
    let mut typed = BTreeSet::new();
    for round in 0..12 {
        let (desk, other) = if round % 2 == 0 { (mac, laptop) } else { (laptop, mac) };
        let words = format!("{round}: of {}\n{}\n", desk.home.name(), "x".repeat(300_000));
        desk.types("work/plan.md", &words);
        typed.insert(words);
        other.looks();
        let serve = other.home.serve();
        let meeting = desk.home.start(&["reconcile", "--with", serve.address(), "--json"]);
        thread::sleep(Duration::from_millis(dice.roll() % 500));
        meeting.kill();
        serve.into_running().kill();
    }
    for _ in 0..3 {
        let other = laptop.home.list(&["conflicts"]);
        if let Some(conflict) = other.first() {
            laptop.home.json(&["resolve", text(&conflict["id"]), "--take", "ours"]);
        }
        mac.looks();
        laptop.home.reconciles(&mac.home.serve());
        mac.looks();
    }
    assert_eq!(mac.reads("work/plan.md"), laptop.reads("work/plan.md"));
    let kept: BTreeSet<_> =
        mac.versions("work/plan.md").union(&laptop.versions("work/plan.md")).cloned().collect();
    let lost: Vec<_> = typed.difference(&kept).map(|words| &words[..20]).collect();
    assert!(lost.is_empty(), "{lost:?}");
    story.agree();
}
