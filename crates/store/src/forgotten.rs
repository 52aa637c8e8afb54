//! What was forgotten, as the caller has folded it: places whose bodies are not kept, and what still has to be erased of
//! them from the files.

use std::collections::BTreeSet;

use mirror_protocol::run::Run;
use mirror_protocol::{BlobId, BlobRef, ChainId, ChunkListHash, Event, EventId, Tip};
use rusqlite::{Connection, params};

use crate::blob_files::BlobFiles;
use crate::error::StoreError;
use crate::events::Pos;
use crate::meta::Meta;
use crate::store::{Tx, View};

impl View<'_> {
    /// Every place that was forgotten, whether or not its event is here.
    pub fn forgotten(&self) -> Result<BTreeSet<Tip>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT chain, seq, id FROM forgotten")?;
        let rows = statement.query_map([], |row| {
            let seq = row.get::<_, i64>(1)? as u64;
            Ok(Tip { chain: ChainId(row.get(0)?), seq, id: EventId(row.get(2)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether any place was forgotten.
    pub fn has_forgotten(&self) -> Result<bool, StoreError> {
        Ok(self.conn.prepare_cached("SELECT 1 FROM forgotten LIMIT 1")?.exists([])?)
    }

    /// Whether a place was forgotten.
    pub fn is_forgotten(&self, event: &Tip) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM forgotten WHERE id = ?1 AND chain = ?2 AND seq = ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.exists(params![event.id.0, event.chain.0, event.seq as i64])?)
    }

    /// Events without a body, forgotten or not.
    pub fn without_body(&self) -> Result<Vec<Pos>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT pos FROM events WHERE body IS NULL")?;
        let found = statement.query_map([], |row| Ok(Pos(row.get(0)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Whether bytes of something forgotten may still stand in the files.
    pub fn has_remains(&self) -> Result<bool, StoreError> {
        Ok(self.meta(Meta::Remains)?.is_some())
    }

    /// Whether an event names this content, under any name.
    fn has_name(&self, content: &BlobId) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT 1 FROM blob_refs WHERE id = ?1")?;
        Ok(statement.exists(params![content.0])?)
    }
}

impl Tx<'_> {
    /// Replaces what is forgotten.
    pub fn put_forgotten(&self, forgotten: &BTreeSet<Tip>) -> Result<(), StoreError> {
        self.conn.execute("DELETE FROM forgotten", [])?;
        let sql = "INSERT INTO forgotten (id, chain, seq) VALUES (?1, ?2, ?3)";
        for tip in forgotten {
            self.conn.prepare_cached(sql)?.execute(params![
                tip.id.0,
                tip.chain.0,
                tip.seq as i64
            ])?;
        }
        Ok(())
    }

    /// Lets a body go. Once the transaction is committed its bytes are erased from the files.
    pub fn drop_body(&self, pos: Pos) -> Result<(), StoreError> {
        let sql = "UPDATE events SET body = NULL WHERE pos = ?1 AND body IS NOT NULL";
        match self.conn.prepare_cached(sql)?.execute(params![pos.0])? {
            0 => Ok(()),
            _ => self.leaves_remains(),
        }
    }

    /// Puts a body in that was missing; the caller has checked it against the event's header.
    pub fn fill_body(&self, pos: Pos, body: &[u8]) -> Result<bool, StoreError> {
        let sql = "UPDATE events SET body = ?2 WHERE pos = ?1 AND body IS NULL";
        Ok(self.conn.prepare_cached(sql)?.execute(params![pos.0, body])? > 0)
    }

    /// Takes the bodies of forgotten events out of the runs that wait.
    pub fn drop_waiting_bodies(
        &self,
        is_forgotten: impl Fn(&Event) -> bool,
    ) -> Result<(), StoreError> {
        let waiting: Vec<(i64, Vec<u8>)> = self
            .conn
            .prepare_cached("SELECT number, run FROM quarantine")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (number, bytes) in waiting {
            let mut run: Run = minicbor::decode(&bytes)
                .map_err(|error| StoreError::damaged("quarantined run", error))?;
            let mut dropped = false;
            for wire in run.events.iter_mut().filter(|wire| wire.body.is_some()) {
                let event = Event::read(wire.header.clone(), None);
                if event.is_ok_and(|event| is_forgotten(&event)) {
                    (wire.body, dropped) = (None, true);
                }
            }
            if dropped {
                let bytes = minicbor::to_vec(run).unwrap_or_default();
                let sql = "UPDATE quarantine SET run = ?2 WHERE number = ?1";
                self.conn.prepare_cached(sql)?.execute(params![number, bytes])?;
                self.leaves_remains()?;
            }
        }
        Ok(())
    }

    /// A forgotten event named this blob. Once the transaction is committed it goes, unless another event names it.
    pub fn let_blob_go(&self, blob: &BlobRef) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO leaving (id, chunks, bytes) VALUES (?1, ?2, ?3)";
        let values = params![blob.id.0, blob.chunks.0, blob.bytes as i64];
        self.conn.prepare_cached(sql)?.execute(values)?;
        self.leaves_remains()
    }

    /// Removes the blobs that nothing names any more, with their files.
    pub fn erase_blobs(&self, files: &BlobFiles) -> Result<(), StoreError> {
        let leaving: Vec<BlobRef> = self
            .conn
            .prepare_cached("SELECT id, chunks, bytes FROM leaving")?
            .query_map([], |row| {
                let (id, chunks) = (BlobId(row.get(0)?), ChunkListHash(row.get(1)?));
                Ok(BlobRef { id, bytes: row.get::<_, i64>(2)? as u64, chunks })
            })?
            .collect::<Result<_, _>>()?;
        for blob in leaving {
            if self.blob_refs(&blob)?.is_empty() {
                files.erase_part(&blob)?;
                let sql = "DELETE FROM blobs WHERE id = ?1 AND chunks = ?2 AND bytes = ?3";
                let values = params![blob.id.0, blob.chunks.0, blob.bytes as i64];
                self.conn.prepare_cached(sql)?.execute(values)?;
            }
            if !self.has_name(&blob.id)? {
                files.erase(&blob.id)?;
            }
        }
        self.conn.execute("DELETE FROM leaving", [])?;
        Ok(())
    }

    fn leaves_remains(&self) -> Result<(), StoreError> {
        self.remains.set(true);
        self.set_meta(Meta::Remains, b"1")
    }
}

/// Writes the database anew from what it holds, and empties its log. Overwriting what is deleted (`secure_delete`) is not
/// enough: where SQLite has split a page before, a copy of a row stays behind in the page that it left.
pub(crate) fn erase_remains(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch("VACUUM")?;
    empty_log(conn)?;
    conn.execute("DELETE FROM meta WHERE key = ?1", params![Meta::Remains.key()])?;
    Ok(())
}

fn empty_log(conn: &Connection) -> Result<(), StoreError> {
    let busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(StoreError::LogInUse) } else { Ok(()) }
}
