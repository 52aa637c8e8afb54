//! How a device comes into the mesh, and how it goes.

use serde_json::Value;
use world::{World, text};

#[test]
fn a_ticket_admits_one_device_and_both_sides_show_the_same_digits() {
    let world = World::new();
    let mac = world.first("Mac");
    let _serve = mac.serve();
    let invite = mac.json(&["invite", "--role", "capture"]);
    let ticket = text(&invite["ticket"]);
    let phone = world.stranger("Pixel");

    let joined = phone.json(&["join", ticket, "--name", "Pixel"]);

    assert_eq!(joined["digits"], invite["digits"]);
    assert_eq!(text(&joined["digits"]).chars().filter(char::is_ascii_digit).count(), 6);
    assert_eq!((&joined["name"], &joined["role"]), (&"Pixel".into(), &"capture".into()));
    let names = |home: &world::Home| -> Vec<String> {
        let devices = home.list(&["device", "list"]);
        let mut names: Vec<_> = devices.iter().map(|d| text(&d["name"]).to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&mac), ["Mac", "Pixel"]);
    assert_eq!(names(&phone), ["Mac", "Pixel"]);

    let second = world.stranger("Second");
    second.fails(&["join", ticket, "--name", "Second"], 5, "refused");
    second.fails(&["head"], 1, "not_initialised");
}

#[test]
fn invite_waits_by_itself_and_says_who_came() {
    let world = World::new();
    let mac = world.first("Mac");
    let mut invite = mac.start(&["--json", "invite", "--wait", "--listen", "127.0.0.1:0"]);
    let ticket: Value = serde_json::from_str(&invite.next_line().expect("a ticket")).unwrap();

    let phone = world.stranger("Pixel");
    phone.json(&["join", text(&ticket["ticket"]), "--name", "Pixel"]);

    let came: Value = serde_json::from_str(&invite.next_line().expect("who came")).unwrap();
    assert_eq!(came["joined"]["name"], "Pixel", "{came}");
    invite.finish().exits(0);
    assert_eq!(mac.head(), phone.head());
}

#[test]
fn invite_says_what_to_do_when_nobody_serves() {
    let world = World::new();
    let mac = world.first("Mac");

    let error = mac.fails(&["invite"], 1, "offline");

    assert!(text(&error["hint"]).contains("--wait"), "{error}");
}

#[test]
fn an_invitation_that_is_called_off_ends_cleanly() {
    let world = World::new();
    let mac = world.first("Mac");
    let mut invite = mac.start(&["--json", "invite", "--wait", "--listen", "127.0.0.1:0"]);
    let ticket: Value = serde_json::from_str(&invite.next_line().expect("a ticket")).unwrap();

    invite.interrupt();

    let error = invite.finish().exits(1).error();
    assert_eq!(error["code"], "cancelled", "{error}");
    mac.verifies();
    // The next one to serve is on the same port, and no longer knows the ticket.
    let _serve = mac.serve();
    let phone = world.stranger("Pixel");
    let error = phone.fails(&["join", text(&ticket["ticket"]), "--name", "Pixel"], 5, "refused");
    assert!(text(&error["detail"]).contains("unknown"), "{error}");
}

#[test]
fn a_device_is_found_again_after_it_was_started_anew() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let first = mac.serve();
    let address = first.address().to_owned();
    phone.json(&["reconcile"]);
    drop(first);
    phone.run(&["reconcile"]).exits(1);

    let again = mac.serve();

    assert_eq!(again.address(), address);
    phone.captures("found you");
    let report = phone.json(&["reconcile"]);
    assert_eq!(report["peers"][0]["committed"], true, "{report}");
    assert_eq!(mac.texts(), ["found you".to_owned()].into());
}

#[cfg(unix)]
#[test]
fn a_home_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let mac = world.first("Mac");
    let mode = mac.folder().metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
}

#[test]
fn a_device_is_renamed_everywhere() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);

    mac.json(&["device", "rename", "Pixel", "Old phone"]);
    phone.reconciles(&mac.serve()).exits(0);

    let devices = phone.list(&["device", "list"]);
    assert!(devices.iter().any(|device| device["name"] == "Old phone"), "{devices:?}");
}

#[test]
fn a_revoked_device_gets_and_gives_nothing_more() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "node", &mac);
    let kept = phone.captures("written before");
    phone.reconciles(&mac.serve()).exits(0);
    mac.json(&["device", "revoke", "Pixel"]);
    mac.captures("not for the phone");
    phone.captures("written after");
    let before = (mac.head(), phone.texts());

    let ran = phone.reconciles(&mac.serve());

    assert_eq!(ran.code, Some(5), "{ran:#?}");
    assert_eq!((mac.head(), phone.texts()), before);
    assert_eq!(mac.json(&["note", "show", text(&kept["note"])])["text"], "written before");
    let devices = mac.list(&["device", "list"]);
    let phone = devices.iter().find(|device| device["name"] == "Pixel").expect("it stays listed");
    assert_eq!(phone["state"], "revoked");
}

#[test]
fn a_stranger_is_refused_and_learns_nothing() {
    let world = World::new();
    let mac = world.first("Mac");
    mac.captures("mine");
    let stranger = world.first("Stranger");
    let before = (mac.all_that_shows(), stranger.all_that_shows());

    let ran = stranger.reconciles(&mac.serve());

    assert_ne!(ran.code, Some(0), "{ran:#?}");
    assert!(!ran.stdout.contains("mine") && !ran.stderr.contains("mine"), "{ran:#?}");
    assert_eq!((mac.all_that_shows(), stranger.all_that_shows()), before);
}
