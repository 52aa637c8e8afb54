//! What was not taken: runs whose causes have not come, and refusals with their reasons.

use mirror_protocol::limits::MAX_PENDING_BYTES;
use mirror_protocol::{Run, VerifiedRun};
use rusqlite::params;

use crate::error::StoreError;
use crate::store::{Tx, View};

/// How many refusals are kept.
const REFUSALS_KEPT: i64 = 1000;

/// A run that waits.
#[derive(Debug, Clone)]
pub struct QuarantineRow {
    /// The run, to be offered again.
    pub run: Run,
    /// What it waits for.
    pub reason: String,
    /// Since when.
    pub at_ms: i64,
}

impl View<'_> {
    /// The runs that wait.
    pub fn quarantine(&self) -> Result<Vec<QuarantineRow>, StoreError> {
        let sql = "SELECT run, reason, at_ms FROM quarantine ORDER BY number";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })?;
        rows.map(|row| {
            let (run, reason, at_ms) = row?;
            let run = minicbor::decode(&run)
                .map_err(|error| StoreError::damaged("quarantined run", error))?;
            Ok(QuarantineRow { run, reason, at_ms })
        })
        .collect()
    }
}

impl Tx<'_> {
    /// Keeps a run until its causes come; `false` when there is no room. A run that is kept already keeps its place, with
    /// the newest reason.
    pub fn add_quarantine(
        &self,
        run: &VerifiedRun,
        reason: &str,
        at_ms: i64,
    ) -> Result<bool, StoreError> {
        let bytes = minicbor::to_vec(run.to_wire()).unwrap_or_default();
        let kept = "SELECT coalesce(sum(length(run)), 0) FROM quarantine";
        let kept: i64 = self.conn.prepare_cached(kept)?.query_row([], |row| row.get(0))?;
        if kept.saturating_add(bytes.len() as i64) > MAX_PENDING_BYTES as i64 {
            return Ok(false);
        }
        let sql = "INSERT INTO quarantine (chain, first_seq, last_seq, tip, run, reason, at_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (chain, first_seq, tip) DO UPDATE SET reason = excluded.reason";
        let (first, tip) = (run.first_seq() as i64, run.head.tip);
        let values = params![run.chain.0, first, tip.seq as i64, tip.id.0, bytes, reason, at_ms];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(true)
    }

    /// Lets the runs go whose events have all come.
    pub fn end_quarantine(&self) -> Result<(), StoreError> {
        let sql = "DELETE FROM quarantine WHERE tip IN (SELECT id FROM events)";
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Takes all runs out that wait, oldest first, to be tried again in the same transaction.
    pub fn take_quarantine(&self) -> Result<Vec<QuarantineRow>, StoreError> {
        let rows = self.quarantine()?;
        self.conn.prepare_cached("DELETE FROM quarantine")?.execute([])?;
        Ok(rows)
    }

    /// Records something that was not taken; the newest thousand are kept.
    pub fn add_refusal(
        &self,
        what: &str,
        reason: &str,
        source: &str,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO refusals (what, reason, source, at_ms) VALUES (?1, ?2, ?3, ?4)";
        self.conn.prepare_cached(sql)?.execute(params![what, reason, source, at_ms])?;
        let sql = "DELETE FROM refusals WHERE number <= (SELECT max(number) FROM refusals) - ?1";
        self.conn.prepare_cached(sql)?.execute(params![REFUSALS_KEPT])?;
        Ok(())
    }
}
