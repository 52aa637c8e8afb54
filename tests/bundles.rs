//! Files that anyone may carry: complete, repeatable, and refused whole when a byte is not what it was.

use std::path::PathBuf;

use serde_json::Value;
use world::dice::Dice;
use world::{Home, World, corpus};

struct Carried {
    world: World,
    mac: Home,
    phone: Home,
    bundle: PathBuf,
    exported: Value,
}

/// The phone's thirty notes, on their way to the Mac.
fn carried() -> Carried {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    phone.captures_all(&corpus::notes(&mut Dice::seeded(21), 30));
    let bundle = world.path("phone.bundle");
    let exported = phone.json(&["export", "--for", "Mac", "-o", path(&bundle)]);
    Carried { world, mac, phone, bundle, exported }
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_bundle_is_a_reconcile_of_one_direction() {
    let story = carried();
    let Carried { mac, phone, bundle, exported, .. } = &story;
    let size = std::fs::metadata(bundle).unwrap().len();
    assert_eq!(exported["bytes"], size);
    assert!(exported["events"].as_u64().unwrap() >= 30, "{exported}");

    let imported = mac.json(&["import", path(bundle)]);

    assert!(imported["received"].as_u64().unwrap() >= 30, "{imported}");
    assert_eq!(imported["quarantined"], 0, "{imported}");
    assert_eq!(imported["refused"].as_array().unwrap().len(), 0, "{imported}");
    assert_eq!(imported["head"], mac.head());
    assert_eq!(mac.head(), phone.head(), "the Mac had nothing of its own");
    assert_eq!(mac.texts(), phone.texts());
    mac.verifies();
}

#[test]
fn the_same_bundle_twice_brings_only_duplicates() {
    let story = carried();
    let Carried { mac, bundle, .. } = &story;
    let first = mac.json(&["import", path(bundle)]);
    let before = mac.json(&["head"]);

    let second = mac.json(&["import", path(bundle)]);

    assert_eq!(second["received"], 0, "{second}");
    let known = first["received"].as_u64().unwrap() + first["duplicates"].as_u64().unwrap();
    assert_eq!(second["duplicates"].as_u64().unwrap(), known, "{second}");
    assert_eq!(mac.json(&["head"]), before);
}

#[test]
fn reconcile_takes_a_bundle_as_its_link() {
    let story = carried();
    let Carried { mac, phone, bundle, .. } = &story;

    let report = mac.json(&["reconcile", "--with", path(bundle)]);

    assert_eq!(report["peers"][0]["link"], "bundle", "{report}");
    assert!(report["peers"][0]["received"].as_u64().unwrap() >= 30, "{report}");
    assert_eq!(report["head"], phone.head());
}

#[test]
fn a_bundle_that_was_cut_anywhere_changes_nothing() {
    let story = carried();
    let Carried { world, mac, bundle, .. } = &story;
    let whole = std::fs::read(bundle).unwrap();
    let before = mac.all_that_shows();
    let mut dice = Dice::seeded(22);
    let cuts = [0, 1, whole.len() / 2, whole.len() - 1].into_iter();
    for cut in cuts.chain((0..6).map(|_| dice.below(whole.len()))) {
        let damaged = world.write("cut.bundle", &whole[..cut]);

        let error = mac.fails(&["import", path(&damaged)], 4, "integrity");

        assert_eq!(mac.all_that_shows(), before, "cut at {cut}: {error}");
    }
    mac.json(&["import", path(bundle)]);
}

/// Last week's bundle is no news, whoever brings it again.
#[test]
fn an_old_bundle_is_told_as_stale_and_changes_nothing() {
    let Carried { world, mac, phone, bundle, .. } = carried();
    phone.captures("since then");
    let new = world.path("new.bundle");
    phone.json(&["export", "-o", path(&new)]);
    let first = mac.json(&["import", path(&new)]);
    assert_eq!(first["stale"], serde_json::json!([]));
    let before = mac.all_that_shows();

    let replayed = mac.json(&["import", path(&bundle)]);

    assert_eq!(replayed["stale"].as_array().unwrap().len(), 1, "{replayed}");
    assert_eq!((&replayed["received"], &replayed["refused"]), (&0.into(), &serde_json::json!([])));
    assert_eq!(mac.all_that_shows(), before);
}

#[test]
fn a_long_bundle_that_breaks_off_keeps_what_was_whole_and_the_whole_file_completes_it() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    phone.captures_all(&corpus::notes(&mut Dice::seeded(24), 400));
    let bundle = world.path("phone.bundle");
    phone.json(&["export", "-o", path(&bundle)]);
    let whole = std::fs::read(&bundle).unwrap();
    for tenths in [3, 6, 9] {
        let damaged = world.write("cut.bundle", &whole[..whole.len() / 10 * tenths]);

        let error = mac.fails(&["import", path(&damaged)], 4, "integrity");

        let events = mac.verifies()["events"].as_u64().unwrap();
        let complete = phone.json(&["head"])["events"].as_u64().unwrap();
        assert!(events < complete, "cut at {tenths} tenths: {error}");
    }

    let imported = mac.json(&["import", path(&bundle)]);

    assert_eq!(imported["head"], phone.head());
    assert_eq!(mac.texts(), phone.texts());
}

#[test]
fn a_bundle_with_one_flipped_bit_changes_nothing() {
    let story = carried();
    let Carried { world, mac, bundle, .. } = &story;
    let whole = std::fs::read(bundle).unwrap();
    let before = mac.all_that_shows();
    let mut dice = Dice::seeded(23);
    for _ in 0..16 {
        let (at, bit) = (dice.below(whole.len()), dice.below(8));
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        let damaged = world.write("flipped.bundle", &bytes);

        let ran = mac.run(&["import", path(&damaged), "--json"]);

        // A flip in the part that says who may read it leaves a bundle for nobody: refused.
        assert!(matches!(ran.code, Some(4 | 5)), "bit {bit} of byte {at}: {ran:#?}");
        ran.error();
        assert_eq!(mac.all_that_shows(), before, "bit {bit} of byte {at}");
    }
    mac.json(&["import", path(bundle)]);
}

#[test]
fn a_bundle_of_another_mesh_is_refused() {
    let story = carried();
    let Carried { world, bundle, .. } = &story;
    let stranger = world.first("Stranger");
    let before = stranger.all_that_shows();

    stranger.fails(&["import", path(bundle)], 5, "refused");

    assert_eq!(stranger.all_that_shows(), before);
}

#[test]
fn export_names_the_device_it_does_not_know_and_writes_nothing() {
    let story = carried();
    let Carried { world, phone, .. } = &story;
    let file = world.path("nobody.bundle");

    phone.fails(&["export", "--for", "Nobody", "-o", path(&file)], 1, "not_found");

    assert!(!file.exists());
}
