//! Every screen of the phone, at both widths: what a thumb meets is 48 by 48 pixels, and nothing is wider than the screen.

use world::window::{NARROW, PHONE, Window};
use world::{Home, World, text};

#[path = "audit/mod.rs"]
#[allow(dead_code)]
mod audit;

use audit::Shooting;

/// Goes where the address says and waits for what it shows.
fn go(window: &Window, place: &str, shown: &str) {
    window.runs(&format!("location.hash = '#/{place}'"));
    window.sees(shown);
}

fn lived() -> (World, Home) {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let note = mac.captures("The talk is on Tuesday at four");
    let note = text(&note["note"]);
    phone.reconciles(&mac.serve()).exits(0);
    mac.json(&["note", "edit", note, "The talk is on Wednesday at four"]);
    phone.json(&["note", "edit", note, "The talk is on Tuesday at five"]);
    phone.reconciles(&mac.serve()).exits(3);
    phone.json(&["note", "add", "Written yesterday #home", "--at", &crate::phone::yesterday()]);
    (world, phone)
}

#[test]
#[ignore = "needs a screen"]
fn every_target_on_every_screen_is_large_enough_for_a_thumb() {
    let (_world, phone) = lived();
    let conflict = text(&phone.list(&["conflicts"])[0]["note"]).to_owned();
    let note = text(&phone.list(&["search", "yesterday"])[0]["note"]).to_owned();
    let event = text(&phone.list(&["log"])[0]["id"]).to_owned();
    let device = text(&phone.list(&["device", "list"])[0]["device"]).to_owned();
    for (size, name) in [(PHONE, "phone"), (NARROW, "narrow")] {
        let window = Window::open(&phone, size);
        window.sees("recent-capture");
        let width = size.split('x').next().unwrap();
        assert_eq!(window.runs("return String(innerWidth)"), width);
        let mut audit = Shooting::new(&window, name);
        audit.looks("capture");
        for (place, shown) in [
            ("notes".to_owned(), "note-row"),
            (format!("notes/{note}"), "note-detail"),
            ("mesh".to_owned(), "device-row"),
            (format!("mesh/{device}"), "map-panel"),
            ("standup".to_owned(), "standup-item"),
            ("conflicts".to_owned(), "conflict-row"),
            (format!("conflicts/{conflict}"), "conflict-merged"),
            ("log".to_owned(), "log-row"),
            (format!("log/{event}"), "log-event"),
            ("settings".to_owned(), "theme-select"),
        ] {
            go(&window, &place, shown);
            audit.looks(place.split('/').next().unwrap());
        }
        go(&window, &format!("notes/{note}"), "note-edit");
        window.click("note-edit");
        window.sees("note-text");
        audit.looks("edit");
        go(&window, "notes", "note-row");
        window.types("search-input", "yesterday");
        window.sees("search-hit");
        audit.looks("search");
        go(&window, "mesh", "reconcile-button");
        window.click("reconcile-button");
        window.sees("reconcile-summary");
        audit.looks("reconcile");
        window.click("reconcile-close");
        audit.end();
    }
}
