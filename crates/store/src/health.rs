//! What the doctor looks at and mends: rows as they lie, whether or not they still read.

use std::collections::BTreeMap;

use mirror_protocol::limits::MAX_PENDING_BYTES;
use mirror_protocol::{ChainOpen, DeviceId, Event, EventId, Run, SignedHead, Tip};
use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use sha2::{Digest, Sha256};

use crate::chains::{BranchRef, ChainRow};
use crate::error::StoreError;
use crate::events::Pos;
use crate::members::tips_from;
use crate::store::{Store, Tx, View};

/// How many problems of SQLite's own check are told.
const PROBLEMS: u32 = 100;

/// What follows from the events, by the name of its list, and the tables that hold it.
const LISTS: [(&str, &[&str]); 9] = [
    ("notes", &["SELECT * FROM notes ORDER BY lamport, latest"]),
    ("tags", &["SELECT * FROM note_tags ORDER BY tag, lamport, latest"]),
    ("revisions", &["SELECT * FROM revisions ORDER BY note, pos"]),
    (
        "members",
        &[
            "SELECT * FROM members ORDER BY device",
            "SELECT * FROM named ORDER BY device",
            "SELECT * FROM member_events ORDER BY pos",
        ],
    ),
    ("forgotten", &["SELECT * FROM forgotten ORDER BY id, chain, seq"]),
    ("map", &["SELECT * FROM map_said ORDER BY node, what"]),
    ("vault", &["SELECT * FROM vault_events ORDER BY path, lamport, pos"]),
    (
        "sessions",
        &[
            "SELECT * FROM sessions ORDER BY id",
            "SELECT * FROM session_events ORDER BY session, lamport, pos",
            "SELECT * FROM session_closes ORDER BY project, lamport, pos",
            "SELECT * FROM session_replaced ORDER BY id, pos",
            "SELECT * FROM distillates ORDER BY id",
            "SELECT * FROM distillate_topics ORDER BY topic, id",
            "SELECT * FROM session_paths ORDER BY path, pos",
            "SELECT * FROM session_reviews ORDER BY what, content, lamport, pos",
            "SELECT value FROM meta WHERE key = 'sessions'",
        ],
    ),
    ("files", &["SELECT * FROM blob_refs ORDER BY id, chunks, bytes, pos"]),
];

/// An event's row as it lies.
#[derive(Debug, Clone)]
pub struct RawEvent {
    /// Its place in the branch.
    pub seq: u64,
    /// The id beside it; what is not 32 bytes is all zeros.
    pub id: EventId,
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The body's bytes.
    pub body: Option<Vec<u8>>,
}

impl Store {
    /// SQLite's whole check of pages and indexes, in its words; nothing when all is well.
    pub fn check_integrity(&self) -> Result<Vec<String>, StoreError> {
        let sql = format!("PRAGMA integrity_check({PROBLEMS})");
        let mut statement = self.conn.prepare(&sql)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        let found = rows.collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// Makes every index anew from its table.
    pub fn reindex(&self) -> Result<(), StoreError> {
        Ok(self.conn.execute_batch("REINDEX")?)
    }
}

impl View<'_> {
    /// A digest of each list that follows from the events.
    pub fn list_digests(&self) -> Result<BTreeMap<&'static str, [u8; 32]>, StoreError> {
        let mut digests = BTreeMap::new();
        for (name, tables) in LISTS {
            let mut sha = Sha256::new();
            for sql in tables {
                let mut statement = self.conn.prepare(sql)?;
                let columns = statement.column_count();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    for column in 0..columns {
                        add(&mut sha, row.get_ref(column)?);
                    }
                }
            }
            digests.insert(name, sha.finalize().into());
        }
        Ok(digests)
    }

    /// The rows of a branch's events, in sequence, also those beyond its head.
    pub fn raw_events<E: From<StoreError>>(
        &self,
        branch: BranchRef,
        mut visit: impl FnMut(RawEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql =
            "SELECT pos, id, header, body FROM events WHERE pos >= ?1 AND pos < ?2 ORDER BY pos";
        let mut statement = self.conn.prepare_cached(sql).map_err(StoreError::from)?;
        let bounds = params![Pos::new(branch, 0).0, Pos::new(BranchRef(branch.0 + 1), 0).0];
        let mut rows = statement.query(bounds).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            visit(raw(row).map_err(StoreError::from)?)?;
        }
        Ok(())
    }

    /// Heads of a branch that are kept for good.
    pub fn kept_heads(&self, chain: &ChainRow) -> Result<Vec<SignedHead>, StoreError> {
        let sql = "SELECT seq, id, signature FROM heads WHERE chain = ?1 ORDER BY seq";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params![chain.branch.0], |row| {
            let (seq, id) = (row.get::<_, i64>(0)? as u64, EventId(row.get(1)?));
            Ok(SignedHead { tip: Tip { chain: chain.tip.chain, seq, id }, signature: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many notes are listed, counted anew.
    pub fn recount_notes(&self) -> Result<u64, StoreError> {
        self.count_notes()
    }

    /// How many notes the full-text index holds, and how many there are to hold.
    pub fn indexed_notes(&self) -> Result<(u64, u64), StoreError> {
        let count = |sql: &str| self.conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        let held = count("SELECT count(*) FROM search_docsize")?;
        Ok((held as u64, count("SELECT count(*) FROM notes")? as u64))
    }

    /// Bytes of the runs that wait, and the most that may.
    pub fn waiting_bytes(&self) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT coalesce(sum(length(run)), 0) FROM quarantine";
        let bytes = self.conn.query_row(sql, [], |row| row.get::<_, i64>(0))?;
        Ok((bytes as u64, MAX_PENDING_BYTES as u64))
    }

    /// Runs that wait and no longer read, by their numbers.
    pub fn damaged_waiting(&self) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT number, run FROM quarantine")?;
        let mut rows = statement.query([])?;
        let mut damaged = Vec::new();
        while let Some(row) = rows.next()? {
            let run: Vec<u8> = row.get(1)?;
            if minicbor::decode::<Run>(&run).is_err() {
                damaged.push(row.get(0)?);
            }
        }
        Ok(damaged)
    }

    /// Blobs of forgotten events that still have to go.
    pub fn leaving_blobs(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM leaving";
        Ok(self.conn.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64)
    }

    /// Devices of whom it no longer reads what they hold.
    pub fn damaged_peers(&self) -> Result<Vec<DeviceId>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT device, told, signed FROM peers")?;
        let mut rows = statement.query([])?;
        let mut damaged = Vec::new();
        while let Some(row) = rows.next()? {
            let (told, signed): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
            if tips_from(&told).is_err() || tips_from(&signed).is_err() {
                damaged.push(DeviceId(row.get(0)?));
            }
        }
        Ok(damaged)
    }
}

fn add(sha: &mut Sha256, value: ValueRef<'_>) {
    let (kind, bytes): (u8, Vec<u8>) = match value {
        ValueRef::Null => (0, Vec::new()),
        ValueRef::Integer(number) => (1, number.to_be_bytes().into()),
        ValueRef::Real(number) => (2, number.to_be_bytes().into()),
        ValueRef::Text(text) => (3, text.into()),
        ValueRef::Blob(bytes) => (4, bytes.into()),
    };
    sha.update([kind]);
    sha.update((bytes.len() as u64).to_be_bytes());
    sha.update(bytes);
}

fn raw(row: &Row<'_>) -> Result<RawEvent, rusqlite::Error> {
    let id: Vec<u8> = row.get(1)?;
    Ok(RawEvent {
        seq: Pos(row.get(0)?).seq(),
        id: EventId(id.try_into().unwrap_or_default()),
        header: row.get(2)?,
        body: row.get(3)?,
    })
}

impl Tx<'_> {
    /// Puts an event at its place in a branch, whatever lies there. The caller has verified it, and that it belongs there.
    pub fn replace_event(&self, branch: BranchRef, event: &Event) -> Result<(), StoreError> {
        let pos = Pos::new(branch, event.header.seq);
        let sql = "DELETE FROM events WHERE pos = ?1 OR id = ?2";
        // Lists name it by its place; they are folded anew, and till then point into nothing.
        self.conn.pragma_update(None, "defer_foreign_keys", true)?;
        self.conn.prepare_cached(sql)?.execute(params![pos.0, event.id.0])?;
        self.insert(branch, event).map(drop)
    }

    /// Says anew which id an event has.
    pub fn set_id(&self, branch: BranchRef, seq: u64, id: &EventId) -> Result<(), StoreError> {
        let sql = "UPDATE events SET id = ?2 WHERE pos = ?1";
        self.conn.prepare_cached(sql)?.execute(params![Pos::new(branch, seq).0, id.0])?;
        Ok(())
    }

    /// Lets a body go that is not the event's.
    pub fn let_body_go(&self, branch: BranchRef, seq: u64) -> Result<(), StoreError> {
        let sql = "UPDATE events SET body = NULL WHERE pos = ?1";
        self.conn.prepare_cached(sql)?.execute(params![Pos::new(branch, seq).0])?;
        Ok(())
    }

    /// Says anew whose a branch is, as its chain's first event does.
    pub fn set_owner(&self, branch: BranchRef, open: &ChainOpen) -> Result<(), StoreError> {
        let sql = "UPDATE chains SET device = ?2, key = ?3, recipient = ?4 WHERE ref = ?1";
        let values = params![branch.0, open.device.0, open.key.0, open.recipient];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Lets a kept head go that vouches for nothing.
    pub fn drop_head(&self, branch: BranchRef, seq: u64) -> Result<(), StoreError> {
        let sql = "DELETE FROM heads WHERE chain = ?1 AND seq = ?2";
        self.conn.prepare_cached(sql)?.execute(params![branch.0, seq as i64])?;
        Ok(())
    }

    /// Lets a waiting run go.
    pub fn drop_waiting(&self, number: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM quarantine WHERE number = ?1";
        self.conn.prepare_cached(sql)?.execute(params![number])?;
        Ok(())
    }

    /// Forgets what a device is known to hold.
    pub fn reset_peer(&self, device: &DeviceId) -> Result<(), StoreError> {
        let sql = "UPDATE peers SET told = x'80', signed = x'80', signed_head = NULL
                   WHERE device = ?1";
        self.conn.prepare_cached(sql)?.execute(params![device.0])?;
        Ok(())
    }
}

impl View<'_> {
    /// An event's row as it lies, and those behind it up to a position of its branch.
    pub fn raw_events_at(&self, pos: Pos, to: u64) -> Result<Vec<RawEvent>, StoreError> {
        let sql =
            "SELECT pos, id, header, body FROM events WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
        let mut statement = self.conn.prepare_cached(sql)?;
        let bounds = params![pos.0, Pos::new(pos.branch(), to).0];
        Ok(statement.query_map(bounds, raw)?.collect::<Result<_, _>>()?)
    }

    /// The first kept head of a branch at a position or behind it; else its newest.
    pub fn head_behind(&self, chain: &ChainRow, seq: u64) -> Result<SignedHead, StoreError> {
        let sql = "SELECT seq, id, signature FROM heads WHERE chain = ?1 AND seq >= ?2
                   ORDER BY seq LIMIT 1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let row = statement.query_row(params![chain.branch.0, seq as i64], |row| {
            let (seq, id) = (row.get::<_, i64>(0)? as u64, EventId(row.get(1)?));
            Ok(SignedHead { tip: Tip { chain: chain.tip.chain, seq, id }, signature: row.get(2)? })
        });
        match row {
            Ok(head) => Ok(head),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(chain.head()),
            Err(error) => Err(error.into()),
        }
    }
}
