//! Homes that are absent, held, too new or damaged, and input that nobody should send.

use std::fs;
use std::time::Instant;

use rusqlite::Connection;
use serde_json::json;
use world::{World, text};

use crate::session::Session;

const EVENTS: [&str; 6] =
    ["SessionStart", "UserPromptSubmit", "PreCompact", "PostCompact", "Stop", "SessionEnd"];

#[test]
fn without_a_home_every_hook_is_quiet_and_says_so_on_stderr() {
    let world = World::new();
    let stranger = world.stranger("Nobody");
    for event in EVENTS {
        let ran = Session::of(&stranger, "one").hears(event, json!({}));
        assert_eq!(ran.stdout, "", "{event}");
        assert!(
            ran.stderr.contains("there is no device in") && ran.stderr.lines().count() == 1,
            "{ran:?}"
        );
    }
    assert!(!stranger.folder().exists(), "nothing is laid down");
}

#[test]
fn a_home_of_a_later_version_is_left_alone() {
    let world = World::new();
    let home = world.first("Mac");
    let database = Connection::open(home.folder().join("mirror.db")).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    for event in EVENTS {
        let ran = Session::of(&home, "one").hears(event, json!({}));
        assert_eq!((ran.stdout.as_str(), ran.stderr.lines().count()), ("", 1), "{event}: {ran:?}");
        assert!(ran.stderr.contains("update MirrorDNA"), "{ran:?}");
    }
}

#[test]
fn a_home_that_another_process_holds_keeps_nobody_waiting() {
    let world = World::new();
    let home = world.first("Mac");
    let database = Connection::open(home.folder().join("mirror.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE; DELETE FROM session_told").unwrap();
    let session = Session::of(&home, "one");
    let ran = session.hears("SessionStart", json!({"source": "startup"}));
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("within 4000 ms"), "{ran:?}");
    database.execute_batch("ROLLBACK").unwrap();
    session.starts("startup");
    session.stops("half");
    database.execute_batch("BEGIN IMMEDIATE; DELETE FROM session_told").unwrap();
    let begun = Instant::now();
    let ran = session.hears("SessionEnd", json!({}));
    assert!(ran.stderr.contains("within 1300 ms"), "{ran:?}");
    assert!(begun.elapsed().as_millis() < 3_000, "{:?}", begun.elapsed());
    database.execute_batch("ROLLBACK").unwrap();
    home.verifies();
}

#[test]
fn damage_stops_a_prompt_and_is_told_at_a_start() {
    let world = World::new();
    let home = world.first("Mac");
    home.captures("ask Meera");
    let session = Session::of(&home, "one");
    session.starts("startup");
    let database = Connection::open(home.folder().join("mirror.db")).unwrap();
    let sql = "UPDATE events SET body = zeroblob(length(body)) WHERE instr(header, 'note.add')";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    let blocked = |what: &str| {
        let said = session.hears("UserPromptSubmit", json!({"prompt": "go on"})).json();
        assert_eq!(said["decision"], "block", "{what}: {said}");
        assert!(text(&said["reason"]).contains("MIRROR MEMORY REFUSED"), "{what}: {said}");
        let said = session.hears("SessionStart", json!({"source": "compact"})).json();
        for banner in [&said["hookSpecificOutput"]["additionalContext"], &said["systemMessage"]] {
            assert!(text(banner).contains("MIRROR MEMORY REFUSED"), "{what}: {said}");
        }
        for event in ["PreCompact", "PostCompact", "Stop", "SessionEnd"] {
            let more = json!({"last_assistant_message": "x", "compact_summary": "y"});
            assert_eq!(session.hears(event, more).stdout, "", "{what}: {event}");
        }
    };
    blocked("what it was told of");
    database.execute("UPDATE chains SET tip = zeroblob(32)", []).unwrap();
    drop(database);
    blocked("the chain");
    for name in ["mirror.db-wal", "mirror.db-shm"] {
        let _ = fs::remove_file(home.folder().join(name));
    }
    fs::write(home.folder().join("mirror.db"), "this is no database, whatever its name says")
        .unwrap();
    blocked("the database");
}

#[test]
fn strange_input_changes_nothing_and_breaks_nothing() {
    let world = World::new();
    let home = world.first("Mac");
    let head = home.head();
    let session = Session::of(&home, "one");
    let inputs: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"session_id\":".to_vec(),
        br#"{"session_id":{"a":1}}"#.to_vec(),
        br#"{"session_id":"\u0000"}"#.to_vec(),
        br#"{"session_id":"x","cwd":7}"#.to_vec(),
        format!(r#"{{"session_id":"{}"}}"#, "x".repeat(1 << 20)).into_bytes(),
        format!(r#"{{"session_id":"x","a":{}"#, "[".repeat(1 << 20)).into_bytes(),
    ];
    for input in inputs {
        for event in EVENTS {
            let ran = session.hears_bytes(event, input.clone());
            assert_eq!(ran.stdout, "", "{event}");
            assert!(ran.stderr.starts_with("mirror: the hook's"), "{ran:?}");
        }
    }
    assert_eq!(home.head(), head);
    // Strange, and yet an event.
    let odd = json!({"source": ["x"], "session_id": "x"}).to_string().into_bytes();
    assert_eq!(session.hears_bytes("SessionStart", odd).stdout, "");
    let long = json!({"last_assistant_message": "ж".repeat(1 << 20)});
    let other = Session::of(&home, "two");
    other.starts("no such source");
    assert_eq!(other.hears("Stop", long).stdout, "");
    assert_eq!(text(&home.list(&["session", "show"])[0]["now"]).len(), 2_000);
}

#[test]
fn no_command_line_is_a_verdict_to_the_agent() {
    let world = World::new();
    let home = world.first("Mac");
    for args in [
        &["hook", "claude-code", "PreToolUse"][..],
        &["hook", "claude-code", "Stop", "--of-a-later-version"],
        &["hook", "claude-code"],
        &["hook", "another-agent", "Stop"],
    ] {
        let ran = home.run_with(args, "{}").exits(0);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
}
