//! What was not taken: runs whose causes have not come, and refusals with their reasons.

use mirror_protocol::{ChainId, Run, VerifiedRun};
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
        let sql = "SELECT run, reason, at_ms FROM quarantine ORDER BY at_ms, chain, first_seq";
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
    /// Keeps a run until its causes come.
    pub fn add_quarantine(
        &self,
        run: &VerifiedRun,
        reason: &str,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO quarantine (chain, first_seq, run, reason, at_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let bytes = minicbor::to_vec(run.to_wire()).unwrap_or_default();
        let values = params![run.chain.0, run.first_seq() as i64, bytes, reason, at_ms];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Lets the runs go whose events have come: all of a chain up to a position.
    pub fn end_quarantine(&self, chain: &ChainId, to: u64) -> Result<(), StoreError> {
        let sql = "DELETE FROM quarantine WHERE chain = ?1 AND first_seq <= ?2";
        self.conn.prepare_cached(sql)?.execute(params![chain.0, to as i64])?;
        Ok(())
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
