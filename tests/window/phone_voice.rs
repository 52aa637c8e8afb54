//! Voice on the phone's window, with a microphone that hears what the test plays.

use std::path::PathBuf;

use world::window::{PHONE, Window};
use world::{Home, Room, World, text, until};

/// The sound of a home's only recording, as samples of a 16,000th of a second.
fn samples(home: &Home) -> Vec<f32> {
    let notes = home.list(&["note", "list", "--tag", "voice"]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    let blob = text(&notes[0]["attachments"][0]["blob"]);
    let file = home.folder().with_extension("opus");
    home.run(&["blob", "get", blob, "-o", &file.display().to_string()]).exits(0);
    let mut sound = Vec::new();
    let read = mirror_node::samples(&file, |block| {
        sound.extend_from_slice(block);
        true
    });
    read.unwrap();
    sound
}

fn waiting(home: &Home) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(home.folder().join("recordings"));
    folder.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[test]
#[ignore = "needs a screen"]
fn a_recording_is_shown_paused_and_kept() {
    let (world, room) = (World::new(), Room::new());
    let phone = world.first("Pixel");
    let window = Window::open_with(&phone, PHONE, &room.variables());
    window.sees("voice-start");
    let humming = room.hums();

    window.click("voice-start");
    until("the meter moves", || {
        (window.attribute("voice-level", "data-level").parse::<f32>().ok()? > 0.5).then_some(())
    });
    window.click("voice-pause");
    window.sees("voice-panel[data-stage=paused]");
    let held = window.text("voice-time");
    std::thread::sleep(std::time::Duration::from_millis(1200));
    assert_eq!(window.text("voice-time"), held, "nothing is kept while it is paused");
    window.click("voice-pause");
    window.sees("voice-panel[data-stage=recording]");
    window.reads("voice-time", "0:03");
    window.click("voice-stop");

    window.reads("recent-capture", "Recording");
    drop(humming);
    let sound = samples(&phone);
    assert!((48_000..80_000).contains(&sound.len()), "{} samples", sound.len());
    assert!(sound.iter().any(|sample| *sample > 0.12), "what was hummed is in it");
    assert_eq!(waiting(&phone).len(), 0, "the note has it");
}

#[test]
#[ignore = "needs a screen"]
fn a_recording_survives_the_power_cut() {
    let (world, room) = (World::new(), Room::new());
    let phone = world.first("Pixel");
    let window = Window::open_with(&phone, PHONE, &room.variables());
    let humming = room.hums();
    window.click("voice-start");
    window.reads("voice-time", "0:03");

    window.kill();

    drop(humming);
    assert_eq!(waiting(&phone).len(), 1);
    let window = Window::open_with(&phone, PHONE, &room.variables());
    window.reads("recent-capture", "Recording");
    assert!(samples(&phone).len() >= 2 * 16_000, "all but the last second at most");
    assert_eq!(waiting(&phone).len(), 0);
    phone.verifies();
}

#[test]
#[ignore = "needs a screen"]
fn silence_is_said_while_it_lasts_and_makes_no_note() {
    let (world, room) = (World::new(), Room::new());
    let phone = world.first("Pixel");
    let window = Window::open_with(&phone, PHONE, &room.variables());

    window.click("voice-start");
    window.reads("voice-state", "Nothing is heard");
    window.click("voice-stop");

    window.reads("error", "Only silence came");
    assert_eq!((phone.texts().len(), waiting(&phone).len()), (0, 0));
}

#[test]
#[ignore = "needs a screen"]
fn a_device_without_a_microphone_says_so() {
    let world = World::new();
    let phone = world.first("Pixel");
    let window = Window::open_with(&phone, PHONE, &Room::deaf_variables());

    window.click("voice-start");

    window.reads("error", "There is no microphone");
    window.types("capture-text", "Written instead");
    window.click("capture-done");
    window.reads("recent-capture", "Written instead");
}
