//! Forgetting: bodies and files go, everywhere, and the chains hold.

use std::path::Path;

use mirror_node::{NewNote, Node};
use serde_json::{Value, json};
use world::dice::Dice;
use world::{Home, World, corpus, text};

const SECRET: &str = "hunter2-is-not-a-good-password";

/// Three devices that know each other.
struct Story {
    world: World,
    mac: Home,
    desk: Home,
    phone: Home,
}

impl Story {
    fn begins() -> Self {
        let world = World::new();
        let mac = world.first("Mac");
        let desk = world.joins("Desk", "node", &mac);
        let phone = world.joins("Pixel", "capture", &mac);
        Self { world, mac, desk, phone }
    }

    fn all(&self) -> [&Home; 3] {
        [&self.mac, &self.desk, &self.phone]
    }

    /// Everybody has everything.
    fn meets(&self) {
        for _ in 0..2 {
            let mac = self.mac.serve();
            for home in [&self.desk, &self.phone] {
                home.reconciles(&mac).exits(0);
            }
        }
    }

    fn bundle_of(&self, home: &Home, name: &str) -> String {
        let file = self.world.path(name);
        home.json(&["export", "-o", file.to_str().unwrap()]);
        file.to_str().unwrap().to_owned()
    }
}

fn forgets(home: &Home, id: &Value) -> Value {
    home.json(&["forget", text(id), "--reason", "a password"])
}

/// Whether these bytes stand in any file of a home.
fn stands_in(folder: &Path, bytes: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return stands_in(&path, bytes);
        }
        let found = std::fs::read(path).unwrap_or_default();
        found.windows(bytes.len()).any(|window| window == bytes.as_bytes())
    })
}

#[track_caller]
fn agree(homes: &[&Home]) {
    let state = |home: &Home| {
        let head = home.json(&["head"]);
        (head["head"].clone(), head["state"].clone())
    };
    for home in homes {
        home.verifies();
        assert_eq!(state(home), state(homes[0]), "{} and {}", home.name(), homes[0].name());
    }
}

#[track_caller]
fn is_gone(home: &Home, note: &Value) {
    let name = home.name();
    assert!(!stands_in(home.folder(), SECRET), "{name} has it in its files");
    assert!(!home.texts().iter().any(|text| text.contains(SECRET)), "{name} lists it");
    assert!(home.list(&["search", SECRET]).is_empty(), "{name} finds it");
    let standup = home.json(&["standup"]);
    assert!(!standup.to_string().contains(SECRET), "{standup}");
    let error = home.fails(&["note", "show", text(note)], 1, "not_found");
    assert!(text(&error["detail"]).contains("was forgotten"), "{error}");
}

fn logged<'l>(log: &'l [Value], id: &Value) -> &'l Value {
    log.iter().find(|entry| entry["id"] == *id).expect("it is in the log")
}

#[test]
fn a_forgotten_note_goes_from_every_device_and_every_chain_holds() {
    let story = Story::begins();
    // Enough that pages have been split, by both.
    let notes = corpus::notes(&mut Dice::seeded(31), 120);
    story.phone.captures_all(&notes[..60]);
    let note = story.phone.captures_lines(&format!("the password:\n{SECRET}"));
    let id = &note["note"];
    story.phone.json(&["note", "edit", text(id), &format!("{SECRET}, changed")]);
    story.phone.captures_all(&notes[60..]);
    story.desk.captures_all(&corpus::notes(&mut Dice::seeded(32), 30));
    story.meets();
    for home in story.all() {
        assert!(stands_in(home.folder(), SECRET));
        assert_eq!(home.list(&["search", SECRET]).len(), 1);
    }

    let done = forgets(&story.phone, id);

    assert_eq!((&done["note"], &done["erased"]), (id, &true.into()), "{done}");
    assert_eq!(done["forgotten"].as_array().unwrap().len(), 2);
    is_gone(&story.phone, id);
    story.meets();
    for home in story.all() {
        is_gone(home, id);
        assert_eq!(home.texts().len(), 150);
        let log = home.list(&["log", "--limit", "100000"]);
        assert_eq!(logged(&log, id)["forgotten"], true);
        let said = logged(&log, &done["id"]);
        assert_eq!((&said["kind"], &said["reason"]), (&"note.forget".into(), &"a password".into()));
        assert_eq!((&said["device_name"], &said["forgotten"]), (&"Pixel".into(), &false.into()));
        assert_eq!(log.iter().filter(|entry| entry["forgotten"] == true).count(), 2);
    }
    agree(&story.all());
    // Whoever comes later never sees it, and misses nothing.
    let late = story.world.joins("Late", "node", &story.mac);
    is_gone(&late, id);
    late.reconciles(&story.mac.serve()).exits(0);
    agree(&[&story.mac, &late]);
}

#[test]
fn a_device_without_the_role_forgets_nothing_of_another() {
    let story = Story::begins();
    let note = story.mac.captures(SECRET);
    story.meets();
    for home in [&story.phone, &story.desk] {
        let before = home.all_that_shows();
        let args = ["forget", text(&note["note"]), "--reason", "it is mine now"];
        let error = home.fails(&args, 5, "refused");
        assert!(text(&error["detail"]).contains("another device"), "{error}");
        assert_eq!(home.all_that_shows(), before);
    }
    // Its own revision of it, it may.
    story.phone.json(&["note", "edit", text(&note["note"]), "edited on the phone"]);
    story.phone.fails(&["forget", text(&note["note"]), "--reason", "no"], 5, "refused");
    let edited = story.phone.json(&["note", "show", text(&note["note"])]);
    let done = forgets(&story.phone, &edited["id"]);
    assert_eq!(done["forgotten"], json!([edited["id"]]));
    story.meets();
    for home in story.all() {
        assert!(home.texts().contains(SECRET), "the revision before shows again");
        assert!(!stands_in(home.folder(), "edited on the phone"));
    }
    agree(&story.all());
}

#[test]
fn an_anchor_forgets_what_others_wrote() {
    let story = Story::begins();
    let note = story.phone.captures(SECRET);
    story.meets();
    forgets(&story.mac, &note["note"]);
    story.meets();
    for home in story.all() {
        is_gone(home, &note["note"]);
    }
    agree(&story.all());
}

#[test]
fn a_bundle_carries_it_and_old_bundles_bring_nothing_back() {
    let story = Story::begins();
    let note = story.phone.captures(SECRET);
    let old = story.bundle_of(&story.phone, "old.bundle");
    story.mac.json(&["import", &old]);
    story.desk.json(&["import", &old]);
    forgets(&story.phone, &note["note"]);
    let new = story.bundle_of(&story.phone, "new.bundle");

    for home in [&story.mac, &story.desk] {
        assert!(stands_in(home.folder(), SECRET));
        home.json(&["import", &new]);
        is_gone(home, &note["note"]);
        let again = home.json(&["import", &old]);
        assert_eq!(again["received"], 0);
        is_gone(home, &note["note"]);
    }
    agree(&story.all());
}

#[test]
fn an_edit_made_at_the_same_time_stays_and_shows() {
    let story = Story::begins();
    let note = story.phone.captures(SECRET);
    let id = &note["note"];
    story.meets();
    story.desk.json(&["note", "edit", text(id), "the password is in the safe"]);
    forgets(&story.phone, id);

    story.meets();

    for home in story.all() {
        assert!(!stands_in(home.folder(), SECRET));
        let shown = home.json(&["note", "show", text(id)]);
        assert_eq!(
            (&shown["text"], &shown["state"]),
            (&"the password is in the safe".into(), &"current".into())
        );
        assert_eq!(home.list(&["search", "safe"]).len(), 1);
    }
    agree(&story.all());
    // What came since is forgotten by forgetting the note once more.
    story.meets();
    let done = forgets(&story.mac, id);
    assert_eq!(done["forgotten"].as_array().unwrap().len(), 1);
    story.meets();
    for home in story.all() {
        is_gone(home, id);
    }
    agree(&story.all());
}

#[test]
fn a_conflict_over_a_forgotten_note_is_no_more() {
    let story = Story::begins();
    let note = story.phone.captures("one\ntwo");
    let id = text(&note["note"]);
    story.meets();
    story.desk.json(&["note", "edit", id, &format!("{SECRET} on the desk")]);
    story.phone.json(&["note", "edit", id, &format!("{SECRET} on the phone")]);
    for _ in 0..2 {
        let mac = story.mac.serve();
        for home in [&story.desk, &story.phone] {
            assert!(matches!(home.reconciles(&mac).code, Some(0 | 3)));
        }
    }
    assert_eq!(story.mac.list(&["conflicts"]).len(), 1);
    forgets(&story.mac, &note["note"]);
    story.meets();
    for home in story.all() {
        assert!(home.list(&["conflicts"]).is_empty());
        is_gone(home, &note["note"]);
    }
    agree(&story.all());
}

#[test]
fn what_cannot_be_forgotten_is_named() {
    let world = World::new();
    let mac = world.first("Mac");
    let note = mac.captures(SECRET);
    let (id, before) = (text(&note["note"]), mac.all_that_shows());
    let log = mac.list(&["log"]);
    for kind in ["chain.open", "device.admit"] {
        let event = log.iter().find(|entry| entry["kind"] == kind).unwrap();
        let error = mac.fails(&["forget", text(&event["id"]), "--reason", "x"], 1, "invalid");
        assert!(text(&error["detail"]).contains(kind), "{error}");
    }
    for reason in ["", "  ", &"x".repeat(1025)] {
        let error = mac.fails(&["forget", id, "--reason", reason], 1, "invalid");
        assert!(text(&error["detail"]).contains("1 to 1024 bytes"), "{error}");
    }
    mac.fails(&["forget", "ffff", "--reason", "x"], 1, "not_found");
    assert_eq!(mac.all_that_shows(), before);

    let done = forgets(&mac, &note["note"]);
    let before = mac.all_that_shows();
    mac.fails(&["forget", id, "--reason", "x"], 1, "not_found");
    mac.fails(&["forget", text(&done["id"]), "--reason", "x"], 1, "invalid");
    assert_eq!(mac.all_that_shows(), before);
}

/// A draft is kept as it is typed: each of its versions was in the database's pages.
#[test]
fn nothing_of_the_draft_stays() {
    let world = World::new();
    let mac = world.first("Mac");
    let node = Node::open(mac.folder()).unwrap();
    for end in 8..=SECRET.len() {
        node.save_draft(&SECRET[..end]).unwrap();
    }
    let new = NewNote { text: SECRET.into(), draft: true, ..NewNote::default() };
    let note = node.capture(new).unwrap();
    assert!(stands_in(mac.folder(), SECRET));

    // The app has the home open meanwhile.
    forgets(&mac, &note.note.as_str().into());

    assert!(!stands_in(mac.folder(), &SECRET[..8]));
}

#[test]
fn files_go_unless_another_note_carries_them() {
    let story = Story::begins();
    let both = story.world.write("both.txt", "the content of both notes");
    let one = story.world.write("one.txt", SECRET.repeat(9000));
    let files = |text: &str, files: &[&Path]| {
        let mut args = vec!["note", "add", text];
        for file in files {
            args.extend(["--file", file.to_str().unwrap()]);
        }
        story.phone.json(&args)
    };
    let note = files("to be forgotten", &[&both, &one]);
    files("to be kept", &[&both]);
    story.meets();
    for home in story.all() {
        assert_eq!(home.list(&["blob", "list"]).len(), 2);
        assert!(stands_in(home.folder(), SECRET));
    }

    forgets(&story.phone, &note["note"]);
    story.meets();

    for home in story.all() {
        assert!(!stands_in(home.folder(), SECRET), "{}", home.name());
        let blobs = home.list(&["blob", "list"]);
        assert_eq!(blobs.len(), 1, "{blobs:?}");
        assert_eq!(
            (&blobs[0]["names"], &blobs[0]["state"]),
            (&json!(["both.txt"]), &"present".into())
        );
    }
    story.meets();
    assert!(!stands_in(story.mac.folder(), SECRET), "it does not come again");
    agree(&story.all());
}

/// Somebody on the way takes the bodies out. The chain holds all the same; so it has to be told, and mended.
#[test]
fn a_body_that_was_held_back_is_told_and_comes_with_a_whole_bundle() {
    let story = Story::begins();
    let note = story.phone.captures("a note that somebody holds back");
    let id = text(&note["note"]);
    let between = story.phone.clone_as("Between", story.world.path("between"));
    strips(&between, id);
    story.mac.json(&["import", &story.bundle_of(&between, "stripped.bundle")]);
    story.desk.reconciles(&story.mac.serve()).exits(0);
    for home in [&story.mac, &story.desk] {
        let ran = home.run(&["verify", "--json"]).exits(4);
        let found: Value = serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap();
        assert_eq!(
            (&found["first_bad"]["what"], &found["first_bad"]["id"]),
            (&"body".into(), &note["id"])
        );
        assert!(!home.texts().contains("a note that somebody holds back"));
    }

    let whole = story.bundle_of(&story.phone, "whole.bundle");
    for home in [&story.mac, &story.desk] {
        home.json(&["import", &whole]);
        assert!(home.texts().contains("a note that somebody holds back"));
    }
    story.meets();
    agree(&story.all());
}

/// Who belongs can't be hidden that way.
#[test]
fn a_revocation_without_its_body_is_refused() {
    let story = Story::begins();
    story.meets();
    story.mac.json(&["device", "revoke", "Pixel"]);
    let log = story.mac.list(&["log"]);
    let revocation = log.iter().find(|entry| entry["kind"] == "device.revoke").unwrap();
    let between = story.mac.clone_as("Between", story.world.path("between"));
    strips(&between, text(&revocation["id"]));
    let before = story.desk.head();

    let bundle = story.bundle_of(&between, "stripped.bundle");
    let imported = story.desk.run(&["import", &bundle, "--json"]).exits(5).json();

    let refused = text(&imported["refused"][0]["reason"]);
    assert!(refused.contains("is a device.revoke without its body"), "{imported}");
    assert_eq!(story.desk.head(), before);
    story.desk.reconciles(&story.mac.serve()).exits(0);
    agree(&[&story.mac, &story.desk]);
}

fn strips(home: &Home, id: &str) {
    let database = rusqlite::Connection::open(home.folder().join("mirror.db")).unwrap();
    let sql = "UPDATE events SET body = NULL WHERE hex(id) = upper(?1)";
    assert_eq!(database.execute(sql, [id]).unwrap(), 1);
}

/// A thief's word counts until it is known that it does not. The note is a note again; what was erased comes back only
/// from a device that never heard the thief.
#[test]
fn what_a_thief_forgot_beyond_its_cut_was_never_forgotten() {
    let story = Story::begins();
    let note = story.phone.captures("the owner's note");
    story.meets();
    story.mac.json(&["device", "revoke", "Pixel"]);
    forgets(&story.phone, &note["note"]);
    story.phone.reconciles(&story.desk.serve()).exits(0);
    assert!(!stands_in(story.desk.folder(), "the owner's note"));

    story.desk.reconciles(&story.mac.serve()).exits(0);

    assert!(story.mac.texts().contains("the owner's note"), "it heard of the cut first");
    story.mac.verifies();
    assert!(story.desk.run(&["verify"]).exits(4).stderr.contains("nothing has forgotten it"));
    story.desk.json(&["import", &story.bundle_of(&story.mac, "mac.bundle")]);
    assert!(story.desk.texts().contains("the owner's note"));
    agree(&[&story.mac, &story.desk]);
}

/// What nobody has any more, an anchor forgets in good faith: then every home verifies again.
#[test]
fn an_anchor_makes_good_what_a_thief_destroyed() {
    let story = Story::begins();
    let note = story.phone.captures("the owner's note");
    story.meets();
    forgets(&story.phone, &note["note"]);
    strips(&story.mac, text(&note["note"]));
    story.mac.json(&["device", "revoke", "Pixel"]);
    story.mac.run(&["doctor", "--rebuild"]).exits(4);
    story.mac.run(&["verify"]).exits(4);
    forgets(&story.mac, &note["note"]);
    story.desk.reconciles(&story.mac.serve()).exits(0);
    agree(&[&story.mac, &story.desk]);
}
