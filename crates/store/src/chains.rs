//! Chains: whose they are, where they end, and what our own chain has named of them as causes.

use mirror_protocol::run::is_span_end;
use mirror_protocol::{ChainId, ChainOpen, DeviceId, EventId, Known, Lamport, Point, PublicKey};
use mirror_protocol::{SignedHead, Tip};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::events::Pos;
use crate::store::{Tx, View};

/// A chain with at least one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRow {
    pub(crate) chain_ref: i64,
    /// The newest event.
    pub tip: Tip,
    /// Its clock.
    pub lamport: Lamport,
    /// The author's signature over it.
    pub signature: [u8; 64],
    /// Whose chain.
    pub device: DeviceId,
    /// Which incarnation's.
    pub key: PublicKey,
    /// Where bundles for it are sealed to.
    pub recipient: [u8; 32],
    /// The last position that the own chain has named as a cause.
    pub covered: Option<u64>,
}

impl ChainRow {
    /// The signed head.
    pub fn head(&self) -> SignedHead {
        SignedHead { tip: self.tip, signature: self.signature }
    }
}

const COLUMNS: &str = "ref, id, device, key, recipient, seq, tip, lamport, signature, covered";

fn row(row: &Row<'_>) -> Result<ChainRow, rusqlite::Error> {
    let covered: i64 = row.get(9)?;
    Ok(ChainRow {
        chain_ref: row.get(0)?,
        tip: Tip {
            chain: ChainId(row.get(1)?),
            seq: row.get::<_, i64>(5)? as u64,
            id: EventId(row.get(6)?),
        },
        lamport: Lamport(row.get::<_, i64>(7)? as u64),
        signature: row.get(8)?,
        device: DeviceId(row.get(2)?),
        key: PublicKey(row.get(3)?),
        recipient: row.get(4)?,
        covered: u64::try_from(covered).ok(),
    })
}

impl View<'_> {
    /// Every chain, by id.
    pub fn chains(&self) -> Result<Vec<ChainRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chains WHERE seq >= 0 ORDER BY id");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map([], row)?.collect::<Result<_, _>>()?)
    }

    /// One chain.
    pub fn chain(&self, chain: &ChainId) -> Result<Option<ChainRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chains WHERE id = ?1 AND seq >= 0");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_row(params![chain.0], row).optional()?)
    }

    /// The chain that an event lies in.
    pub fn chain_at(&self, pos: Pos) -> Result<Option<ChainRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chains WHERE ref = ?1 AND seq >= 0");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_row(params![pos.chain()], row).optional()?)
    }

    /// All tips, by chain.
    pub fn tips(&self) -> Result<Vec<Tip>, StoreError> {
        Ok(self.chains()?.into_iter().map(|chain| chain.tip).collect())
    }

    /// Chains that have moved since the own chain last named them.
    pub fn frontier(&self) -> Result<Vec<ChainRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chains WHERE seq > covered ORDER BY id");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map([], row)?.collect::<Result<_, _>>()?)
    }

    /// Whose chain it is, from its opening on.
    pub fn device_of(&self, chain: &ChainId) -> Result<Option<DeviceId>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT device FROM chains WHERE id = ?1")?;
        let found = statement.query_row(params![chain.0], |row| row.get(0)).optional()?;
        Ok(found.map(DeviceId))
    }

    pub(crate) fn chain_ref(&self, chain: &ChainId) -> Result<Option<i64>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT ref FROM chains WHERE id = ?1")?;
        Ok(statement.query_row(params![chain.0], |row| row.get(0)).optional()?)
    }

    fn hide<T>(&self, result: Result<Option<T>, StoreError>) -> Option<T> {
        result.unwrap_or_else(|error| {
            self.hidden.borrow_mut().get_or_insert(error);
            None
        })
    }
}

impl Known for View<'_> {
    fn tip(&self, chain: &ChainId) -> Option<Point> {
        let row = self.hide(self.chain(chain))?;
        Some(Point { seq: row.tip.seq, id: row.tip.id, lamport: row.lamport })
    }

    fn point(&self, chain: &ChainId, seq: u64) -> Option<Point> {
        let row = self.hide(self.chain(chain))?;
        if seq > row.tip.seq {
            return None;
        }
        if seq == row.tip.seq {
            return Some(Point { seq, id: row.tip.id, lamport: row.lamport });
        }
        self.hide(self.event_of(chain, seq)).as_ref().map(Point::of)
    }

    fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        self.hide(self.chain(chain)).map(|row| row.key)
    }
}

impl Tx<'_> {
    /// Makes room for a chain; its first event follows in the same transaction.
    pub fn open_chain(&self, chain: ChainId, open: &ChainOpen) -> Result<(), StoreError> {
        let sql = "INSERT INTO chains (id, device, key, recipient) VALUES (?1, ?2, ?3, ?4)";
        let values = params![chain.0, open.device.0, open.key.0, open.recipient];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Moves a chain's head; it is kept for good where runs are cut.
    pub fn set_head(&self, head: &SignedHead, lamport: Lamport) -> Result<(), StoreError> {
        let sql =
            "UPDATE chains SET seq = ?2, tip = ?3, lamport = ?4, signature = ?5 WHERE id = ?1";
        let (tip, seq) = (head.tip, head.tip.seq as i64);
        let values = params![tip.chain.0, seq, tip.id.0, lamport.0 as i64, head.signature];
        self.conn.prepare_cached(sql)?.execute(values)?;
        if is_span_end(tip.seq) {
            let sql = "INSERT OR REPLACE INTO heads (chain, seq, id, signature)
                       SELECT ref, ?2, ?3, ?4 FROM chains WHERE id = ?1";
            let values = params![tip.chain.0, seq, tip.id.0, head.signature];
            self.conn.prepare_cached(sql)?.execute(values)?;
        }
        Ok(())
    }

    /// The own chain has named this position as a cause (or is itself the chain).
    pub fn cover(&self, chain: &ChainId, seq: u64) -> Result<(), StoreError> {
        let sql = "UPDATE chains SET covered = max(covered, ?2) WHERE id = ?1";
        self.conn.prepare_cached(sql)?.execute(params![chain.0, seq as i64])?;
        Ok(())
    }
}
