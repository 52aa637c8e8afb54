//! Intake: verified runs wait here until their causes are complete, and leave in batches that are closed under causes.
//!
//! Two runs may rest on each other event by event, because signatures stand only at the ends of runs. So readiness is
//! decided event by event, and release run by run: a run leaves when each of its events is ready and each event that it
//! rests on is stored or leaves with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Event, Lamport};
use crate::head::{Point, Tip};
use crate::id::{ChainId, EventId, PublicKey};
use crate::known::Known;
use crate::limits::MAX_PENDING_BYTES;
use crate::run::VerifiedRun;

/// Why a run can't be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
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
    /// First event and reason of what is refused.
    pub refused: Vec<(Tip, IntakeError)>,
}

#[derive(Debug)]
struct Waiting {
    run: VerifiedRun,
    /// How many leading events are ready.
    ready: usize,
    missing: Option<Tip>,
    /// What the ready events rest on that waited here when it was found, with the index of the event: what was stored
    /// stays stored.
    rests_on: Vec<(usize, Tip)>,
    /// The run that keeps this one back although it is whole.
    blocked_by: Option<Tip>,
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
    /// By first event; no event waits twice.
    waiting: BTreeMap<Tip, Waiting>,
    /// In which run an event waits.
    holder: BTreeMap<EventId, Tip>,
    bytes: usize,
    /// Runs that may advance.
    moved: BTreeSet<Tip>,
    /// Whole runs that may leave.
    whole: BTreeSet<Tip>,
    /// Who waits for which event.
    waiters: BTreeMap<EventId, BTreeSet<Tip>>,
    /// Whole runs that rest on a run that is not.
    blocked: BTreeMap<Tip, BTreeSet<Tip>>,
}

enum Check {
    /// With those of its causes that wait here.
    Ready(Vec<Tip>),
    Missing(Tip),
    Wrong(IntakeError),
}

/// A run that can't go on, with the reason.
type Wrong = (Tip, IntakeError);

impl Intake {
    /// Takes a verified run in. Events that are stored or waiting already are counted and cut off. A run whose causes
    /// have not come waits, be they before it in its chain or elsewhere; a run that leaves its chain's other events
    /// aside is a branch. Costs few lookups in the store, however long the run.
    pub fn offer(
        &mut self,
        mut run: VerifiedRun,
        known: &dyn Known,
    ) -> Result<Offered, IntakeError> {
        let total = run.events.len() as u64;
        run.cut_front(stored_front(&run, known));
        self.cut_waiting(&mut run);
        let fresh = run.events.len() as u64;
        if fresh == 0 {
            return Ok(Offered { duplicates: total, fresh });
        }
        if self.bytes.saturating_add(run.bytes()) > MAX_PENDING_BYTES {
            return Err(IntakeError::Full);
        }
        self.make_room(&run);
        self.insert(run);
        Ok(Offered { duplicates: total - fresh, fresh })
    }

    /// Cuts off the front that waits already. A run is only ever cut at its front: its signed head stands at its end.
    fn cut_waiting(&self, run: &mut VerifiedRun) {
        let waits = |event: &&Event| self.holder.contains_key(&event.id);
        let front = run.events.iter().take_while(waits).count();
        run.cut_front(front);
    }

    /// Waiting runs that begin inside the new one lose their front, or go.
    fn make_room(&mut self, run: &VerifiedRun) {
        let coming: BTreeSet<EventId> = run.events.iter().map(|event| event.id).collect();
        let inside: BTreeSet<Tip> =
            run.events.iter().filter_map(|event| self.holder.get(&event.id).copied()).collect();
        for first in inside {
            if let Some(mut waiting) = self.remove(&first) {
                let covered = |event: &&Event| coming.contains(&event.id);
                let front = waiting.run.events.iter().take_while(covered).count();
                waiting.run.cut_front(front);
                self.insert(waiting.run);
            }
        }
    }

    fn insert(&mut self, run: VerifiedRun) {
        let Some(first) = run.events.first().map(Event::tip) else { return };
        self.bytes += run.bytes();
        self.holder.extend(run.events.iter().map(|event| (event.id, first)));
        let rests_on = Vec::new();
        let waiting = Waiting { run, ready: 0, missing: None, rests_on, blocked_by: None };
        self.waiting.insert(first, waiting);
        self.moved.insert(first);
    }

    /// The key of a chain whose first run waits here.
    pub fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        let first = Tip { chain: *chain, seq: 0, id: EventId(chain.0) };
        self.waiting.get(&first)?.run.open.map(|open| open.key)
    }

    /// Releases what is complete. Call it again after the batch has been stored.
    pub fn take_ready(&mut self, known: &dyn Known) -> Ready {
        let mut refused = Vec::new();
        loop {
            match self.advance(known) {
                Ok(()) => {
                    let released = self.closed_set(known);
                    return Ready { batch: self.release(&released, known), refused };
                }
                Err(wrong) => self.refuse(wrong, &mut refused),
            }
        }
    }

    /// Has the next [`Intake::take_ready`] look at every waiting run anew: for events that were stored by somebody else.
    pub fn recheck(&mut self) {
        self.waiters.clear();
        self.blocked.clear();
        self.whole.clear();
        self.moved = self.waiting.keys().copied().collect();
    }

    /// What was ready because of a refused run is not.
    fn refuse(&mut self, wrong: Wrong, refused: &mut Vec<Wrong>) {
        self.remove(&wrong.0);
        for waiting in self.waiting.values_mut() {
            waiting.ready = 0;
            waiting.rests_on.clear();
        }
        self.recheck();
        refused.push(wrong);
    }

    /// Takes a closed set out, without what has been stored since it was offered.
    fn release(&mut self, firsts: &BTreeSet<Tip>, known: &dyn Known) -> Vec<VerifiedRun> {
        let mut batch = Vec::new();
        for first in firsts {
            let Some(mut waiting) = self.remove(first) else { continue };
            waiting.run.cut_front(stored_front(&waiting.run, known));
            if !waiting.run.events.is_empty() {
                batch.push(waiting.run);
            }
        }
        batch
    }

    /// Each waiting run with the cause it lacks.
    pub fn waiting(&self) -> impl Iterator<Item = (&VerifiedRun, Option<Tip>)> {
        self.waiting.values().map(|waiting| (&waiting.run, waiting.missing))
    }

    /// Advances the ready prefixes until nothing moves; stops at the first wrong event.
    fn advance(&mut self, known: &dyn Known) -> Result<(), Wrong> {
        while let Some(first) = self.moved.pop_first() {
            while let Some(waiting) = self.waiting.get(&first) {
                let Some(event) = waiting.run.events.get(waiting.ready) else {
                    self.whole.insert(first);
                    self.whole.extend(self.blocked.remove(&first).unwrap_or_default());
                    break;
                };
                let before = waiting.ready.checked_sub(1).and_then(|i| waiting.run.events.get(i));
                let (id, check) = (event.id, self.check(before, event, known));
                let Some(waiting) = self.waiting.get_mut(&first) else { break };
                match check {
                    Check::Ready(rests_on) => {
                        let index = waiting.ready;
                        waiting.rests_on.extend(rests_on.into_iter().map(|cause| (index, cause)));
                        waiting.ready += 1;
                        waiting.missing = None;
                        self.moved.extend(self.waiters.remove(&id).unwrap_or_default());
                    }
                    Check::Missing(cause) => {
                        waiting.missing = Some(cause);
                        self.waiters.entry(cause.id).or_default().insert(first);
                        break;
                    }
                    Check::Wrong(error) => return Err((first, error)),
                }
            }
        }
        Ok(())
    }

    /// `before` is the ready event before it in its run; a first event's is looked for like any other cause.
    fn check(&self, before: Option<&Event>, event: &Event, known: &dyn Known) -> Check {
        let mut latest = before.map_or(Lamport(0), |before| before.header.lamport);
        let mut rests_on = Vec::new();
        let before = if before.is_none() { event.before() } else { None };
        let deps = event.header.deps.iter().map(|dep| Tip::from(*dep));
        for cause in before.into_iter().chain(deps) {
            let waiting = self.ready_here(&cause);
            if waiting.is_some() {
                rests_on.push(cause);
            }
            let Some(point) = waiting.or_else(|| known.point(&cause)) else {
                return Check::Missing(cause);
            };
            latest = latest.max(point.lamport);
        }
        let (expected, found) = (latest.0.saturating_add(1), event.header.lamport.0);
        if expected != found {
            return Check::Wrong(IntakeError::Lamport { event: event.id, expected, found });
        }
        Check::Ready(rests_on)
    }

    /// The greatest set of whole runs in which every cause is stored or in the set. Runs that stay are looked at again
    /// when the run that keeps them back is whole, or gone.
    fn closed_set(&mut self, known: &dyn Known) -> BTreeSet<Tip> {
        let mut set = std::mem::take(&mut self.whole);
        set.retain(|first| self.waiting.get(first).is_some_and(Waiting::is_whole));
        let mut rests_on: BTreeMap<Tip, Vec<Tip>> = BTreeMap::new();
        let mut out: Vec<(Tip, Tip)> = Vec::new();
        let mut lost = Vec::new();
        for first in &set {
            let causes = self.waiting.get(first).map(|waiting| waiting.rests_on.as_slice());
            for (index, cause) in causes.unwrap_or_default().iter().copied() {
                match self.holder.get(&cause.id).copied() {
                    Some(run) if run == *first => {}
                    Some(run) if set.contains(&run) => {
                        rests_on.entry(run).or_default().push(*first);
                    }
                    _ if known.point(&cause).is_some() => {}
                    Some(run) => out.push((*first, self.blocker(run))),
                    // It was released and the shell did not store it.
                    None => lost.push((*first, index, cause)),
                }
            }
        }
        for (first, index, cause) in lost {
            if let Some(waiting) = self.waiting.get_mut(&first) {
                waiting.ready = waiting.ready.min(index);
                waiting.rests_on.retain(|(at, _)| *at < index);
                waiting.missing = Some(cause);
                self.waiters.entry(cause.id).or_default().insert(first);
                out.push((first, first));
            }
        }
        while let Some((first, blocker)) = out.pop() {
            if !set.remove(&first) {
                continue;
            }
            if first != blocker
                && let Some(waiting) = self.waiting.get_mut(&first)
            {
                waiting.blocked_by = Some(blocker);
                self.blocked.entry(blocker).or_default().insert(first);
            }
            let resting = rests_on.remove(&first).unwrap_or_default();
            out.extend(resting.into_iter().map(|run| (run, blocker)));
        }
        set
    }

    /// The run at the root of a whole run's waiting.
    fn blocker(&self, run: Tip) -> Tip {
        let waiting = self.waiting.get(&run).filter(|waiting| waiting.is_whole());
        waiting.and_then(|waiting| waiting.blocked_by).unwrap_or(run)
    }

    fn remove(&mut self, first: &Tip) -> Option<Waiting> {
        let waiting = self.waiting.remove(first)?;
        for event in &waiting.run.events {
            self.holder.remove(&event.id);
        }
        self.bytes = self.bytes.saturating_sub(waiting.run.bytes());
        self.whole.extend(self.blocked.remove(first).unwrap_or_default());
        Some(waiting)
    }

    /// A waiting event whose own causes are ready.
    fn ready_here(&self, event: &Tip) -> Option<Point> {
        let first = self.holder.get(&event.id)?;
        let index = usize::try_from(event.seq.checked_sub(first.seq)?).ok()?;
        let waiting = self.waiting.get(first).filter(|waiting| index < waiting.ready)?;
        waiting.run.events.get(index).filter(|found| found.tip() == *event).map(Point::of)
    }
}

/// How many leading events of a run are stored: what is stored holds all that is before it, so a bisection finds it.
fn stored_front(run: &VerifiedRun, known: &dyn Known) -> usize {
    let stored = |event: &Event| known.point(&event.tip()).is_some();
    match (run.events.first(), run.events.last()) {
        (Some(first), _) if !stored(first) => 0,
        (_, Some(last)) if stored(last) => run.events.len(),
        _ => run.events.partition_point(stored),
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
