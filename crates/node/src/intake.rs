//! What did not land: runs that wait for causes and are tried again, and refusals with their reasons.

use mirror_protocol::intake::Intake;
use mirror_protocol::limits::{MAX_PENDING_BYTES, MAX_REFUSED};
use mirror_protocol::session::{Refused, waiting_reason};
use mirror_protocol::{Known, VerifiedRun};
use mirror_store::Tx;

use crate::clock;
use crate::commit::{self, Courier};
use crate::error::Result;
use crate::forget;
use crate::meaning::ReadAhead;
use crate::node::Node;

/// What a file brought that was not taken. It may hold any number of bad records: a hundred are listed, the rest counted.
#[derive(Debug, Default)]
pub struct Refusals {
    list: Vec<Refused>,
    unlisted: u64,
}

impl Refusals {
    /// Adds one.
    pub fn add(&mut self, what: impl ToString, reason: impl ToString) {
        if self.list.len() < MAX_REFUSED {
            self.list.push(Refused { what: what.to_string(), reason: reason.to_string() });
        } else {
            self.unlisted += 1;
        }
    }

    /// The list, with the number of those that it leaves out.
    pub fn listed(mut self) -> Vec<Refused> {
        if self.unlisted > 0 {
            let what = format!("{} more", self.unlisted);
            let reason = format!("the report lists the first {MAX_REFUSED}");
            self.list.push(Refused { what, reason });
        }
        self.list
    }
}

/// Keeps runs visible until their causes come.
pub fn keep_waiting(node: &Node, waiting: &[(VerifiedRun, String)]) -> Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    node.write(|tx| waiting.iter().try_for_each(|(run, reason)| keep(tx, run, reason)))
}

/// Keeps one run; without room for it the refusal is recorded, and the run stays where it came from.
pub fn keep(tx: &Tx<'_>, run: &VerifiedRun, reason: &str) -> Result<()> {
    let run = &forget::without_forgotten(tx, run.clone())?;
    if !tx.add_quarantine(run, reason, clock::now_ms())? {
        let reason = format!("{reason}; runs of {MAX_PENDING_BYTES} bytes wait already");
        tx.add_refusal(&commit::name(run), &reason, "quarantine", clock::now_ms())?;
    }
    Ok(())
}

/// Records what was refused.
pub fn record_refusals(node: &Node, source: &str, refused: &[Refused]) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    node.quiet_write(|tx| {
        for one in refused {
            tx.add_refusal(&one.what, &one.reason, source, clock::now_ms())?;
        }
        Ok(())
    })
}

/// Tries the waiting runs again: what came since may be what they waited for. Answers how many events landed.
pub fn retry_waiting(node: &Node) -> Result<u64> {
    if node.read(|view| Ok(view.quarantine()?.is_empty()))? {
        return Ok(0);
    }
    node.write(|tx| {
        let mut intake = Intake::default();
        for row in tx.take_quarantine()? {
            let (chain, last) = (row.run.head.tip.chain, row.run.head.tip.seq);
            let key = tx.key(&chain).or_else(|| intake.key(&chain));
            let offered = match row.run.verify(key) {
                Ok(run) => intake.offer(run, &**tx).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = offered {
                let what = format!("waiting run of {chain} to {last}");
                tx.add_refusal(&what, &reason, "quarantine", clock::now_ms())?;
            }
        }
        let ready = intake.take_ready(&**tx);
        // Who brought them is not known any more.
        let (by, ahead) = (Courier::Unknown, ReadAhead::default());
        let stored = commit::store_batch(&node.inner, tx, ready.batch, by, ahead)?;
        for (first, error) in ready.refused {
            let what = format!("waiting run of {} from {}", first.chain, first.seq);
            tx.add_refusal(&what, &error.to_string(), "quarantine", clock::now_ms())?;
        }
        for one in &stored.refused {
            tx.add_refusal(&one.what, &one.reason, "quarantine", clock::now_ms())?;
        }
        for (run, reason) in &stored.held {
            keep(tx, run, reason)?;
        }
        for (run, missing) in intake.waiting() {
            keep(tx, run, &waiting_reason(missing))?;
        }
        Ok(stored.events)
    })
}
