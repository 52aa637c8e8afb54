//! How a session ends: both sign one head, or it says what is missing.

use super::{Base, Phase, Refused, Session, SessionError, SessionEvent, waiting_reason};
use crate::head::{Commitment, canonical_head};
use crate::known::Known;
use crate::limits::MAX_REFUSED;
use crate::message::{Message, RefuseCode};

impl Session {
    pub(super) fn on_commit(
        &mut self,
        theirs: Commitment,
        known: &dyn Known,
    ) -> Result<(), SessionError> {
        let head = canonical_head(self.target.iter().copied());
        let device = self.open.as_ref().map(|open| open.device);
        let fits = theirs.head == head
            && Some(theirs.device) == device
            && theirs.key == self.local.peer
            && theirs.verify(self.local.mesh, self.local.key).is_ok();
        if !fits {
            self.refuse(RefuseCode::Failed);
            return Err(SessionError::WrongCommitment);
        }
        match self.commitment.take() {
            Some(ours) => self.checkpoint(ours, theirs),
            None if self.reached(known) => {
                self.commitment = Some(theirs);
                self.sign();
            }
            None => {
                self.out.push_back(Message::Done(false));
                self.give_up(known);
            }
        }
        Ok(())
    }

    pub(super) fn sign(&mut self) {
        self.phase = Phase::Signing;
        let head = canonical_head(self.target.iter().copied());
        self.events.push_back(SessionEvent::Sign(head));
    }

    pub(super) fn checkpoint(&mut self, ours: Commitment, theirs: Commitment) {
        self.report.committed = true;
        let base = Base { head: ours.head, tips: self.target.clone() };
        self.events.push_back(SessionEvent::Checkpoint { base, ours, theirs });
        self.finish();
    }

    /// Everything of both snapshots is here.
    pub(super) fn reached(&mut self, known: &dyn Known) -> bool {
        let joined = self.joined(known);
        let reached = joined.is_some();
        if reached {
            // A branch that the peer went on with instead can be told from more of the same only now.
            self.report.stale = self.lost(known);
        }
        self.target = joined.unwrap_or_default();
        reached
    }

    pub(super) fn give_up(&mut self, known: &dyn Known) {
        self.report_missing(known);
        self.finish();
    }

    pub(super) fn finish(&mut self) {
        self.phase = Phase::Over;
        let waiting: Vec<_> = self
            .intake
            .waiting()
            .map(|(run, missing)| (run.clone(), waiting_reason(missing)))
            .collect();
        if !waiting.is_empty() {
            self.report.quarantined = waiting.iter().map(|(run, _)| run.events.len() as u64).sum();
            self.events.push_back(SessionEvent::Quarantine(waiting));
        }
        if self.unlisted > 0 {
            let what = format!("{} more", self.unlisted);
            let reason = format!("the report lists the first {MAX_REFUSED}");
            self.report.refused.push(Refused { what, reason });
        }
        self.events.push_back(SessionEvent::Finished(std::mem::take(&mut self.report)));
    }
}
