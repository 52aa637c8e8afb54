#![cfg(target_os = "linux")]
//! Every screen at a phone's and a desktop's size, light and dark: a picture of each under `target/shots`, and the faults
//! that a program can see. Whether it is good to look at, eyes say.

#[allow(dead_code)]
mod audit;

use audit::Shooting;
use world::window::{CONTROL_K, DESKTOP, PHONE, Window};
use world::{Home, Serve, World, text, until};

/// A Mac, a phone and a small server with a week of notes, a conflict, a device that has gone and one that is revoked.
struct Lived {
    mac: Home,
    phone: Home,
    _world: World,
}

const NOTES: &[(&str, &str)] = &[
    ("2026-11-16T08:12:00+00:00", "The lighthouse museum opens at ten on Sundays #trip"),
    (
        "2026-11-17T09:40:00+00:00",
        "# Standup\n\n- read yesterday's walk first\n- then open loops\n- **one** decision a day\n\n> What would make today good?",
    ),
    ("2026-11-18T13:05:00+00:00", "अम्मा को शाम को फ़ोन करना है, और चाय की दुकान का नंबर पूछना है #home"),
    ("2026-11-19T18:30:00+00:00", "للتذكير: موعد الطبيب يوم الخميس الساعة الرابعة"),
    ("2026-11-20T07:55:00+00:00", "Idea: hash the draft too, so that a torn page is seen 🍎👩‍🔬"),
    (
        "2026-11-21T21:10:00+00:00",
        "https://example.org/a/very/long/path/that/never/breaks/because/nobody/put/a/space/in/it/and/goes/on/and/on",
    ),
];

impl Lived {
    fn new() -> Self {
        let world = World::new();
        let mac = world.first("Mac");
        let phone = world.joins("Pixel", "capture", &mac);
        let old = world.joins("Old tablet", "capture", &mac);
        let _mini = world.joins("Workshop Mini", "node", &mac);
        old.json(&["note", "add", "From the tablet, before it went", "--at", NOTES[2].0]);
        old.reconciles(&mac.serve()).exits(0);
        mac.json(&["device", "revoke", "Old tablet"]);
        for (at, note) in NOTES {
            phone.json(&["note", "add", note, "--at", at]);
        }
        let yesterday = audit::yesterday();
        for note in
            ["Ask the printer about paper weights before Friday", "Call the bank back #home"]
        {
            phone.json(&["note", "add", note, "--at", &yesterday]);
        }
        let list = mac.captures_lines("Groceries\nmilk\nbread\ntea");
        let talk = mac.captures("The talk is on Tuesday at four in the small hall");
        let (list, talk) = (text(&list["note"]), text(&talk["note"]));
        phone.reconciles(&mac.serve()).exits(0);
        mac.json(&["note", "edit", list, "Groceries\noat milk\nbread\ntea"]);
        phone.json(&["note", "edit", list, "Groceries\nmilk\nbread\nblack tea"]);
        mac.json(&["note", "edit", talk, "The talk is on Wednesday at four in the small hall"]);
        phone.json(&["note", "edit", talk, "The talk is on Tuesday at five in the great hall"]);
        phone.reconciles(&mac.serve()).exits(3);
        Self { mac, phone, _world: world }
    }
}

/// Goes where the address says and waits for what it shows.
fn go(window: &Window, place: &str, shown: &str) {
    window.runs(&format!("location.hash = '#/{place}'"));
    window.sees(shown);
}

fn first_item(home: &Home, list: &[&str], field: &str) -> String {
    text(&home.list(list)[0][field]).to_owned()
}

/// The phone answers somewhere, so that the window's reconcile has something to show.
fn reached(lived: &Lived, window: &Window) -> Serve {
    let serve = lived.phone.serve();
    until("the window is reached", || {
        let ran = lived.phone.run(&["reconcile", "--with", window.address(), "--json"]);
        (ran.code == Some(3)).then_some(())
    });
    serve
}

#[test]
#[ignore = "needs a screen"]
fn a_desktop_in_every_state() {
    let lived = Lived::new();
    let window = Window::open(&lived.mac, DESKTOP);
    window.sees("nav-inbox");
    let _serve = reached(&lived, &window);
    let note = first_item(&lived.mac, &["search", "printer"], "note");
    let conflict = first_item(&lived.mac, &["conflicts"], "note");
    let devices = lived.mac.list(&["device", "list"]);
    let pixel = devices.iter().find(|device| device["name"] == "Pixel").unwrap();
    let event = first_item(&lived.mac, &["log"], "id");
    let mut shooting = Shooting::new(&window, "desktop");
    for theme in ["light", "dark"] {
        shooting.theme(theme);
        go(&window, "map", "map-node");
        shooting.shot("map");
        go(&window, &format!("map/{}", text(&pixel["device"])), "map-panel");
        shooting.shot("map-panel");
        go(&window, "inbox", "note-row");
        shooting.shot("inbox");
        go(&window, &format!("inbox/{note}"), "note-detail");
        shooting.shot("inbox-note");
        go(&window, "conflicts", "conflict-row");
        shooting.shot("conflicts");
        go(&window, &format!("conflicts/{conflict}"), "conflict-merged");
        shooting.shot("conflict");
        go(&window, "standup", "standup-page");
        shooting.shot("standup");
        go(&window, "log", "log-row");
        shooting.shot("log");
        go(&window, &format!("log/{event}"), "log-event");
        shooting.shot("log-event");
        go(&window, "settings", "theme-select");
        shooting.shot("settings");
        window.click("invite-button");
        window.sees("invite-ticket");
        shooting.shot("invite");
        go(&window, "inbox", "note-row");
        window.presses(CONTROL_K);
        window.types("palette-input", "note");
        shooting.shot("palette");
        window.presses("\u{e00c}");
        window.sees_no_more("palette-input");
        window.presses("?");
        shooting.shot("keys");
        window.presses("\u{e00c}");
        window.types("search-input", "printer");
        window.sees("search-hit");
        shooting.shot("search");
        window.writes("search-input", "nothing-says-this");
        shooting.shot("search-nothing");
        window.writes("search-input", "\u{e003}");
        window.click("reconcile-button");
        window.sees("reconcile-summary");
        shooting.shot("reconcile");
        window.click("reconcile-close");
    }
    shooting.end();
}

#[test]
#[ignore = "needs a screen"]
fn a_phone_in_every_state() {
    let lived = Lived::new();
    let window = Window::open(&lived.phone, PHONE);
    window.sees("capture-text");
    let note = first_item(&lived.phone, &["search", "printer"], "note");
    let conflict = first_item(&lived.phone, &["conflicts"], "note");
    let devices = lived.phone.list(&["device", "list"]);
    let mac = devices.iter().find(|device| device["name"] == "Mac").unwrap();
    let event = first_item(&lived.phone, &["log"], "id");
    let mut shooting = Shooting::new(&window, "phone");
    for theme in ["light", "dark"] {
        shooting.theme(theme);
        go(&window, "capture", "recent-capture");
        shooting.shot("capture");
        window.writes("capture-text", "Half a thought, kept while it is being typed");
        window.sees("draft-saved");
        shooting.shot("capture-draft");
        window.writes("capture-text", "\u{e003}");
        go(&window, "notes", "note-row");
        shooting.shot("notes");
        go(&window, &format!("notes/{note}"), "note-detail");
        shooting.shot("note");
        window.click("note-edit");
        window.sees("note-text");
        shooting.shot("note-edit");
        go(&window, "notes", "note-row");
        window.types("search-input", "printer");
        window.sees("search-hit");
        shooting.shot("search");
        window.writes("search-input", "\u{e003}");
        go(&window, "mesh", "device-row");
        shooting.shot("mesh");
        go(&window, &format!("mesh/{}", text(&mac["device"])), "map-panel");
        shooting.shot("device");
        go(&window, "standup", "standup-page");
        shooting.shot("standup");
        go(&window, "conflicts", "conflict-row");
        shooting.shot("conflicts");
        go(&window, &format!("conflicts/{conflict}"), "conflict-merged");
        shooting.shot("conflict");
        go(&window, "log", "log-row");
        shooting.shot("log");
        go(&window, &format!("log/{event}"), "log-event");
        shooting.shot("log-event");
        go(&window, "settings", "theme-select");
        shooting.shot("settings");
        // Nobody answers: the sheet says which device, and that nothing is lost.
        go(&window, "mesh", "reconcile-button");
        window.click("reconcile-button");
        window.sees("reconcile-summary");
        shooting.shot("reconcile-offline");
        window.click("reconcile-close");
    }
    shooting.end();
}

#[test]
#[ignore = "needs a screen"]
fn an_empty_home_at_both_sizes() {
    let world = World::new();
    for (size, name) in [(PHONE, "phone"), (DESKTOP, "desktop")] {
        let fresh = world.stranger(&format!("{name}-fresh"));
        let window = Window::open(&fresh, size);
        window.sees("firstrun");
        let mut shooting = Shooting::new(&window, name);
        for theme in ["light", "dark"] {
            shooting.theme(theme);
            shooting.shot("first-run");
            window.click("firstrun-join");
            window.types("join-ticket", "mirror:not-a-ticket");
            window.sees("error");
            shooting.shot("first-run-wrong-ticket");
            window.click("firstrun-back");
        }
        shooting.end();
        drop(window);
        let empty = world.first(&format!("{name}-empty"));
        let window = Window::open(&empty, size);
        let mut shooting = Shooting::new(&window, name);
        let places: &[&str] = match name {
            "phone" => &["capture", "notes", "mesh", "standup", "conflicts"],
            _ => &["map", "inbox", "conflicts", "standup", "log"],
        };
        for theme in ["light", "dark"] {
            shooting.theme(theme);
            for place in places {
                window.runs(&format!("location.hash = '#/{place}'"));
                shooting.shot(&format!("{place}-empty"));
            }
        }
        shooting.end();
    }
}
