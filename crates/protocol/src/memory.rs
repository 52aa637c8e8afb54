//! A log in memory, for tests and the simulation: the smallest thing that keeps the protocol's promises.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;

use crate::chain::ChainOpen;
use crate::event::{Dep, Event, Header, HeaderError, Lamport, WallTime};
use crate::head::{Point, SignedHead, Tip, canonical_head};
use crate::id::{BodyHash, CanonicalHead, ChainId, PublicKey};
use crate::known::Known;
use crate::limits::MAX_DEPS;
use crate::run::{Run, VerifiedRun, WireEvent, is_span_end};
use crate::session::Range;

#[derive(Debug, Clone)]
struct Chain {
    key: PublicKey,
    events: Vec<Event>,
    /// Signed heads at span ends, and the newest.
    heads: BTreeMap<u64, SignedHead>,
}

/// Chains in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog {
    chains: BTreeMap<ChainId, Chain>,
    /// What this log's author has named as causes.
    covered: BTreeMap<ChainId, u64>,
}

impl Known for MemoryLog {
    fn tip(&self, chain: &ChainId) -> Option<Point> {
        self.chains.get(chain)?.events.last().map(Point::of)
    }

    fn point(&self, chain: &ChainId, seq: u64) -> Option<Point> {
        self.chains.get(chain)?.events.get(usize::try_from(seq).ok()?).map(Point::of)
    }

    fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        self.chains.get(chain).map(|chain| chain.key)
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

    /// Appends to a chain of one's own.
    pub fn append(
        &mut self,
        chain: ChainId,
        kind: &str,
        body: Vec<u8>,
        at: WallTime,
        key: &SigningKey,
    ) -> Result<Option<Event>, HeaderError> {
        let (Some(tip), Some(public)) = (self.tip(&chain), self.key(&chain)) else {
            return Ok(None);
        };
        let (deps, lamport) = self.causes(Some((chain, tip)));
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
            chain.events.extend(run.events.iter().cloned());
            stored += run.events.len() as u64;
            set_head(chain, run.head);
        }
        stored
    }

    /// Newest events, by chain.
    pub fn tips(&self) -> Vec<Tip> {
        let tips = self.chains.iter().filter_map(|(chain, kept)| {
            let point = kept.events.last().map(Point::of)?;
            Some(Tip { chain: *chain, seq: point.seq, id: point.id })
        });
        tips.collect()
    }

    /// The canonical head.
    pub fn head(&self) -> CanonicalHead {
        canonical_head(self.tips())
    }

    /// All events.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.chains.values().flat_map(|chain| chain.events.iter())
    }

    /// The runs of some ranges, in the order of their first events' Lamport times.
    pub fn runs(&self, ranges: &[Range]) -> Vec<Run> {
        let mut runs = Vec::new();
        for range in ranges {
            let mut next = range.after.map_or(0, |after| after + 1);
            while let Some((run, lamport, end)) = self.run_from(&range.chain, next, range.to) {
                runs.push((lamport, range.chain, run));
                next = end + 1;
            }
        }
        runs.sort_by_key(|(lamport, chain, _)| (*lamport, *chain));
        runs.into_iter().map(|(_, _, run)| run).collect()
    }

    fn run_from(&self, chain: &ChainId, from: u64, to: u64) -> Option<(Run, Lamport, u64)> {
        let chain = self.chains.get(chain)?;
        if from > to {
            return None;
        }
        let (end, head) = chain.heads.range(from..=to).next()?;
        let (start, stop) = (usize::try_from(from).ok()?, usize::try_from(*end).ok()?);
        let events = chain.events.get(start..=stop)?;
        let wire = |e: &Event| WireEvent { header: e.bytes.clone(), body: e.body.clone() };
        let run = Run { events: events.iter().map(wire).collect(), head: *head };
        Some((run, events.first()?.header.lamport, *end))
    }

    fn causes(&mut self, own: Option<(ChainId, Point)>) -> (Vec<Dep>, Lamport) {
        let mut latest = own.map_or(Lamport(0), |(_, tip)| tip.lamport);
        let mut deps = Vec::new();
        for tip in self.tips() {
            let mine = own.is_some_and(|(chain, _)| chain == tip.chain);
            let known = self.covered.get(&tip.chain).is_some_and(|seq| *seq >= tip.seq);
            if mine || known || deps.len() == MAX_DEPS {
                continue;
            }
            latest = latest.max(self.tip(&tip.chain).map_or(Lamport(0), |point| point.lamport));
            self.covered.insert(tip.chain, tip.seq);
            deps.push(Dep::from(tip));
        }
        (deps, Lamport(latest.0 + 1))
    }

    fn push(&mut self, event: Event, public: PublicKey, key: &SigningKey) {
        let tip = Tip { chain: event.chain(), seq: event.header.seq, id: event.id };
        let chain = self.chain_entry(tip.chain, public);
        chain.events.push(event);
        set_head(chain, SignedHead::sign(tip, key));
    }

    fn chain_entry(&mut self, chain: ChainId, key: PublicKey) -> &mut Chain {
        let empty = Chain { key, events: Vec::new(), heads: BTreeMap::new() };
        self.chains.entry(chain).or_insert(empty)
    }
}

fn set_head(chain: &mut Chain, head: SignedHead) {
    chain.heads.retain(|seq, _| is_span_end(*seq));
    chain.heads.insert(head.tip.seq, head);
}
