//! Story 12: the same app at a phone's size.

use world::window::{CONTROL_ENTER, DESKTOP, PHONE, Window};
use world::{World, text, until};

#[test]
#[ignore = "needs a screen"]
fn a_note_typed_on_the_phone_is_on_the_desktop_after_one_tap() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.stranger("Pixel");
    let desktop = Window::open(&mac, DESKTOP);
    desktop.sees("nav-inbox");
    let invite = until("the app can be reached", || {
        let invite = mac.run(&["--json", "invite", "--role", "capture"]);
        (invite.code == Some(0)).then(|| invite.json())
    });
    phone.json(&["join", text(&invite["ticket"]), "--name", "Pixel"]);
    let window = Window::open(&phone, PHONE);

    window.types("capture-text", "Paper weights: ask the printer before Friday");
    window.click("capture-done");
    window.reads("recent-capture", "Paper weights");
    window.click("nav-mesh");
    window.click("reconcile-button");

    window.reads("reconcile-summary", "Everything is in step");
    desktop.click("nav-inbox");
    desktop.reads("note-row", "Paper weights: ask the printer");
    assert_eq!(mac.head(), phone.head());
    assert!(mac.texts().contains("Paper weights: ask the printer before Friday"));
}

#[test]
#[ignore = "needs a screen"]
fn what_was_being_typed_survives_the_power_cut() {
    let world = World::new();
    let phone = world.first("Pixel");
    let window = Window::open(&phone, PHONE);
    window.types("capture-text", "Half a thought, not yet");
    window.sees("draft-saved");

    window.kill();

    phone.verifies();
    let window = Window::open(&phone, PHONE);
    until("the draft is back", || {
        (window.value("capture-text") == "Half a thought, not yet").then_some(())
    });
    window.types("capture-text", " finished");
    window.types("capture-text", CONTROL_ENTER);
    window.reads("recent-capture", "Half a thought, not yet finished");
    assert_eq!(phone.texts().len(), 1);
    window.kill();
    let window = Window::open(&phone, PHONE);
    window.reads("recent-capture", "Half a thought, not yet finished");
    assert_eq!(
        window.value("capture-text"),
        "",
        "the draft became the note: it is not there twice"
    );
}

#[test]
#[ignore = "needs a screen"]
fn the_standup_on_the_phone_shows_what_came_in() {
    let world = World::new();
    let phone = world.first("Pixel");
    let yesterday = phone.json(&["note", "add", "Written yesterday", "--at", &yesterday()]);
    assert!(yesterday["id"].is_string());
    let window = Window::open(&phone, PHONE);

    window.click("nav-standup");

    window.reads("standup-item", "Written yesterday");
}

/// Noon of the day before, in UTC.
pub fn yesterday() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{}", seconds.as_secs() - 86_400), "+%Y-%m-%dT12:00:00+00:00"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
#[ignore = "needs a screen"]
fn a_note_is_found_edited_and_its_history_kept() {
    let world = World::new();
    let phone = world.first("Pixel");
    phone.captures("The lighthouse keeper's bicycle");
    phone.captures("Something else");
    let window = Window::open(&phone, PHONE);

    window.click("nav-notes");
    window.types("search-input", "lighthouse");
    window.click_saying("search-hit", "lighthouse");
    window.reads("note-detail", "bicycle");
    window.click("note-edit");
    window.writes("note-text", "The lighthouse keeper's tricycle");
    window.click("note-save");

    window.reads("note-detail", "tricycle");
    assert!(phone.texts().contains("The lighthouse keeper's tricycle"));
}

#[test]
#[ignore = "needs a screen"]
fn markup_in_a_note_is_shown_and_never_run() {
    let world = World::new();
    let phone = world.first("Pixel");
    phone.captures("**bold** <img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>");
    let window = Window::open(&phone, DESKTOP);

    window.click("nav-inbox");
    window.click("note-row");

    window.reads("note-detail", "bold");
    assert_ne!(window.runs("return document.title"), "owned");
    let inside = "return document.querySelectorAll('[data-testid=note-detail] :is(script, [onerror], img)').length";
    assert_eq!(window.runs(inside), 0);
}
