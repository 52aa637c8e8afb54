//! Events: exact header bytes, and bodies that may be gone.

use mirror_protocol::run::{Run, WireEvent};
use mirror_protocol::{ChainId, Event, EventId, Header, Lamport, SignedHead, Tip};
use rusqlite::{OptionalExtension, Row, params};

use crate::chains::{BranchRef, ChainRow, Segment};
use crate::error::StoreError;
use crate::store::{Tx, View};

/// Where an event lies: chain and sequence in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos(pub(crate) i64);

/// Bits of a sequence number in a [`Pos`].
const SEQ_BITS: u32 = 40;

impl Pos {
    pub(crate) fn new(branch: BranchRef, seq: u64) -> Self {
        Self((branch.0 << SEQ_BITS) | (seq as i64 & ((1 << SEQ_BITS) - 1)))
    }

    /// The branch that it lies in.
    pub fn branch(self) -> BranchRef {
        BranchRef(self.0 >> SEQ_BITS)
    }

    /// Its position in it.
    pub fn seq(self) -> u64 {
        (self.0 & ((1 << SEQ_BITS) - 1)) as u64
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
    /// The event: two branches can share the rest.
    pub id: EventId,
}

impl View<'_> {
    /// An event by its id.
    pub fn event(&self, id: &EventId) -> Result<Option<Event>, StoreError> {
        let sql = "SELECT header, body FROM events WHERE id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_row(params![id.0], raw).optional()?.map(read).transpose()
    }

    /// An event by its id, and where it lies.
    pub fn find(&self, id: &EventId) -> Result<Option<(Pos, Event)>, StoreError> {
        let sql = "SELECT pos, header, body FROM events WHERE id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement
            .query_row(params![id.0], |row| Ok((Pos(row.get(0)?), (row.get(1)?, row.get(2)?))));
        let Some((pos, bytes)) = found.optional()? else { return Ok(None) };
        Ok(Some((pos, read(bytes)?)))
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

    /// The event at a position of a branch that is not before its first.
    pub fn event_in(&self, branch: BranchRef, seq: u64) -> Result<Option<Event>, StoreError> {
        self.event_at(Pos::new(branch, seq))
    }

    /// A header with its id, as stored.
    pub(crate) fn header_at(&self, pos: Pos) -> Result<Option<(Header, EventId)>, StoreError> {
        let sql = "SELECT id, header FROM events WHERE pos = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement
            .query_row(params![pos.0], |row| Ok((EventId(row.get(0)?), row.get::<_, Vec<u8>>(1)?)));
        let Some((id, bytes)) = found.optional()? else { return Ok(None) };
        let header = Header::decode(&bytes).map_err(|e| StoreError::damaged("event", e))?;
        Ok(Some((header, id)))
    }

    /// The id stored for a position of a branch, whether or not the event there still reads.
    pub fn id_of(&self, branch: BranchRef, seq: u64) -> Result<Option<EventId>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT id FROM events WHERE pos = ?1")?;
        let id =
            statement.query_row(params![Pos::new(branch, seq).0], |row| row.get(0)).optional()?;
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
        let sql = "SELECT coalesce(sum(seq + 1 - first), 0) FROM chains WHERE seq >= 0";
        Ok(self.conn.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64)
    }

    /// Calls back with the events that lie in a branch from a position on, in sequence, until it answers `false`.
    pub fn walk<E: From<StoreError>>(
        &self,
        branch: BranchRef,
        from: u64,
        mut visit: impl FnMut(Pos, Event) -> Result<bool, E>,
    ) -> Result<(), E> {
        let last = (1 << SEQ_BITS) - 1;
        self.walk_segment(&Segment { branch, from, to: last }, &mut visit).map(drop)
    }

    /// Calls back with the events that lie in a branch from a position on, or from one to another, each with the id that
    /// is stored beside it, until it answers `false`.
    pub fn walk_stored<E: From<StoreError>>(
        &self,
        branch: BranchRef,
        from: u64,
        to: Option<u64>,
        mut visit: impl FnMut(EventId, Event) -> Result<bool, E>,
    ) -> Result<(), E> {
        let sql = "SELECT id, header, body FROM events WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
        let mut statement = self.conn.prepare_cached(sql).map_err(StoreError::from)?;
        let last = to.unwrap_or((1 << SEQ_BITS) - 1);
        let bounds = params![Pos::new(branch, from).0, Pos::new(branch, last).0];
        let mut rows = statement.query(bounds).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let stored = |row: &Row<'_>| Ok((EventId(row.get(0)?), (row.get(1)?, row.get(2)?)));
            let (id, bytes) =
                stored(row).map_err(|error: rusqlite::Error| StoreError::from(error))?;
            if !visit(id, read(bytes)?)? {
                break;
            }
        }
        Ok(())
    }

    fn walk_segment<E: From<StoreError>>(
        &self,
        segment: &Segment,
        visit: &mut impl FnMut(Pos, Event) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let sql = "SELECT pos, header, body FROM events WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
        let mut statement = self.conn.prepare_cached(sql).map_err(StoreError::from)?;
        let at = |seq| Pos::new(segment.branch, seq).0;
        let bounds = params![at(segment.from), at(segment.to)];
        let mut rows = statement.query(bounds).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let pos = row.get(0).map_err(StoreError::from)?;
            let bytes =
                (row.get(1).map_err(StoreError::from)?, row.get(2).map_err(StoreError::from)?);
            if !visit(Pos(pos), read(bytes)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A page of events in canonical order, newest first, before a place. Lamport time grows along each branch, so the
    /// page is a merge of the branches' ends and needs no index.
    pub fn newest_events(
        &self,
        before: Option<Place>,
        only: Option<&ChainId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let mut ends = std::collections::BTreeMap::new();
        for row in self.chains()? {
            if only.is_some_and(|only| *only != row.tip.chain) {
                continue;
            }
            let seq = self.last_before(&row, before)?;
            if let Some(event) = self.end(&row, seq)? {
                ends.insert(event.order(), (event, row));
            }
        }
        let mut page = Vec::new();
        while page.len() < limit
            && let Some((_, (event, row))) = ends.pop_last()
        {
            let next = event.header.seq.checked_sub(1);
            if let Some(event) = self.end(&row, next)? {
                ends.insert(event.order(), (event, row));
            }
            page.push(event);
        }
        Ok(page)
    }

    fn end(&self, row: &ChainRow, seq: Option<u64>) -> Result<Option<Event>, StoreError> {
        let seq = seq.filter(|seq| *seq >= row.first);
        seq.map_or(Ok(None), |seq| self.event_at(Pos::new(row.branch, seq)))
    }

    /// The last position of a branch that comes before a place, by bisection.
    fn last_before(
        &self,
        row: &ChainRow,
        before: Option<Place>,
    ) -> Result<Option<u64>, StoreError> {
        let Some(before) = before else { return Ok(Some(row.tip.seq)) };
        let (mut low, mut high) = (row.first, row.tip.seq + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.header_at(Pos::new(row.branch, middle))?;
            let earlier = found.is_some_and(|(header, id)| {
                let (lamport, chain, seq) = (header.lamport, row.tip.chain, header.seq);
                Place { lamport, chain, seq, id } < before
            });
            if earlier { low = middle + 1 } else { high = middle }
        }
        Ok(low.checked_sub(1))
    }

    /// The next run of the branch that ends in `last`, a head of it that the caller holds (the branch may have grown
    /// since, and its newest signature with it), behind `after`: up to the next kept head, or to `last`.
    pub fn run(&self, after: Option<u64>, last: &SignedHead) -> Result<Option<Run>, StoreError> {
        let (parts, head) = self.cut(after, last)?;
        let mut events = Vec::new();
        for part in &parts {
            self.walk_segment::<StoreError>(part, &mut |_, event| {
                events.push(WireEvent { header: event.bytes, body: event.body });
                Ok(true)
            })?;
        }
        Ok((!events.is_empty()).then_some(Run { events, head }))
    }

    /// The clock at the end of the run that [`View::run`] would read.
    pub fn run_end(
        &self,
        after: Option<u64>,
        last: &SignedHead,
    ) -> Result<Option<Lamport>, StoreError> {
        let (parts, head) = self.cut(after, last)?;
        let Some(part) = parts.last() else { return Ok(None) };
        let end = self.header_at(Pos::new(part.branch, head.tip.seq))?;
        Ok(end.map(|(header, _)| header.lamport))
    }

    /// Where the next run lies, and its head; nowhere when there is none.
    fn cut(
        &self,
        after: Option<u64>,
        last: &SignedHead,
    ) -> Result<(Vec<Segment>, SignedHead), StoreError> {
        let from = after.map_or(0, |after| after + 1);
        let mut parts = Vec::new();
        for segment in self.lineage(&last.tip)? {
            if segment.to < from {
                continue;
            }
            let part = Segment { from: segment.from.max(from), ..segment };
            if let Some(head) = self.kept_head(&last.tip.chain, &part)? {
                parts.push(Segment { to: head.tip.seq, ..part });
                return Ok((parts, head));
            }
            parts.push(part);
        }
        Ok((parts, *last))
    }

    /// The first head kept for good in a part of a branch.
    fn kept_head(&self, chain: &ChainId, part: &Segment) -> Result<Option<SignedHead>, StoreError> {
        let sql = "SELECT seq, id, signature FROM heads
                   WHERE chain = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq LIMIT 1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let bounds = params![part.branch.0, part.from as i64, part.to as i64];
        let kept = statement.query_row(bounds, |row| {
            let (seq, id) = (row.get::<_, i64>(0)? as u64, EventId(row.get(1)?));
            Ok(SignedHead { tip: Tip { chain: *chain, seq, id }, signature: row.get(2)? })
        });
        Ok(kept.optional()?)
    }
}

impl Tx<'_> {
    /// Inserts an event where [`Tx::open_chain`] or [`Tx::attach`] said, or behind one that was. The caller sets the
    /// branch's head in the same transaction.
    pub fn insert(&self, branch: BranchRef, event: &Event) -> Result<Pos, StoreError> {
        self.insert_all(branch, std::slice::from_ref(event))?;
        Ok(Pos::new(branch, event.header.seq))
    }

    /// Inserts events that follow each other; where they lie.
    pub fn insert_all(&self, branch: BranchRef, events: &[Event]) -> Result<Vec<Pos>, StoreError> {
        let sql = "INSERT INTO events (pos, id, header, body) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut places = Vec::with_capacity(events.len());
        for event in events {
            let pos = Pos::new(branch, event.header.seq);
            statement.execute(params![pos.0, event.id.0, event.bytes, event.body])?;
            places.push(pos);
        }
        Ok(places)
    }
}

type Raw = (Vec<u8>, Option<Vec<u8>>);

fn raw(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
    Ok((row.get(0)?, row.get(1)?))
}

fn read((header, body): Raw) -> Result<Event, StoreError> {
    Event::read(header, body).map_err(|error| StoreError::damaged("event", error))
}
