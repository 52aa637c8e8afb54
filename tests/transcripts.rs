//! What was heard in recordings: shown, found, replaced, and forgotten with its note. No engine is needed for it.

use mirror_node::{NewSegment, NewTranscript, Node};
use serde_json::Value;
use world::{Home, World, text};

/// Writes what an engine heard in a note's first recording.
fn hears(home: &Home, note: &Value, words: &str) -> String {
    let node = Node::open(home.folder()).unwrap();
    let note = node.note(text(&note["note"])).unwrap();
    let half = words[..words.len() / 2].rfind(' ').unwrap_or(words.len() / 2);
    let segment =
        |start_ms, text: &str| NewSegment { start_ms, end_ms: start_ms + 900, text: text.into() };
    let new = NewTranscript {
        engine: "a stand-in".into(),
        model: "small".into(),
        language: Some("en".into()),
        segments: vec![segment(0, &words[..half]), segment(1000, &words[half..])],
        ..NewTranscript::default()
    };
    node.write_transcript(&note.note, &note.attachments[0].blob, new).unwrap().id
}

/// A recording that no encoder reads: it is kept as it is.
fn speaks(world: &World, home: &Home, words: &str) -> Value {
    let memo = world.write("memo.wav", format!("no real recording of {}", home.name()));
    let memo = memo.to_str().unwrap();
    match words {
        "" => home.json(&["note", "add", "--audio", memo]),
        words => home.json(&["note", "add", words, "--audio", memo]),
    }
}

fn transcript(home: &Home, note: &Value) -> Value {
    home.json(&["note", "show", text(&note["note"])])["attachments"][0]["transcript"].clone()
}

#[test]
fn a_transcript_travels_is_found_stands_in_the_standup_and_can_be_replaced() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let note = speaks(&world, &phone, "");
    let waits = text(&mac.json(&["standup"])["markdown"]).to_owned();
    assert!(!waits.contains("memo.wav"), "{waits}");
    phone.reconciles(&mac.serve()).exits(0);
    let waits = text(&mac.json(&["standup"])["markdown"]).to_owned();
    assert!(waits.contains("> [memo.wav: waits for its transcript]"), "{waits}");

    hears(&mac, &note, "call Asha about the flat\n# at four");
    phone.reconciles(&mac.serve()).exits(0);

    for home in [&mac, &phone] {
        let heard = transcript(home, &note);
        assert_eq!(heard["text"], "call Asha about the flat # at four", "{heard}");
        assert_eq!((&heard["model"], &heard["device_name"]), (&"small".into(), &"Mac".into()));
        let hit = &home.list(&["search", "Asha"])[0];
        assert_eq!(hit["note"], note["note"]);
        assert_eq!(hit["in_transcript"], true, "{hit}");
        assert!(text(&hit["snippet"]).contains("Asha"), "{hit}");
        let page = text(&home.json(&["standup"])["markdown"]).to_owned();
        assert!(page.contains("> [memo.wav, heard by small]\n  > call Asha about"), "{page}");
        home.verifies();
    }

    hears(&phone, &note, "call Usha about the flat at four");
    phone.reconciles(&mac.serve()).exits(0);

    for home in [&mac, &phone] {
        assert!(text(&transcript(home, &note)["text"]).contains("Usha"));
        assert_eq!(home.list(&["search", "Asha"]), [Value::Null; 0]);
        home.json(&["doctor", "--rebuild"]);
        assert!(text(&transcript(home, &note)["text"]).contains("Usha"));
        home.verifies();
    }
    assert_eq!(mac.head(), phone.head());
}

#[test]
fn of_two_transcripts_at_once_both_devices_show_the_same_and_both_are_kept() {
    let world = World::new();
    let mac = world.first("Mac");
    let desk = world.joins("Desk", "node", &mac);
    let note = speaks(&world, &mac, "words beside it");
    desk.reconciles(&mac.serve()).exits(0);
    hears(&mac, &note, "one of the two");
    hears(&desk, &note, "other of the two");
    desk.reconciles(&mac.serve()).exits(0);

    let [one, other] = [&mac, &desk].map(|home| transcript(home, &note));
    assert_eq!(one["id"], other["id"]);
    assert_eq!(one["others"], 1, "{one}");
    hears(&desk, &note, "a better one than both");
    desk.reconciles(&mac.serve()).exits(0);
    assert_eq!(transcript(&mac, &note)["others"], 0);
    // What was written goes before what was heard.
    let hit = &mac.list(&["search", "words better"])[0];
    assert_eq!(hit["in_transcript"], false, "{hit}");
    assert_eq!(mac.verifies()["ok"], true);
}

#[test]
fn the_words_of_a_forgotten_note_do_not_survive_in_a_transcript() {
    const WORDS: &str = "hunter2-is-not-a-good-password-to-say-aloud";
    let world = World::new();
    let mac = world.first("Mac");
    let desk = world.joins("Desk", "node", &mac);
    let phone = world.joins("Pixel", "capture", &mac);
    let note = speaks(&world, &phone, "");
    phone.reconciles(&mac.serve()).exits(0);
    desk.reconciles(&mac.serve()).exits(0);
    // Heard on a device that is no anchor, while the phone, that is none either, forgets.
    hears(&desk, &note, &WORDS.repeat(200));
    phone.json(&["forget", text(&note["note"]), "--reason", "a password"]);
    desk.reconciles(&mac.serve()).exits(0);
    assert!(stands_in(desk.folder(), WORDS));

    phone.reconciles(&mac.serve()).exits(0);
    desk.reconciles(&mac.serve()).exits(0);
    phone.reconciles(&mac.serve()).exits(0);

    for home in [&mac, &desk, &phone] {
        assert_eq!(home.list(&["search", "hunter2"]), [Value::Null; 0]);
        assert!(!stands_in(home.folder(), WORDS), "the words stand in {}", home.name());
        assert!(!text(&home.json(&["standup"])["markdown"]).contains("hunter2"));
        home.verifies();
    }
}

fn stands_in(folder: &std::path::Path, words: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return stands_in(&path, words);
        }
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    })
}
