//! Chains and their branches: whose they are, where they end, and what our own chain has named of them as causes.

use mirror_protocol::run::is_span_end;
use mirror_protocol::{
    ChainId, ChainOpen, DeviceId, Event, EventId, Header, Known, Lamport, Point,
};
use mirror_protocol::{PublicKey, SignedHead, Tip};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::events::Pos;
use crate::meta::Meta;
use crate::store::{Tx, View};

/// Where a branch's events lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BranchRef(pub(crate) i64);

/// A chain with at least one event, or one branch of a chain that is forked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRow {
    /// Where its events lie.
    pub branch: BranchRef,
    /// Where the events before its first lie.
    pub parent: Option<BranchRef>,
    /// The position of the first event that is its own.
    pub first: u64,
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

    /// How many events lie in it, without those of its parent.
    pub fn events(&self) -> u64 {
        (self.tip.seq + 1).saturating_sub(self.first)
    }

    fn point(&self) -> Point {
        Point { seq: self.tip.seq, id: self.tip.id, lamport: self.lamport }
    }
}

const COLUMNS: &str =
    "ref, id, device, key, recipient, seq, tip, lamport, signature, covered, parent, first";

fn row(row: &Row<'_>) -> Result<ChainRow, rusqlite::Error> {
    let covered: i64 = row.get(9)?;
    Ok(ChainRow {
        branch: BranchRef(row.get(0)?),
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
        parent: row.get::<_, Option<i64>>(10)?.map(BranchRef),
        first: row.get::<_, i64>(11)? as u64,
    })
}

impl View<'_> {
    /// Every branch of every chain, sorted by tip.
    pub fn chains(&self) -> Result<Vec<ChainRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chains WHERE seq >= 0 ORDER BY id, seq, tip");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map([], row)?.collect::<Result<_, _>>()?)
    }

    /// The branches of one chain, sorted by tip: one, unless the chain is forked.
    pub fn branches(&self, chain: &ChainId) -> Result<Vec<ChainRow>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM chains WHERE id = ?1 AND seq >= 0 ORDER BY seq, tip");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map(params![chain.0], row)?.collect::<Result<_, _>>()?)
    }

    /// A branch.
    pub fn branch(&self, branch: BranchRef) -> Result<Option<ChainRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chains WHERE ref = ?1 AND seq >= 0");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_row(params![branch.0], row).optional()?)
    }

    /// The branch that an event lies in.
    pub fn chain_at(&self, pos: Pos) -> Result<Option<ChainRow>, StoreError> {
        self.branch(pos.branch())
    }

    /// How many chains are here, forked or not.
    pub fn chain_count(&self) -> Result<usize, StoreError> {
        let sql = "SELECT count(DISTINCT id) FROM chains";
        Ok(self.conn.query_row(sql, [], |row| row.get::<_, i64>(0))? as usize)
    }

    /// All tips, sorted.
    pub fn tips(&self) -> Result<Vec<Tip>, StoreError> {
        let sql = "SELECT id, seq, tip FROM chains WHERE seq >= 0 ORDER BY id, seq, tip";
        let mut statement = self.conn.prepare_cached(sql)?;
        let tips = statement.query_map([], |row| {
            let (chain, seq) = (ChainId(row.get(0)?), row.get::<_, i64>(1)? as u64);
            Ok(Tip { chain, seq, id: EventId(row.get(2)?) })
        })?;
        Ok(tips.collect::<Result<_, _>>()?)
    }

    /// Chains other than the own one that have moved since it last named them. Looks at all of them.
    pub fn frontier(&self, own: Option<BranchRef>) -> Result<Vec<ChainRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM chains WHERE seq > covered AND ref IS NOT ?1
             ORDER BY id, seq, tip"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let own = own.map(|own| own.0);
        Ok(statement.query_map(params![own], row)?.collect::<Result<_, _>>()?)
    }

    /// Whether the frontier is known to be empty: see [`Tx::set_caught_up`].
    pub fn is_caught_up(&self, own: BranchRef) -> Result<bool, StoreError> {
        Ok(self.meta(Meta::CaughtUp)?.is_some_and(|branch| branch == own.0.to_be_bytes()))
    }

    /// Whose chain it is, from its opening on.
    pub fn device_of(&self, chain: &ChainId) -> Result<Option<DeviceId>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT device FROM chains WHERE id = ?1")?;
        let found = statement.query_row(params![chain.0], |row| row.get(0)).optional()?;
        Ok(found.map(DeviceId))
    }

    /// Which part of the branch that leads to `event` lies where, first part first; the last ends with it.
    pub(crate) fn lineage(&self, event: &Tip) -> Result<Vec<Segment>, StoreError> {
        let Some(pos) = self.pos(&event.id)? else { return Ok(Vec::new()) };
        let sql = "SELECT parent, first FROM chains WHERE ref = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let (mut segments, mut at, mut to) = (Vec::new(), Some(pos.branch()), pos.seq());
        while let Some(branch) = at {
            let (parent, first): (Option<i64>, i64) =
                statement.query_row(params![branch.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let from = first as u64;
            segments.push(Segment { branch, from, to });
            (at, to) = (parent.map(BranchRef), from.saturating_sub(1));
        }
        segments.reverse();
        Ok(segments)
    }

    /// Whether another event follows the one that this one follows.
    pub fn is_followed(&self, event: &Event) -> Result<bool, StoreError> {
        let prev = event.header.prev.map(|prev| self.pos(&prev)).transpose()?.flatten();
        prev.map_or(Ok(false), |prev| self.is_taken(Pos::new(prev.branch(), event.header.seq)))
    }

    fn is_taken(&self, pos: Pos) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT 1 FROM events WHERE pos = ?1")?;
        Ok(statement.exists(params![pos.0])?)
    }

    /// This very event, as [`Known::point`], with the error that it would hide.
    pub fn point_of(&self, event: &Tip) -> Result<Option<Point>, StoreError> {
        // Tips are asked for most, and the few rows of chains are in memory when a page of events is not.
        let sql = "SELECT lamport FROM chains WHERE id = ?1 AND seq = ?2 AND tip = ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        let values = params![event.chain.0, event.seq as i64, event.id.0];
        if let Some(lamport) = statement.query_row(values, |row| row.get::<_, i64>(0)).optional()? {
            let lamport = Lamport(lamport as u64);
            return Ok(Some(Point { seq: event.seq, id: event.id, lamport }));
        }
        let sql = "SELECT header FROM events WHERE id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row(params![event.id.0], |row| row.get::<_, Vec<u8>>(0));
        let Some(bytes) = found.optional()? else { return Ok(None) };
        let header = Header::decode(&bytes).map_err(|e| StoreError::damaged("event", e))?;
        let chain = header.chain.unwrap_or(ChainId(event.id.0));
        let fits = header.seq == event.seq && chain == event.chain;
        Ok(fits.then_some(Point { seq: header.seq, id: event.id, lamport: header.lamport }))
    }

    fn ancestor_of(&self, event: &Tip, seq: u64) -> Result<Option<Point>, StoreError> {
        let segments = self.lineage(event)?;
        let Some(segment) = segments.iter().find(|s| (s.from..=s.to).contains(&seq)) else {
            return Ok(None);
        };
        let found = self.header_at(Pos::new(segment.branch, seq))?;
        Ok(found.map(|(header, id)| Point { seq, id, lamport: header.lamport }))
    }

    fn hide<T>(&self, result: Result<Option<T>, StoreError>) -> Option<T> {
        result.unwrap_or_else(|error| {
            self.hidden.borrow_mut().get_or_insert(error);
            None
        })
    }
}

/// A part of a branch: positions that lie side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub branch: BranchRef,
    pub from: u64,
    pub to: u64,
}

impl Known for View<'_> {
    fn tips(&self, chain: &ChainId) -> Vec<Point> {
        let rows = self.hide(self.branches(chain).map(Some)).unwrap_or_default();
        rows.iter().map(ChainRow::point).collect()
    }

    fn point(&self, event: &Tip) -> Option<Point> {
        self.hide(self.point_of(event))
    }

    fn ancestor(&self, event: &Tip, seq: u64) -> Option<Point> {
        self.hide(self.ancestor_of(event, seq))
    }

    fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        let sql = "SELECT key FROM chains WHERE id = ?1 AND seq >= 0 LIMIT 1";
        let key = || {
            let mut statement = self.conn.prepare_cached(sql)?;
            Ok(statement.query_row(params![chain.0], |row| row.get(0)).optional()?)
        };
        self.hide(key()).map(PublicKey)
    }
}

impl Tx<'_> {
    /// Makes room for a chain; its first event follows in the same transaction.
    pub fn open_chain(&self, chain: ChainId, open: &ChainOpen) -> Result<BranchRef, StoreError> {
        let sql = "INSERT INTO chains (id, first, device, key, recipient)
                   VALUES (?1, 0, ?2, ?3, ?4)";
        let values = params![chain.0, open.device.0, open.key.0, open.recipient];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(BranchRef(self.conn.last_insert_rowid()))
    }

    /// Where an event that follows a stored one goes: behind it, or, when another event is there, into a branch of its
    /// own.
    pub fn attach(&self, event: &Event) -> Result<BranchRef, StoreError> {
        let no_chain = StoreError::NoChain { event: event.id };
        let prev = event.header.prev.map(|prev| self.pos(&prev)).transpose()?.flatten();
        let Some(prev) = prev else { return Err(no_chain) };
        let (parent, seq) = (prev.branch(), event.header.seq);
        if !self.is_taken(Pos::new(parent, seq))? {
            return Ok(parent);
        }
        let sql = "INSERT INTO chains (id, parent, first, device, key, recipient, covered, indexed)
                   SELECT id, ref, ?2, device, key, recipient, ?2 - 1, ?2 - 1
                   FROM chains WHERE ref = ?1";
        self.conn.prepare_cached(sql)?.execute(params![parent.0, seq as i64])?;
        Ok(BranchRef(self.conn.last_insert_rowid()))
    }

    /// Moves a branch's head; at a span's end it is kept for good.
    pub fn set_head(
        &self,
        branch: BranchRef,
        head: &SignedHead,
        lamport: Lamport,
    ) -> Result<(), StoreError> {
        let sql =
            "UPDATE chains SET seq = ?2, tip = ?3, lamport = ?4, signature = ?5 WHERE ref = ?1";
        let (tip, seq) = (head.tip, head.tip.seq as i64);
        let values = params![branch.0, seq, tip.id.0, lamport.0 as i64, head.signature];
        self.conn.prepare_cached(sql)?.execute(values)?;
        let sql = "DELETE FROM meta WHERE key = ?1 AND value <> ?2";
        let values = params![Meta::CaughtUp.key(), branch.0.to_be_bytes()];
        self.conn.prepare_cached(sql)?.execute(values)?;
        if is_span_end(tip.seq) { self.keep_head(branch, head) } else { Ok(()) }
    }

    /// Keeps a signed head for good, so that runs can be cut there.
    pub fn keep_head(&self, branch: BranchRef, head: &SignedHead) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO heads (chain, seq, id, signature)
                   VALUES (?1, ?2, ?3, ?4)";
        let values = params![branch.0, head.tip.seq as i64, head.tip.id.0, head.signature];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// The own chain has named this position as a cause (or is itself the chain).
    pub fn cover(&self, branch: BranchRef, seq: u64) -> Result<(), StoreError> {
        let sql = "UPDATE chains SET covered = max(covered, ?2) WHERE ref = ?1";
        self.conn.prepare_cached(sql)?.execute(params![branch.0, seq as i64])?;
        Ok(())
    }

    /// The own chain has named all others as they stand. Holds until the head of another branch is set.
    pub fn set_caught_up(&self, own: BranchRef) -> Result<(), StoreError> {
        self.set_meta(Meta::CaughtUp, &own.0.to_be_bytes())
    }
}
