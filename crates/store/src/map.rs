//! What was said last of the things on the map, and what of the past the scrubber shows.

use mirror_protocol::{ChainId, DeviceId, Event, Header, Lamport};
use rusqlite::{OptionalExtension, params};

use crate::chains::BranchRef;
use crate::error::StoreError;
use crate::events::Pos;
use crate::store::{Tx, View};

/// What can be said of a thing on the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapFact {
    /// Where it stands.
    Spot,
    /// In which place it is.
    Place,
}

impl MapFact {
    fn number(self) -> i64 {
        match self {
            Self::Spot => 0,
            Self::Place => 1,
        }
    }
}

/// A checkpoint of which it is known how far the clocks had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkRow {
    /// The peer.
    pub device: DeviceId,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The newest clock among both sides' events.
    pub lamport: Lamport,
}

impl View<'_> {
    /// The event that said last.
    pub fn map_said(&self, node: &str, what: MapFact) -> Result<Option<Pos>, StoreError> {
        let sql = "SELECT pos FROM map_said WHERE node = ?1 AND what = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row(params![node, what.number()], |row| row.get(0));
        Ok(found.optional()?.map(Pos))
    }

    /// All that was said last.
    pub fn map_events(&self) -> Result<Vec<Event>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT pos FROM map_said ORDER BY node, what")?;
        let places: Vec<i64> =
            statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut events = Vec::new();
        for pos in places {
            events.extend(self.event_at(Pos(pos))?);
        }
        Ok(events)
    }

    /// The header at a position of a branch that is not before its first.
    pub fn header_in(&self, branch: BranchRef, seq: u64) -> Result<Option<Header>, StoreError> {
        Ok(self.header_at(Pos::new(branch, seq))?.map(|(header, _)| header))
    }

    /// The newest checkpoints whose clock is known, newest first, and of how many it is not.
    pub fn marks(&self, limit: u32) -> Result<(Vec<MarkRow>, u64), StoreError> {
        let sql = "SELECT device, at_ms, lamport FROM checkpoint_clocks
                   JOIN checkpoints USING (number) ORDER BY number DESC LIMIT ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([limit], |row| {
            Ok(MarkRow {
                device: DeviceId(row.get(0)?),
                at_ms: row.get(1)?,
                lamport: Lamport(row.get::<_, i64>(2)? as u64),
            })
        })?;
        let rows = rows.collect::<Result<_, _>>()?;
        let sql =
            "SELECT (SELECT count(*) FROM checkpoints) - (SELECT count(*) FROM checkpoint_clocks)";
        let without: i64 = self.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok((rows, without.max(0) as u64))
    }

    /// How often this home and each peer came to one head since a moment, of the last 2,000 times.
    pub fn checkpoints_since(&self, at_ms: i64) -> Result<Vec<(DeviceId, u64)>, StoreError> {
        let sql = "SELECT device, count(*) FROM checkpoints
                   WHERE number > (SELECT coalesce(max(number), 0) - 2000 FROM checkpoints)
                       AND at_ms >= ?1 GROUP BY device";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement
            .query_map([at_ms], |row| Ok((DeviceId(row.get(0)?), row.get::<_, i64>(1)? as u64)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many runs of each chain wait for their causes.
    pub fn quarantined(&self) -> Result<Vec<(ChainId, u64)>, StoreError> {
        let sql = "SELECT chain, count(*) FROM quarantine GROUP BY chain";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement
            .query_map([], |row| Ok((ChainId(row.get(0)?), row.get::<_, i64>(1)? as u64)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// An event says last.
    pub fn put_map_said(&self, node: &str, what: MapFact, pos: Pos) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO map_said (node, what, pos) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![node, what.number(), pos.0])?;
        Ok(())
    }

    pub(crate) fn clear_map(&self) -> Result<(), StoreError> {
        self.conn.execute("DELETE FROM map_said", [])?;
        Ok(())
    }

    /// How far the clocks had come when the newest checkpoint was signed.
    pub fn clock_checkpoint(&self, lamport: Lamport) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO checkpoint_clocks (number, lamport)
                   SELECT max(number), ?1 FROM checkpoints";
        self.conn.prepare_cached(sql)?.execute([lamport.0 as i64])?;
        Ok(())
    }
}
