//! A phone's process can end at any moment; what was typed is there at the next start, once.

use std::thread::sleep;
use std::time::Duration;

use world::window::{PHONE, Window};
use world::{World, until};

/// Types by the clock, as a person who never pauses does.
const TYPES_ON: &str =
    "const field = document.querySelector('[data-testid=capture-text]'); let count = 0;
    setInterval(() => {
        field.value += ` ${count++}`;
        field.dispatchEvent(new Event('input', { bubbles: true }));
    }, 60)";

#[test]
#[ignore = "needs a screen"]
fn killed_while_typing_at_any_moment_the_draft_is_there() {
    let world = World::new();
    let phone = world.first("Pixel");
    let mut before = String::new();
    for (round, after_ms) in [0, 90, 250, 400].into_iter().enumerate() {
        let window = Window::open(&phone, PHONE);
        until("the draft is back", || {
            let back = window.value("capture-text");
            back.starts_with(&before).then_some(())
        });
        before = window.value("capture-text");
        let typed = format!(" thought {round}");
        window.types("capture-text", &typed);
        if after_ms == 400 {
            window.sees("draft-saved");
            before += &typed;
        } else {
            sleep(Duration::from_millis(after_ms));
        }
        window.kill();
    }
    let window = Window::open(&phone, PHONE);
    until("what was told as saved is back", || {
        window.value("capture-text").contains("thought 3").then_some(())
    });
    phone.verifies();
}

#[test]
#[ignore = "needs a screen"]
fn killed_while_typing_without_a_pause_a_second_is_lost_at_most() {
    let world = World::new();
    let phone = world.first("Pixel");
    let window = Window::open(&phone, PHONE);
    window.sees("capture-text");
    window.runs(TYPES_ON);
    until("enough is typed", || (window.value("capture-text").len() > 120).then_some(()));
    let typed = window.value("capture-text");

    window.kill();

    let window = Window::open(&phone, PHONE);
    let kept = until("the draft is back", || {
        Some(window.value("capture-text")).filter(|text| !text.is_empty())
    });
    // A second is 17 words of up to three letters; the machine may be slow.
    let missing = typed.len().saturating_sub(kept.len());
    assert!(
        missing <= 100 && (typed.starts_with(&kept) || kept.starts_with(&typed)),
        "{kept:?} of {typed:?}"
    );
}

#[test]
#[ignore = "needs a screen"]
fn killed_while_a_note_is_made_it_is_a_draft_or_a_note_and_never_both() {
    let world = World::new();
    let phone = world.first("Pixel");
    for (round, after_ms) in [0, 5, 20, 60].into_iter().enumerate() {
        let window = Window::open(&phone, PHONE);
        window.sees("capture-text");
        // What the last round left as a draft is made a note first, so that this round's is alone.
        sleep(Duration::from_millis(300));
        if !window.value("capture-text").is_empty() {
            window.click("capture-done");
            until("it is a note", || (phone.texts().len() == round).then_some(()));
        }
        window.types("capture-text", &format!("Only once {round}"));
        window.sees("draft-saved");
        window.click("capture-done");
        sleep(Duration::from_millis(after_ms));
        window.kill();

        let noted = phone.texts().contains(&format!("Only once {round}"));
        let window = Window::open(&phone, PHONE);
        window.sees("capture-text");
        sleep(Duration::from_millis(300));
        let drafted = window.value("capture-text") == format!("Only once {round}");
        assert!(noted != drafted, "round {round}: a note {noted}, a draft {drafted}");
    }
    phone.verifies();
}
