//! Story 12: phone window. The same app at phone size: capture by text and voice, one-tap reconcile, standup; survives being
//! killed mid-typing.

use world::window::{DESKTOP, PHONE, Window};
use world::{Room, World, text, until};

#[test]
#[ignore = "needs a screen"]
fn story_12_phone_window() {
    let world = World::new();
    let room = Room::new();
    let mac = world.first("Mac");
    let desktop = Window::open(&mac, DESKTOP);
    desktop.sees("nav-inbox");
    let phone = world.stranger("Pixel");
    let invite = until("the app can be reached", || {
        let invite = mac.run(&["--json", "invite", "--role", "capture"]);
        (invite.code == Some(0)).then(|| invite.json())
    });
    phone.json(&["join", text(&invite["ticket"]), "--name", "Pixel"]);
    phone.json(&["note", "add", "Water the lemon tree", "--at", &crate::phone::yesterday()]);

    // Captured by text, with the process killed in the middle of it.
    let window = Window::open_with(&phone, PHONE, &room.variables());
    window.types("capture-text", "Paper weights: ask the printer");
    window.sees("draft-saved");
    window.kill();
    let window = Window::open_with(&phone, PHONE, &room.variables());
    until("the draft is back", || {
        (window.value("capture-text") == "Paper weights: ask the printer").then_some(())
    });
    window.types("capture-text", " before Friday");
    window.click("capture-done");
    window.reads("recent-capture", "Paper weights: ask the printer before Friday");

    // Captured by voice.
    let humming = room.hums();
    window.click("voice-start");
    window.reads("voice-time", "0:02");
    window.click("voice-stop");
    drop(humming);
    window.reads("recent-capture", "Recording");

    // One tap, and both are on the desktop, the sound byte for byte.
    window.click("nav-mesh");
    window.click("reconcile-button");
    window.reads("reconcile-summary", "Everything is in step");
    assert_eq!(mac.head(), phone.head());
    desktop.click("nav-inbox");
    desktop.reads("note-row", "Paper weights: ask the printer before Friday");
    desktop.reads("note-row", "Recording");
    let spoken = mac.list(&["note", "list", "--tag", "voice"]);
    assert_eq!(spoken.len(), 1);
    assert_eq!(spoken[0]["attachments"][0]["state"], "present", "{}", spoken[0]);

    // And the morning page.
    window.click("reconcile-close");
    window.click("nav-standup");
    window.reads("standup-item", "Water the lemon tree");
    phone.verifies();
    mac.verifies();
}
