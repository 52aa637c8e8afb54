//! A log in memory, for tests and the simulation: the smallest thing that keeps the protocol's promises.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;

use crate::chain::ChainOpen;
use crate::event::{Dep, Event, Header, HeaderError, Lamport, WallTime};
use crate::head::{Point, SignedHead, Tip, canonical_head};
use crate::id::{BodyHash, CanonicalHead, ChainId, EventId, PublicKey};
use crate::known::{Known, leads_to, shared};
use crate::limits::MAX_DEPS;
use crate::run::{Run, VerifiedRun, WireEvent, is_span_end};
use crate::session::Range;

/// Events by id: in a branch, each names the one before it.
#[derive(Debug, Clone)]
struct Chain {
    key: PublicKey,
    events: BTreeMap<EventId, Event>,
    /// The newest of each branch.
    tips: BTreeMap<Tip, SignedHead>,
    /// Signed heads at span ends.
    kept: BTreeMap<EventId, SignedHead>,
}

/// Chains in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog {
    chains: BTreeMap<ChainId, Chain>,
    /// What this log's author has named as causes.
    covered: BTreeMap<ChainId, Vec<Tip>>,
}

impl Known for MemoryLog {
    fn tips(&self, chain: &ChainId) -> Vec<Point> {
        let Some(chain) = self.chains.get(chain) else { return Vec::new() };
        chain.tips.keys().filter_map(|tip| chain.events.get(&tip.id)).map(Point::of).collect()
    }

    fn point(&self, event: &Tip) -> Option<Point> {
        let found = self.chains.get(&event.chain)?.events.get(&event.id)?;
        (found.header.seq == event.seq).then(|| Point::of(found))
    }

    fn ancestor(&self, event: &Tip, seq: u64) -> Option<Point> {
        let chain = self.chains.get(&event.chain)?;
        chain.back(event.id).find(|found| found.header.seq <= seq).map(Point::of)
    }

    fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        self.chains.get(chain).map(|chain| chain.key)
    }
}

impl Chain {
    /// From an event back to the first.
    fn back(&self, from: EventId) -> impl Iterator<Item = &Event> {
        let before = |event: &&Event| self.events.get(&event.header.prev?);
        std::iter::successors(self.events.get(&from), before)
    }

    fn insert(&mut self, event: Event) {
        self.tips.retain(|tip, _| Some(tip.id) != event.header.prev);
        self.events.insert(event.id, event);
    }

    fn set_head(&mut self, head: SignedHead) {
        self.tips.insert(head.tip, head);
        if is_span_end(head.tip.seq) {
            self.kept.insert(head.tip.id, head);
        }
    }
}

impl MemoryLog {
    /// Starts a chain of one's own with a first event that rests on all that is here.
    pub fn open(
        &mut self,
        open: &ChainOpen,
        at: WallTime,
        key: &SigningKey,
    ) -> Result<ChainId, HeaderError> {
        let (deps, lamport) = self.causes(None);
        let event = Event::new(ChainOpen::header(deps, lamport, at), open.encode())?;
        let chain = event.chain();
        self.push(event, open.key, key);
        Ok(chain)
    }

    /// Appends to a chain of one's own; `None` when there is none, or it is forked: then a new one has to be opened.
    pub fn append(
        &mut self,
        chain: ChainId,
        kind: &str,
        body: Vec<u8>,
        at: WallTime,
        key: &SigningKey,
    ) -> Result<Option<Event>, HeaderError> {
        let tips = Known::tips(self, &chain);
        let ([tip], Some(public)) = (tips.as_slice(), self.key(&chain)) else { return Ok(None) };
        let (deps, lamport) = self.causes(Some((chain, *tip)));
        let header = Header {
            chain: Some(chain),
            seq: tip.seq + 1,
            prev: Some(tip.id),
            deps,
            lamport,
            at,
            kind: kind.to_owned(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        };
        let event = Event::new(header, body)?;
        self.push(event.clone(), public, key);
        Ok(Some(event))
    }

    /// Stores verified runs whose causes are complete.
    pub fn store(&mut self, batch: &[VerifiedRun]) -> u64 {
        let mut stored = 0;
        for run in batch {
            let key = run.open.map(|open| open.key).or_else(|| self.key(&run.chain));
            let Some(key) = key else { continue };
            let chain = self.chain_entry(run.chain, key);
            for event in &run.events {
                chain.insert(event.clone());
                stored += 1;
            }
            chain.set_head(run.head);
        }
        stored
    }

    /// The newest event of each branch of each chain, sorted.
    pub fn tips(&self) -> Vec<Tip> {
        self.chains.values().flat_map(|chain| chain.tips.keys().copied()).collect()
    }

    /// The canonical head.
    pub fn head(&self) -> CanonicalHead {
        canonical_head(self.tips())
    }

    /// All events, by chain and position.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        let mut events: Vec<&Event> =
            self.chains.values().flat_map(|chain| chain.events.values()).collect();
        events.sort_unstable_by_key(|event| event.tip());
        events.into_iter()
    }

    /// An event.
    pub fn event(&self, tip: &Tip) -> Option<&Event> {
        self.chains.get(&tip.chain)?.events.get(&tip.id)
    }

    /// Everything that is here, as ranges.
    pub fn all(&self) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        for tip in self.tips() {
            let sent = ranges.iter().filter(|range| range.tip.chain == tip.chain);
            let after =
                sent.filter_map(|range| shared(self, &range.tip, &tip)).map(|p| p.seq).max();
            ranges.push(Range { tip, after });
        }
        ranges
    }

    /// The runs of some ranges, in the order of their first events' Lamport times.
    pub fn runs(&self, ranges: &[Range]) -> Vec<Run> {
        let mut runs = Vec::new();
        for range in ranges {
            runs.extend(self.runs_of(range).into_iter().flatten());
        }
        runs.sort_by_key(|(lamport, chain, _)| (*lamport, *chain));
        runs.into_iter().map(|(_, _, run)| run).collect()
    }

    fn runs_of(&self, range: &Range) -> Option<Vec<(Lamport, ChainId, Run)>> {
        let chain = self.chains.get(&range.tip.chain)?;
        let last = *chain.tips.get(&range.tip)?;
        let lacking = |event: &&Event| range.after.is_none_or(|after| event.header.seq > after);
        let mut events: Vec<&Event> = chain.back(range.tip.id).take_while(lacking).collect();
        events.reverse();
        let mut runs = Vec::new();
        let is_end = |event: &&Event| event.id == last.tip.id || chain.kept.contains_key(&event.id);
        for events in events.split_inclusive(is_end) {
            let (Some(first), Some(end)) = (events.first(), events.last()) else { continue };
            let head = chain.kept.get(&end.id).copied().unwrap_or(last);
            let wire = |e: &&Event| WireEvent { header: e.bytes.clone(), body: e.body.clone() };
            let run = Run { events: events.iter().map(wire).collect(), head };
            runs.push((first.header.lamport, range.tip.chain, run));
        }
        Some(runs)
    }

    fn causes(&mut self, own: Option<(ChainId, Point)>) -> (Vec<Dep>, Lamport) {
        let mut latest = own.map_or(Lamport(0), |(_, tip)| tip.lamport);
        let mut deps = Vec::new();
        for tip in self.tips() {
            let mine = own.is_some_and(|(chain, _)| chain == tip.chain);
            let named = self.covered.get(&tip.chain).into_iter().flatten();
            let known = named.into_iter().any(|named| leads_to(self, &tip, named) == Some(true));
            if mine || known || deps.len() == MAX_DEPS {
                continue;
            }
            latest = latest.max(self.point(&tip).map_or(Lamport(0), |point| point.lamport));
            self.covered.entry(tip.chain).or_default().push(tip);
            deps.push(Dep::from(tip));
        }
        (deps, Lamport(latest.0 + 1))
    }

    fn push(&mut self, event: Event, public: PublicKey, key: &SigningKey) {
        let tip = event.tip();
        let chain = self.chain_entry(tip.chain, public);
        chain.insert(event);
        chain.set_head(SignedHead::sign(tip, key));
    }

    fn chain_entry(&mut self, chain: ChainId, key: PublicKey) -> &mut Chain {
        let (events, tips, kept) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        self.chains.entry(chain).or_insert(Chain { key, events, tips, kept })
    }
}
