//! Two devices, a thousand notes, several writers at once: everything arrives, once, and both agree.

use std::collections::BTreeSet;
use std::thread;

use mirror_node::{NewNote, Node};
use world::dice::Dice;
use world::{World, corpus, text};

#[test]
fn a_thousand_notes_in_many_scripts_reach_the_other_device_with_one_reconcile() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let notes = corpus::notes(&mut Dice::seeded(1), 1000);
    assert_eq!(phone.captures_all(&notes).len(), notes.len());

    let serve = mac.serve();
    let report = phone.reconciles(&serve).exits(0).json();

    let peer = &report["peers"][0];
    assert_eq!(peer["ok"], true, "{report}");
    assert!(peer["sent"].as_u64().unwrap() >= 1000, "{report}");
    assert_eq!(mac.texts(), notes.into_iter().collect::<BTreeSet<_>>());
    assert_eq!(mac.head(), phone.head());
    assert_eq!(mac.json(&["head"])["state"], phone.json(&["head"])["state"]);
    assert_eq!(report["head"], phone.head());

    let again = phone.reconciles(&serve).exits(0).json();

    let peer = &again["peers"][0];
    assert_eq!(peer["round_trips"], 1, "{again}");
    for moved in ["sent", "received", "duplicates", "quarantined"] {
        assert_eq!(peer[moved], 0, "{moved} in {again}");
    }
    assert_eq!(peer["head_before"], peer["head_after"]);
    mac.verifies();
    phone.verifies();
}

#[test]
fn what_both_wrote_meets_in_the_middle() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let notes = corpus::notes(&mut Dice::seeded(2), 200);
    let (here, there) = notes.split_at(90);
    mac.captures_all(here);
    phone.captures_all(there);

    let report = phone.reconciles(&mac.serve()).exits(0).json();

    assert_eq!(report["peers"][0]["received"], 90, "{report}");
    assert_eq!(report["peers"][0]["sent"], 110, "{report}");
    assert_eq!(mac.texts(), phone.texts());
    assert_eq!(mac.events(), phone.events());
    assert_eq!(mac.head(), phone.head());
}

#[test]
fn several_processes_write_one_home_and_its_chain_stays_one() {
    let world = World::new();
    let mac = world.first("Mac");
    let before = mac.json(&["head"])["events"].as_u64().unwrap();
    let notes = corpus::notes(&mut Dice::seeded(3), 180);
    let (first, rest) = notes.split_at(60);
    let (second, third) = rest.split_at(60);

    // Two command lines, and the library in this process as the app uses it.
    let node = Node::open(mac.folder()).unwrap();
    let mut ids: Vec<String> = thread::scope(|scope| {
        let one = scope.spawn(|| mac.captures_all(first));
        let two = scope.spawn(|| mac.captures_all(second));
        let app = scope.spawn(|| {
            let new = |text: &String| NewNote { text: text.clone(), ..NewNote::default() };
            third.iter().map(|text| node.capture(new(text)).unwrap().id).collect::<Vec<_>>()
        });
        [one, two, app].map(|writer| writer.join().unwrap()).concat()
    });

    let head = mac.json(&["head"]);
    assert_eq!(head["chains"].as_array().unwrap().len(), 1, "{head}");
    assert_eq!(head["events"].as_u64().unwrap(), before + 180);
    assert_eq!(mac.list(&["device", "list"])[0]["forked"], false);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 180, "every id once");
    assert!(mac.events().is_superset(&ids.into_iter().collect()));
    assert_eq!(mac.texts(), notes.into_iter().collect::<BTreeSet<_>>());
    mac.verifies();
}

#[test]
fn an_id_is_printed_only_when_another_process_can_read_the_note() {
    let world = World::new();
    let mac = world.first("Mac");
    let mut capture = mac.start(&["note", "add", "--lines"]);
    for note in ["one", "two", "three"] {
        capture.write(format!("{note}\n").as_bytes());

        let id = capture.next_line().expect("an id");

        assert_eq!(mac.json(&["note", "show", &id])["text"], note);
    }
    capture.finish().exits(0);
}

#[test]
fn the_same_notes_are_found_by_their_words_on_the_other_device() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    phone.captures("buy oat milk and lemons");
    phone.captures("明天早上去市场买水果");
    phone.captures("ನಾಳೆ ಬೆಳಿಗ್ಗೆ ಮಾರುಕಟ್ಟೆಗೆ ಹೋಗಿ");
    phone.reconciles(&mac.serve()).exits(0);

    for (query, expected) in
        [("oat milk", "oat milk"), ("去市场", "去市场"), ("ಮಾರುಕಟ್ಟೆ", "ಮಾರುಕಟ್ಟೆ")]
    {
        let hits = mac.list(&["search", query]);
        assert_eq!(hits.len(), 1, "{query}: {hits:?}");
        assert!(text(&hits[0]["snippet"]).contains(expected), "{query}: {hits:?}");
    }
}
