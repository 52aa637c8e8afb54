//! Story 4: the phone is restored from an old copy of its home, and goes on capturing.

use std::collections::BTreeSet;

use serde_json::Value;
use world::{Home, World, text};

struct Story {
    world: World,
    mac: Home,
    desk: Home,
    phone: Home,
}

impl Story {
    /// The phone was copied, wrote on, told the Mac, and was put back to the copy. Then it wrote on again.
    fn begins() -> Self {
        let world = World::new();
        let mac = world.first("Mac");
        let phone = world.joins("Pixel", "capture", &mac);
        let desk = world.joins("Desk", "node", &mac);
        phone.captures("before the copy");
        phone.reconciles(&mac.serve()).exits(0);
        let copy = world.path("copy");
        phone.is_copied_to(&copy);
        phone.captures("lost with the old phone, but on the Mac");
        phone.captures("this one too");
        phone.reconciles(&mac.serve()).exits(0);
        phone.is_restored_from(&copy);
        for note in ["first on the new phone", "second", "third"] {
            phone.captures(note);
        }
        Self { world, mac, desk, phone }
    }

    fn all_six(&self) -> BTreeSet<String> {
        let texts = [
            "before the copy",
            "lost with the old phone, but on the Mac",
            "this one too",
            "first on the new phone",
            "second",
            "third",
        ];
        texts.map(str::to_owned).into()
    }
}

fn device<'d>(devices: &'d [Value], name: &str) -> &'d Value {
    devices.iter().find(|device| device["name"] == name).expect("it is listed")
}

#[test]
fn both_branches_survive_whoever_calls() {
    for phone_calls in [true, false] {
        let story = Story::begins();
        let ran = if phone_calls {
            story.phone.reconciles(&story.mac.serve())
        } else {
            story.mac.reconciles(&story.phone.serve())
        };
        let report = ran.exits(0).json();
        let peer = &report["peers"][0];
        assert_eq!((&peer["ok"], &peer["refused"]), (&true.into(), &serde_json::json!([])));

        for home in [&story.mac, &story.phone] {
            assert_eq!(home.texts(), story.all_six());
            home.verifies();
        }
        assert_eq!(story.mac.head(), story.phone.head());
    }
}

#[test]
fn the_fork_is_shown_with_its_proof() {
    let story = Story::begins();
    story.phone.reconciles(&story.mac.serve()).exits(0);

    for home in [&story.mac, &story.phone] {
        let devices = home.list(&["device", "list"]);
        let phone = device(&devices, "Pixel");
        assert_eq!(phone["forked"], true);
        assert_eq!(device(&devices, "Mac")["forked"], false);
        let forks = phone["forks"].as_array().unwrap();
        let [fork] = forks.as_slice() else { panic!("{forks:?}") };
        let ends: BTreeSet<_> = fork["branches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|b| b["seq"].as_u64().unwrap())
            .collect();
        let base = fork["base"].as_u64().unwrap();
        assert_eq!(ends, [base + 2, base + 3].into());
        for branch in fork["branches"].as_array().unwrap() {
            assert_eq!(text(&branch["signature"]).len(), 128);
        }
        let log = home.list(&["log", "--limit", "100"]);
        let branches: BTreeSet<_> = log.iter().filter_map(|e| e["branch"].as_str()).collect();
        let first: BTreeSet<_> =
            fork["branches"].as_array().unwrap().iter().map(|b| text(&b["first"])).collect();
        assert_eq!(branches, first);
        assert_eq!(log.iter().filter(|event| event["branch"].is_string()).count(), 5);
    }
    let map = story.mac.json(&["map"]);
    let node =
        map["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "Pixel").unwrap();
    assert_eq!(node["state"], "forked");
    let words = story.mac.run(&["device", "list"]).exits(0).stdout;
    assert!(words.contains("forked: "), "{words}");
}

/// The founder's second chain is as welcome as any member's.
#[test]
fn a_restored_founder_goes_on_in_a_new_chain() {
    let world = World::new();
    let mac = world.first("Mac");
    let desk = world.joins("Desk", "node", &mac);
    let copy = world.path("copy");
    mac.is_copied_to(&copy);
    mac.captures("lost with the old Mac, but on the desk");
    desk.reconciles(&mac.serve()).exits(0);
    mac.is_restored_from(&copy);
    mac.captures("first on the new Mac");
    for more in ["and more", "and still more"] {
        desk.reconciles(&mac.serve());
        mac.captures(more);
    }
    desk.reconciles(&mac.serve()).exits(0);
    assert_eq!(mac.head(), desk.head());
    assert_eq!(desk.texts().len(), 4);
    let devices = desk.list(&["device", "list"]);
    let chains = device(&devices, "Mac")["chains"].as_array().unwrap();
    assert!(chains.iter().any(|chain| chain["chain"] != chains[0]["chain"]), "{chains:?}");
}

/// The first reconcile says that the phone fell back; the next is clean and moves nothing.
#[test]
fn falling_back_is_told_and_the_next_reconcile_is_clean() {
    let story = Story::begins();
    let report = story.mac.reconciles(&story.phone.serve()).exits(0).json();
    let stale = report["peers"][0]["stale"].as_array().unwrap();
    assert!(stale.iter().any(|one| text(&one["reason"]).contains("an older state")), "{report}");

    let again = story.mac.reconciles(&story.phone.serve()).exits(0).json();
    let peer = &again["peers"][0];
    let moved = [&peer["received"], &peer["sent"], &peer["duplicates"]];
    assert_eq!(moved, [0, 0, 0].map(|n| serde_json::json!(n)).each_ref());
    assert_eq!((&peer["round_trips"], &peer["stale"]), (&1.into(), &serde_json::json!([])));
}

/// The forked chain rests; a new one names both of its tips.
#[test]
fn the_restored_phone_goes_on_in_a_new_chain() {
    let story = Story::begins();
    story.phone.reconciles(&story.mac.serve()).exits(0);
    let devices = story.phone.list(&["device", "list"]);
    let tips: BTreeSet<_> = device(&devices, "Pixel")["forks"][0]["branches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|branch| text(&branch["tip"]).to_owned())
        .collect();
    let old = text(&device(&devices, "Pixel")["forks"][0]["chain"]).to_owned();

    let captured = story.phone.captures("after the fork was found");

    assert_ne!(captured["chain"], old.as_str());
    let log = story.phone.list(&["log", "--chain", text(&captured["chain"])]);
    let first = log.iter().find(|event| event["seq"] == 0).expect("the new chain's first event");
    let named: BTreeSet<_> =
        first["deps"].as_array().unwrap().iter().map(|dep| text(dep).to_owned()).collect();
    assert!(named.is_superset(&tips), "{named:?} {tips:?}");
    story.phone.reconciles(&story.mac.serve()).exits(0);
    assert_eq!(story.mac.head(), story.phone.head());
    assert!(story.mac.texts().contains("after the fork was found"));
    // What happened stays to be seen; as a state it is over.
    let devices = story.mac.list(&["device", "list"]);
    let phone = device(&devices, "Pixel");
    assert_eq!((&phone["forked"], &phone["state"]), (&true.into(), &"synced".into()));
    story.mac.verifies();
}

/// Both copies live on and meet different devices; by bundles as well as by a link.
#[test]
fn two_living_copies_come_together_over_a_third_device_and_by_bundles() {
    let story = Story::begins();
    let desk = &story.desk;
    story.phone.reconciles(&desk.serve()).exits(0);
    let file = story.world.path("desk.bundle");
    desk.json(&["export", "-o", file.to_str().unwrap()]);
    let imported = story.mac.json(&["import", file.to_str().unwrap()]);
    assert_eq!(imported["refused"], serde_json::json!([]));
    assert_eq!(story.mac.texts(), story.all_six());
    let file = story.world.path("mac.bundle");
    story.mac.json(&["export", "-o", file.to_str().unwrap()]);
    for home in [desk, &story.phone] {
        home.json(&["import", file.to_str().unwrap()]);
        assert_eq!(home.texts(), story.all_six());
        assert_eq!(home.head(), story.mac.head());
        home.verifies();
    }
}

/// A note edited on both branches is a conflict like any other.
#[test]
fn an_edit_on_each_branch_waits_for_a_person() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let note = phone.captures("milk");
    let note = text(&note["note"]);
    phone.reconciles(&mac.serve()).exits(0);
    let copy = world.path("copy");
    phone.is_copied_to(&copy);
    phone.json(&["note", "edit", note, "oat milk"]);
    phone.reconciles(&mac.serve()).exits(0);
    phone.is_restored_from(&copy);
    phone.json(&["note", "edit", note, "soy milk"]);

    phone.reconciles(&mac.serve()).exits(3);

    assert_eq!(mac.list(&["conflicts"]).len(), 1);
    assert_eq!(phone.list(&["conflicts"]).len(), 1);
    assert_eq!(mac.json(&["head"])["state"], phone.json(&["head"])["state"]);
}
