//! Story 1: the phone takes notes in another zone for two days, and the Mac's morning page knows them.

use world::{Home, World, text};

/// In the order in which the phone took them; one was dictated late, for an earlier hour.
const NOTES: [(&str, &str); 12] = [
    ("2026-11-21T09:00:00+05:30", "ask the bank about the card"),
    ("2026-11-21T12:15:00+05:30", "lunch with Ines was good"),
    ("2026-11-21T18:40:00+05:30", "ideas for the mesh map"),
    ("2026-11-21T23:50:00+05:30", "can't sleep: the index could follow"),
    ("2026-11-22T00:10:00+05:30", "read about Lamport clocks"),
    ("2026-11-22T04:29:00+05:30", "one minute before the Mac's day"),
    ("2026-11-22T04:30:00+05:30", "the first of the Mac's day"),
    ("2026-11-22T13:05:00+05:30", "the train was late"),
    ("2026-11-22T08:20:00+05:30", "said this at breakfast, wrote it at lunch"),
    ("2026-11-22T19:00:00+05:30", "ನಾಳೆ ಹಣ್ಣು ತರಬೇಕು 🍎"),
    ("2026-11-22T23:30:00+05:30", "call the plumber"),
    ("2026-11-23T01:00:00+05:30", "already tomorrow here, still today there"),
];

/// Berlin's 22 November begins at 04:30 in +05:30 and ends a day later.
const OF_THE_MACS_DAY: usize = 6;

fn takes_notes(phone: &Home) {
    for (at, note) in NOTES {
        phone.json(&["note", "add", note, "--at", at]);
    }
}

#[test]
fn the_morning_page_lists_yesterdays_phone_notes_by_the_macs_day() {
    let world = World::new();
    let mac = world.first("Mac").in_zone("Europe/Berlin");
    let phone = world.joins("Pixel", "capture", &mac).in_zone("Asia/Kolkata");
    takes_notes(&phone);

    let serve = mac.serve();
    phone.reconciles(&serve).exits(0);
    let page = mac.json(&["standup", "--date", "2026-11-23", "--zone", "Europe/Berlin"]);

    let items = page["sections"].as_array().unwrap().iter();
    let items = items.flat_map(|section| section["items"].as_array().unwrap());
    let items: Vec<_> = items.filter(|item| item["device_name"] == "Pixel").collect();
    let told: Vec<_> = items.iter().map(|item| text(&item["text"])).collect();
    let times: Vec<_> = items.iter().map(|item| text(&item["time"])).collect();
    let expected = &NOTES[NOTES.len() - OF_THE_MACS_DAY..];
    assert_eq!(told, expected.iter().map(|(_, note)| *note).collect::<Vec<_>>());
    assert_eq!(
        times,
        ["04:30", "13:05", "08:20", "19:00", "23:30", "01:00"],
        "the phone's own time"
    );
    assert_eq!(mac.head(), phone.head());
}

#[test]
fn the_markdown_has_each_note_once_and_none_of_another_day() {
    let world = World::new();
    let mac = world.first("Mac").in_zone("Europe/Berlin");
    let phone = world.joins("Pixel", "capture", &mac).in_zone("Asia/Kolkata");
    takes_notes(&phone);
    phone.reconciles(&mac.serve()).exits(0);

    let page = mac.run(&["standup", "--date", "2026-11-23", "--zone", "Europe/Berlin"]).exits(0);

    for (index, (_, note)) in NOTES.iter().enumerate() {
        let expected = usize::from(index >= NOTES.len() - OF_THE_MACS_DAY);
        assert_eq!(page.stdout.matches(note).count(), expected, "{note} in\n{}", page.stdout);
    }
    assert!(page.stdout.starts_with("# "), "Markdown:\n{}", page.stdout);
    assert!(page.stdout.contains("Pixel"), "who said it:\n{}", page.stdout);
}
