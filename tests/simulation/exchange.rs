//! Drives a session for a home: as `crates/node/src/exchange.rs` does it.

use std::collections::BTreeMap;

use mirror_domain::FOLD_VERSION;
use mirror_protocol::limits::SPAN_EVENTS;
use mirror_protocol::message::Message;
use mirror_protocol::session::{Base, Local, Range, Report, Session, SessionEvent};
use mirror_protocol::{
    Commitment, DeviceId, EventId, Order, PublicKey, Run, SignedHead, VerifiedRun, run::WireEvent,
    run::is_span_end,
};

use crate::policy::Courier;
use crate::shell::{Crashed, Entry, Shell, Told};

/// Why a session is over before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// This side's power went.
    Crashed,
    /// This side will not go on.
    Refused(String),
}

impl From<Crashed> for Broken {
    fn from(_: Crashed) -> Self {
        Self::Crashed
    }
}

/// What is to be sent, and whether the session goes on.
pub type Step = (Vec<Vec<u8>>, Result<(), Broken>);

/// One side of a session.
#[derive(Debug)]
pub struct Exchange {
    session: Session,
    peer: PublicKey,
    /// Who is expected; `None` when the events that come are to tell.
    device: Option<DeviceId>,
    /// The chains' signed heads as the session's snapshot has them.
    heads: BTreeMap<EventId, SignedHead>,
    /// It ran to its end.
    pub report: Option<Report>,
}

impl Exchange {
    /// Begins as the one who calls (`initiator`) or who answers.
    pub fn new(shell: &Shell, initiator: bool, peer: PublicKey, device: Option<DeviceId>) -> Self {
        let state = shell.state();
        let tips = state.log.tips();
        let head_of = |id: &EventId| state.heads.get(id).map(|head| (*id, *head));
        let heads = tips.iter().filter_map(|tip| head_of(&tip.id)).collect();
        let local = Local {
            mesh: shell.mesh,
            device: shell.keys.device,
            key: shell.keys.public,
            peer,
            tips,
            fold_version: FOLD_VERSION,
            state: state.fold.digest.0,
            base: device.and_then(|device| state.bases.get(&device).cloned()),
            addresses: vec!["192.0.2.7:4711".to_owned()],
        };
        let session = if initiator { Session::initiate(local) } else { Session::respond(local) };
        Self { session, peer, device, heads, report: None }
    }

    /// Takes a message in; gives what is to be sent.
    pub fn receive(&mut self, shell: &mut Shell, bytes: &[u8]) -> Step {
        let refused = |error: String| Err(Broken::Refused(error));
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error) => return (Vec::new(), refused(error.to_string())),
        };
        if let Err(error) = self.session.handle_message(message, &shell.state().log) {
            // A refusal still has to be said.
            let mut out = Vec::new();
            self.transmit(&mut out);
            return (out, refused(error.to_string()));
        }
        self.pump(shell)
    }

    /// Does what the session asks for; gives what is to be sent.
    pub fn pump(&mut self, shell: &mut Shell) -> Step {
        let mut out = Vec::new();
        while let Some(event) = self.session.poll_event() {
            let done = self.on_event(shell, event);
            self.transmit(&mut out);
            if done.is_err() {
                return (out, done);
            }
        }
        self.transmit(&mut out);
        (out, Ok(()))
    }

    fn transmit(&mut self, out: &mut Vec<Vec<u8>>) {
        while let Some(message) = self.session.poll_transmit() {
            out.push(message.encode());
        }
    }

    fn on_event(&mut self, shell: &mut Shell, event: SessionEvent) -> Result<(), Broken> {
        match event {
            SessionEvent::Peer(peer) => {
                let expected = *self.device.get_or_insert(peer.device);
                if peer.device != expected {
                    return Err(Broken::Refused("its key is another device's".to_owned()));
                }
            }
            SessionEvent::Commit(batch) => {
                let stored = shell.store_batch(batch, Courier::Member)?;
                self.session.stored(stored.events, stored.refused);
            }
            SessionEvent::Send(ranges) => {
                for run in self.runs(shell, &ranges) {
                    let (last, events) = (run.head.tip.seq, run.events.len() as u64);
                    if (last + 1).saturating_sub(events) / SPAN_EVENTS != last / SPAN_EVENTS {
                        shell.told.push(Told::AcrossSpans);
                    }
                    self.session.send_run(run);
                }
                self.session.runs_sent(&shell.state().log);
            }
            SessionEvent::Sign(head) => {
                let keys = &shell.keys;
                let ours =
                    Commitment::sign(shell.mesh, head, keys.device, self.peer, &keys.incarnation);
                self.session.signed(ours);
            }
            SessionEvent::Checkpoint { base, .. } => self.on_checkpoint(shell, base),
            SessionEvent::Quarantine(waiting) => {
                let runs: Vec<VerifiedRun> = waiting.into_iter().map(|(run, _)| run).collect();
                let bytes = runs.iter().map(VerifiedRun::bytes).sum();
                shell.told.push(Told::Waited(bytes));
                shell.keep_waiting(runs.iter().map(VerifiedRun::to_wire).collect());
            }
            SessionEvent::Finished(report) => {
                shell.told.push(Told::Ended(report.clone()));
                self.report = Some(report);
            }
        }
        Ok(())
    }

    fn on_checkpoint(&self, shell: &mut Shell, base: Base) {
        shell.told.push(Told::Checkpoint(base.clone()));
        if let Some(device) = self.device {
            shell.commit_quietly(&[Entry::Base(device, base.head, base.tips)]);
        }
    }

    /// What the peer lacks, in the order of the runs' first events.
    fn runs(&self, shell: &Shell, ranges: &[Range]) -> Vec<Run> {
        let mut runs = Vec::new();
        for range in ranges {
            let end = self.heads.get(&range.tip.id);
            if let Some(end) = end {
                runs.extend(runs_to(shell, *end, range.after));
            }
        }
        runs.sort_by_key(|(order, _)| *order);
        runs.into_iter().map(|(_, run)| run).collect()
    }
}

/// The runs that lead to a signed head, cut where heads are kept for good.
pub fn runs_to(shell: &Shell, end: SignedHead, after: Option<u64>) -> Vec<(Order, Run)> {
    let state = shell.state();
    let (mut lineage, mut next) = (Vec::new(), Some(end.tip.id));
    while let Some(event) = next.and_then(|id| state.events.get(&id)) {
        if after.is_some_and(|after| event.header.seq <= after) {
            break;
        }
        lineage.push(event);
        next = event.header.prev;
    }
    let (mut runs, mut events, mut order) = (Vec::new(), Vec::new(), None);
    for event in lineage.into_iter().rev() {
        order.get_or_insert(event.order());
        events.push(WireEvent { header: event.bytes.clone(), body: event.body.clone() });
        let kept = state.heads.get(&event.id).filter(|head| is_span_end(head.tip.seq));
        let head = if event.id == end.tip.id { Some(&end) } else { kept };
        if let (Some(head), Some(first)) = (head, order) {
            runs.push((first, Run { events: std::mem::take(&mut events), head: *head }));
            order = None;
        }
    }
    runs
}
