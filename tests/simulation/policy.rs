//! What a home takes in from others: as `crates/node/src/commit.rs` and `intake.rs` decide it.

use std::collections::{BTreeMap, BTreeSet};

use mirror_protocol::intake::Intake;
use mirror_protocol::limits::{MAX_BRANCHES, MAX_CHAINS, MAX_PENDING_BYTES};
use mirror_protocol::session::Refused;
use mirror_protocol::{ChainId, DeviceId, Event, EventId, Known, Run, Tip, VerifiedRun};

use crate::fold;
use crate::shell::{Crashed, Entry, Shell};

/// What a batch became.
#[derive(Debug, Default)]
pub struct Stored {
    /// New events.
    pub events: u64,
    /// Runs that policy refused.
    pub refused: Vec<Refused>,
    /// Some of them only for who brought them.
    pub late: bool,
}

/// Who brought a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Courier {
    /// A member: it may bring what a revoked device wrote beyond its cut, which it got before it heard.
    Member,
    /// Anybody else, the revoked device perhaps.
    Unknown,
}

/// What may be stored of what verifies.
struct Policy<'a> {
    shell: &'a Shell,
    admitted: BTreeSet<DeviceId>,
    room: usize,
    followed: BTreeSet<EventId>,
    branches: BTreeMap<ChainId, usize>,
    turned_away: BTreeSet<ChainId>,
}

impl<'a> Policy<'a> {
    fn of(shell: &'a Shell, batch: &[VerifiedRun]) -> Self {
        let admitted = batch.iter().flat_map(|run| &run.events).filter_map(fold::admits);
        let room = MAX_CHAINS.saturating_sub(shell.state().opens.len());
        let (followed, branches, turned_away) = Default::default();
        Self { shell, admitted: admitted.collect(), room, followed, branches, turned_away }
    }

    /// A chain is stored when some event admits its device, whether or not that counts.
    fn check(&mut self, run: &VerifiedRun) -> Result<(), String> {
        let state = self.shell.state();
        if let Some(open) = &run.open {
            if open.mesh != self.shell.mesh {
                return Err(format!("the chain belongs to another mesh, {}", open.mesh));
            }
            let named = self.admitted.contains(&open.device);
            if !named && !state.admitted.contains(&open.device) {
                return Err(format!("device {} is not a member of this mesh", open.device));
            }
            if self.room == 0 {
                return Err("too many chains".to_owned());
            }
            self.room -= 1;
        } else if self.turned_away.contains(&run.chain) {
            return Err("the chain's first run is refused".to_owned());
        } else if self.branches_off(run) {
            let more = self.branches.entry(run.chain).or_default();
            if Known::tips(&state.log, &run.chain).len() + *more >= MAX_BRANCHES {
                return Err("too many branches".to_owned());
            }
            *more += 1;
        }
        self.followed.extend(run.events.iter().filter_map(|event| event.header.prev));
        Ok(())
    }

    fn branches_off(&self, run: &VerifiedRun) -> bool {
        let Some(prev) = run.prev() else { return false };
        let tips = Known::tips(&self.shell.state().log, &run.chain);
        let here = self.shell.state().events.contains_key(&prev);
        self.followed.contains(&prev) || here && tips.iter().all(|tip| tip.id != prev)
    }
}

impl Shell {
    /// Stores a batch that is closed under causes. A refused run goes as a whole, and what rests on it waits.
    pub fn store_batch(
        &mut self,
        batch: Vec<VerifiedRun>,
        courier: Courier,
    ) -> Result<Stored, Crashed> {
        let mut stored = Stored::default();
        let mut accepted = Vec::new();
        let mut policy = Policy::of(self, &batch);
        for run in batch {
            let Some(run) = self.unstored(run) else { continue };
            let checked = policy.check(&run);
            if checked.is_err() && run.open.is_some() {
                policy.turned_away.insert(run.chain);
            }
            let refusal = match checked {
                Ok(()) if courier == Courier::Unknown => {
                    let late = self.late(&run);
                    stored.late |= late.is_some();
                    late
                }
                checked => checked.err(),
            };
            match refusal {
                None => accepted.push(run),
                Some(reason) => {
                    let what = format!("run of {} to {}", run.chain, run.head.tip.seq);
                    stored.refused.push(Refused { what, reason });
                }
            }
        }
        let held = self.split_held(&mut accepted);
        accepted.sort_by_key(|run| run.events.first().map(Event::order));
        if !accepted.is_empty() {
            stored.events = accepted.iter().map(|run| run.events.len() as u64).sum();
            self.commit(&[Entry::Runs(accepted.iter().map(VerifiedRun::to_wire).collect())])?;
        }
        self.keep_waiting(held.iter().map(VerifiedRun::to_wire).collect());
        Ok(stored)
    }

    /// Why a run is beyond the cut of a revoked device, if it is.
    fn late(&self, run: &VerifiedRun) -> Option<String> {
        let state = self.state();
        let open = run.open.or_else(|| state.opens.get(&run.chain).copied())?;
        let member = state.fold.membership.member(&open.device)?;
        member.revoked.as_ref()?;
        let counts = state.fold.membership.counts(&member.device, &run.head.tip, &state.log);
        counts.err().map(|refusal| refusal.to_string())
    }

    /// The run without the events that are here; `None` when nothing of it is new.
    fn unstored(&self, mut run: VerifiedRun) -> Option<VerifiedRun> {
        let here = |event: &&Event| self.state().events.contains_key(&event.id);
        run.cut_front(run.events.iter().take_while(here).count());
        (!run.events.is_empty()).then_some(run)
    }

    /// Leaves the runs whose causes are stored or among them; gives the others.
    fn split_held(&self, runs: &mut Vec<VerifiedRun>) -> Vec<VerifiedRun> {
        let mut held = Vec::new();
        loop {
            let coming: BTreeSet<EventId> =
                runs.iter().flat_map(|run| run.events.iter().map(|event| event.id)).collect();
            let here =
                |cause: &Tip| coming.contains(&cause.id) || self.state().log.point(cause).is_some();
            let complete = |run: &VerifiedRun| run.causes().all(|cause| here(&cause));
            let (kept, out): (Vec<_>, Vec<_>) =
                std::mem::take(runs).into_iter().partition(complete);
            *runs = kept;
            if out.is_empty() {
                return held;
            }
            held.extend(out);
        }
    }

    /// Keeps runs visible until their causes come; without room they stay where they came from.
    pub fn keep_waiting(&mut self, runs: Vec<Run>) {
        let mut kept = self.waiting_bytes();
        let mut entries = Vec::new();
        for run in runs {
            if kept + size(&run) <= MAX_PENDING_BYTES {
                kept += size(&run);
                entries.push(Entry::Wait(run));
            }
        }
        if !entries.is_empty() {
            self.commit_quietly(&entries);
        }
    }

    /// Bytes of the runs that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.state().waiting.values().map(size).sum()
    }

    /// Tries the waiting runs again: what came since may be what they waited for.
    pub fn retry_waiting(&mut self) -> Result<u64, Crashed> {
        if self.state().waiting.is_empty() {
            return Ok(0);
        }
        let mut intake = Intake::default();
        let runs: Vec<Run> = self.state().waiting.values().cloned().collect();
        for run in runs {
            let chain = run.head.tip.chain;
            let log = &self.state().log;
            let key = log.key(&chain).or_else(|| intake.key(&chain));
            if let Ok(run) = run.verify(key) {
                // A run that can't be taken in now is refused, and the refusal recorded.
                let _ = intake.offer(run, log);
            }
        }
        let ready = intake.take_ready(&self.state().log);
        let still: Vec<Run> = intake.waiting().map(|(run, _)| run.to_wire()).collect();
        self.commit_quietly(&[Entry::Unwait]);
        self.keep_waiting(still);
        Ok(self.store_batch(ready.batch, Courier::Unknown)?.events)
    }
}

fn size(run: &Run) -> usize {
    let event = |event: &mirror_protocol::run::WireEvent| {
        event.header.len() + event.body.as_ref().map_or(0, Vec::len)
    };
    run.events.iter().map(event).sum()
}
