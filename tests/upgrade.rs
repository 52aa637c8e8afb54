//! Story 13: a home that an earlier version wrote opens, verifies and reconciles with today's.
//!
//! Homes of earlier versions are kept under `tests/upgrade`, each with `expected.json` beside it: what it showed when it was
//! written. See the README there.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use world::{Home, World, text};

/// As many homes are kept. One that was lost would otherwise go unnoticed.
const KEPT: usize = 1;

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("upgrade")
}

/// The Mac of a small mesh: notes in two scripts, an edit, an archive, a file, a merge, a conflict, a revoked device, and more
/// events than one span of signed heads.
fn lived(world: &World) -> Home {
    let mac = world.first("Mac").in_zone("Asia/Kolkata");
    mac.captures_all(&(0..140).map(|n| format!("line {n} of a long day")).collect::<Vec<_>>());
    let first = mac.captures("काम की सूची: milk, bread");
    mac.json(&["note", "add", "with tags", "--tag", "idea", "--tag", "घर"]);
    let memo = world.write("memo.txt", "a recording, as far as this test can tell");
    mac.json(&["note", "add", "with a file", "--file", memo.to_str().unwrap()]);
    let gone = mac.captures("put away");
    mac.json(&["note", "archive", text(&gone["note"])]);
    let phone = world.joins("Pixel", "capture", &mac);
    let old = world.joins("Old phone", "capture", &mac);
    old.captures("from the old phone");
    old.reconciles(&mac.serve()).exits(0);
    mac.json(&["device", "revoke", "Old phone"]);
    phone.reconciles(&mac.serve()).exits(0);
    let note = text(&first["note"]);
    mac.json(&["note", "edit", note, "काम की सूची: oat milk, bread"]);
    phone.json(&["note", "edit", note, "काम की सूची: milk, rye bread"]);
    phone.captures("on the phone");
    phone.reconciles(&mac.serve()).exits(3);
    mac
}

/// What a home shows, in words that no later version may change.
fn shown(home: &Home) -> Value {
    let head = home.json(&["head"]);
    let conflicts = home.list(&["conflicts"]);
    let sides =
        |conflict: &Value| [conflict["ours"]["text"].clone(), conflict["theirs"]["text"].clone()];
    let devices = home.list(&["device", "list"]);
    let device =
        |device: &Value| json!([device["device"], device["name"], device["role"], device["state"]]);
    json!({
        "head": head["head"],
        "events": head["events"],
        "chains": head["chains"],
        "notes": home.texts(),
        "conflicts": conflicts.iter().map(sides).collect::<Vec<_>>(),
        "devices": devices.iter().map(device).collect::<Vec<_>>(),
    })
}

/// Everything that a home must still be able to do.
fn lives_on(world: &World, home: &Home, expected: &Value) {
    home.verifies();
    let mut now = shown(home);
    // Who was met last may be told in other words.
    assert_eq!(
        now["devices"].as_array().unwrap().len(),
        expected["devices"].as_array().unwrap().len()
    );
    now["devices"] = expected["devices"].clone();
    assert_eq!(&now, expected);

    home.captures("written by today's version");
    let fresh = world.joins("Fresh", "node", home);
    let conflict = home.list(&["conflicts"]).remove(0);
    home.json(&["resolve", text(&conflict["id"]), "--take", "ours"]);
    fresh.captures("written on a fresh device");
    fresh.reconciles(&home.serve()).exits(0);
    assert_eq!((fresh.head(), fresh.texts()), (home.head(), home.texts()));
    for one in [home, &fresh] {
        one.verifies();
        assert_eq!(one.list(&["conflicts"]).len(), 0);
    }
    let bundle = world.path("fresh.bundle");
    let bundle = bundle.to_str().unwrap();
    fresh.captures("carried in a bundle");
    fresh.json(&["export", "-o", bundle]);
    home.json(&["import", bundle]);
    assert_eq!(fresh.head(), home.head());
    // A checkout keeps no modes: the files of a kept home are open to others, which is mended with the rest.
    home.run(&["doctor", "--rebuild", "--repair"]).exits(0);
    assert_eq!(fresh.head(), home.head());
}

#[test]
fn a_home_of_today_is_one_that_a_later_version_can_be_tried_on() {
    let world = World::new();
    let mac = lived(&world);
    let expected = shown(&mac);
    assert_eq!(expected["conflicts"].as_array().unwrap().len(), 1);
    let copy = mac.clone_as("copy", world.path("copy"));
    lives_on(&world, &copy, &expected);
}

#[test]
fn every_kept_home_opens_verifies_and_reconciles() {
    let homes = std::fs::read_dir(kept()).unwrap().map(|entry| entry.unwrap().path());
    let homes: Vec<_> = homes.filter(|path| path.is_dir()).collect();
    assert_eq!(homes.len(), KEPT, "{homes:?}");
    for folder in homes {
        let world = World::new();
        let kept = world.stranger("kept").at(&folder.join("home"));
        let expected = std::fs::read(folder.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let copy = kept.clone_as("Mac", world.path("Mac")).in_zone("Asia/Kolkata");
        lives_on(&world, &copy, &expected);
    }
}

/// `MIRROR_FIXTURE=NAME cargo test -p mirror-tests --test upgrade -- --ignored keeps_a_home`
#[test]
#[ignore = "writes files: a home of today's format under tests/upgrade"]
fn keeps_a_home() {
    let name = std::env::var("MIRROR_FIXTURE").expect("MIRROR_FIXTURE names it");
    let world = World::new();
    let mac = lived(&world);
    let expected = shown(&mac);
    let folder = kept().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    // One file, without its log, and packed.
    let database = rusqlite::Connection::open(mac.folder().join("mirror.db")).unwrap();
    database
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(database);
    mac.is_copied_to(&folder.join("home"));
    for log in ["mirror.db-wal", "mirror.db-shm"] {
        let _ = std::fs::remove_file(folder.join("home").join(log));
    }
    let words = serde_json::to_string_pretty(&expected).unwrap();
    std::fs::write(folder.join("expected.json"), words + "\n").unwrap();
}
