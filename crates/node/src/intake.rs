//! What did not land: runs that wait for causes and are tried again, and refusals with their reasons.

use mirror_protocol::intake::Intake;
use mirror_protocol::session::{Refused, waiting_reason};
use mirror_protocol::{Known, VerifiedRun};

use crate::clock;
use crate::commit;
use crate::error::Result;
use crate::node::Node;

/// Keeps runs visible until their causes come.
pub fn keep_waiting(node: &Node, waiting: &[(VerifiedRun, String)]) -> Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    node.write(|tx| {
        for (run, reason) in waiting {
            tx.add_quarantine(run, reason, clock::now_ms())?;
        }
        Ok(())
    })
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
    let waiting = node.read(|view| Ok(view.quarantine()?))?;
    if waiting.is_empty() {
        return Ok(0);
    }
    node.write(|tx| {
        let mut intake = Intake::default();
        for row in waiting {
            let (chain, last) = (row.run.head.tip.chain, row.run.head.tip.seq);
            let key = tx.key(&chain).or_else(|| intake.key(&chain));
            // It verified when it was set aside; a key that is still unknown only waits for its chain's first run.
            let Ok(run) = row.run.verify(key) else { continue };
            match intake.offer(run, &**tx) {
                Ok(offered) if offered.fresh > 0 => {}
                Ok(_) => tx.end_quarantine(&chain, last)?,
                Err(error) => tracing::warn!(%error, "a waiting run can no longer be taken"),
            }
        }
        let ready = intake.take_ready(&**tx);
        let stored = commit::store_batch(&node.inner, tx, ready.batch)?;
        for (run, missing) in intake.waiting() {
            tx.add_quarantine(run, &waiting_reason(missing), clock::now_ms())?;
        }
        Ok(stored.events)
    })
}
