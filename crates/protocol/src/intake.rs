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

/// A waiting run: its chain and first position.
type Key = (ChainId, u64);

#[derive(Debug)]
struct Waiting {
    run: VerifiedRun,
    /// How many leading events are ready.
    ready: usize,
    missing: Option<Dep>,
    /// The run that keeps this one back although it is whole.
    blocked_by: Option<Key>,
}

impl Waiting {
    fn is_whole(&self) -> bool {
        self.ready == self.run.events.len()
    }
}

/// The waiting room.
///
/// A run is looked at when it comes, and again when the event that it lacks becomes ready here; never because another
/// run came. Events that somebody else stored meanwhile are found by [`Intake::recheck`].
#[derive(Debug, Default)]
pub struct Intake {
    /// By chain, then by first position; runs of one chain never overlap.
    waiting: BTreeMap<ChainId, BTreeMap<u64, Waiting>>,
    bytes: usize,
    /// Runs that may advance.
    moved: BTreeSet<Key>,
    /// Whole runs that may leave.
    whole: BTreeSet<Key>,
    /// Who waits for which event.
    waiters: BTreeMap<(ChainId, u64), BTreeSet<Key>>,
    /// Whole runs that rest on a run that is not.
    blocked: BTreeMap<Key, BTreeSet<Key>>,
}

enum Check {
    Ready,
    Missing(Dep),
    Wrong(IntakeError),
}

/// A run that can't go on, with the reason.
type Wrong = (ChainId, u64, IntakeError);

impl Intake {
    /// Takes a verified run in. Events that are stored or waiting already must be the very same; they are counted and
    /// cut off. A run beyond a gap waits. Costs two lookups in the store at most, however long the run.
    pub fn offer(
        &mut self,
        mut run: VerifiedRun,
        known: &dyn Known,
    ) -> Result<Offered, IntakeError> {
        let total = run.events.len() as u64;
        run.events.drain(..stored_front(&run, known)?);
        self.cut_waiting(&mut run)?;
        let (Some(first), fresh) = (run.events.first(), run.events.len() as u64) else {
            return Ok(Offered { duplicates: total, fresh: 0 });
        };
        let before = first.header.seq.checked_sub(1);
        if let (Some(seq), Some(theirs)) = (before, first.header.prev)
            && let Some(here) = self.waiting_point(&run.chain, seq)
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

    /// Cuts off the front that lies inside a waiting run that begins earlier. A run is only ever cut at its front: its
    /// signed head stands at its end.
    fn cut_waiting(&self, run: &mut VerifiedRun) -> Result<(), IntakeError> {
        let (chain, first) = (run.chain, run.first_seq());
        for event in &run.events {
            let seq = event.header.seq;
            if let Some(here) = self.waiting_point(&chain, seq)
                && here.id != event.id
            {
                return Err(IntakeError::Fork { chain, seq, ours: here.id, theirs: event.id });
            }
        }
        run.events.retain(|event| {
            let at = self.run_at(&chain, event.header.seq);
            at.is_none_or(|(_, start)| start > first)
        });
        Ok(())
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
        let waiting = Waiting { run, ready: 0, missing: None, blocked_by: None };
        self.waiting.entry(chain).or_default().insert(first, waiting);
        self.moved.insert((chain, first));
    }

    /// The key of a chain whose first run waits here.
    pub fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        let first = self.waiting.get(chain)?.get(&0)?;
        first.run.open.map(|open| open.key)
    }

    /// Releases what is complete. Call it again after the batch has been stored.
    pub fn take_ready(&mut self, known: &dyn Known) -> Ready {
        let mut refused = Vec::new();
        loop {
            let released = match self.advance(known) {
                Ok(()) => self.closed_set(known),
                Err(wrong) => {
                    self.refuse(wrong, &mut refused);
                    continue;
                }
            };
            match self.release(&released, known) {
                Ok(batch) => return Ready { batch, refused },
                Err(wrong) => self.refuse(wrong, &mut refused),
            }
        }
    }

    /// Has the next [`Intake::take_ready`] look at every waiting run anew: for events that were stored by somebody else.
    pub fn recheck(&mut self) {
        self.waiters.clear();
        self.blocked.clear();
        self.whole.clear();
        self.moved = self.keys().collect();
    }

    /// What was ready because of a refused run is not.
    fn refuse(&mut self, wrong: Wrong, refused: &mut Vec<Wrong>) {
        self.remove(wrong.0, wrong.1);
        for waiting in self.waiting.values_mut().flat_map(BTreeMap::values_mut) {
            waiting.ready = 0;
        }
        self.recheck();
        refused.push(wrong);
    }

    /// Takes a closed set out, without what has been stored since it was offered.
    fn release(
        &mut self,
        keys: &BTreeSet<Key>,
        known: &dyn Known,
    ) -> Result<Vec<VerifiedRun>, Wrong> {
        let mut cuts = Vec::new();
        for (chain, first) in keys {
            let stored = self.get(chain, *first).map(|waiting| stored_front(&waiting.run, known));
            cuts.push(stored.unwrap_or(Ok(0)).map_err(|error| (*chain, *first, error))?);
        }
        let mut batch = Vec::new();
        for ((chain, first), cut) in keys.iter().zip(cuts) {
            let Some(mut waiting) = self.remove(*chain, *first) else { continue };
            waiting.run.events.drain(..cut);
            if !waiting.run.events.is_empty() {
                batch.push(waiting.run);
            }
        }
        Ok(batch)
    }

    /// Each waiting run with the cause it lacks.
    pub fn waiting(&self) -> impl Iterator<Item = (&VerifiedRun, Option<Dep>)> {
        self.waiting.values().flat_map(BTreeMap::values).map(|w| (&w.run, w.missing))
    }

    /// Advances the ready prefixes until nothing moves; stops at the first wrong event.
    fn advance(&mut self, known: &dyn Known) -> Result<(), Wrong> {
        while let Some((chain, first)) = self.moved.pop_first() {
            while let Some(waiting) = self.get(&chain, first) {
                let Some(event) = waiting.run.events.get(waiting.ready) else {
                    self.whole.insert((chain, first));
                    self.whole.extend(self.blocked.remove(&(chain, first)).unwrap_or_default());
                    break;
                };
                let seq = event.header.seq;
                let check = self.check(&chain, event, known);
                let Some(waiting) = self.get_mut(&chain, first) else { break };
                match check {
                    Check::Ready => {
                        waiting.ready += 1;
                        waiting.missing = None;
                        self.moved.extend(self.waiters.remove(&(chain, seq)).unwrap_or_default());
                    }
                    Check::Missing(dep) => {
                        waiting.missing = Some(dep);
                        self.waiters
                            .entry((dep.chain, dep.seq))
                            .or_default()
                            .insert((chain, first));
                        break;
                    }
                    Check::Wrong(error) => return Err((chain, first, error)),
                }
            }
        }
        Ok(())
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
        Check::Ready
    }

    /// The greatest set of whole runs in which every cause is stored or in the set. Runs that stay are looked at again
    /// when the run that keeps them back is whole, or gone.
    fn closed_set(&mut self, known: &dyn Known) -> BTreeSet<Key> {
        let mut set = std::mem::take(&mut self.whole);
        set.retain(|(chain, first)| self.get(chain, *first).is_some_and(Waiting::is_whole));
        let mut rests_on: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
        let mut out: Vec<(Key, Key)> = Vec::new();
        let mut lost = Vec::new();
        for key in &set {
            for (index, cause) in self.causes(key) {
                match self.run_at(&cause.chain, cause.seq) {
                    Some(run) if run == *key => {}
                    Some(run) if set.contains(&run) => rests_on.entry(run).or_default().push(*key),
                    _ if known.point(&cause.chain, cause.seq).is_some() => {}
                    Some(run) => out.push((*key, self.blocker(run))),
                    // It was released and the shell did not store it.
                    None => lost.push((*key, index, cause)),
                }
            }
        }
        for (key, index, cause) in lost {
            if let Some(waiting) = self.get_mut(&key.0, key.1) {
                waiting.ready = waiting.ready.min(index);
                waiting.missing = Some(cause);
                self.waiters.entry((cause.chain, cause.seq)).or_default().insert(key);
                out.push((key, key));
            }
        }
        while let Some((key, blocker)) = out.pop() {
            if !set.remove(&key) {
                continue;
            }
            if key != blocker
                && let Some(waiting) = self.get_mut(&key.0, key.1)
            {
                waiting.blocked_by = Some(blocker);
                self.blocked.entry(blocker).or_default().insert(key);
            }
            let resting = rests_on.remove(&key).unwrap_or_default();
            out.extend(resting.into_iter().map(|run| (run, blocker)));
        }
        set
    }

    /// The run at the root of a whole run's waiting.
    fn blocker(&self, run: Key) -> Key {
        let waiting = self.get(&run.0, run.1).filter(|waiting| waiting.is_whole());
        waiting.and_then(|waiting| waiting.blocked_by).unwrap_or(run)
    }

    /// What a run's events rest on outside the run itself, each with the index of the event.
    fn causes(&self, (chain, first): &Key) -> impl Iterator<Item = (usize, Dep)> {
        let events = self.get(chain, *first).map(|w| w.run.events.as_slice()).unwrap_or_default();
        let prev = events.first().and_then(|event| event.header.prev).zip(first.checked_sub(1));
        let before = prev.map(|(id, seq)| (0, Dep { chain: *chain, seq, id }));
        let deps = events.iter().enumerate();
        before.into_iter().chain(deps.flat_map(|(i, e)| e.header.deps.iter().map(move |d| (i, *d))))
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        self.waiting.iter().flat_map(|(chain, runs)| runs.keys().map(|seq| (*chain, *seq)))
    }

    fn get(&self, chain: &ChainId, first: u64) -> Option<&Waiting> {
        self.waiting.get(chain)?.get(&first)
    }

    fn get_mut(&mut self, chain: &ChainId, first: u64) -> Option<&mut Waiting> {
        self.waiting.get_mut(chain)?.get_mut(&first)
    }

    fn remove(&mut self, chain: ChainId, first: u64) -> Option<Waiting> {
        let runs = self.waiting.get_mut(&chain)?;
        let waiting = runs.remove(&first)?;
        if runs.is_empty() {
            self.waiting.remove(&chain);
        }
        self.bytes = self.bytes.saturating_sub(waiting.run.bytes());
        self.whole.extend(self.blocked.remove(&(chain, first)).unwrap_or_default());
        Some(waiting)
    }

    /// The waiting run that holds a position.
    fn run_at(&self, chain: &ChainId, seq: u64) -> Option<Key> {
        let (first, waiting) = self.waiting.get(chain)?.range(..=seq).next_back()?;
        (seq - first < waiting.run.events.len() as u64).then_some((*chain, *first))
    }

    fn waiting_event(&self, chain: &ChainId, seq: u64) -> Option<(&Waiting, usize)> {
        let (_, first) = self.run_at(chain, seq)?;
        Some((self.get(chain, first)?, usize::try_from(seq - first).ok()?))
    }

    fn waiting_point(&self, chain: &ChainId, seq: u64) -> Option<Point> {
        let (waiting, index) = self.waiting_event(chain, seq)?;
        waiting.run.events.get(index).map(Point::of)
    }

    /// A waiting event whose own causes are ready, or a stored one.
    fn ready_point(&self, chain: &ChainId, seq: u64, known: &dyn Known) -> Option<Point> {
        let waiting = self.waiting_event(chain, seq).filter(|(run, index)| *index < run.ready);
        let point = waiting.and_then(|(run, index)| run.run.events.get(index)).map(Point::of);
        point.or_else(|| known.point(chain, seq))
    }
}

/// How many leading events of a run are stored. Each event names the one before it, so that one comparison tells whether
/// all of them are the same.
fn stored_front(run: &VerifiedRun, known: &dyn Known) -> Result<usize, IntakeError> {
    let chain = run.chain;
    let (Some(tip), Some(first)) = (known.tip(&chain), run.events.first()) else { return Ok(0) };
    if tip.seq.checked_add(1) == Some(first.header.seq) {
        return match first.header.prev {
            Some(theirs) if theirs != tip.id => {
                Err(IntakeError::Fork { chain, seq: tip.seq, ours: tip.id, theirs })
            }
            _ => Ok(0),
        };
    }
    let front = run.events.iter().take_while(|event| event.header.seq <= tip.seq).count();
    let Some(last) = front.checked_sub(1).and_then(|index| run.events.get(index)) else {
        return Ok(0);
    };
    let (seq, theirs) = (last.header.seq, last.id);
    let here = if seq == tip.seq { Some(tip) } else { known.point(&chain, seq) };
    match here {
        Some(here) if here.id != theirs => {
            Err(IntakeError::Fork { chain, seq, ours: here.id, theirs })
        }
        Some(_) => Ok(front),
        None => Ok(0),
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
