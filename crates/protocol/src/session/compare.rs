//! What the two vectors of tips say: what each side lacks, and where a chain is forked.

use std::collections::{BTreeMap, BTreeSet};

use super::{Phase, Range, Session, SessionError, SessionEvent};
use crate::head::{Tip, canonical_head};
use crate::id::ChainId;
use crate::known::Known;
use crate::message::Tips;

impl Session {
    /// The tips of the base with the peer's changes laid over them.
    pub(super) fn on_base(&self, changes: &[Tip]) -> Vec<Tip> {
        let base = self.local.base.iter().flat_map(|base| base.tips.iter());
        let laid: BTreeMap<ChainId, Tip> =
            base.chain(changes).map(|tip| (tip.chain, *tip)).collect();
        laid.into_values().collect()
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
        self.theirs = tips.iter().map(|tip| (tip.chain, *tip)).collect();
        let to_receive = self.set_target(&tips);
        let ranges = self.ranges(known);
        self.announce_peer(tips, to_receive, ranges.iter().map(Range::events).sum());
        if self.initiator {
            self.to_send = ranges;
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
        self.phase = Phase::Sending;
        self.events.push_back(SessionEvent::Send(ranges));
        Ok(())
    }

    /// The target: of each chain the newer tip. Gives the number of events that the peer has to send.
    fn set_target(&mut self, tips: &[Tip]) -> u64 {
        let mut target: BTreeMap<ChainId, Tip> =
            self.local.tips.iter().map(|tip| (tip.chain, *tip)).collect();
        let mut to_receive = 0u64;
        for tip in tips {
            let have = target.get(&tip.chain).map(|ours| ours.seq);
            if have.is_none_or(|seq| seq < tip.seq) {
                target.insert(tip.chain, *tip);
                let range = Range { chain: tip.chain, after: have, to: tip.seq };
                to_receive = to_receive.saturating_add(range.events());
            }
        }
        self.target = target.into_values().collect();
        to_receive
    }

    /// What the peer lacks. A chain on which the two differ at one position is left out and reported.
    fn ranges(&mut self, known: &dyn Known) -> Vec<Range> {
        let mut ranges = Vec::new();
        for tip in self.local.tips.clone() {
            let after = match self.theirs.get(&tip.chain).copied() {
                None => None,
                // The peer sends; a fork shows when its runs come, or fail to.
                Some(theirs) if theirs.seq > tip.seq => continue,
                Some(theirs) => {
                    let here = known.point(&tip.chain, theirs.seq).map(|point| point.id);
                    if here != Some(theirs.id) {
                        self.forked = true;
                        let reason = format!("forked at or before {}", theirs.seq);
                        self.refused(format!("chain {}", tip.chain), reason);
                        continue;
                    }
                    if theirs.seq == tip.seq {
                        continue;
                    }
                    Some(theirs.seq)
                }
            };
            ranges.push(Range { chain: tip.chain, after, to: tip.seq });
        }
        ranges
    }

    /// Names the chains whose promised tip did not come: the peer withheld it, or its branch is another.
    pub(super) fn report_missing(&mut self, known: &dyn Known) {
        let mut missing = Vec::new();
        for tip in self.theirs.values() {
            let here = known.tip(&tip.chain).map(|point| point.seq);
            let came = self.came.get(&tip.chain).copied();
            let have = here.max(came);
            let ours = self.local.tips.binary_search_by_key(&tip.chain, |ours| ours.chain);
            let ours = ours.ok().and_then(|index| self.local.tips.get(index));
            if ours.is_some_and(|ours| ours.seq >= tip.seq) {
                // Compared before anything was sent.
            } else if have.is_none_or(|seq| seq < tip.seq) {
                let range = Range { chain: tip.chain, after: have, to: tip.seq };
                let events = range.events();
                let reason = format!("{events} events that the peer named did not come");
                missing.push((tip.chain, reason));
            } else if known.point(&tip.chain, tip.seq).is_some_and(|point| point.id != tip.id) {
                let reason = format!("the event at {} is another than the peer named", tip.seq);
                missing.push((tip.chain, reason));
            }
        }
        for (chain, reason) in missing {
            self.refused(format!("chain {chain}"), reason);
        }
    }
}

/// The tips that are not in the base, or stand elsewhere.
pub(super) fn changed(base: &[Tip], tips: &[Tip]) -> Vec<Tip> {
    let base: BTreeSet<&Tip> = base.iter().collect();
    tips.iter().filter(|tip| !base.contains(tip)).copied().collect()
}
