//! What the two vectors of tips say: what each side lacks, and where a chain is forked.

use std::collections::{BTreeMap, BTreeSet};

use super::{Phase, Range, Session, SessionError};
use crate::head::{Tip, canonical_head};
use crate::id::ChainId;
use crate::known::{Known, leads_to, shared};
use crate::message::{Message, Tips};

/// Tips by chain: one, or of a forked chain one a branch.
pub(super) type ByChain = BTreeMap<ChainId, BTreeSet<Tip>>;

/// What to do in a turn.
#[derive(Default)]
struct Plan {
    ranges: Vec<Range>,
    /// Chains of which the peer has no tip that is here: the newest of ours.
    strange: Vec<Tip>,
}

impl Session {
    /// The tips of the base with the peer's changes laid over them, a chain at a time.
    pub(super) fn on_base(&self, changes: &[Tip]) -> Vec<Tip> {
        let base = self.local.base.iter().flat_map(|base| base.tips.iter().copied());
        let mut laid = by_chain(base);
        laid.append(&mut by_chain(changes.iter().copied()));
        laid.into_values().flatten().collect()
    }

    pub(super) fn compare(
        &mut self,
        tips: Vec<Tip>,
        known: &dyn Known,
    ) -> Result<(), SessionError> {
        let named = self.open.as_ref().map(|open| open.head);
        if named != Some(canonical_head(tips.iter().copied())) {
            return Err(self.wrong_tips());
        }
        self.theirs = by_chain(tips.iter().copied());
        self.report.stale = self.lost(known);
        let plan = self.plan(known);
        let to_send = plan.ranges.iter().map(Range::events).sum();
        self.announce_peer(tips, self.to_receive(), to_send);
        if self.initiator {
            self.phase = Phase::Receiving;
            return Ok(());
        }
        let base = self
            .local
            .base
            .as_ref()
            .filter(|base| self.open.as_ref().is_some_and(|open| open.base == Some(base.head)));
        let tips = match base {
            Some(base) => Tips::Changed(changed(&base.tips, &self.local.tips)),
            None => Tips::Whole(self.local.tips.clone()),
        };
        self.say_open(tips);
        self.take_turn(known);
        Ok(())
    }

    /// Says what is said in a turn: answers first, then runs, then where a chain of ours runs if the peer may know it.
    pub(super) fn take_turn(&mut self, known: &dyn Known) {
        let plan = self.plan(known);
        self.owes = false;
        self.awaits = !self.answers.is_empty() || !plan.strange.is_empty();
        self.out.extend(self.answers.drain(..));
        for tip in plan.strange {
            self.located.insert(tip.chain);
            self.out.push_back(Message::Locator(points(&tip, known)));
        }
        for range in &plan.ranges {
            self.shared.entry(range.tip.chain).or_default().push(range.tip);
        }
        self.phase = Phase::Sending;
        self.events.push_back(super::SessionEvent::Send(plan.ranges));
    }

    /// What the peer lacks, by chain.
    fn plan(&self, known: &dyn Known) -> Plan {
        let mut plan = Plan::default();
        for ours in self.local.tips.chunk_by(|a, b| a.chain == b.chain) {
            let Some(newest) = ours.last() else { continue };
            let none = BTreeSet::new();
            let theirs = self.theirs.get(&newest.chain).unwrap_or(&none);
            if theirs.iter().eq(ours) {
                continue;
            }
            let mut both: Vec<Tip> =
                theirs.iter().filter(|tip| known.point(tip).is_some()).copied().collect();
            both.extend(self.shared.get(&newest.chain).into_iter().flatten());
            if both.is_empty() && !theirs.is_empty() {
                // Whoever is behind can't tell a fork from mere news; the other can.
                let ahead = theirs.iter().any(|tip| tip.seq > newest.seq);
                if !ahead && !self.located.contains(&newest.chain) {
                    plan.strange.push(*newest);
                }
                continue;
            }
            for tip in ours {
                let after = both.iter().filter_map(|other| common(known, other, tip)).max();
                if after != Some(tip.seq) {
                    plan.ranges.push(Range { tip: *tip, after });
                    both.push(*tip);
                }
            }
        }
        plan
    }

    /// The peer does not know our tips of a chain, and shows where its own branch runs.
    pub(super) fn on_locator(
        &mut self,
        points: &[Tip],
        known: &dyn Known,
    ) -> Result<(), SessionError> {
        let newest = points.first().copied();
        let chain = newest.map(|tip| tip.chain);
        let named = newest.zip(chain.and_then(|chain| self.theirs.get(&chain)));
        let fits = named.is_some_and(|(tip, theirs)| theirs.contains(&tip));
        let common = points.iter().find(|point| known.point(point).is_some()).copied();
        match (fits, common, chain) {
            (true, Some(common), Some(chain)) if self.answered.insert(chain) => {
                self.located.insert(chain);
                self.shared.entry(chain).or_default().push(common);
                self.answers.push(Message::Common(common));
                self.owes = true;
                Ok(())
            }
            _ => Err(self.wrong_locator()),
        }
    }

    /// The peer has this event of our branch.
    pub(super) fn on_common(&mut self, common: Tip, known: &dyn Known) -> Result<(), SessionError> {
        let fresh = !self.answered.contains(&common.chain);
        if !self.located.contains(&common.chain) || !fresh || known.point(&common).is_none() {
            return Err(self.wrong_locator());
        }
        self.answered.insert(common.chain);
        self.shared.entry(common.chain).or_default().push(common);
        self.owes = true;
        Ok(())
    }

    /// Events that the peer has to send, as far as the positions tell.
    fn to_receive(&self) -> u64 {
        let ours = by_chain(self.local.tips.iter().copied());
        let last = |tips: &BTreeSet<Tip>| tips.last().copied();
        let lacks = self.theirs.values().filter_map(last).map(|tip| {
            let after = ours.get(&tip.chain).and_then(last).map(|ours| ours.seq);
            let ahead = after.is_none_or(|after| after < tip.seq);
            if ahead { Range { tip, after }.events() } else { 0 }
        });
        lacks.fold(0, u64::saturating_add)
    }

    /// What the peer had when both signed, and has no longer.
    pub(super) fn lost(&self, known: &dyn Known) -> Vec<Tip> {
        let signed = self.local.base.iter().flat_map(|base| base.tips.iter());
        let lost = signed.filter(|tip| {
            let theirs = self.theirs.get(&tip.chain);
            // Most chains stand where they stood: of those nothing is looked up.
            if theirs.is_some_and(|theirs| theirs.contains(tip)) {
                return false;
            }
            // Of a tip that is not here only the position can be told.
            let has = |one: &Tip| leads_to(known, tip, one).unwrap_or(one.seq > tip.seq);
            known.point(tip).is_some() && !theirs.into_iter().flatten().any(has)
        });
        lost.copied().collect()
    }

    /// When everything of both snapshots is here: the tips of the two together.
    pub(super) fn joined(&self, known: &dyn Known) -> Option<Vec<Tip>> {
        // What was here when the session began is here still.
        let here = |tip| self.local.tips.binary_search(tip).is_ok() || known.point(tip).is_some();
        if !self.theirs.values().flatten().all(here) {
            return None;
        }
        let mut all = by_chain(self.local.tips.iter().copied());
        for (chain, theirs) in &self.theirs {
            all.entry(*chain).or_default().extend(theirs);
        }
        let tips = all.into_values().flat_map(|tips| {
            let passed = |tip: &Tip| {
                let later = tips.iter().filter(|other| other.seq > tip.seq);
                later.into_iter().any(|other| leads_to(known, tip, other) == Some(true))
            };
            tips.iter().filter(|tip| !passed(tip)).copied().collect::<Vec<_>>()
        });
        Some(tips.collect())
    }

    /// Names the tips that the peer promised and that did not come.
    pub(super) fn report_missing(&mut self, known: &dyn Known) {
        let mut missing = Vec::new();
        for tip in self.theirs.values().flatten().filter(|tip| known.point(tip).is_none()) {
            let came = self.came.get(&tip.chain).copied();
            if came.is_some_and(|came| came >= tip.seq) {
                // It was refused, or waits; either is told.
                continue;
            }
            let have = known.tips(&tip.chain).last().map(|point| point.seq).max(came);
            let reason = if have.is_some_and(|have| have >= tip.seq) {
                format!("the event at {} that the peer named did not come", tip.seq)
            } else {
                let events = Range { tip: *tip, after: have }.events();
                format!("{events} events that the peer named did not come")
            };
            missing.push((tip.chain, reason));
        }
        for (chain, reason) in missing {
            self.refused(format!("chain {chain}"), reason);
        }
    }
}

fn by_chain(tips: impl Iterator<Item = Tip>) -> ByChain {
    let mut chains = ByChain::new();
    for tip in tips {
        chains.entry(tip.chain).or_default().insert(tip);
    }
    chains
}

/// The last position that two branches share.
fn common(known: &dyn Known, other: &Tip, tip: &Tip) -> Option<u64> {
    if leads_to(known, other, tip) == Some(true) {
        return Some(other.seq);
    }
    shared(known, other, tip).map(|point| point.seq)
}

/// Events of a branch, newest first, ever further apart, back to the first.
fn points(tip: &Tip, known: &dyn Known) -> Vec<Tip> {
    let mut points = vec![*tip];
    let mut step = 1u64;
    let mut at = tip.seq;
    while at > 0 {
        at = at.saturating_sub(step);
        step = step.saturating_mul(2);
        points.extend(known.ancestor(tip, at).map(|point| point.in_chain(tip.chain)));
    }
    points
}

/// The tips of the chains that are not in the base, or stand elsewhere.
pub(super) fn changed(base: &[Tip], tips: &[Tip]) -> Vec<Tip> {
    let base = by_chain(base.iter().copied());
    let chains = by_chain(tips.iter().copied()).into_iter();
    chains
        .filter(|(chain, tips)| base.get(chain) != Some(tips))
        .flat_map(|(_, tips)| tips)
        .collect()
}
