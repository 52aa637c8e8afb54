//! Fifty thousand notes in the window, on the phone and on the desktop.

use std::time::{Duration, Instant};

use world::window::{DESKTOP, PHONE, Window};
use world::{Home, World};

use crate::homes::{Homes, scratch};
use crate::mesh::Size;

/// Some events are edits and devices.
const SIZE: Size = Size { events: 60_000, chains: 5 };
/// What a list holds in the page, whatever there is.
const MOST_ELEMENTS: u64 = 2000;
/// Far more than a list of what is looked at takes, far less than all notes would.
const MOST_MEGABYTES: u64 = 250;

/// A copy of a home that is made once, its full-text index too, and kept.
fn full(world: &World) -> Home {
    let homes = Homes::of(SIZE);
    let kept = homes.beside("indexed");
    let original = world.stranger("kept").at(&kept);
    if !kept.exists() {
        let making = scratch();
        homes.copy(1, making.path());
        world.stranger("made").at(making.path()).run(&["search", "lemon"]).exits(0);
        std::fs::rename(making.keep(), &kept).unwrap();
    }
    original.copy_as("full", world.path("full"))
}

fn number(window: &Window, script: &str) -> u64 {
    window.runs(script).as_u64().unwrap()
}

fn elements(window: &Window) -> u64 {
    number(window, "return document.querySelectorAll('*').length")
}

/// What the page's process holds, in megabytes.
fn page_megabytes() -> u64 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pages = processes.filter(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("WebKitWebProcess")
    });
    let kilobytes = pages.filter_map(|page| {
        let status = std::fs::read_to_string(page.path().join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    kilobytes.max().unwrap() / 1024
}

fn scrolls_to(window: &Window, part: f64) {
    window.runs(&format!(
        "const list = document.querySelector('main .list.scroll'); list.scrollTop = list.scrollHeight * {part}"
    ));
}

/// The row in the middle of the list shows a note, not a place where one will be.
fn shows(window: &Window, part: f64) {
    let middle = "const box = document.querySelector('main .list.scroll').getBoundingClientRect();
        const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        return there?.closest('[data-row]')?.innerText ?? ''";
    world::until(&format!("a note is shown at {part}"), || {
        window.runs(middle).as_str().is_some_and(|words| !words.is_empty()).then_some(())
    });
}

#[test]
#[ignore = "needs a screen"]
fn fifty_thousand_notes_scroll_and_search_on_both_sizes() {
    let world = World::new();
    let home = full(&world);
    for (size, list) in [(PHONE, "nav-notes"), (DESKTOP, "nav-inbox")] {
        let window = Window::open(&home, size);
        window.click(list);
        window.sees("note-row");
        let total = window.text("note-count");
        let count: u64 =
            total.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
        assert!(count >= 50_000, "{total}");
        let before = page_megabytes();

        for part in [0.5, 1.0, 0.25, 0.9] {
            let asked = Instant::now();
            scrolls_to(&window, part);
            shows(&window, part);
            assert!(
                asked.elapsed() < Duration::from_secs(3),
                "{size} {part}: {:?}",
                asked.elapsed()
            );
            assert!(elements(&window) < MOST_ELEMENTS, "{} elements", elements(&window));
        }
        // A fling: every place on the way is passed.
        for step in 0..60 {
            scrolls_to(&window, f64::from(step) / 60.0);
        }
        scrolls_to(&window, 0.999);
        shows(&window, 0.999);
        assert!(elements(&window) < MOST_ELEMENTS, "{} elements", elements(&window));
        let grown = page_megabytes().saturating_sub(before);
        assert!(grown < MOST_MEGABYTES, "the page grew by {grown} MB from {before} MB");

        let asked = Instant::now();
        window.types("search-input", "lemon");
        window.sees("search-hit");
        let marked = "return document.querySelectorAll('[data-testid=search-hit] mark').length";
        assert!(number(&window, marked) > 0, "what was found is marked");
        eprintln!(
            "{size}: {count} notes, {} elements, grew {grown} MB, search shown in {:?}",
            elements(&window),
            asked.elapsed()
        );
    }
}
