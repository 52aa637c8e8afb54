//! When something is wrong: the exit code, the error in words and in JSON, and a home that is as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use world::{World, text};

/// Every file and its bytes. The shared-memory index is left out: it is SQLite's scratch paper.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if !path.to_string_lossy().ends_with("-shm") {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn a_wrong_command_line_is_told_in_both_forms() {
    let world = World::new();
    let mac = world.first("Mac");
    let wrong: [&[&str]; 14] = [
        &["nonsense"],
        &["note"],
        &["note", "add"],
        &["note", "add", "one", "two"],
        &["note", "add", "text", "--lines"],
        &["note", "add", "text", "--at", "yesterday"],
        &["note", "add", "text", "--at", "2026-11-22T09:30:00"],
        &["note", "list", "--limit", "0"],
        &["note", "list", "--since", "monday"],
        &["resolve", "abc", "--take", "mine"],
        &["standup", "--zone", "Asia/Atlantis"],
        &["init", "--name", "Mac", "--role", "boss"],
        &["reconcile", "--with", "ssh://mac.local"],
        &["reconcile", "--with", "s3://bucket/mailbox"],
    ];
    let before = mac.all_that_shows();
    for args in wrong {
        let error = mac.fails(args, 2, "usage");

        assert!(!text(&error["detail"]).contains("error:"), "{args:?}: {error}");
        let words = mac.run(args).exits(2);
        assert_eq!(words.stdout, "", "{args:?}");
        assert!(words.stderr.starts_with("error[usage]: "), "{args:?}: {}", words.stderr);
    }
    assert_eq!(mac.all_that_shows(), before);
}

#[test]
fn a_link_that_does_not_exist_yet_is_answered_with_those_that_do() {
    let world = World::new();
    let mac = world.first("Mac");

    let error = mac.fails(&["reconcile", "--with", "ssh://mac.local"], 2, "usage");

    assert!(text(&error["detail"]).contains("ssh"), "{error}");
    assert!(text(&error["hint"]).contains("bundle"), "{error}");
}

#[test]
fn an_empty_home_says_how_to_begin() {
    let world = World::new();
    let nobody = world.stranger("Nobody");
    let commands: [&[&str]; 6] = [
        &["note", "add", "hello"],
        &["note", "list"],
        &["head"],
        &["verify"],
        &["reconcile"],
        &["serve", "--listen", "127.0.0.1:0"],
    ];
    for args in commands {
        let error = nobody.fails(args, 1, "not_initialised");

        assert!(text(&error["hint"]).contains("mirror init"), "{args:?}: {error}");
    }
    assert!(!nobody.folder().exists() || files(nobody.folder()).is_empty(), "nothing was made");
}

#[test]
fn a_second_init_changes_nothing() {
    let world = World::new();
    let mac = world.first("Mac");
    let before = mac.all_that_shows();

    mac.run(&["init", "--name", "Again", "--json"]).exits(1).error();

    assert_eq!(mac.all_that_shows(), before);
}

#[test]
fn garbage_is_named_and_changes_nothing() {
    let world = World::new();
    let mac = world.first("Mac");
    mac.captures("mine");
    let before = mac.all_that_shows();
    let garbage = world.write("garbage.bundle", [0x00, 0xff, 0x13, 0x37].repeat(300));
    let empty = world.write("empty.bundle", "");
    let poem = world.write("poem.bundle", "roses are red\n".repeat(100));

    for file in [&garbage, &empty, &poem] {
        mac.fails(&["import", file.to_str().unwrap()], 4, "integrity");
    }
    mac.fails(&["import", world.path("absent").to_str().unwrap()], 1, "io");
    for id in ["not an id", "zz", "", "ffffffffffff", &"f".repeat(64), &"f".repeat(65)] {
        for command in [&["note", "show"][..], &["note", "archive"]] {
            let ran = mac.run(&[command, &[id, "--json"]].concat()).exits(1);
            let code = ran.error()["code"].clone();
            assert!(code == "not_found" || code == "invalid", "{id:?}: {code}");
        }
    }
    mac.run(&["resolve", "ffff", "--take", "ours", "--json"]).exits(1).error();
    mac.fails(&["device", "rename", "Nobody", "Somebody"], 1, "not_found");
    mac.fails(&["device", "revoke", "Nobody"], 1, "not_found");
    mac.fails(&["reconcile", "--with", "Nobody"], 1, "not_found");

    assert_eq!(mac.all_that_shows(), before);
}

#[test]
fn a_garbage_ticket_makes_no_home() {
    let world = World::new();
    for ticket in ["", "hello", "mirror1garbage", &"a".repeat(100_000), "🎟️", "\u{7f}"] {
        let new = world.stranger("New");

        new.fails(&["join", "--name", "New", "--", ticket], 1, "invalid");

        assert!(!new.folder().exists() || files(new.folder()).is_empty(), "nothing was made");
    }
}

#[test]
fn a_ticket_whose_device_is_gone_fails_and_can_be_tried_again() {
    let world = World::new();
    let mac = world.first("Mac");
    let serve = mac.serve();
    let ticket = text(&mac.json(&["invite"])["ticket"]).to_owned();
    drop(serve);
    let new = world.stranger("New");

    new.fails(&["join", &ticket, "--name", "New"], 1, "offline");

    new.fails(&["head"], 1, "not_initialised");
}

#[test]
fn a_device_that_is_away_is_offline_and_nothing_else() {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    phone.captures("later");
    let head = phone.head();

    let ran = phone.run(&["reconcile", "--with", "Mac", "--json"]).exits(1);

    let report: Value = serde_json::from_str(ran.stdout.lines().next().expect("a report")).unwrap();
    assert_eq!(report["peers"][0]["ok"], false, "{report}");
    assert_eq!(report["peers"][0]["error"]["code"], "offline", "{report}");
    assert!(ran.stderr.starts_with("error[offline]: "), "{ran:#?}");
    assert_eq!(phone.head(), head);
    let nobody = phone.run(&["reconcile", "--json"]);
    assert_eq!(nobody.code, Some(1), "nobody was reached: {nobody:#?}");
}

#[test]
fn a_bad_line_is_named_and_the_lines_before_it_are_kept() {
    let world = World::new();
    let mac = world.first("Mac");
    let bad: [(&str, Vec<u8>); 2] = [
        ("line 4", b"one\n\ntwo\nbad \xff line\nthree\n".to_vec()),
        ("line 3", [b"four\nfive\n".as_slice(), &[b'x'; 50_000], b"\nsix\n"].concat()),
    ];
    for (place, input) in bad {
        let ran = mac.run_with(&["note", "add", "--lines", "--json"], input).exits(1);

        let error = ran.error();
        assert!(text(&error["detail"]).starts_with(place), "{error}");
        assert!(text(&error["hint"]).contains("2 notes"), "{error}");
        assert_eq!(ran.lines().len(), 3, "two ids and the error: {ran:#?}");
    }
    assert_eq!(mac.texts().into_iter().collect::<Vec<_>>(), ["five", "four", "one", "two"]);
}

#[test]
fn a_note_beyond_the_limit_is_refused_with_the_limit() {
    let world = World::new();
    let mac = world.first("Mac");
    for bytes in [60_000, 3_000_000] {
        let ran = mac.run_with(&["note", "add", "-", "--json"], vec![b'x'; bytes]).exits(1);

        let error = ran.error();
        assert!(text(&error["detail"]).contains("bytes"), "{error}");
    }
    mac.run_with(&["note", "add", "-", "--json"], b"not \xff text".to_vec()).exits(1).error();
    assert_eq!(mac.texts().len(), 0);
}

#[test]
fn a_home_from_the_future_is_left_as_it_is() {
    let world = World::new();
    let mac = world.first("Mac");
    mac.captures("mine");
    let is_database =
        |(path, bytes): (PathBuf, Vec<u8>)| bytes.starts_with(b"SQLite format 3\0").then_some(path);
    let database = files(mac.folder()).into_iter().find_map(is_database).expect("a database");
    let future = rusqlite::Connection::open(&database).unwrap();
    future.pragma_update(None, "user_version", 1_000_000).unwrap();
    future.close().unwrap();
    let before = files(mac.folder());

    let commands: [&[&str]; 5] = [
        &["note", "add", "hello"],
        &["note", "list"],
        &["verify"],
        &["doctor", "--rebuild"],
        &["init", "--name", "Again"],
    ];
    for args in commands {
        let ran = mac.run(&[args, &["--json"]].concat()).exits(1);

        let error = ran.error();
        assert_eq!(error["code"], "too_new", "{args:?}: {error}");
        assert!(text(&error["hint"]).contains("update"), "{args:?}: {error}");
        let after = files(mac.folder());
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&after), names(&before), "{args:?}");
        assert!(after == before, "{args:?} wrote into the home");
    }
}

#[test]
fn a_changed_byte_in_the_chain_is_found_and_named() {
    let world = World::new();
    let mac = world.first("Mac");
    let captured = mac.captures("the text that somebody will change");
    mac.captures("and one behind it");
    let is_database =
        |(path, bytes): (PathBuf, Vec<u8>)| bytes.starts_with(b"SQLite format 3\0").then_some(path);
    let database = files(mac.folder()).into_iter().find_map(is_database).expect("a database");
    // Whatever the tables are called: a body that holds this text is one that somebody changed.
    let changed = change_text(&database, b"somebody will", b"nobody ever w");
    assert!(changed > 0, "the note is somewhere in the database");

    let ran = mac.run(&["verify", "--deep", "--json"]).exits(4);

    let found = ran.json();
    assert_eq!(found["ok"], false, "{found}");
    assert_eq!(found["first_bad"]["id"], captured["id"], "{found}");
    assert!(ran.stderr.starts_with("error[integrity]: "), "{ran:#?}");
    assert!(!text(&found["first_bad"]["reason"]).is_empty());
}

/// Replaces these bytes in every BLOB column of every table; how many rows changed.
fn change_text(database: &Path, from: &[u8], to: &[u8]) -> usize {
    let db = rusqlite::Connection::open(database).unwrap();
    let columns = "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND m.sql LIKE '%STRICT%' AND c.type = 'BLOB'";
    let mut find = db.prepare(columns).unwrap();
    let columns: Vec<(String, String)> = find
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut changed = 0;
    for (table, column) in columns {
        let select = format!("SELECT rowid, {column} FROM {table} WHERE instr({column}, ?1) > 0");
        let Ok(mut rows) = db.prepare(&select) else { continue };
        let rows: Vec<(i64, Vec<u8>)> = rows
            .query_map([from], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for (row, mut bytes) in rows {
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
            bytes[at..at + to.len()].copy_from_slice(to);
            let update = format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2");
            changed += db.execute(&update, rusqlite::params![bytes, row]).unwrap();
        }
    }
    changed
}
