//! Story 6: the phone is stolen, and the Mac revokes it.

use serde_json::Value;
use world::{Home, World, text};

struct Story {
    world: World,
    mac: Home,
    desk: Home,
    phone: Home,
}

impl Story {
    /// Three devices that are in step; the phone has written one note.
    fn begins() -> Self {
        let world = World::new();
        let mac = world.first("Mac");
        let desk = world.joins("Desk", "node", &mac);
        let phone = world.joins("Pixel", "capture", &mac);
        phone.captures("written before");
        phone.reconciles(&mac.serve()).exits(0);
        desk.reconciles(&mac.serve()).exits(0);
        Self { world, mac, desk, phone }
    }

    fn bundle_of(&self, home: &Home, name: &str) -> String {
        let file = self.world.path(name);
        home.json(&["export", "-o", file.to_str().unwrap()]);
        file.to_str().unwrap().to_owned()
    }
}

fn device<'d>(devices: &'d [Value], name: &str) -> &'d Value {
    devices.iter().find(|device| device["name"] == name).expect("it is listed")
}

#[test]
fn it_cannot_pull_or_push_and_what_it_wrote_before_the_cut_stays() {
    let story = Story::begins();
    story.mac.json(&["device", "revoke", "Pixel"]);
    story.mac.captures("not for the thief");
    story.phone.captures("written by the thief");
    let before = story.mac.head();

    assert_eq!(story.phone.reconciles(&story.mac.serve()).code, Some(5));

    assert_eq!(story.mac.head(), before);
    assert!(!story.phone.texts().contains("not for the thief"));
    assert!(story.mac.texts().contains("written before"));
    // Nor does the Mac call it.
    let serve = story.phone.serve();
    assert_ne!(story.mac.reconciles(&serve).code, Some(0));
    assert_eq!(story.mac.head(), before);
}

#[test]
fn it_cannot_read_new_bundles_and_its_own_bring_nothing() {
    let story = Story::begins();
    story.mac.json(&["device", "revoke", "Pixel"]);
    story.mac.captures("not for the thief");
    let new = story.bundle_of(&story.mac, "new.bundle");
    story.phone.fails(&["import", &new], 5, "refused");

    story.phone.captures("written by the thief");
    let stolen = story.bundle_of(&story.phone, "stolen.bundle");
    let before = (story.mac.head(), story.mac.texts());
    let imported = story.mac.run(&["import", &stolen, "--json"]).json();
    let refused = text(&imported["refused"][0]["reason"]);
    assert!(refused.contains("was revoked; its chain"), "{imported}");
    assert_eq!((story.mac.head(), story.mac.texts()), before);
}

/// The desk took late events, and wrote on, before it heard. Nobody is cut off from anybody by that.
#[test]
fn a_device_that_heard_late_still_agrees_with_the_others() {
    let story = Story::begins();
    story.mac.json(&["device", "revoke", "Pixel"]);
    story.phone.captures("by the thief, to the desk");
    story.phone.reconciles(&story.desk.serve()).exits(0);
    story.desk.captures("on the desk, after that");
    assert!(story.desk.texts().contains("by the thief, to the desk"));

    story.desk.reconciles(&story.mac.serve()).exits(0);

    for home in [&story.mac, &story.desk] {
        assert!(home.texts().contains("on the desk, after that"));
        assert!(!home.texts().contains("by the thief, to the desk"), "it does not count");
        assert!(home.list(&["search", "thief"]).is_empty());
        let devices = home.list(&["device", "list"]);
        let phone = device(&devices, "Pixel");
        assert_eq!((&phone["state"], &phone["late"]), (&"revoked".into(), &1.into()));
        let log = home.list(&["log", "--limit", "100"]);
        assert_eq!(log.iter().filter(|event| event["counts"] == false).count(), 1);
        home.verifies();
    }
    let heads = [&story.mac, &story.desk].map(|home| home.json(&["head"]));
    assert_eq!(heads[0]["head"], heads[1]["head"]);
    assert_eq!(heads[0]["state"], heads[1]["state"]);
    // The desk knows by now, too.
    assert_eq!(story.phone.reconciles(&story.desk.serve()).code, Some(5));
}

/// By a bundle of a member's the same goes.
#[test]
fn a_members_bundle_may_carry_late_events() {
    let story = Story::begins();
    story.mac.json(&["device", "revoke", "Pixel"]);
    story.phone.captures("by the thief");
    story.phone.reconciles(&story.desk.serve()).exits(0);
    story.desk.captures("on the desk");
    let bundle = story.bundle_of(&story.desk, "desk.bundle");

    let imported = story.mac.json(&["import", &bundle]);

    assert_eq!(imported["refused"], serde_json::json!([]));
    assert!(story.mac.texts().contains("on the desk"));
    assert!(!story.mac.texts().contains("by the thief"));
    story.mac.verifies();
}

/// A thief who writes another branch below the cut gains nothing.
#[test]
fn another_branch_below_the_cut_does_not_count() {
    let story = Story::begins();
    let stolen = story.phone.clone_as("Stolen", story.world.path("stolen"));
    for note in ["the owner's", "the owner's too", "and this"] {
        story.phone.captures(note);
    }
    story.phone.reconciles(&story.mac.serve()).exits(0);
    story.mac.json(&["device", "revoke", "Pixel"]);
    stolen.captures("the thief's, below the cut");
    stolen.reconciles(&story.desk.serve()).exits(0);

    story.desk.reconciles(&story.mac.serve()).exits(0);

    for home in [&story.mac, &story.desk] {
        assert!(home.texts().contains("and this"));
        assert!(!home.texts().contains("the thief's, below the cut"));
        home.verifies();
    }
    assert_eq!(story.mac.head(), story.desk.head());
}

/// A stolen anchor and the person's anchor revoke each other at once: everybody comes to the same.
#[test]
fn anchors_that_revoke_each_other_are_judged_alike_everywhere() {
    let world = World::new();
    let mac = world.first("Mac");
    let second = world.joins("Second", "anchor", &mac);
    let desk = world.joins("Desk", "node", &mac);
    second.reconciles(&mac.serve()).exits(0);
    mac.json(&["device", "revoke", "Second"]);
    second.json(&["device", "revoke", "Mac"]);
    // The desk hears of both, in one order and in the other.
    for first in [&mac, &second] {
        let _ = desk.reconciles(&first.serve());
    }
    let states = |home: &Home| -> Vec<(String, String)> {
        let devices = home.list(&["device", "list"]);
        devices
            .iter()
            .map(|d| (text(&d["name"]).to_owned(), text(&d["state"]).to_owned()))
            .collect()
    };
    let revoked: Vec<_> =
        states(&desk).into_iter().filter(|(_, state)| state == "revoked").collect();
    assert_eq!(revoked.len(), 1, "{revoked:?}");
    desk.verifies();
}

/// A phone has no say in who belongs.
#[test]
fn a_capture_device_neither_admits_nor_revokes() {
    let story = Story::begins();
    let _serve = story.phone.serve();
    story.phone.fails(&["device", "revoke", "Desk"], 5, "refused");
    story.phone.fails(&["invite"], 5, "refused");
}
