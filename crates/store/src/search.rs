//! Full text, behind the log: a durable append never waits for it.

use rusqlite::params;

use crate::chains::BranchRef;
use crate::error::StoreError;
use crate::events::Pos;
use crate::store::{Tx, View};

/// The shortest term that a trigram index can find.
const TRIGRAM: usize = 3;
/// Up to so many notes are ranked. A word that more of them hold ranks them all alike, at the cost of reading every one.
const RANKED: u32 = 5_000;

/// A branch whose newest events the index has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unindexed {
    /// The branch.
    pub branch: BranchRef,
    /// The first position that was not seen.
    pub from: u64,
    /// How many events there are from there on.
    pub events: u64,
}

impl View<'_> {
    /// What the index still has to see.
    pub fn unindexed(&self) -> Result<Vec<Unindexed>, StoreError> {
        let sql = "SELECT ref, indexed + 1, seq - indexed FROM chains WHERE seq > indexed";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(Unindexed {
                branch: BranchRef(row.get(0)?),
                from: row.get::<_, i64>(1)? as u64,
                events: row.get::<_, i64>(2)? as u64,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes whose text holds every term, best match first. Terms are taken literally, whatever signs they hold; those
    /// shorter than a trigram don't narrow it and are the caller's to check.
    pub fn search(&self, terms: &[&str], limit: u32) -> Result<Option<Vec<Pos>>, StoreError> {
        // FTS5 reads the query up to its first NUL, so a NUL divides a term as a space would.
        let quoted: Vec<String> = terms
            .iter()
            .flat_map(|term| term.split('\0'))
            .filter(|term| term.chars().filter(|c| !is_folded_away(*c)).count() >= TRIGRAM)
            .map(|term| format!("\"{}\"", term.replace('"', "\"\"")))
            .collect();
        if quoted.is_empty() {
            return Ok(None);
        }
        let query = quoted.join(" AND ");
        let counted = "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ?1 LIMIT ?2)";
        let mut statement = self.conn.prepare_cached(counted)?;
        let found: u32 = statement.query_row(params![query, RANKED + 1], |row| row.get(0))?;
        let sql = if found > RANKED {
            "SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rowid DESC LIMIT ?2"
        } else {
            "SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rank LIMIT ?2"
        };
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params![query, limit], |row| Ok(Pos(row.get(0)?)))?;
        Ok(Some(rows.collect::<Result<_, _>>()?))
    }
}

/// Combining accents, which the tokenizer drops: a term counts without them.
fn is_folded_away(c: char) -> bool {
    ('\u{300}'..='\u{331}').contains(&c)
}

impl Tx<'_> {
    /// Sets the text that a note is found by.
    pub fn index_note(&self, note: Pos, text: &str) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO search (rowid, text) VALUES (?1, ?2)";
        self.conn.prepare_cached(sql)?.execute(params![note.0, text])?;
        Ok(())
    }

    /// Empties the index: it has seen nothing.
    pub fn clear_index(&self) -> Result<(), StoreError> {
        self.conn.execute_batch(
            "INSERT INTO search (search) VALUES ('delete-all');
             UPDATE chains SET indexed = first - 1;",
        )?;
        Ok(())
    }

    /// The index has seen a branch's events up to this position.
    pub fn set_indexed(&self, branch: BranchRef, seq: u64) -> Result<(), StoreError> {
        let sql = "UPDATE chains SET indexed = max(indexed, ?2) WHERE ref = ?1";
        let values = params![branch.0, seq as i64];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}
