//! Events, bodies, chains' ends and their signatures.

use std::fs;

use data_encoding::HEXLOWER;
use mirror_protocol::event::{Dep, Event, Header};
use mirror_protocol::{ChainId, EventId, SignedHead, SigningKey};

use crate::ward::{Case, End, Patient, patient, see_through};

pub const CASES: &[Case] = &[
    Case { kind: "event-damaged", also: &[], exit: 4, end: End::MendsFrom, make: header },
    Case { kind: "event-missing", also: &[], exit: 4, end: End::MendsFrom, make: gap },
    Case { kind: "event-missing", also: &[], exit: 4, end: End::MendsFrom, make: last_gone },
    Case { kind: "event-missing", also: &[], exit: 4, end: End::MendsFrom, make: forgotten_gone },
    Case { kind: "id-wrong", also: &[], exit: 4, end: End::Mends, make: id },
    Case { kind: "body-damaged", also: &[], exit: 4, end: End::MendsFrom, make: body },
    Case { kind: "body-missing", also: LISTS, exit: 4, end: End::MendsFrom, make: no_body },
    Case { kind: "lamport-wrong", also: LISTS, exit: 4, end: End::Stays, make: clock },
    Case { kind: "cause-missing", also: LISTS, exit: 4, end: End::Stays, make: cause },
    Case { kind: "tip-wrong", also: &[], exit: 4, end: End::Mends, make: tip },
    Case { kind: "tip-wrong", also: &[], exit: 4, end: End::Mends, make: tip_id },
    Case { kind: "head-unsigned", also: &[], exit: 4, end: End::Mends, make: own_head },
    Case { kind: "head-unsigned", also: &[], exit: 4, end: End::MendsFrom, make: others_head },
    Case { kind: "owner-wrong", also: &[], exit: 4, end: End::Mends, make: owner },
    Case { kind: "kept-head-bad", also: &[], exit: 4, end: End::Mends, make: kept_head },
    Case { kind: "own-chain-gone", also: &[], exit: 4, end: End::Mends, make: own_chain },
    Case { kind: "facts-damaged", also: LISTS, exit: 4, end: End::Mends, make: facts },
];

/// What an event that is not as it was makes of the lists.
const LISTS: &[&str] = &[
    "notes-wrong",
    "tags-wrong",
    "revisions-wrong",
    "state-wrong",
    "full-text-short",
    "count-wrong",
];

#[test]
fn damages_of_the_history() {
    see_through(CASES);
}

/// An event in the middle of the desk's chain, which is the second.
const MIDDLE: &str = "(SELECT pos FROM events WHERE pos >> 40 = 2 ORDER BY pos LIMIT 1 OFFSET 1)";
const OWN: &str = "(SELECT value FROM meta WHERE key = 'chain')";

fn change(home: &Patient, column: &str) {
    let sql = format!("SELECT {column} FROM events WHERE pos = {MIDDLE}");
    let database = rusqlite::Connection::open(home.path("mirror.db")).unwrap();
    let mut bytes: Vec<u8> = database.query_row(&sql, [], |row| row.get(0)).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let hex = HEXLOWER.encode(&bytes);
    home.sql(&format!("UPDATE events SET {column} = x'{hex}' WHERE pos = {MIDDLE}"));
}

fn header(home: &Patient) {
    change(home, "header");
}

fn gap(home: &Patient) {
    home.sql(&format!("DELETE FROM events WHERE pos = {MIDDLE}"));
}

/// What was forgotten has its place in the chain all the same.
fn forgotten_gone(home: &Patient) {
    assert_eq!(home.number("SELECT count(*) FROM events WHERE body IS NULL"), 1);
    home.sql("DELETE FROM events WHERE body IS NULL");
}

fn last_gone(home: &Patient) {
    home.sql("DELETE FROM events WHERE pos = (SELECT max(pos) FROM events WHERE pos >> 40 = 1)");
}

fn id(home: &Patient) {
    home.sql(&format!("UPDATE events SET id = randomblob(32) WHERE pos = {MIDDLE}"));
}

fn body(home: &Patient) {
    change(home, "body");
}

fn no_body(home: &Patient) {
    home.sql(&format!("UPDATE events SET body = NULL WHERE pos = {MIDDLE}"));
}

fn tip(home: &Patient) {
    home.sql(&format!("UPDATE chains SET seq = seq - 1 WHERE id = {OWN}"));
}

fn tip_id(home: &Patient) {
    home.sql("UPDATE chains SET tip = randomblob(32) WHERE ref = 2");
}

fn own_head(home: &Patient) {
    home.sql(&format!("UPDATE chains SET signature = zeroblob(64) WHERE id = {OWN}"));
}

fn others_head(home: &Patient) {
    home.sql("DELETE FROM heads WHERE chain = 2; UPDATE chains SET signature = zeroblob(64) WHERE ref = 2");
}

fn owner(home: &Patient) {
    home.sql("UPDATE chains SET device = randomblob(32) WHERE ref = 2");
}

fn kept_head(home: &Patient) {
    home.sql("UPDATE heads SET signature = zeroblob(64)");
}

fn own_chain(home: &Patient) {
    home.sql("UPDATE meta SET value = randomblob(32) WHERE key = 'chain'");
}

fn facts(home: &Patient) {
    home.sql("UPDATE meta SET value = x'00' WHERE key = 'state'");
}

fn clock(home: &Patient) {
    forge(home, |header| header.lamport.0 += 7);
}

fn cause(home: &Patient) {
    forge(home, |header| {
        header.deps.push(Dep { chain: ChainId([0xff; 32]), seq: 3, id: EventId([9; 32]) });
    });
}

/// The home's own newest event, written and signed otherwise: what only a program could do that has the keys.
fn forge(home: &Patient, change: fn(&mut Header)) {
    let database = rusqlite::Connection::open(home.path("mirror.db")).unwrap();
    let sql = "SELECT pos, header, body FROM events WHERE pos >> 40 = 1 ORDER BY pos DESC LIMIT 1";
    let (pos, header, body): (i64, Vec<u8>, Vec<u8>) =
        database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let mut header = Header::decode(&header).unwrap();
    change(&mut header);
    let event = Event::new(header, body).unwrap();
    let keys = fs::read(home.path("keys.json")).unwrap();
    let keys: serde_json::Value = serde_json::from_slice(&keys).unwrap();
    let seed = HEXLOWER.decode(keys["incarnation"].as_str().unwrap().as_bytes()).unwrap();
    let head = SignedHead::sign(event.tip(), &SigningKey::from_bytes(&seed.try_into().unwrap()));
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    let (id, lamport) = (hex(&event.id.0), event.header.lamport.0);
    home.sql(&format!(
        "UPDATE events SET id = x'{id}', header = x'{}' WHERE pos = {pos};
         DELETE FROM heads WHERE chain = 1 AND seq = {};
         UPDATE chains SET tip = x'{id}', lamport = {lamport}, signature = x'{}' WHERE ref = 1;",
        hex(&event.bytes),
        event.header.seq,
        hex(&head.signature),
    ));
}

/// Without a bundle the damaged bytes are kept aside, the rest goes on, and a bundle later brings the body back.
#[test]
fn a_damaged_body_is_kept_aside_and_comes_back_with_a_bundle() {
    let patient = patient("aside");
    body(&patient);
    let peer = patient.ward.world.path("out.bundle");
    patient.home.run(&["export", "-o", peer.to_str().unwrap()]).exits(4);
    let found = patient.home.run(&["--json", "doctor", "--repair"]).exits(4).json();
    let kinds: Vec<_> = found["findings"].as_array().unwrap().iter().collect();
    assert!(kinds.iter().any(|one| one["kind"] == "body-damaged" && one["repaired"] == true));
    assert!(kinds.iter().any(|one| one["kind"] == "body-missing" && one["repaired"] == false));
    assert_eq!(fs::read_dir(patient.path("aside")).unwrap().count(), 1);
    patient.home.run(&["export", "-o", peer.to_str().unwrap()]).exits(0);
    patient.home.json(&["import", patient.ward.bundle.to_str().unwrap()]);
    patient.home.verifies();
    assert_eq!(patient.home.texts(), patient.ward.texts);
}

/// A bundle mends only what is broken, and only where it fits.
#[test]
fn a_bundle_of_another_mesh_mends_nothing() {
    let patient = patient("other-mesh");
    gap(&patient);
    let other = patient.ward.world.first("Other");
    let bundle = patient.ward.world.path("other.bundle");
    other.json(&["export", "-o", bundle.to_str().unwrap()]);
    let args = ["--json", "doctor", "--repair", "--from", bundle.to_str().unwrap()];
    assert_eq!(patient.home.run(&args).exits(5).error()["code"], "refused");
    patient.home.run(&["doctor"]).exits(4);
}
