//! The command line's promises to scripts: the fields of every answer, ids, lists, streams.

use serde_json::Value;
use world::{Home, World, text};

#[track_caller]
fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "{field:?} is missing in {value}");
    }
}

#[track_caller]
fn is_id(value: &Value) {
    let id = text(value);
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    assert!(id.len() == 64 && id.chars().all(hex), "{id:?} is no full lower-case hex id");
}

#[track_caller]
fn is_instant(value: &Value) {
    let at = text(value);
    let offset = at.get(at.len().saturating_sub(6)..).unwrap_or_default();
    let numeric = offset.starts_with(['+', '-']) && offset.as_bytes()[3] == b':';
    assert!(at.get(10..11) == Some("T") && (numeric || at.ends_with('Z')), "{at:?} is no RFC 3339");
}

/// Two devices that know each other, two notes on the first.
fn two_devices(world: &World) -> (Home, Home) {
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    mac.json(&["note", "add", "buy oat milk", "--tag", "home", "--tag", "shop"]);
    mac.captures("read about clocks");
    (mac, phone)
}

#[test]
fn init_and_join_tell_who_the_device_is() {
    let world = World::new();
    let mac = world.stranger("Mac");
    let made = mac.json(&["init", "--name", "Mac", "--role", "anchor"]);
    let invite = {
        let _serve = mac.serve();
        let invite = mac.json(&["invite"]);
        let phone = world.stranger("Pixel");
        let joined = phone.json(&["join", text(&invite["ticket"]), "--name", "Pixel"]);
        has(&joined, &["device", "mesh", "name", "role", "home", "digits"]);
        assert_eq!(joined["mesh"], made["mesh"]);
        assert_ne!(joined["device"], made["device"]);
        invite
    };
    has(&made, &["device", "mesh", "name", "role", "home"]);
    is_id(&made["device"]);
    is_id(&made["mesh"]);
    assert_eq!((&made["name"], &made["role"]), (&"Mac".into(), &"anchor".into()));
    has(&invite, &["ticket", "expires", "digits"]);
    is_instant(&invite["expires"]);
}

#[test]
fn a_capture_tells_where_it_stands_in_the_chain() {
    let world = World::new();
    let mac = world.first("Mac");

    let first = mac.captures("one");
    let second = mac.json(&["note", "add", "two", "--at", "2026-11-22T09:30:00+05:30"]);

    has(&first, &["id", "note", "chain", "seq", "lamport", "at"]);
    for id in ["id", "note", "chain"] {
        is_id(&first[id]);
    }
    assert_eq!(first["chain"], second["chain"]);
    assert_eq!(second["seq"].as_u64(), first["seq"].as_u64().map(|seq| seq + 1));
    assert_eq!(second["lamport"].as_u64(), first["lamport"].as_u64().map(|lamport| lamport + 1));
    is_instant(&second["at"]);
    assert!(text(&second["at"]).starts_with("2026-11-22T09:30:00"), "{second}");
    assert!(text(&second["at"]).ends_with("+05:30"), "the author's offset stays: {second}");
}

#[test]
fn the_words_of_a_capture_are_its_id_and_nothing_else() {
    let world = World::new();
    let mac = world.first("Mac");

    let ran = mac.run(&["note", "add", "hello"]).exits(0);

    is_id(&ran.stdout.trim_end().into());
    assert_eq!(mac.json(&["note", "show", ran.stdout.trim_end()])["text"], "hello");
}

#[test]
fn standard_input_is_a_note_without_the_newline_that_ends_it() {
    let world = World::new();
    let mac = world.first("Mac");

    let captured = mac.captures_lines("first line\n\n  third line  \n");

    let note = mac.json(&["note", "show", text(&captured["id"])]);
    assert_eq!(note["text"], "first line\n\n  third line  ");
}

#[test]
fn lists_are_a_line_each() {
    let world = World::new();
    let (mac, _phone) = two_devices(&world);

    let notes = mac.list(&["note", "list"]);
    assert_eq!(notes.len(), 2);
    for note in &notes {
        has(note, &["note", "id", "text", "at", "device", "tags", "state"]);
        is_id(&note["note"]);
        is_instant(&note["at"]);
    }
    assert_eq!(notes[0]["text"], "read about clocks", "newest first");
    assert_eq!(notes[1]["tags"], serde_json::json!(["home", "shop"]));

    let hits = mac.list(&["search", "oat milk"]);
    assert_eq!(hits.len(), 1);
    has(&hits[0], &["note", "id", "snippet", "at", "device", "tags", "state"]);

    let devices = mac.list(&["device", "list"]);
    assert_eq!(devices.len(), 2);
    for device in &devices {
        has(device, &["device", "name", "role", "state", "last_contact", "forked"]);
    }

    let log = mac.list(&["log"]);
    let fields =
        ["id", "chain", "device", "seq", "prev", "deps", "lamport", "at", "kind", "body_hash"];
    for event in &log {
        has(event, &fields);
        is_id(&event["id"]);
    }
    let lamports: Vec<_> = log.iter().map(|event| event["lamport"].as_u64().unwrap()).collect();
    assert!(lamports.is_sorted_by(|newer, older| newer >= older), "canonical order: {lamports:?}");
}

#[test]
fn notes_are_chosen_by_tag_and_time() {
    let world = World::new();
    let mac = world.first("Mac");
    mac.json(&["note", "add", "old", "--tag", "work", "--at", "2026-01-01T10:00:00Z"]);
    mac.json(&["note", "add", "new", "--tag", "work", "--at", "2026-06-01T10:00:00Z"]);
    mac.json(&["note", "add", "other", "--tag", "home", "--at", "2026-06-02T10:00:00Z"]);
    let texts = |args: &[&str]| -> Vec<String> {
        let args = [&["note", "list"], args].concat();
        mac.list(&args).iter().map(|note| text(&note["text"]).to_owned()).collect()
    };

    assert_eq!(texts(&["--tag", "work"]), ["new", "old"]);
    assert_eq!(texts(&["--since", "2026-05-01T00:00:00Z"]), ["other", "new"]);
    assert_eq!(texts(&["--since", "2026-05-01T00:00:00Z", "--tag", "work"]), ["new"]);
    assert_eq!(texts(&["--tag", "nothing"]), [""; 0]);
}

#[test]
fn a_list_that_goes_on_says_where() {
    let world = World::new();
    let mac = world.first("Mac");
    let notes: Vec<_> = (0..7).map(|number| format!("note {number}")).collect();
    mac.captures_all(&notes);
    for command in [["note", "list"].as_slice(), &["log"]] {
        let all = mac.list(&[command, &["--limit", "1000"]].concat());
        let mut seen = mac.list(&[command, &["--limit", "3"]].concat());
        assert_eq!(seen.len(), 3);
        while let Some(next) = seen.last().and_then(|line| line.get("next")).cloned() {
            let page = [command, &["--limit", "3", "--cursor", text(&next)]].concat();
            let page = mac.list(&page);
            assert!(!page.is_empty(), "{command:?} promised more");
            seen.extend(page);
        }
        let ids =
            |lines: &[Value]| -> Vec<Value> { lines.iter().map(|l| l["id"].clone()).collect() };
        assert_eq!(ids(&seen), ids(&all), "{command:?}: every line once, in order");
    }
}

#[test]
fn a_note_has_a_history_and_can_be_put_away() {
    let world = World::new();
    let mac = world.first("Mac");
    let captured = mac.captures("milk");
    let note = text(&captured["note"]);

    let edited = mac.json(&["note", "edit", note, "oat milk"]);
    has(&edited, &["id", "note", "chain", "seq", "lamport", "at"]);
    assert_eq!(edited["note"], captured["note"]);
    assert_eq!(mac.json(&["note", "show", note])["text"], "oat milk");

    mac.json(&["note", "archive", note]);
    assert_eq!(mac.list(&["note", "list"]).len(), 0);
    let put_away = mac.list(&["note", "list", "--archived"]);
    assert_eq!(put_away[0]["state"], "archived");

    let history = mac.list(&["note", "show", note, "--history"]);
    assert_eq!(history.len(), 3);
    for revision in &history {
        has(revision, &["id", "parents", "text", "at", "device"]);
    }
}

#[test]
fn an_id_may_be_given_by_its_start() {
    let world = World::new();
    let mac = world.first("Mac");
    let captured = mac.captures("milk");
    for id in ["id", "note"] {
        let start = text(&captured[id]).get(..12).unwrap();
        assert_eq!(mac.json(&["note", "show", start])["text"], "milk");
    }
    // Sixteen starts and more notes than that: some start is shared.
    mac.captures_all(&(0..16).map(|number| format!("note {number}")).collect::<Vec<_>>());
    let first = |note: &Value| text(&note["note"]).get(..1).unwrap().to_owned();
    let mut starts: Vec<_> = mac.list(&["note", "list"]).iter().map(first).collect();
    starts.sort();
    let shared = starts.windows(2).find(|pair| pair[0] == pair[1]).expect("17 notes, 16 digits");

    let ran = mac.run(&["note", "show", &shared[0], "--json"]).exits(1);

    ran.error();
}

#[test]
fn head_verify_doctor_and_map_have_their_fields() {
    let world = World::new();
    let (mac, _phone) = two_devices(&world);

    let head = mac.json(&["head"]);
    has(&head, &["head", "state", "events", "chains"]);
    is_id(&head["head"]);
    for chain in head["chains"].as_array().unwrap() {
        has(chain, &["chain", "device", "seq", "tip"]);
    }

    for args in [["verify"].as_slice(), &["verify", "--deep"]] {
        let found = mac.json(args);
        has(&found, &["ok", "events", "chains", "bodies", "blobs", "first_bad"]);
        assert_eq!((&found["ok"], &found["first_bad"]), (&true.into(), &Value::Null));
        assert_eq!(found["events"], head["events"]);
    }

    let map = mac.json(&["map"]);
    has(&map, &["head", "nodes", "edges"]);
    assert_eq!(map["nodes"].as_array().unwrap().len(), 2, "{map}");
    for node in map["nodes"].as_array().unwrap() {
        has(node, &["id", "kind", "name", "state", "tier", "place", "x", "y", "placed"]);
    }
    for edge in map["edges"].as_array().unwrap() {
        has(edge, &["from", "to", "link", "state", "lag_events", "last_contact"]);
        has(edge, &["to_send", "to_fetch", "quality", "exchanges"]);
    }

    for args in [["doctor"].as_slice(), &["doctor", "--rebuild"]] {
        assert_eq!(mac.json(args)["ok"], true);
    }
    assert_eq!(mac.json(&["head"]), head, "a rebuild comes to the same");
}

#[test]
fn serve_says_who_and_where_first() {
    let world = World::new();
    let mac = world.first("Mac");

    let serve = mac.serve();

    has(serve.hello(), &["device", "address"]);
    is_id(&serve.hello()["device"]);
    assert!(serve.address().starts_with("127.0.0.1:"), "{}", serve.hello());
    assert!(!serve.address().ends_with(":0"), "a real port: {}", serve.hello());
}

#[test]
fn reconcile_tells_what_went_over_which_link() {
    let world = World::new();
    let (mac, phone) = two_devices(&world);
    phone.captures("from the phone");
    let serve = mac.serve();

    let report = phone.reconciles(&serve).exits(0).json();

    has(&report, &["head", "conflicts", "peers"]);
    let peer = &report["peers"][0];
    let fields = [
        "device",
        "link",
        "ok",
        "round_trips",
        "bytes_in",
        "bytes_out",
        "received",
        "sent",
        "duplicates",
        "quarantined",
        "refused",
        "head_before",
        "head_after",
        "ms",
    ];
    has(peer, &fields);
    assert_eq!((&peer["received"], &peer["sent"]), (&2.into(), &1.into()), "{report}");
    assert_eq!(peer["device"], serve.hello()["device"]);
    assert_eq!(peer["head_after"], report["head"]);

    // By its name, at the address of the last contact.
    mac.captures("one more");
    let report = phone.run(&["reconcile", "--with", "Mac", "--json"]).exits(0).json();
    assert_eq!(report["peers"][0]["received"], 1, "{report}");
    // And with everyone who can be reached.
    assert_eq!(phone.json(&["reconcile"])["peers"].as_array().unwrap().len(), 1);
}

#[test]
fn json_is_all_that_stands_on_stdout_and_words_carry_no_colour() {
    let world = World::new();
    let (mac, phone) = two_devices(&world);
    let serve = mac.serve();
    let quiet = phone.run(&["reconcile", "--with", serve.address(), "--json"]).exits(0);
    assert_eq!(quiet.stderr, "", "no bar without a terminal");
    for args in
        [&["note", "list"][..], &["device", "list"], &["head"], &["map"], &["log"], &["help"]]
    {
        let ran = mac.run(args).exits(0);
        assert!(!ran.stdout.contains('\u{1b}'), "{ran:#?}");
        assert!(!ran.stdout.is_empty(), "{ran:#?}");
    }
}
