//! Events: exact header bytes, and bodies that may be gone.

use mirror_protocol::run::{Run, WireEvent};
use mirror_protocol::{ChainId, Event, EventId, Lamport, SignedHead, Tip};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::store::{Tx, View};

/// Where an event lies: chain and sequence in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos(pub(crate) i64);

/// Bits of a sequence number in a [`Pos`].
const SEQ_BITS: u32 = 40;

impl Pos {
    pub(crate) fn new(chain: i64, seq: u64) -> Self {
        Self((chain << SEQ_BITS) | (seq as i64 & ((1 << SEQ_BITS) - 1)))
    }

    pub(crate) fn chain(self) -> i64 {
        self.0 >> SEQ_BITS
    }
}

/// A place in canonical order; the events before it, newest first, are a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The clock.
    pub lamport: Lamport,
    /// The chain.
    pub chain: ChainId,
    /// The position in it.
    pub seq: u64,
}

impl View<'_> {
    /// An event by its id.
    pub fn event(&self, id: &EventId) -> Result<Option<Event>, StoreError> {
        let sql = "SELECT header, body FROM events WHERE id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_row(params![id.0], raw).optional()?.map(read).transpose()
    }

    /// Where an event lies.
    pub fn pos(&self, id: &EventId) -> Result<Option<Pos>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT pos FROM events WHERE id = ?1")?;
        Ok(statement.query_row(params![id.0], |row| row.get(0)).optional()?.map(Pos))
    }

    /// The event at a place.
    pub fn event_at(&self, pos: Pos) -> Result<Option<Event>, StoreError> {
        let sql = "SELECT header, body FROM events WHERE pos = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_row(params![pos.0], raw).optional()?.map(read).transpose()
    }

    /// The event at a position of a chain.
    pub fn event_of(&self, chain: &ChainId, seq: u64) -> Result<Option<Event>, StoreError> {
        match self.chain_ref(chain)? {
            Some(chain) if seq >> SEQ_BITS == 0 => self.event_at(Pos::new(chain, seq)),
            _ => Ok(None),
        }
    }

    /// The id stored for a position of a chain, whether or not the event there still reads.
    pub fn id_of(&self, chain: &ChainId, seq: u64) -> Result<Option<EventId>, StoreError> {
        let Some(chain) = self.chain_ref(chain)? else { return Ok(None) };
        let mut statement = self.conn.prepare_cached("SELECT id FROM events WHERE pos = ?1")?;
        let id =
            statement.query_row(params![Pos::new(chain, seq).0], |row| row.get(0)).optional()?;
        Ok(id.map(EventId))
    }

    /// The one event whose id begins with these hexadecimal digits.
    pub fn event_by_prefix(&self, prefix: &str) -> Result<Option<EventId>, StoreError> {
        let prefix = prefix.to_lowercase();
        if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Ok(None);
        }
        let bound = |fill: char| -> Vec<u8> {
            let text: Vec<char> = prefix.chars().chain(std::iter::repeat(fill)).take(64).collect();
            let digit = |c: Option<&char>| c.and_then(|c| c.to_digit(16)).unwrap_or(0) as u8;
            text.chunks(2).map(|pair| digit(pair.first()) * 16 + digit(pair.get(1))).collect()
        };
        let sql = "SELECT id FROM events WHERE id BETWEEN ?1 AND ?2 LIMIT 2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found: Vec<[u8; 32]> = statement
            .query_map(params![bound('0'), bound('f')], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        match found.as_slice() {
            [] => Ok(None),
            [id] => Ok(Some(EventId(*id))),
            _ => Err(StoreError::Ambiguous { prefix }),
        }
    }

    /// How many events are here.
    pub fn event_count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(seq + 1), 0) FROM chains";
        Ok(self.conn.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64)
    }

    /// Calls back with the events of a chain from a position on, in sequence, until it answers `false`.
    pub fn walk_chain<E: From<StoreError>>(
        &self,
        chain: &ChainId,
        from: u64,
        mut visit: impl FnMut(Pos, Event) -> Result<bool, E>,
    ) -> Result<(), E> {
        let Some(chain) = self.chain_ref(chain)? else { return Ok(()) };
        let sql = "SELECT pos, header, body FROM events WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
        let mut statement = self.conn.prepare_cached(sql).map_err(StoreError::from)?;
        let (first, last) = (Pos::new(chain, from), Pos::new(chain, (1 << SEQ_BITS) - 1));
        let mut rows = statement.query(params![first.0, last.0]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let pos = row.get(0).map_err(StoreError::from)?;
            let bytes =
                (row.get(1).map_err(StoreError::from)?, row.get(2).map_err(StoreError::from)?);
            if !visit(Pos(pos), read(bytes)?)? {
                break;
            }
        }
        Ok(())
    }

    /// A page of events in canonical order, newest first, before a place. Lamport time grows along each chain, so the
    /// page is a merge of the chains' ends and needs no index.
    pub fn newest_events(
        &self,
        before: Option<Place>,
        only: Option<&ChainId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let mut ends = std::collections::BTreeMap::new();
        for chain in self.chains()? {
            if only.is_some_and(|only| *only != chain.tip.chain) {
                continue;
            }
            let seq = self.last_before(&chain.tip, before)?;
            if let Some(event) = self.end(&chain.tip.chain, seq)? {
                ends.insert(event.order(), event);
            }
        }
        let mut page = Vec::new();
        while page.len() < limit
            && let Some((_, event)) = ends.pop_last()
        {
            let next = event.header.seq.checked_sub(1);
            if let Some(event) = self.end(&event.chain(), next)? {
                ends.insert(event.order(), event);
            }
            page.push(event);
        }
        Ok(page)
    }

    fn end(&self, chain: &ChainId, seq: Option<u64>) -> Result<Option<Event>, StoreError> {
        seq.map_or(Ok(None), |seq| self.event_of(chain, seq))
    }

    /// The last position of a chain that comes before a place, by bisection.
    fn last_before(&self, tip: &Tip, before: Option<Place>) -> Result<Option<u64>, StoreError> {
        let Some(before) = before else { return Ok(Some(tip.seq)) };
        let (mut low, mut high) = (0, tip.seq + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let earlier = self.event_of(&tip.chain, middle)?.is_some_and(|event| {
                let (lamport, chain, seq) = event.order();
                Place { lamport, chain, seq } < before
            });
            if earlier { low = middle + 1 } else { high = middle }
        }
        Ok(low.checked_sub(1))
    }

    /// The next run of a chain behind `after`: up to the next kept head, or to `last`, a head of the chain that the
    /// caller holds (the chain may have grown since, and its newest signature with it).
    pub fn run(&self, after: Option<u64>, last: &SignedHead) -> Result<Option<Run>, StoreError> {
        let chain = last.tip.chain;
        let from = after.map_or(0, |after| after + 1);
        if from > last.tip.seq {
            return Ok(None);
        }
        let head = self.kept_head(&chain, from)?.filter(|head| head.tip.seq < last.tip.seq);
        let head = head.unwrap_or(*last);
        let mut events = Vec::new();
        self.walk_chain::<StoreError>(&chain, from, |_, event| {
            let more = event.header.seq < head.tip.seq;
            events.push(WireEvent { header: event.bytes, body: event.body });
            Ok(more)
        })?;
        Ok(Some(Run { events, head }))
    }

    /// The first head kept for good at or behind a position.
    fn kept_head(&self, chain: &ChainId, from: u64) -> Result<Option<SignedHead>, StoreError> {
        let sql = "SELECT h.seq, h.id, h.signature FROM heads h JOIN chains c ON h.chain = c.ref
                   WHERE c.id = ?1 AND h.seq >= ?2 ORDER BY h.seq LIMIT 1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let kept = statement.query_row(params![chain.0, from as i64], |row| {
            let (seq, id) = (row.get::<_, i64>(0)? as u64, EventId(row.get(1)?));
            Ok(SignedHead { tip: Tip { chain: *chain, seq, id }, signature: row.get(2)? })
        });
        Ok(kept.optional()?)
    }
}

impl Tx<'_> {
    /// Inserts an event of a chain that is open here. The caller sets the chain's head in the same transaction.
    pub fn insert(&self, event: &Event) -> Result<Pos, StoreError> {
        let chain = self.chain_ref(&event.chain())?;
        let chain = chain.ok_or(StoreError::NoChain { event: event.id })?;
        let pos = Pos::new(chain, event.header.seq);
        let sql = "INSERT INTO events (pos, id, header, body) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.execute(params![pos.0, event.id.0, event.bytes, event.body])?;
        Ok(pos)
    }
}

type Raw = (Vec<u8>, Option<Vec<u8>>);

fn raw(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
    Ok((row.get(0)?, row.get(1)?))
}

fn read((header, body): Raw) -> Result<Event, StoreError> {
    Event::read(header, body).map_err(|error| StoreError::damaged("event", error))
}
