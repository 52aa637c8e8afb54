//! What an import has taken of a bundle so far, transaction by transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::{Duration, Instant};

use mirror_protocol::blob::BlobMessage;
use mirror_protocol::bundle::{BundleError, BundleReader};
use mirror_protocol::intake::{Intake, Offered};
use mirror_protocol::run::RunError;
use mirror_protocol::session::{Refused, waiting_reason};
use mirror_protocol::{EventId, Tip, VerifiedRun};
use mirror_store::Tx;

use crate::ahead::Coming;
use crate::commit::Courier;
use crate::error::Result;
use crate::intake::Refusals;
use crate::meaning::ReadAhead;
use crate::node::Node;
use crate::{blob_bundles, commit, fold, forget, intake};

/// How long a transaction goes on taking records, for others of this home wait for it; and how many bytes it takes.
const STEP: Duration = Duration::from_millis(500);
const STEP_BYTES: usize = 32 * 1024 * 1024;

/// An import that is under way.
pub struct Import {
    pub courier: Courier,
    pub intake: Intake,
    pub received: u64,
    pub duplicates: u64,
    pub quarantined: u64,
    pub refused: Refusals,
    /// The records of the runs that wait, by their last events: a run is only ever cut at its front.
    pub records: BTreeMap<Tip, u64>,
    /// What the runs say that came since the last were stored.
    pub ahead: ReadAhead,
    /// Some of it only for who may have brought it.
    pub late: bool,
    /// Events here that lack their bodies; the bundle may bring them.
    pub missing: BTreeSet<EventId>,
    /// The first record of a blob: no run comes behind it.
    pub blob: Option<BlobMessage>,
    /// The file itself is damaged from some place on.
    pub broken: Option<BundleError>,
    pub over: bool,
}

impl Import {
    pub fn of(courier: Courier, missing: BTreeSet<EventId>) -> Self {
        Self {
            courier,
            intake: Intake::default(),
            received: 0,
            duplicates: 0,
            quarantined: 0,
            refused: Refusals::default(),
            records: BTreeMap::new(),
            ahead: ReadAhead::default(),
            late: false,
            missing,
            blob: None,
            broken: None,
            over: false,
        }
    }

    /// Takes the blobs in that come behind the runs; how many became whole.
    pub fn blobs<R: Read>(&mut self, node: &Node, reader: &mut BundleReader<R>) -> Result<u64> {
        let Some(first) = self.blob.take() else { return Ok(0) };
        let refused = std::mem::take(&mut self.refused);
        let taken = blob_bundles::read(node, first, reader, refused)?;
        (self.refused, self.broken) = (taken.refused, taken.broken);
        Ok(taken.blobs)
    }

    /// Keeps what waits for causes.
    pub fn keep_waiting(&mut self, node: &Node) -> Result<()> {
        let waiting = self.intake.waiting();
        let waiting: Vec<_> = waiting.map(|(r, m)| (r.clone(), waiting_reason(m))).collect();
        intake::keep_waiting(node, &waiting)?;
        self.quarantined += waiting.iter().map(|(run, _)| run.events.len() as u64).sum::<u64>();
        Ok(())
    }

    /// Some records, in one transaction.
    pub fn step(
        &mut self,
        node: &Node,
        tx: &Tx<'_>,
        coming: &mut dyn Iterator<Item = Vec<Coming>>,
    ) -> Result<()> {
        let (begun, mut bytes) = (Instant::now(), 0);
        while bytes < STEP_BYTES && begun.elapsed() < STEP {
            let Some(records) = coming.next() else {
                self.over = true;
                break;
            };
            for record in records {
                bytes += self.take(node, tx, record)?;
            }
            self.store(node, tx)?;
        }
        Ok(())
    }

    /// Takes a record in; answers its bytes.
    fn take(&mut self, node: &Node, tx: &Tx<'_>, record: Coming) -> Result<usize> {
        let (tip, record, run, meanings) = match record {
            Coming::Run { tip, record, run, meanings } => (tip, record, run, meanings),
            Coming::Blob(first) => {
                self.blob = Some(first);
                return Ok(0);
            }
            // Its words name the record. One that can't be taken is no end of the others.
            Coming::Bad { error, over: true } => {
                self.broken = Some(error);
                return Ok(0);
            }
            Coming::Bad { error, over: false } => {
                self.refused.add("bundle", error);
                return Ok(0);
            }
        };
        self.records.insert(tip, record);
        let bytes = run.as_ref().map_or(0, VerifiedRun::bytes);
        if let Ok(run) = &run {
            self.fill(node, tx, run)?;
            self.ahead.add(run, meanings);
        }
        match self.offer(node, tx, run) {
            Ok(offered) => self.duplicates += offered.duplicates,
            Err(reason) => {
                self.refuse_run(format!("run of {} to {}", tip.chain, tip.seq), tip, reason);
            }
        }
        Ok(bytes)
    }

    fn offer(
        &mut self,
        node: &Node,
        tx: &Tx<'_>,
        run: std::result::Result<VerifiedRun, RunError>,
    ) -> std::result::Result<Offered, String> {
        let run = run.map_err(|error| error.to_string())?;
        run.is_of(node.inner.mesh).map_err(|error| error.to_string())?;
        self.intake.offer(run, &**tx).map_err(|error| error.to_string())
    }

    /// Stores what is complete.
    fn store(&mut self, node: &Node, tx: &Tx<'_>) -> Result<()> {
        let ready = self.intake.take_ready(&**tx);
        for (first, error) in ready.refused {
            let what = format!("run of {} from {}", first.chain, first.seq);
            self.refuse_run(what, first, error.to_string());
        }
        let leaving: Vec<_> =
            ready.batch.iter().map(|run| (run.first_seq(), run.head.tip)).collect();
        // What is not stored now is read again when it is: it may be long until then.
        let ahead = std::mem::take(&mut self.ahead);
        let stored = commit::store_batch(&node.inner, tx, ready.batch, self.courier, ahead)?;
        self.received += stored.events;
        self.late |= stored.late;
        for Refused { what, reason } in stored.refused {
            match leaving.iter().find(|(first, tip)| commit::name_of(*first, tip) == what) {
                Some((_, tip)) => self.refuse_run(what, *tip, reason),
                None => self.refused.add(what, reason),
            }
        }
        for (run, reason) in &stored.held {
            self.quarantined += run.events.len() as u64;
            intake::keep(tx, run, reason)?;
        }
        for (_, tip) in leaving {
            self.records.remove(&tip);
        }
        Ok(())
    }

    /// Puts bodies in that were held back on the way when their events came.
    fn fill(&mut self, node: &Node, tx: &Tx<'_>, run: &VerifiedRun) -> Result<()> {
        if !self.missing.is_empty() && forget::fill(tx, run, &mut self.missing)? {
            fold::rebuild(tx, node.inner.mesh)?;
        }
        Ok(())
    }

    /// Names the record that a run came in; `event` is one of the run's, or where it ends.
    fn refuse_run(&mut self, what: String, event: Tip, reason: String) {
        let behind = self.records.range(event..).next().map(|(last, record)| (*last, *record));
        let what = match behind.filter(|(last, _)| last.chain == event.chain) {
            Some((last, record)) => {
                self.records.remove(&last);
                format!("record {record}: {what}")
            }
            None => what,
        };
        self.refused.add(what, reason);
    }
}
