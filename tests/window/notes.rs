//! The list of notes and their histories on the desktop.

use world::window::{DESKTOP, Window};
use world::{Home, World, text};

fn rows(window: &Window, words: &[&str]) {
    world::until(&format!("the list shows {words:?}"), || {
        let rows = window.texts("note-row");
        let same = rows.len() == words.len()
            && rows.iter().zip(words).all(|(row, word)| row.contains(word));
        same.then_some(())
    });
}

/// A home with notes of two devices, two days and one tag.
fn lived() -> (World, Home, String) {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    phone.json(&[
        "note",
        "add",
        "From the phone #walk",
        "--tag",
        "walk",
        "--at",
        "2026-11-20T09:00:00+00:00",
    ]);
    phone.reconciles(&mac.serve()).exits(0);
    mac.json(&["note", "add", "From the desk", "--at", "2026-11-21T09:00:00+00:00"]);
    let phone =
        mac.list(&["device", "list"]).into_iter().find(|one| one["name"] == "Pixel").unwrap();
    let phone = text(&phone["device"]).to_owned();
    (world, mac, phone)
}

#[test]
#[ignore = "needs a screen"]
fn the_list_is_narrowed_to_a_device_a_day_and_a_tag() {
    let (_world, mac, phone) = lived();
    let window = Window::open(&mac, DESKTOP);
    window.click("nav-inbox");
    rows(&window, &["From the desk", "From the phone"]);

    window.runs(&format!(
        "const list = document.querySelector('[data-testid=filter-device]'); list.value = '{phone}';
         list.dispatchEvent(new Event('change', {{ bubbles: true }}))"
    ));
    rows(&window, &["From the phone"]);
    window.reads("note-count", "1 note");
    window.click("filter-clear");
    window.runs(
        "const day = document.querySelector('[data-testid=filter-day]'); day.value = '2026-11-21';
         day.dispatchEvent(new Event('change', { bubbles: true }))",
    );
    rows(&window, &["From the desk"]);
    window.types("search-input", "phone");
    window.reads("note-count", "0 matches");
    window.click("filter-clear");
    window.reads("note-count", "1 match");
    window.writes("search-input", "\u{e003}");
    window.click_saying("note-row", "From the phone");
    window.click("tag");
    rows(&window, &["From the phone"]);
    window.click("filter-tag");
    rows(&window, &["From the desk", "From the phone"]);
}

#[test]
#[ignore = "needs a screen"]
fn a_history_shows_its_branches_what_each_changed_and_brings_one_back() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let note = mac.captures("The talk is on Tuesday at four");
    let note = text(&note["note"]);
    phone.reconciles(&mac.serve()).exits(0);
    mac.json(&["note", "edit", note, "The talk is on Wednesday at four"]);
    phone.json(&["note", "edit", note, "The talk is on Tuesday at five"]);
    phone.reconciles(&mac.serve()).exits(3);
    mac.json(&["resolve", note, "--take", "ours"]);
    let window = Window::open(&mac, DESKTOP);

    window.runs(&format!("location.hash = '#/inbox/{note}'"));
    window.click("note-history");
    let lanes = "return [...document.querySelectorAll('[data-testid=history-lane]')].map((lane) => lane.dataset.lane).join('')";
    window.sees("history-lane");
    // The two versions stand side by side, in either order.
    let lanes = window.runs(lanes);
    assert!(lanes == "0010" || lanes == "0100", "{lanes}");
    // The first version is the last row.
    window.runs("[...document.querySelectorAll('[data-testid=note-revision]')].at(-1).click()");
    window.reads("note-detail", "Tuesday at four");
    window.click("note-restore");
    world::until("it is a new version", || {
        mac.texts().contains("The talk is on Tuesday at four").then_some(())
    });
    world::until("with five versions", || (window.count("note-revision") == 5).then_some(()));
    window.runs("[...document.querySelectorAll('[data-testid=note-revision]')].at(2).click()");
    window.click("note-changes");
    let added = "return [...document.querySelectorAll('[data-testid=note-detail] ins')].map((one) => one.textContent.trim()).join(' ')";
    world::until("what the edit added is marked", || {
        let added = window.runs(added);
        added.as_str().is_some_and(|words| words == "five" || words == "Wednesday").then_some(())
    });
    assert_eq!(mac.list(&["conflicts"]).len(), 0);
}

#[test]
#[ignore = "needs a screen"]
fn both_versions_of_a_conflict_can_be_kept_as_two_notes() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let note = mac.captures("Lunch on Tuesday");
    let note = text(&note["note"]);
    phone.reconciles(&mac.serve()).exits(0);
    mac.json(&["note", "edit", note, "Lunch on Wednesday"]);
    phone.json(&["note", "edit", note, "Lunch on Thursday"]);
    phone.reconciles(&mac.serve()).exits(3);
    let window = Window::open(&mac, DESKTOP);
    window.click("nav-conflicts");

    window.click("resolve-both");

    world::until("nothing waits", || mac.list(&["conflicts"]).is_empty().then_some(()));
    assert_eq!(mac.texts(), ["Lunch on Wednesday", "Lunch on Thursday"].map(str::to_owned).into());
}
