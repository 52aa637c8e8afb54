//! A thousand sessions, some of them killed: `continuity.md` is whole after each, and coherence is what another reader of the
//! same bytes finds.

use std::fs;
use std::time::Duration;

use ed25519_dalek::{Signature, VerifyingKey};
use mirror_node::{Claim, NewDistillate, Node, OpenSession, view};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use world::dice::Dice;
use world::{World, text};

use crate::desk::{Desk, is_whole};

const SESSIONS: usize = 1_000;
const KILLED: usize = 50;

/// As another reader recomputes it, from the database and the vault alone: `true` for an item that holds.
fn holds(desk: &Desk, database: &Connection, item: &view::SessionItem) -> bool {
    let id = unhex(&item.id);
    let sql = "SELECT pos, header, body FROM events WHERE id = ?1";
    let row: (i64, Vec<u8>, Option<Vec<u8>>) = database
        .query_row(sql, [&id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("the event");
    let (pos, header, body) = row;
    let body = body.expect("a body");
    if id_of(&header) != id || Sha256::digest(&body).as_slice() != field(&header, 9) {
        return false;
    }
    // Up to the next signed head, each event names the one before it.
    let (branch, seq) = (pos >> 40, pos & ((1 << 40) - 1));
    let chain = "SELECT seq, tip, signature, key, id FROM chains WHERE ref = ?1";
    let tip: (i64, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>) = database
        .query_row(chain, [branch], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
        .unwrap();
    let kept =
        "SELECT seq, id, signature FROM heads WHERE chain = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1";
    let head =
        database.query_row(kept, params![branch, seq], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)));
    let (last, last_id, signature): (i64, Vec<u8>, Vec<u8>) = head.unwrap_or((tip.0, tip.1, tip.2));
    let mut statement = database
        .prepare_cached("SELECT header FROM events WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos")
        .unwrap();
    let rows =
        statement.query_map([pos, (branch << 40) | last], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let mut before = field(&header, 3);
    let mut newest = Vec::new();
    for row in rows {
        let row = row.unwrap();
        if field(&row, 3) != before {
            return false;
        }
        newest = id_of(&row);
        before.clone_from(&newest);
    }
    let message = sha(&[b"mirrordna/head/1", &tip.4, &last.to_be_bytes(), &last_id]);
    let key = VerifyingKey::from_bytes(&tip.3.try_into().unwrap()).unwrap();
    let signature = Signature::from_bytes(&signature.try_into().unwrap());
    if newest != last_id || key.verify_strict(&message, &signature).is_err() {
        return false;
    }
    // And what it says: a file's bytes.
    if matches!(item.kind.as_str(), "continuity" | "distillate") {
        let bytes = fs::read(desk.vault(&item.title)).unwrap_or_default();
        return Sha256::digest(&bytes).as_slice() == unhex(&item.hash)
            && bytes.len() as u64 == item.bytes;
    }
    true
}

fn sha(parts: &[&[u8]]) -> Vec<u8> {
    let mut sha = Sha256::new();
    parts.iter().for_each(|part| sha.update(part));
    sha.finalize().to_vec()
}

fn id_of(header: &[u8]) -> Vec<u8> {
    sha(&[b"mirrordna/event/1", header])
}

/// A field of a header that is bytes.
fn field(header: &[u8], number: usize) -> Vec<u8> {
    let mut decoder = minicbor::Decoder::new(header);
    decoder.array().unwrap();
    (0..number).for_each(|_| decoder.skip().unwrap());
    decoder.bytes().map(<[u8]>::to_vec).unwrap_or_default()
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// The share by size, rounded down, from what the independent reader finds.
fn recomputed(desk: &Desk, opened: &view::SessionOpened) -> f64 {
    let database = Connection::open(desk.home.folder().join("mirror.db")).unwrap();
    let (mut whole, mut held) = (0, 0);
    for item in &opened.items {
        whole += item.bytes.max(1);
        if holds(desk, &database, item) {
            held += item.bytes.max(1);
        }
    }
    let share = (held * 10_000).checked_div(whole).unwrap_or(10_000);
    share as f64 / 10_000.0
}

#[test]
fn a_thousand_sessions_leave_a_whole_file_each_and_fifty_killed_ones_too() {
    let world = World::new();
    let desk = Desk::new(&world);
    let mut dice = Dice::seeded(7);
    let mut kills: Vec<usize> = Vec::new();
    while kills.len() < KILLED {
        let at = dice.below(SESSIONS);
        if !kills.contains(&at) {
            kills.push(at);
        }
    }
    let node = Node::open(desk.home.folder()).unwrap();
    for n in 0..12 {
        let name = format!("d{n}.md");
        let text = format!("# Distillate {n}\n\n{}", "what was learnt. ".repeat(10));
        node.distill(NewDistillate { name, text, project: "mirror".into(), ..Default::default() })
            .unwrap();
    }
    let ask =
        OpenSession { agent: "claude".into(), project: "mirror".into(), ..Default::default() };
    let mut standing = String::new();
    for n in 0..SESSIONS {
        let opened = node.session_open(&ask).unwrap();
        let session = opened.session.clone().unwrap();
        assert!(opened.error.is_none(), "{n}: {:?}", opened.error);
        if n % 20 == 0 {
            assert_eq!(opened.coherence, recomputed(&desk, &opened), "session {n}");
        }
        if !standing.is_empty() {
            assert!(
                opened.context.contains(&standing),
                "session {n} is not told {standing:?}: {}",
                opened.context
            );
        }
        let now = format!("session {n} is over");
        let list = || Some(Vec::new());
        let claim = Claim {
            now: Some(now.clone()),
            open_loops: Some(vec![format!("loop {n}")]),
            files: list(),
            commits: list(),
            decisions: list(),
            errors: list(),
            ..Claim::default()
        };
        if kills.contains(&n) {
            let half = format!("session {n} is half done");
            let checkpoint = Claim { now: Some(half.clone()), ..Claim::default() };
            node.session_checkpoint(Some(&session), &checkpoint).unwrap();
            let json = serde_json::json!({"now": now, "open_loops": [format!("loop {n}")], "files": [],
                "commits": [], "decisions": [], "errors": []});
            let file = world.write("claim.json", json.to_string());
            let args =
                ["session", "close", "--session", &session, "--from", file.to_str().unwrap()];
            let closing = desk.home.start(&args);
            std::thread::sleep(Duration::from_millis(dice.below(60) as u64));
            closing.kill();
            // It had closed, or had not: the next session tells which.
            standing = format!("session {n} is");
        } else {
            node.session_close(Some(&session), &claim, None).unwrap();
            standing = now;
        }
        let file = desk.vault("projects/mirror/continuity.md");
        if let Ok(text) = fs::read_to_string(file) {
            is_whole(&text);
        }
    }
    let last = node.session_open(&ask).unwrap();
    assert_eq!(last.coherence, recomputed(&desk, &last));
    let sessions = node.sessions(Some("mirror"), 2_000).unwrap();
    assert_eq!(sessions.len(), SESSIONS + 1);
    let count = |state: &str| sessions.iter().filter(|session| session.state == state).count();
    assert_eq!(count("closed") + count("recovered"), SESSIONS);
    assert!(count("recovered") > 0 && count("recovered") <= KILLED, "{}", count("recovered"));
    assert_eq!(text(&serde_json::Value::from(sessions[0].state.clone())), "open");
    drop(node);
    desk.home.verifies();
}

#[test]
fn coherence_below_the_limit_is_what_another_reader_finds_too() {
    let world = World::new();
    let desk = Desk::new(&world);
    for n in 0..8 {
        desk.seals(
            &world,
            &format!("d{n}.md"),
            &format!("# {n}\n{}", "it holds. ".repeat(10 + n)),
            &[],
        );
    }
    let node = Node::open(desk.home.folder()).unwrap();
    let ask = OpenSession { agent: "a".into(), project: "mirror".into(), ..Default::default() };
    assert_eq!(node.session_open(&ask).unwrap().coherence, 1.0);
    let mut last = 1.0;
    for n in [5, 2, 7] {
        // The file and its version both: nothing is left to repair it from.
        let path = desk.vault(&format!("projects/mirror/distillates/d{n}.md"));
        let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(fs::read(&path).unwrap()));
        let version = desk.vault(&format!(".mirror/versions/{}/{}", &hash[..2], &hash[2..]));
        fs::remove_file(version).unwrap();
        fs::write(path, "another content").unwrap();
        let opened = node.session_open(&ask).unwrap();
        assert!(opened.coherence < last && opened.coherence < 0.95);
        assert_eq!(opened.coherence, recomputed(&desk, &opened));
        assert!(opened.error.is_some() && opened.context.contains("REFUSED"));
        assert!(!opened.context.contains("it holds"), "nothing is told at all");
        last = opened.coherence;
    }
}
