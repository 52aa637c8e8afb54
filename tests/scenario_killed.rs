//! kill -9 in the middle: what was acknowledged is there, and the rest can go on.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use world::dice::Dice;
use world::{Home, World, corpus};

const MOMENTS: usize = 10;

#[track_caller]
fn holds(home: &Home, acknowledged: &BTreeSet<String>) {
    home.verifies();
    let events = home.events();
    let lost: Vec<_> = acknowledged.difference(&events).collect();
    assert!(lost.is_empty(), "{} lost {lost:?}", home.name());
}

#[test]
fn no_printed_id_is_lost_when_the_capturing_process_dies() {
    let world = World::new();
    let mac = world.first("Mac");
    let mut dice = Dice::seeded(11);
    let mut acknowledged = BTreeSet::new();
    for _ in 0..MOMENTS {
        let notes = corpus::notes(&mut dice, 400);
        let mut capture = mac.start(&["note", "add", "--lines"]);
        capture.feed(notes.join("\n").into_bytes());
        for _ in 0..dice.below(25) {
            acknowledged.insert(capture.next_line().expect("an id"));
        }
        thread::sleep(Duration::from_micros(dice.roll() % 4000));

        acknowledged.extend(capture.kill());

        holds(&mac, &acknowledged);
    }
    let after = mac.captures("and it goes on");
    acknowledged.insert(world::text(&after["id"]).to_owned());
    holds(&mac, &acknowledged);
}

#[test]
fn no_printed_id_is_lost_when_either_side_of_a_reconcile_dies() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let mut dice = Dice::seeded(12);
    let mut acknowledged = (BTreeSet::new(), BTreeSet::new());
    for moment in 0..MOMENTS {
        acknowledged.0.extend(mac.captures_all(&corpus::notes(&mut dice, 30)));
        acknowledged.1.extend(phone.captures_all(&corpus::notes(&mut dice, 60)));
        let serve = mac.serve();
        let reconcile = phone.start(&["reconcile", "--with", serve.address()]);
        thread::sleep(Duration::from_micros(dice.roll() % 80_000));

        if moment % 2 == 0 {
            reconcile.kill();
            drop(serve);
        } else {
            serve.into_running().kill();
            // The phone is told; how the run ends depends on how far it was.
            reconcile.finish();
        }

        holds(&mac, &acknowledged.0);
        holds(&phone, &acknowledged.1);
    }

    phone.reconciles(&mac.serve()).exits(0);

    let everything: BTreeSet<_> = acknowledged.0.union(&acknowledged.1).cloned().collect();
    holds(&mac, &everything);
    holds(&phone, &everything);
    assert_eq!(mac.head(), phone.head());
}

#[test]
fn a_reconcile_that_is_asked_to_stop_leaves_both_sides_whole() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let notes = corpus::notes(&mut Dice::seeded(13), 300);
    let ids: BTreeSet<_> = phone.captures_all(&notes).into_iter().collect();
    let serve = mac.serve();
    let reconcile = phone.start(&["reconcile", "--with", serve.address(), "--json"]);
    thread::sleep(Duration::from_millis(40));

    reconcile.interrupt();

    let ran = reconcile.finish();
    assert!(ran.code.is_some(), "it ends by itself, not by the signal: {ran:#?}");
    holds(&phone, &ids);
    mac.verifies();
    phone.reconciles(&serve).exits(0);
    holds(&mac, &ids);
    assert_eq!(mac.head(), phone.head());
}

#[test]
fn a_reconcile_that_waits_for_an_absent_device_can_be_stopped() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let reconcile = phone.start(&["reconcile", "--with", "Mac", "--json"]);
    thread::sleep(Duration::from_millis(1000));

    reconcile.interrupt();

    let error = reconcile.finish().exits(1).error();
    assert_eq!(error["code"], "cancelled", "{error}");
    phone.verifies();
}

#[test]
fn serve_ends_cleanly_when_its_supervisor_asks() {
    let world = World::new();
    let mac = world.first("Mac");
    let serve = mac.serve().into_running();

    serve.terminate();

    serve.finish().exits(0);
    mac.verifies();
}
