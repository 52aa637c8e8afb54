//! Long and strange text on the phone.

use world::window::{NARROW, PHONE, Window};
use world::{Home, World};

const HEBREW: &str = "פגישה עם הדפוס ביום שישי בשעה ארבע";
const MIXED: &str = "للتذكير: موعد MRI يوم 14:30";

/// A family, a letter under many marks, and letters that are composed of several.
fn marks() -> String {
    format!("👩‍👩‍👧‍👦 Z{} क्षि nạ̈ĭve", "\u{310}\u{321}\u{334}".repeat(40))
}

fn word() -> String {
    "x".repeat(20 * 1024)
}

fn opens(size: &str) -> (World, Home, Window) {
    let world = World::new();
    let phone = world.first("Pixel");
    for note in [HEBREW, MIXED, &marks()] {
        phone.captures(note);
    }
    phone.captures_lines(&word());
    let window = Window::open(&phone, size);
    (world, phone, window)
}

/// Nothing reaches out of the window, and no row out of its place.
fn fits(window: &Window) {
    let wide = "return document.scrollingElement.scrollWidth - innerWidth";
    assert_eq!(window.runs(wide), 0);
    let rows = "return [...document.querySelectorAll('[data-row]')].filter((row) =>
        row.scrollHeight > row.clientHeight + 1 || row.scrollWidth > row.clientWidth + 1).length";
    assert_eq!(window.runs(rows), 0);
}

#[test]
#[ignore = "needs a screen"]
fn strange_text_is_captured_listed_read_and_edited() {
    for size in [PHONE, NARROW] {
        let (_world, phone, window) = opens(size);
        window.click("nav-notes");
        window.reads("note-row", HEBREW);
        fits(&window);
        for (note, shown) in [(MIXED, MIXED), ("👩‍👩‍👧‍👦", "nạ̈ĭve"), ("xxxx", "xxxx"), (HEBREW, HEBREW)]
        {
            window.click_saying("note-row", note);
            window.reads("note-detail", shown);
            fits(&window);
            window.click("note-back");
            window.sees("note-row");
        }
        window.click("nav-capture");
        window.types("capture-text", &marks());
        window.click("capture-done");
        window.reads("recent-capture", "nạ̈ĭve");
        fits(&window);
        assert!(phone.texts().contains(&marks()) && phone.texts().contains(&word()));
    }
}

#[test]
#[ignore = "needs a screen"]
fn right_to_left_text_stands_at_its_own_side() {
    let (_world, _phone, window) = opens(PHONE);
    window.click("nav-notes");
    window.reads("note-row", HEBREW);
    // Where the words are drawn, from the row's left to its right, each in hundredths.
    let sides = "return [...document.querySelectorAll('[data-testid=note-row]')].map((row) => {
        const words = row.querySelector('[dir=auto]'); const range = document.createRange();
        range.selectNodeContents(words); const ink = range.getBoundingClientRect(); const box = words.getBoundingClientRect();
        return [getComputedStyle(words).direction, Math.round(ink.left - box.left), Math.round(box.right - ink.right)] })";
    let sides = window.runs(sides);
    let rows = window.texts("note-row");
    for (row, side) in rows.iter().zip(sides.as_array().unwrap()) {
        let rtl = row.starts_with(HEBREW) || row.starts_with(MIXED);
        let (left, right) = (side[1].as_i64().unwrap(), side[2].as_i64().unwrap());
        assert_eq!(side[0], if rtl { "rtl" } else { "ltr" }, "{row}");
        assert!(
            if rtl { right <= 1 } else { left <= 1 },
            "{row}: {left} px from the left, {right} from the right"
        );
    }
    window.click_saying("note-row", HEBREW);
    window.reads("note-detail", HEBREW);
    let read = "const text = [...document.querySelectorAll('[data-testid=note-detail] p')].find((one) => one.textContent.includes('פגישה'));
        const range = document.createRange(); range.selectNodeContents(text);
        return text.getBoundingClientRect().right - range.getBoundingClientRect().right <= 1";
    assert_eq!(window.runs(read), true, "the note itself stands at the right");
    window.click("nav-capture");
    window.types("capture-text", HEBREW);
    let typed =
        "return getComputedStyle(document.querySelector('[data-testid=capture-text]')).direction";
    assert_eq!(window.runs(typed), "rtl");
}
