//! Intake: verified runs wait here until their causes are complete, and leave in batches that are closed under causes.
//!
//! Two runs may rest on each other event by event, because signatures stand only at the ends of runs. So readiness is
//! decided event by event, and release run by run: a run leaves when each of its events is ready and each event that it
//! rests on is stored or leaves with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Dep, Event, Lamport};
use crate::head::Point;
use crate::id::{ChainId, EventId, PublicKey};
use crate::known::Known;
use crate::limits::MAX_PENDING_BYTES;
use crate::run::VerifiedRun;

/// Why a run can't be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The chain has another event at this position.
    #[error("the chain {chain} is forked at or before {seq}: here {ours}, there {theirs}")]
    Fork {
        /// The chain.
        chain: ChainId,
        /// The position compared.
        seq: u64,
        /// Our event there.
        ours: EventId,
        /// Theirs.
        theirs: EventId,
    },
    /// The clock isn't one more than the latest cause.
    #[error("event {event} has Lamport time {found}, its causes make it {expected}")]
    Lamport {
        /// The event.
        event: EventId,
        /// `1 + max(lamport of prev and deps)`.
        expected: u64,
        /// What the header says.
        found: u64,
    },
    /// A causal link names another event than the one at that place.
    #[error("event {event} rests on {found} at {chain} {seq}, the event there is {expected}")]
    Dep {
        /// The event.
        event: EventId,
        /// The chain of the link.
        chain: ChainId,
        /// Its position.
        seq: u64,
        /// The event there.
        expected: EventId,
        /// What the link names.
        found: EventId,
    },
    /// Too much waits for causes.
    #[error("runs of {MAX_PENDING_BYTES} bytes already wait for their causes")]
    Full,
}

/// What an offered run brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offered {
    /// Events that were already here.
    pub duplicates: u64,
    /// Events that were not.
    pub fresh: u64,
}

/// Runs that can be committed now, and runs that never can.
#[derive(Debug, Default)]
pub struct Ready {
    /// New events only; closed under causes together with what is stored.
    pub batch: Vec<VerifiedRun>,
    /// Chain, first position and reason of what is refused.
    pub refused: Vec<(ChainId, u64, IntakeError)>,
}

#[derive(Debug)]
struct Waiting {
    run: VerifiedRun,
    /// Lamport times of the leading events that are ready.
    ready: Vec<Lamport>,
    missing: Option<Dep>,
}

impl Waiting {
    fn is_whole(&self) -> bool {
        self.ready.len() == self.run.events.len()
    }
}

/// The waiting room.
#[derive(Debug, Default)]
pub struct Intake {
    /// By chain, then by first position; runs of one chain never overlap.
    waiting: BTreeMap<ChainId, BTreeMap<u64, Waiting>>,
    bytes: usize,
}

enum Check {
    Ready(Lamport),
    Missing(Dep),
    Wrong(IntakeError),
}

impl Intake {
    /// Takes a verified run in. Events that are stored or waiting already must be the very same; they are counted and
    /// cut off. A run beyond a gap waits.
    pub fn offer(
        &mut self,
        mut run: VerifiedRun,
        known: &dyn Known,
    ) -> Result<Offered, IntakeError> {
        let total = run.events.len() as u64;
        for event in &run.events {
            let seq = event.header.seq;
            if let Some(here) = self.point(&run.chain, seq, known)
                && here.id != event.id
            {
                let (chain, ours, theirs) = (run.chain, here.id, event.id);
                return Err(IntakeError::Fork { chain, seq, ours, theirs });
            }
        }
        self.trim(&mut run, known);
        let (Some(first), fresh) = (run.events.first(), run.events.len() as u64) else {
            return Ok(Offered { duplicates: total, fresh: 0 });
        };
        let before = first.header.seq.checked_sub(1);
        if let (Some(seq), Some(theirs)) = (before, first.header.prev)
            && let Some(here) = self.point(&run.chain, seq, known)
            && here.id != theirs
        {
            return Err(IntakeError::Fork { chain: run.chain, seq, ours: here.id, theirs });
        }
        let bytes = run.bytes();
        if self.bytes.saturating_add(bytes) > MAX_PENDING_BYTES {
            return Err(IntakeError::Full);
        }
        self.make_room(&run);
        self.insert(run);
        Ok(Offered { duplicates: total - fresh, fresh })
    }

    /// Cuts off the front that is stored, or inside a waiting run that begins earlier. A run is only ever cut at its
    /// front: its signed head stands at its end.
    fn trim(&self, run: &mut VerifiedRun, known: &dyn Known) {
        let chain = run.chain;
        let first = run.first_seq();
        run.events.retain(|event| {
            let seq = event.header.seq;
            let earlier = self.run_at(&chain, seq).is_some_and(|(_, start)| start <= first);
            known.point(&chain, seq).is_none() && !earlier
        });
    }

    /// Waiting runs that the new one covers go; one that it overlaps loses its front.
    fn make_room(&mut self, run: &VerifiedRun) {
        let (first, last) = (run.first_seq(), run.last().map_or(0, |point| point.seq));
        let covered: Vec<u64> = match self.waiting.get(&run.chain) {
            Some(runs) => runs.range(first..=last).map(|(start, _)| *start).collect(),
            None => return,
        };
        for start in covered {
            if let Some(mut waiting) = self.remove(run.chain, start) {
                waiting.run.events.retain(|event| event.header.seq > last);
                if !waiting.run.events.is_empty() {
                    self.insert(waiting.run);
                }
            }
        }
    }

    fn insert(&mut self, run: VerifiedRun) {
        self.bytes += run.bytes();
        let (chain, first) = (run.chain, run.first_seq());
        let waiting = Waiting { run, ready: Vec::new(), missing: None };
        self.waiting.entry(chain).or_default().insert(first, waiting);
    }

    /// The key of a chain whose first run waits here.
    pub fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        let first = self.waiting.get(chain)?.get(&0)?;
        first.run.open.map(|open| open.key)
    }

    /// Releases what is complete. Call it again after the batch has been stored.
    pub fn take_ready(&mut self, known: &dyn Known) -> Ready {
        let mut ready = Ready::default();
        while let Some((chain, seq, error)) = self.advance(known) {
            self.remove(chain, seq);
            ready.refused.push((chain, seq, error));
            // What was ready because of it is not.
            for waiting in self.waiting.values_mut().flat_map(BTreeMap::values_mut) {
                waiting.ready.clear();
            }
        }
        let released = self.closed_set(known);
        for (chain, seq) in released {
            if let Some(waiting) = self.remove(chain, seq) {
                ready.batch.push(waiting.run);
            }
        }
        ready
    }

    /// Each waiting run with the cause it lacks.
    pub fn waiting(&self) -> impl Iterator<Item = (&VerifiedRun, Option<Dep>)> {
        self.waiting.values().flat_map(BTreeMap::values).map(|w| (&w.run, w.missing))
    }

    /// Advances every run's ready prefix until nothing moves; stops at the first wrong event.
    fn advance(&mut self, known: &dyn Known) -> Option<(ChainId, u64, IntakeError)> {
        let mut queue: BTreeSet<(ChainId, u64)> = self.keys().collect();
        // Who waits for which position: woken when it becomes ready, so each event is checked once or twice in all.
        let mut waiters: BTreeMap<(ChainId, u64), Vec<(ChainId, u64)>> = BTreeMap::new();
        while let Some((chain, first)) = queue.pop_first() {
            while let Some(waiting) = self.get(&chain, first) {
                let Some(event) = waiting.run.events.get(waiting.ready.len()) else { break };
                let seq = event.header.seq;
                let check = self.check(&chain, event, known);
                let Some(waiting) =
                    self.waiting.get_mut(&chain).and_then(|runs| runs.get_mut(&first))
                else {
                    break;
                };
                match check {
                    Check::Ready(lamport) => {
                        waiting.ready.push(lamport);
                        waiting.missing = None;
                        queue.extend(waiters.remove(&(chain, seq)).into_iter().flatten());
                    }
                    Check::Missing(dep) => {
                        waiting.missing = Some(dep);
                        waiters.entry((dep.chain, dep.seq)).or_default().push((chain, first));
                        break;
                    }
                    Check::Wrong(error) => return Some((chain, first, error)),
                }
            }
        }
        None
    }

    fn check(&self, chain: &ChainId, event: &Event, known: &dyn Known) -> Check {
        let mut latest = Lamport(0);
        let prev = event.header.prev.zip(event.header.seq.checked_sub(1));
        let prev = prev.map(|(id, seq)| Dep { chain: *chain, seq, id });
        for cause in prev.into_iter().chain(event.header.deps.iter().copied()) {
            let Some(point) = self.ready_point(&cause.chain, cause.seq, known) else {
                return Check::Missing(cause);
            };
            if point.id != cause.id {
                return Check::Wrong(IntakeError::Dep {
                    event: event.id,
                    chain: cause.chain,
                    seq: cause.seq,
                    expected: point.id,
                    found: cause.id,
                });
            }
            latest = latest.max(point.lamport);
        }
        let (expected, found) = (latest.0.saturating_add(1), event.header.lamport.0);
        if expected != found {
            return Check::Wrong(IntakeError::Lamport { event: event.id, expected, found });
        }
        Check::Ready(event.header.lamport)
    }

    /// The greatest set of whole runs in which every cause is stored or in the set.
    fn closed_set(&self, known: &dyn Known) -> BTreeSet<(ChainId, u64)> {
        let mut set: BTreeSet<(ChainId, u64)> =
            self.keys().filter(|(c, s)| self.get(c, *s).is_some_and(Waiting::is_whole)).collect();
        let mut rests_on: BTreeMap<(ChainId, u64), Vec<(ChainId, u64)>> = BTreeMap::new();
        let mut out = Vec::new();
        for key in &set {
            for cause in self.causes(key) {
                if known.point(&cause.0, cause.1).is_some() {
                    continue;
                }
                match self.run_at(&cause.0, cause.1).filter(|run| set.contains(run)) {
                    Some(run) if run == *key => {}
                    Some(run) => rests_on.entry(run).or_default().push(*key),
                    None => out.push(*key),
                }
            }
        }
        while let Some(key) = out.pop() {
            if set.remove(&key) {
                out.extend(rests_on.remove(&key).into_iter().flatten());
            }
        }
        set
    }

    /// The places that a run's events rest on, outside the run itself.
    fn causes(&self, (chain, first): &(ChainId, u64)) -> impl Iterator<Item = (ChainId, u64)> {
        let before = first.checked_sub(1).map(|seq| (*chain, seq));
        let events = self.get(chain, *first).map(|w| w.run.events.as_slice()).unwrap_or_default();
        let deps = events.iter().flat_map(|e| e.header.deps.iter().map(|d| (d.chain, d.seq)));
        before.into_iter().chain(deps)
    }

    fn keys(&self) -> impl Iterator<Item = (ChainId, u64)> {
        self.waiting.iter().flat_map(|(chain, runs)| runs.keys().map(|seq| (*chain, *seq)))
    }

    fn get(&self, chain: &ChainId, first: u64) -> Option<&Waiting> {
        self.waiting.get(chain)?.get(&first)
    }

    fn remove(&mut self, chain: ChainId, first: u64) -> Option<Waiting> {
        let runs = self.waiting.get_mut(&chain)?;
        let waiting = runs.remove(&first)?;
        if runs.is_empty() {
            self.waiting.remove(&chain);
        }
        self.bytes = self.bytes.saturating_sub(waiting.run.bytes());
        Some(waiting)
    }

    /// The waiting run that holds a position.
    fn run_at(&self, chain: &ChainId, seq: u64) -> Option<(ChainId, u64)> {
        let (first, waiting) = self.waiting.get(chain)?.range(..=seq).next_back()?;
        (seq - first < waiting.run.events.len() as u64).then_some((*chain, *first))
    }

    fn waiting_event(&self, chain: &ChainId, seq: u64) -> Option<(&Waiting, usize)> {
        let (_, first) = self.run_at(chain, seq)?;
        Some((self.get(chain, first)?, usize::try_from(seq - first).ok()?))
    }

    /// A stored or waiting event.
    fn point(&self, chain: &ChainId, seq: u64, known: &dyn Known) -> Option<Point> {
        known.point(chain, seq).or_else(|| {
            let (waiting, index) = self.waiting_event(chain, seq)?;
            waiting.run.events.get(index).map(Point::of)
        })
    }

    /// A stored event, or a waiting one whose own causes are ready.
    fn ready_point(&self, chain: &ChainId, seq: u64, known: &dyn Known) -> Option<Point> {
        known.point(chain, seq).or_else(|| {
            let (waiting, index) = self.waiting_event(chain, seq)?;
            (index < waiting.ready.len()).then(|| waiting.run.events.get(index).map(Point::of))?
        })
    }
}

/// The events of a batch in canonical order, which extends causality: `(run, event)` indices.
pub fn in_causal_order(batch: &[VerifiedRun]) -> Vec<(usize, usize)> {
    let mut order: Vec<_> = batch
        .iter()
        .enumerate()
        .flat_map(|(r, run)| run.events.iter().enumerate().map(move |(e, ev)| (ev.order(), r, e)))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, run, event)| (run, event)).collect()
}
