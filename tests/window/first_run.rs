//! From nothing to a mesh, in the window.

use std::process::Command;

use world::window::{DESKTOP, PHONE, Window};
use world::{World, until};

#[test]
#[ignore = "needs a screen"]
fn a_mesh_is_started_in_one_window_and_joined_in_another() {
    let world = World::new();
    let (mac, phone) = (world.stranger("Mac"), world.stranger("Pixel"));
    let desktop = Window::open(&mac, DESKTOP);
    desktop.click("firstrun-start");
    desktop.writes("init-name", "Mac");
    desktop.click("init-submit");
    desktop.click("nav-settings");
    desktop.click("invite-button");
    let ticket = desktop.text("invite-ticket");
    let digits = desktop.text("invite-digits");

    let window = Window::open(&phone, PHONE);
    window.click("firstrun-join");
    window.types("join-ticket", &ticket);
    assert_eq!(window.text("join-digits"), digits, "both screens show the same digits");
    window.writes("join-name", "Pixel");
    window.click("join-submit");

    window.sees("capture-text");
    let names: Vec<_> = phone.list(&["device", "list"]);
    assert_eq!(names.len(), 2);
    until("both have one history", || (mac.head() == phone.head()).then_some(()));
}

#[test]
#[ignore = "needs a screen"]
fn a_ticket_that_is_none_is_refused_at_once_and_nothing_is_laid_down() {
    let world = World::new();
    let phone = world.stranger("Pixel");
    let window = Window::open(&phone, PHONE);
    window.click("firstrun-join");

    window.types("join-ticket", "mirror:not-a-ticket");

    window.sees("error");
    assert_eq!(window.count("join-submit[disabled]"), 1);
    phone.fails(&["head"], 1, "not_initialised");
}

#[test]
#[ignore = "needs a screen"]
fn a_home_that_cannot_be_opened_says_so_and_is_tried_again() {
    let world = World::new();
    let mac = world.first("Mac");
    mac.captures("still here");
    let (database, aside) = (mac.folder().join("mirror.db"), mac.folder().join("aside"));
    std::fs::rename(&database, &aside).unwrap();
    std::fs::write(&database, "this is no database, whatever its name says").unwrap();
    let window = Window::open(&mac, DESKTOP);

    window.sees("error");

    assert_eq!(window.count("firstrun-start"), 0, "it must not look like a first run");
    std::fs::rename(&aside, &database).unwrap();
    window.click("error-retry");
    window.sees("nav-inbox");
}

#[test]
#[ignore = "needs a screen"]
fn a_second_start_on_one_home_ends_and_leaves_the_first_alone() {
    let world = World::new();
    let mac = world.first("Mac");
    let window = Window::open(&mac, DESKTOP);
    window.sees("nav-inbox");

    let second = Command::new(world::app())
        .args(["--home", &mac.folder().display().to_string()])
        .env("MIRROR_KEYS", "file")
        .status()
        .unwrap();

    assert!(second.success());
    window.sees("nav-inbox");
}

#[test]
#[ignore = "needs a screen"]
fn the_window_and_two_commands_write_at_once_into_one_chain() {
    let world = World::new();
    let mac = world.first("Mac");
    let window = Window::open(&mac, DESKTOP);
    window.sees("nav-inbox");
    let lines = |from: usize| (from..from + 100).map(|n| format!("line {n}\n")).collect::<String>();
    let mut writers = [0, 100].map(|from| {
        let mut writer = mac.start(&["note", "add", "--lines"]);
        writer.feed(lines(from).into_bytes());
        writer
    });

    for number in 0..5 {
        window.types("capture-text", &format!("typed {number}"));
        window.click("capture-done");
        until("it is saved", || window.value("capture-text").is_empty().then_some(()));
    }

    for writer in &mut writers {
        while writer.next_line().is_some() {}
    }
    for writer in writers {
        writer.finish().exits(0);
    }
    // The field is free for the next note before the last one is durable.
    until("all are here", || (mac.texts().len() == 205).then_some(()));
    assert_eq!(mac.verifies()["chains"], 1);
}
