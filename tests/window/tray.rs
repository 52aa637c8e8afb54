//! Story 11: the tray tells the truth, and reconciles; the map shows each device as it stands.

use world::window::{DESKTOP, Window};
use world::{Desktop, Home, Serve, Tray, World, text, until};

/// A Mac with its window open, and a phone that answers at an address the Mac has learned.
struct Met {
    phone: Home,
    serve: Option<Serve>,
    window: Window,
    tray: Tray<'static>,
    mac: Home,
    _world: World,
}

fn met() -> Met {
    let desktop = Desktop::get();
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let number = desktop.trays();
    let window = Window::open(&mac, DESKTOP);
    let tray = desktop.tray(number);
    window.sees("nav-inbox");
    let serve = phone.serve();
    phone.json(&["reconcile", "--with", window.address()]);
    tray.says("Everything is in step");
    Met { phone, serve: Some(serve), window, tray, mac, _world: world }
}

#[test]
#[ignore = "needs a screen"]
fn the_tray_tells_the_state_and_reconciles_from_its_menu() {
    let met = met();
    let Met { phone, mac, tray, window, .. } = &met;
    let told = Desktop::get().told().len();
    let in_step = tray.icon();
    let labels: Vec<String> = tray.menu().into_iter().map(|entry| entry.label).collect();
    assert_eq!(labels, ["Everything is in step", "Reconcile now", "Capture", "Open", "Quit"]);

    phone.captures("A thought on the way");
    phone.captures("And another");
    mac.captures("Written in a terminal, while the window is open");
    tray.says("1 change is only here");
    until("another state has another shape", || (tray.icon() != in_step).then_some(()));
    tray.chooses("Reconcile now");

    tray.says("Everything is in step");
    Desktop::get().tells(told, "2 notes from Pixel arrived");
    assert_eq!(mac.head(), phone.head());
    until("the same state has the same shape", || (tray.icon() == in_step).then_some(()));
    window.click("nav-inbox");
    window.reads("note-row", "A thought on the way");
}

#[test]
#[ignore = "needs a screen"]
fn the_tray_changes_as_the_phone_brings_its_notes() {
    let met = met();
    let Met { phone, mac, tray, window, .. } = &met;
    let told = Desktop::get().told().len();
    mac.captures("Not yet on the phone");
    tray.says("1 change is only here");

    phone.captures("From the train");
    phone.json(&["reconcile", "--with", window.address()]);

    tray.says("Everything is in step");
    let arrival = Desktop::get().tells(told, "1 note from Pixel arrived");
    assert_eq!(arrival.body, "It is in your inbox.");
    window.click("nav-inbox");
    window.reads("note-row", "From the train");
}

#[test]
#[ignore = "needs a screen"]
fn a_conflict_is_told_shown_as_a_diff_and_settled_with_one_click() {
    let met = met();
    let Met { phone, mac, tray, window, .. } = &met;
    let told = Desktop::get().told().len();
    let list = mac.captures_lines("Groceries\nmilk\nbread\ntea");
    let note = text(&list["note"]).to_owned();
    phone.json(&["reconcile", "--with", window.address()]);
    mac.json(&["note", "edit", &note, "Groceries\noat milk\nbread\ntea"]);
    phone.json(&["note", "edit", &note, "Groceries\nmilk\nbread\nblack tea"]);

    phone.reconciles_at(window.address()).exits(3);

    tray.says("1 note needs you");
    Desktop::get().tells(told, "1 note needs you");
    window.click("nav-conflicts");
    window.reads("conflict-ours", "oat milk");
    window.reads("conflict-theirs", "black tea");
    window.click("conflict-base-toggle");
    window.reads("conflict-base", "milk");
    assert_eq!(window.value("conflict-merged"), "Groceries\noat milk\nbread\nblack tea");
    window.shoot("conflict-merged-desktop");
    window.click("resolve-merged");

    window.sees_no_more("conflict-merged");
    tray.says("1 change is only here");
    phone.json(&["reconcile", "--with", window.address()]);
    tray.says("Everything is in step");
    assert_eq!(phone.head(), mac.head());
    assert!(phone.texts().contains("Groceries\noat milk\nbread\nblack tea"));
}

#[test]
#[ignore = "needs a screen"]
fn a_click_on_a_device_of_the_map_shows_its_state_heads_lag_and_last_contact() {
    let mut met = met();
    let serve = met.serve.take().expect("the phone serves");
    let Met { phone, mac, window, tray, .. } = &met;
    window.click("nav-map");
    let device = text(&serve.hello()["device"]).to_owned();
    let node = format!("map-node[data-device='{device}']");
    window.sees(&format!("{node}[data-state=synced]"));
    mac.captures("Only here");
    window.sees(&format!("{node}[data-state=ahead]"));

    window.click_shape(&node);

    assert_eq!(window.attribute("map-panel", "data-device"), device);
    assert_eq!(window.attribute("map-panel-state", "data-state"), "ahead");
    window.reads("map-panel-lag", "1");
    let tip = phone.json(&["head"])["chains"]
        .as_array()
        .and_then(|chains| chains.iter().find(|chain| chain["device"] == device.as_str()).cloned())
        .map(|chain| text(&chain["tip"]).to_owned())
        .expect("the phone has a chain");
    window.reads("map-panel-heads", &tip[..8]);
    assert!(!window.text("map-panel-contact").is_empty());
    window.shoot("map-panel-desktop");

    drop(serve);
    tray.chooses("Reconcile now");
    window.sees("map-panel-state[data-state=offline]");
}

#[test]
#[ignore = "needs a screen"]
fn quit_ends_the_app_and_leaves_the_home_whole() {
    let met = met();
    let Met { mac, tray, window, .. } = &met;

    tray.chooses("Quit");

    until("the app ends", || (!window.runs_still()).then_some(()));
    mac.verifies();
}
