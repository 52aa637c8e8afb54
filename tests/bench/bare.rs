//! The bare operation beside each of ours: plain rusqlite and SHA-256, with the same settings on the same disk.

use std::path::Path;

use mirror_protocol::{ChainId, Event};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use crate::mesh::place;

/// An event as a bare table has it.
pub struct Record {
    pos: i64,
    id: [u8; 32],
    header: Vec<u8>,
    body: Option<Vec<u8>>,
}

impl Record {
    /// The same bytes.
    pub fn of(chains: &mut Vec<ChainId>, event: &Event) -> Self {
        let (pos, id) = (place(chains, event), event.id.0);
        Self { pos, id, header: event.bytes.clone(), body: event.body.clone() }
    }
}

/// Opens a database with our settings.
pub fn open(path: &Path) -> Connection {
    let conn = Connection::open(path).expect("a database");
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;",
    )
    .expect("settings");
    conn
}

/// Our table of events, alone.
pub fn create(path: &Path) -> Connection {
    let conn = open(path);
    let table = "CREATE TABLE events (pos INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,
                 header BLOB NOT NULL, body BLOB) STRICT";
    conn.execute_batch(table).expect("a table");
    conn
}

/// One transaction.
pub fn insert(conn: &mut Connection, records: &[Record]) {
    let tx = conn.transaction().expect("a transaction");
    let sql = "INSERT INTO events (pos, id, header, body) VALUES (?1, ?2, ?3, ?4)";
    for record in records {
        let values = params![record.pos, record.id, record.header, record.body];
        tx.prepare_cached(sql).and_then(|mut one| one.execute(values)).expect("a row");
    }
    tx.commit().expect("a commit");
}

/// Reads all events and hashes each header and body, on all cores; how many there were.
pub fn scan(path: &Path) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let chains = chains(&open(path));
    std::thread::scope(|scope| {
        let scans: Vec<_> = (0..cores)
            .map(|core| {
                let mine = chains.iter().skip(core as usize).step_by(cores as usize);
                scope.spawn(move || mine.map(|(from, count)| scan_one(path, *from, *count)).sum())
            })
            .collect();
        scans.into_iter().map(|scan| scan.join().unwrap_or(0u64)).sum()
    })
}

/// Where each chain begins, and how many events it has.
fn chains(conn: &Connection) -> Vec<(i64, i64)> {
    let sql = "SELECT (SELECT min(pos) FROM events WHERE pos >= ref << 40), seq + 1 FROM chains
               WHERE seq >= 0 ORDER BY ref";
    let mut chains = conn.prepare(sql).expect("the chains");
    let chains = chains.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    chains.and_then(Iterator::collect).expect("the chains")
}

fn scan_one(path: &Path, from: i64, count: i64) -> u64 {
    thread_local! {
        static CONN: std::cell::OnceCell<Connection> = const { std::cell::OnceCell::new() };
    }
    CONN.with(|conn| {
        let conn = conn.get_or_init(|| open(path));
        let sql = "SELECT id, header, body FROM events WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
        let mut statement = conn.prepare_cached(sql).expect("the events");
        let mut rows = statement.query(params![from, from + count - 1]).expect("the events");
        let mut found = 0;
        while let Some(row) = rows.next().expect("a row") {
            let header = row.get_ref(1).and_then(|v| Ok(v.as_blob()?)).expect("a header");
            let body = row.get_ref(2).and_then(|v| Ok(v.as_blob_or_null()?)).expect("a body");
            std::hint::black_box(Sha256::digest(header));
            std::hint::black_box(Sha256::digest(body.unwrap_or_default()));
            found += 1;
        }
        found
    })
}
