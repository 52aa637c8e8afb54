//! A slow node, and no other device.

use std::time::Duration;

use world::window::{PHONE, Window};
use world::{World, until};

/// Every answer of the node takes so long, in this window, until it is loaded anew.
const SLOW: &str = "const real = window.fetch; window.fetch = (...call) =>
    new Promise((resolve) => setTimeout(resolve, 2500)).then(() => real(...call))";

#[test]
#[ignore = "needs a screen"]
fn a_slow_node_shows_where_the_answer_will_be_and_loses_no_tap() {
    let world = World::new();
    let phone = world.first("Pixel");
    phone.captures("Something to show");
    let window = Window::open(&phone, PHONE);
    window.sees("recent-capture");
    window.runs(SLOW);

    for (tab, shown) in [("nav-standup", "standup-item"), ("nav-notes", "note-row")] {
        window.click(tab);
        let waited = std::time::Instant::now();
        window.sees("skeleton");
        assert_eq!(window.count(shown), 0, "the answer is not here yet");
        assert!(waited.elapsed() < Duration::from_secs(2), "{:?}", waited.elapsed());
        window.sees(shown);
        assert_eq!(window.count("skeleton"), 0);
    }

    // Three notes, each typed before the one before it was answered.
    window.click("nav-capture");
    for note in ["first", "second", "third"] {
        window.types("capture-text", note);
        window.click("capture-done");
        assert_eq!(window.value("capture-text"), "", "the field is free at once");
    }
    until("each tap made one note", || (phone.texts().len() == 4).then_some(()));
    window.reads("recent-capture", "third");
}

#[test]
#[ignore = "needs a screen"]
fn taps_wait_for_a_database_that_another_program_holds() {
    let world = World::new();
    let phone = world.first("Pixel");
    let window = Window::open(&phone, PHONE);
    window.sees("capture-text");
    let database = rusqlite::Connection::open(phone.folder().join("mirror.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();

    window.types("capture-text", "Written while it was held");
    window.click("capture-done");
    window.types("capture-text", "and the next one");
    std::thread::sleep(Duration::from_secs(2));
    database.execute_batch("ROLLBACK").unwrap();

    window.reads("recent-capture", "Written while it was held");
    window.sees("draft-saved");
    assert_eq!(window.value("capture-text"), "and the next one");
    assert_eq!(phone.texts().len(), 1);
}

#[test]
#[ignore = "needs a screen"]
fn out_of_reach_everything_works_and_the_next_tap_brings_it_over() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let window = Window::open(&phone, PHONE);
    window.types("capture-text", "Written in the lift");
    window.click("capture-done");
    window.reads("recent-capture", "Saved here");

    window.click("nav-mesh");
    window.click("reconcile-button");
    window.reads("reconcile-summary", "Mac could not be reached");
    window.reads("reconcile-summary", "Everything written here is safe");
    window.click("reconcile-close");
    window.reads("device-row", "Out of reach");

    let mac_window = Window::open(&mac, PHONE);
    mac_window.sees("capture-text");
    phone.json(&["reconcile", "--with", mac_window.address()]);
    window.click("reconcile-button");
    window.reads("reconcile-summary", "Everything is in step");
    assert!(mac.texts().contains("Written in the lift"));
}
