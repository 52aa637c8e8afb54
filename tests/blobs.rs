//! Files and recordings: on every device byte for byte, whatever was cut; under a cap; and never silently another content.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use world::dice::Dice;
use world::{Home, World, text};

const CHUNK: u64 = 256 * 1024;

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file of chance, which nothing compresses.
fn file(world: &World, name: &str, seed: u64, bytes: usize) -> PathBuf {
    let mut dice = Dice::seeded(seed);
    let content: Vec<u8> =
        std::iter::repeat_with(|| dice.roll().to_le_bytes()).flatten().take(bytes).collect();
    world.write(name, content)
}

/// A note with a file; the note.
#[track_caller]
fn attaches(home: &Home, words: &str, file: &Path) -> Value {
    home.json(&["note", "add", words, "--file", path(file)])
}

/// The one attachment of a note, as a device sees it.
#[track_caller]
fn attachment(home: &Home, note: &Value) -> Value {
    let shown = home.json(&["note", "show", text(&note["note"])]);
    let attachments = shown["attachments"].as_array().unwrap();
    assert_eq!(attachments.len(), 1, "{shown}");
    attachments[0].clone()
}

/// The content of a note's attachment is the same as a file's.
#[track_caller]
fn is_there(world: &World, home: &Home, note: &Value, original: &Path) {
    let found = attachment(home, note);
    assert_eq!(found["state"], "present", "{found}");
    let copy = world.path("copy");
    home.json(&["blob", "get", text(&found["blob"]), "-o", path(&copy)]);
    assert!(std::fs::read(&copy).unwrap() == std::fs::read(original).unwrap(), "other bytes");
}

/// What is written of a content that is still coming, in whole chunks.
fn chunks_in_part(home: &Home) -> u64 {
    let folders = std::fs::read_dir(home.folder().join("blobs")).into_iter().flatten().flatten();
    let files =
        folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten().flatten();
    let parts = files.filter(|file| file.path().extension().is_some_and(|end| end == "part"));
    parts.map(|part| part.metadata().unwrap().len() / CHUNK).sum()
}

#[test]
fn a_recording_and_a_file_reach_every_device_byte_for_byte() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let laptop = world.joins("Laptop", "node", &mac);
    let memo = file(&world, "memo.m4a", 31, 3_000_000);
    let paper = file(&world, "paper.pdf", 32, 700_001);
    let spoken = phone.json(&["note", "add", "--audio", path(&memo)]);
    let written = attaches(&mac, "the paper", &paper);

    let report = phone.reconciles(&mac.serve()).exits(0).json();

    let peer = &report["peers"][0];
    assert_eq!((&peer["blobs_received"], &peer["blobs_sent"]), (&1.into(), &1.into()), "{peer}");
    assert_eq!(peer["blob_bytes_in"], 700_001, "{peer}");
    assert_eq!(peer["blob_bytes_out"], 3_000_000, "{peer}");
    is_there(&world, &mac, &spoken, &memo);
    is_there(&world, &phone, &written, &paper);
    let shown = attachment(&mac, &spoken);
    assert_eq!((&shown["name"], &shown["media"]), (&"memo.m4a".into(), &"audio/mp4".into()));
    assert_eq!(shown["size"], 3_000_000, "{shown}");
    let page = mac.json(&["standup", "--zone", "UTC"]);
    assert!(
        text(&page["markdown"]).contains("memo.m4a"),
        "a note without words has a name: {page}"
    );

    // A third device gets both from the phone, which wrote only one of them.
    phone.reconciles(&mac.serve()).exits(0);
    laptop.reconciles(&phone.serve()).exits(0);
    is_there(&world, &laptop, &spoken, &memo);
    is_there(&world, &laptop, &written, &paper);
    for home in [&mac, &phone, &laptop] {
        assert_eq!(home.verifies()["blobs"], 2);
    }
    let report = laptop.reconciles(&phone.serve()).exits(0).json();
    assert_eq!(report["peers"][0]["blob_bytes_in"], 0, "what is here does not come again");
}

#[test]
fn an_edit_on_either_side_keeps_what_the_note_carries() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let memo = file(&world, "memo.m4a", 33, 1000);
    let note = phone.json(&["note", "add", "call Asha", "--audio", path(&memo)]);
    phone.reconciles(&mac.serve()).exits(0);

    mac.json(&["note", "edit", text(&note["note"]), "call Asha at four"]);
    phone.reconciles(&mac.serve()).exits(0);
    phone.json(&["note", "archive", text(&note["note"])]);

    is_there(&world, &phone, &note, &memo);
    is_there(&world, &mac, &note, &memo);
    phone.json(&["doctor", "--rebuild"]);
    is_there(&world, &phone, &note, &memo);
}

#[test]
fn a_transfer_that_is_cut_again_and_again_goes_on_where_it_was() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "node", &mac);
    let size = 60_000_000;
    let film = file(&world, "film.mov", 34, size);
    let note = attaches(&mac, "the film", &film);
    let mut dice = Dice::seeded(35);
    let (mut came, mut cuts) = (0, 0);
    for moment in 0..8 {
        let serve = mac.serve();
        let before = chunks_in_part(&phone);
        let mut reconcile = phone.start(&["reconcile", "--with", serve.address(), "--json"]);
        // Some of it shall come, so the moment is counted from the first chunk that is new.
        while chunks_in_part(&phone) == before && reconcile.is_alive() {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(dice.roll() % 60));
        if moment == 2 {
            // Only once: it takes half a minute until silence counts as death.
            serve.into_running().kill();
            let ran = reconcile.finish();
            came += ran.lines()[0]["peers"][0]["blob_bytes_in"].as_u64().unwrap();
            assert_ne!(ran.code, Some(0), "a cut is told");
        } else {
            reconcile.kill();
            // What it wrote whole is what came.
            came += (chunks_in_part(&phone) - before) * CHUNK;
        }
        cuts += 1;
        assert!(chunks_in_part(&phone) >= before, "what came is kept");
        phone.verifies();
    }
    let kept = chunks_in_part(&phone);
    assert!(kept > cuts, "{kept} chunks after {cuts} cuts");
    let part = attachment(&phone, &note);
    assert_eq!(part["state"], "partial", "{part}");

    let report = phone.reconciles(&mac.serve()).exits(0).json();

    let last = report["peers"][0]["blob_bytes_in"].as_u64().unwrap();
    assert!(last <= size as u64 - kept * CHUNK, "{last} came though {kept} chunks were here");
    let lost = (came + last).saturating_sub(size as u64);
    assert!(lost <= cuts * CHUNK, "{cuts} cuts cost {lost} bytes");
    is_there(&world, &phone, &note, &film);
    phone.verifies();
    assert_eq!(chunks_in_part(&phone), 0, "no part is left over");
}

#[test]
fn over_the_cap_content_stays_absent_until_it_is_asked_for() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    assert_eq!(phone.json(&["blob", "cap"])["bytes"], 1_000_000_000u64);
    assert_eq!(mac.json(&["blob", "cap"])["bytes"], 10_000_000_000u64);
    phone.json(&["blob", "cap", "1000000"]);
    let old = attaches(&mac, "old", &file(&world, "old", 36, 600_000));
    let large = file(&world, "large", 37, 2_000_000);
    let big = attaches(&mac, "big", &large);
    let new = attaches(&mac, "new", &file(&world, "new", 38, 700_000));

    let report = phone.reconciles(&mac.serve()).exits(0).json();

    // The newest came; the large one is over the cap, and beside the new one the old one is too.
    assert_eq!(report["peers"][0]["blobs_received"], 1, "{report}");
    let state = |note: &Value| attachment(&phone, note)["state"].clone();
    assert_eq!([state(&old), state(&big), state(&new)], ["absent", "absent", "present"]);
    let id = text(&attachment(&phone, &big)["blob"]).to_owned();
    let copy = world.path("copy");
    let error = phone.fails(&["blob", "get", &id, "-o", path(&copy)], 1, "not_found");
    assert!(text(&error["hint"]).contains("blob want"), "{error}");
    assert!(!copy.exists());

    let asked = phone.json(&["blob", "want", &id[..12]]);
    assert_eq!((&asked["state"], &asked["wanted"]), (&"wanted".into(), &true.into()), "{asked}");
    phone.reconciles(&mac.serve()).exits(0);

    is_there(&world, &phone, &big, &large);
    assert_eq!([state(&old), state(&new)], ["absent", "present"], "what is here stays");
    // What is one's own is never refused.
    let own = attaches(&phone, "mine", &file(&world, "mine", 39, 3_000_000));
    assert_eq!(state(&own), "present");
    phone.json(&["blob", "cap", "10000000"]);
    phone.reconciles(&mac.serve()).exits(0);
    assert_eq!(state(&old), "present");
    assert_eq!(phone.verifies()["blobs"], 4);
}

#[test]
fn a_bundle_carries_what_notes_carry_and_is_resumed_by_importing_again() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let memo = file(&world, "memo.m4a", 40, 2_500_000);
    let note = phone.json(&["note", "add", "spoken", "--audio", path(&memo)]);
    let bundle = world.path("phone.bundle");
    let exported = phone.json(&["export", "--for", "Mac", "-o", path(&bundle)]);
    assert_eq!(exported["blobs"], 1, "{exported}");
    assert!(exported["bytes"].as_u64().unwrap() > 2_500_000, "{exported}");
    let whole = std::fs::read(&bundle).unwrap();

    let cut = world.write("cut.bundle", &whole[..whole.len() / 2]);
    mac.fails(&["import", path(&cut)], 4, "integrity");
    let part = attachment(&mac, &note);
    assert_eq!(part["state"], "partial", "{part}");
    assert!(part["chunks_here"].as_u64().unwrap() >= 4, "{part}");
    let imported = mac.json(&["import", path(&bundle)]);

    assert_eq!((&imported["blobs"], &imported["received"]), (&1.into(), &0.into()), "{imported}");
    is_there(&world, &mac, &note, &memo);
    assert_eq!(mac.verifies()["blobs"], 1);
    assert_eq!(mac.json(&["import", path(&bundle)])["blobs"], 0, "what is here is passed over");

    // A bundle of what came since carries nothing that the reader has.
    let head = phone.reconciles(&mac.serve()).exits(0).json()["head"].clone();
    phone.captures("words alone");
    let since = phone.json(&["export", "--since", text(&head), "-o", path(&bundle)]);
    assert_eq!(since["blobs"], 0, "{since}");
}

#[test]
fn a_bundle_with_content_over_the_cap_brings_the_notes() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let film = file(&world, "film.mov", 41, 400_000);
    let note = attaches(&mac, "the film", &film);
    let bundle = world.path("mac.bundle");
    mac.json(&["export", "-o", path(&bundle)]);
    phone.json(&["blob", "cap", "300000"]);

    let imported = phone.json(&["import", path(&bundle)]);

    assert_eq!(imported["blobs"], 0, "{imported}");
    let absent = attachment(&phone, &note);
    assert_eq!(absent["state"], "absent");
    phone.json(&["blob", "want", text(&absent["blob"])]);
    phone.json(&["import", path(&bundle)]);
    is_there(&world, &phone, &note, &film);
}

#[test]
fn damaged_content_is_found_named_kept_aside_and_comes_again() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let memo = file(&world, "memo.m4a", 42, 900_000);
    let note = phone.json(&["note", "add", "spoken", "--audio", path(&memo)]);
    phone.reconciles(&mac.serve()).exits(0);
    let id = text(&attachment(&mac, &note)["blob"]).to_owned();
    let place = mac.folder().join("blobs").join(&id[..2]).join(&id[2..]);
    let mut bytes = std::fs::read(&place).unwrap();
    bytes[500_000] ^= 1;
    std::fs::write(&place, &bytes).unwrap();

    let found = mac.run(&["verify", "--deep", "--json"]).exits(4).json();

    assert_eq!(found["ok"], false);
    let bad = &found["first_bad"];
    assert_eq!((&bad["what"], &bad["id"]), (&"blob".into(), &id.as_str().into()), "{found}");
    let aside: Vec<_> = std::fs::read_dir(mac.folder().join("blobs/aside")).unwrap().collect();
    assert_eq!(std::fs::read(aside[0].as_ref().unwrap().path()).unwrap(), bytes, "it is kept");
    assert_eq!(attachment(&mac, &note)["state"], "wanted");
    assert_eq!(mac.verifies()["blobs"], 0, "what is not here is no damage");
    phone.reconciles(&mac.serve()).exits(0);
    is_there(&world, &mac, &note, &memo);

    // A file that has gone is told without reading the others.
    std::fs::remove_file(&place).unwrap();
    let found = mac.run(&["verify", "--json"]).exits(4).json();
    assert_eq!(found["first_bad"]["what"], "blob", "{found}");
}

#[test]
fn damaged_content_is_never_sent() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let memo = file(&world, "memo.m4a", 43, 900_000);
    let note = attaches(&mac, "spoken", &memo);
    let id = text(&attachment(&mac, &note)["blob"]).to_owned();
    let place = mac.folder().join("blobs").join(&id[..2]).join(&id[2..]);
    let mut bytes = std::fs::read(&place).unwrap();
    bytes[600_000] ^= 1;
    std::fs::write(&place, &bytes).unwrap();

    phone.reconciles(&mac.serve()).exits(0);

    let part = attachment(&phone, &note);
    assert_eq!((&part["state"], &part["chunks_here"]), (&"partial".into(), &2.into()), "{part}");
    assert_eq!(attachment(&mac, &note)["state"], "wanted", "the sender found it");
    // The person still has the file: the same content mends it everywhere.
    attaches(&mac, "again", &memo);
    let report = phone.reconciles(&mac.serve()).exits(0).json();
    assert_eq!(report["peers"][0]["blob_bytes_in"], 900_000 - 2 * CHUNK, "{report}");
    is_there(&world, &phone, &note, &memo);
}

#[test]
fn a_note_whose_id_was_printed_has_its_file_whatever_dies() {
    let world = World::new();
    let mac = world.first("Mac");
    let film = file(&world, "film.mov", 44, 20_000_000);
    let mut dice = Dice::seeded(45);
    let mut acknowledged = 0;
    for _ in 0..8 {
        let capture = mac.start(&["note", "add", "the film", "--file", path(&film)]);
        thread::sleep(Duration::from_millis(dice.roll() % 400));
        acknowledged += capture.kill().len();
        let notes = mac.list(&["note", "list", "--limit", "100"]);
        assert!(notes.len() >= acknowledged, "{acknowledged} ids, {} notes", notes.len());
        for note in &notes {
            assert_eq!(note["attachments"][0]["state"], "present", "{note}");
        }
        mac.verifies();
    }
    let note = attaches(&mac, "the film", &film);
    is_there(&world, &mac, &note, &film);
}
