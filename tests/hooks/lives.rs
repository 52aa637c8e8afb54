//! Sessions from their start to their end.

use std::fs;

use rusqlite::Connection;
use serde_json::json;
use world::{World, text};

use crate::session::{Session, states};

#[test]
fn a_session_starts_with_memory_and_leaves_it_for_the_next() {
    let world = World::new();
    let home = world.first("Mac");
    home.captures("ask Meera about the key rotation");
    let first = Session::of(&home, "one");
    let context = first.starts("startup");
    assert!(
        context.contains("⟦m⟧ ask Meera") && context.contains("project=\"mirror\""),
        "{context}"
    );
    first.prompts();
    first.stops("the lexer is written");
    first.stops("the parser is written");
    first.ends();
    let file =
        fs::read_to_string(home.folder().join("vault/projects/mirror/continuity.md")).unwrap();
    assert!(file.contains("the parser is written") && !file.contains("lexer"), "{file}");
    let context = Session::of(&home, "two").starts("startup");
    assert!(context[..2048.min(context.len())].contains("the parser is written"), "{context}");
    assert_eq!(states(&home), ["open", "closed"]);
    home.verifies();
}

#[test]
fn a_context_stays_under_what_a_hook_can_hand_out_with_the_vital_part_in_front() {
    let world = World::new();
    let home = world.first("Mac");
    let one = Session::of(&home, "one");
    one.starts("startup");
    one.stops(&"we stand at the second gate, and ".repeat(200));
    one.ends();
    home.captures_all(
        &(0..200).map(|n| format!("note {n} of the long day, наблюдение {n}")).collect::<Vec<_>>(),
    );
    let context = Session::of(&home, "two").starts("startup");
    assert!((7_000..9_000).contains(&context.chars().count()), "{}", context.chars().count());
    assert!(context.chars().take(1_000).collect::<String>().contains("second gate"), "{context}");
}

#[test]
fn a_killed_session_stands_as_its_last_answer_left_it() {
    let world = World::new();
    let home = world.first("Mac");
    // No process has this number.
    let killed = Session { home: &home, id: "one", pid: 4_194_305 };
    killed.starts("startup");
    killed.stops("half of the lexer is written");
    let context = Session::of(&home, "two").starts("startup");
    assert!(
        context.contains("had ended without a close") && context.contains("half of the lexer"),
        "{context}"
    );
    assert_eq!(states(&home), ["open", "recovered"]);
    // What lives is left alone, also by others.
    Session::of(&home, "three").starts("startup");
    assert_eq!(states(&home), ["open", "open", "recovered"]);
}

#[test]
fn one_that_said_nothing_takes_nothing_away() {
    let world = World::new();
    let home = world.first("Mac");
    let one = Session::of(&home, "one");
    one.starts("startup");
    one.stops("the parser is written");
    one.ends();
    let two = Session::of(&home, "two");
    two.starts("startup");
    two.ends();
    assert!(Session::of(&home, "three").starts("startup").contains("the parser is written"));
    assert_eq!(states(&home), ["open", "recovered", "closed"]);
}

#[test]
fn a_compacted_session_is_told_the_same_again_and_its_summary_is_kept() {
    let world = World::new();
    let home = world.first("Mac");
    home.captures("ask Meera about the key rotation");
    let session = Session::of(&home, "one");
    let told = session.starts("startup");
    session.stops("the lexer is written");
    assert_eq!(session.hears("PreCompact", json!({"trigger": "auto"})).stdout, "");
    assert_eq!(session.starts("compact"), told);
    let summary = json!({"trigger": "auto", "compact_summary": "1. The lexer is written, the parser is next."});
    assert_eq!(session.hears("PostCompact", summary).stdout, "");
    let shown = home.list(&["session", "show"]);
    assert_eq!(shown[0]["now"], "1. The lexer is written, the parser is next.");
    assert_eq!(states(&home), ["open"], "it is one session");
}

#[test]
fn a_resumed_session_hears_first_what_is_new() {
    let world = World::new();
    let home = world.first("Mac");
    home.captures("an old note");
    let session = Session::of(&home, "one");
    session.starts("startup");
    session.stops("the parser is written");
    session.ends();
    home.captures("the printer is broken");
    home.captures("the printer is mended");
    let context = session.starts("resume");
    assert!(
        context.starts_with("RESUMED: since you were last told, 2 notes, 0 files, 0 conflicts"),
        "{context}"
    );
    assert!(
        context.contains("the printer is mended") && !context.contains("an old note"),
        "{context}"
    );
}

#[test]
fn a_session_that_was_closed_by_its_agent_gets_memory_again_when_it_goes_on() {
    let world = World::new();
    let home = world.first("Mac");
    let session = Session::of(&home, "one");
    let context = session.starts("startup");
    let command = context.split("`mirror").nth(1).unwrap().split('`').next().unwrap();
    assert!(command.contains(home.folder().to_str().unwrap()), "{command}");
    let id = command.split("--session ").nth(1).unwrap().split(' ').next().unwrap();
    let done = json!({"files": [], "commits": [], "decisions": ["offsets are bytes"], "errors": [], "open_loops": ["docs"]});
    home.run_with(&["session", "close", "--session", id, "--from", "-"], done.to_string()).exits(0);
    let said = session.hears("UserPromptSubmit", json!({"prompt": "one thing more"})).json();
    let context = text(&said["hookSpecificOutput"]["additionalContext"]);
    assert!(context.contains("⟦m⟧ - docs") && context.contains("offsets are bytes"), "{context}");
    session.prompts();
    session.ends();
    assert_eq!(states(&home), ["recovered", "closed"]);
}

#[test]
fn what_was_told_is_gathered_anew_when_the_copy_of_it_was_tampered_with() {
    let world = World::new();
    let home = world.first("Mac");
    home.captures("ask Meera about the key rotation");
    let session = Session::of(&home, "one");
    session.starts("startup");
    let database = Connection::open(home.folder().join("mirror.db")).unwrap();
    let sql = "UPDATE session_told SET context = replace(context, 'Meera', 'Mallory')";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    let context = session.starts("compact");
    assert!(!context.contains("Mallory"), "{context}");
    let sessions = home.list(&["session", "show"]);
    let log = home.list(&["session", "rejections", text(&sessions[1]["session"])]);
    assert_eq!(
        (&log[0]["reason"], &log[0]["what"]),
        (&json!("tampered"), &json!("what the session was told"))
    );
}
