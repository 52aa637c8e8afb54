//! Drives a reconcile session over a channel: the shell around the sans-IO core.

use std::collections::{BTreeMap, BTreeSet};

use mirror_link::{Channel, LinkError};
use mirror_protocol::limits::MAX_MESSAGE_BYTES;
use mirror_protocol::message::Message;
use mirror_protocol::session::{
    Base, Local, Peer, Range, Refused, Report, Session, SessionError, SessionEvent,
};
use mirror_protocol::{CanonicalHead, Commitment, DeviceId, Lamport, Run, SignedHead, Tip};
use mirror_store::View;

use crate::cancel::CancelToken;
use crate::commit::Courier;
use crate::error::{Error, Result};
use crate::meaning::ReadAhead;
use crate::names::name_of;
use crate::node::Node;
use crate::view::{Change, Code, Phase, Progress};
use crate::{clock, commit, convert, fold, intake};

/// One session over one channel.
pub struct Exchange<'a> {
    node: &'a Node,
    channel: &'a mut Channel,
    cancel: &'a CancelToken,
    /// Who is expected; `None` when the events that come are to tell.
    device: Option<DeviceId>,
    session: Session,
    /// The signed heads as the session's snapshot has them.
    heads: BTreeMap<Tip, SignedHead>,
    progress: Progress,
    report: Option<Report>,
}

impl<'a> Exchange<'a> {
    /// Begins as the one who calls.
    pub fn initiate(
        node: &'a Node,
        channel: &'a mut Channel,
        device: DeviceId,
        cancel: &'a CancelToken,
    ) -> Result<Self> {
        Self::new(node, channel, Some(device), cancel, Session::initiate)
    }

    /// Begins the very first session of a device that has only a ticket: the link has authenticated the inviter's key.
    pub fn first(
        node: &'a Node,
        channel: &'a mut Channel,
        cancel: &'a CancelToken,
    ) -> Result<Self> {
        Self::new(node, channel, None, cancel, Session::initiate)
    }

    /// Answers a caller.
    pub fn respond(
        node: &'a Node,
        channel: &'a mut Channel,
        device: DeviceId,
        cancel: &'a CancelToken,
    ) -> Result<Self> {
        Self::new(node, channel, Some(device), cancel, Session::respond)
    }

    fn new(
        node: &'a Node,
        channel: &'a mut Channel,
        device: Option<DeviceId>,
        cancel: &'a CancelToken,
        begin: fn(Local) -> Session,
    ) -> Result<Self> {
        let (local, heads, name) = node.read(|view| {
            let chains = view.chains()?;
            let peer = device.map(|device| view.peer(&device)).transpose()?.unwrap_or_default();
            let (fold_version, state) = fold::state(view)?;
            let name = device.map(|device| name_of(view, &device)).transpose()?.unwrap_or_default();
            let serving = view.serving()?;
            let local = Local {
                mesh: node.inner.mesh,
                device: node.inner.device,
                key: node.inner.keys.public(),
                peer: channel.peer(),
                tips: chains.iter().map(|chain| chain.tip).collect(),
                fold_version,
                state: state.0,
                base: peer.signed_head.map(|head| Base { head, tips: peer.signed }),
                addresses: crate::serve::living(serving).into_iter().take(8).collect(),
            };
            let heads = chains.iter().map(|chain| (chain.tip, chain.head())).collect();
            Ok((local, heads, name))
        })?;
        let progress = Progress {
            device: device.map(|device| device.to_string()).unwrap_or_default(),
            name,
            phase: Phase::Comparing,
            received: 0,
            notes: 0,
            to_receive: 0,
            sent: 0,
            to_send: 0,
        };
        let session = begin(local);
        Ok(Self { node, channel, cancel, device, session, heads, progress, report: None })
    }

    /// Runs the session to its end. The channel stays open.
    pub async fn run(mut self) -> Result<Report> {
        let result = self.run_inner().await;
        let phase = match &result {
            Ok(_) => Phase::Done,
            Err(error) if error.code == Code::Cancelled => Phase::Cancelled,
            Err(_) => Phase::Failed,
        };
        if let Err(error) = &result {
            self.record(error)?;
        }
        self.tell(phase);
        result
    }

    /// Records what was refused in a session that has no report, and what ended it if that was the peer's doing.
    fn record(&self, error: &Error) -> Result<()> {
        let mut refused = self.session.refusals().to_vec();
        if matches!(error.code, Code::Integrity | Code::Refused | Code::TooNew) {
            refused.push(Refused { what: "session".to_owned(), reason: error.detail.clone() });
        }
        let source = match self.progress.name.as_str() {
            "" => self.channel.peer().to_string(),
            name => name.to_owned(),
        };
        intake::record_refusals(self.node, &source, &refused)
    }

    async fn run_inner(&mut self) -> Result<Report> {
        self.tell(Phase::Comparing);
        loop {
            while let Some(event) = self.session.poll_event() {
                self.on_event(event).await?;
            }
            self.transmit().await?;
            if let Some(report) = self.report.take() {
                return Ok(report);
            }
            let received = tokio::select! {
                received = self.channel.recv(MAX_MESSAGE_BYTES) => received,
                () = self.cancel.cancelled() => return Err(Error::cancelled()),
            };
            let Some(bytes) = received.map_err(Error::from)? else {
                return Err(LinkError::Lost { reason: "the peer ended early".to_owned() }.into());
            };
            self.on_message(&bytes).await?;
        }
    }

    async fn on_message(&mut self, bytes: &[u8]) -> Result<()> {
        let message = Message::decode(bytes)
            .map_err(|error| Error::integrity(format!("from the peer: {error}")))?;
        let session = &mut self.session;
        let handled = self.node.read(|view| {
            let handled = session.handle_message(message, view);
            view.take_error()?;
            Ok(handled)
        })?;
        if let Err(error) = handled {
            // A refusal still has to be said; the peer may be gone already.
            let _ = self.transmit().await;
            return Err(error.into());
        }
        Ok(())
    }

    async fn transmit(&mut self) -> Result<()> {
        while let Some(message) = self.session.poll_transmit() {
            self.channel.send(&message.encode()).await?;
        }
        Ok(())
    }

    async fn on_event(&mut self, event: SessionEvent) -> Result<()> {
        match event {
            SessionEvent::Peer(peer) => self.on_peer(peer),
            SessionEvent::Commit(batch) => {
                let inner = &self.node.inner;
                let (by, ahead) = (Courier::Member, ReadAhead::default());
                let stored =
                    self.node.write(|tx| commit::store_batch(inner, tx, batch, by, ahead))?;
                intake::keep_waiting(self.node, &stored.held)?;
                self.progress.received += convert::count(stored.events);
                self.progress.notes += convert::count(stored.notes);
                self.session.stored(stored.events, stored.refused);
                self.tell(Phase::Exchanging);
                Ok(())
            }
            SessionEvent::Send(ranges) => self.send(ranges).await,
            SessionEvent::Sign(head) => {
                self.tell(Phase::Committing);
                let ours = self.sign(head);
                self.session.signed(ours);
                Ok(())
            }
            SessionEvent::Checkpoint { base, ours, theirs } => {
                self.on_checkpoint(base, &ours, &theirs)
            }
            SessionEvent::Quarantine(waiting) => intake::keep_waiting(self.node, &waiting),
            SessionEvent::Finished(report) => {
                intake::record_refusals(self.node, &self.progress.name, &report.refused)?;
                self.report = Some(report);
                Ok(())
            }
        }
    }

    fn on_peer(&mut self, peer: Peer) -> Result<()> {
        self.progress.to_receive = convert::count(peer.to_receive);
        self.progress.to_send = convert::count(peer.to_send);
        let expected = *self.device.get_or_insert(peer.device);
        if peer.device != expected {
            let detail =
                format!("the peer calls itself {}, its key is another device's", peer.device);
            return Err(Error::new(
                Code::Refused,
                detail,
                "check the devices with `mirror device list`",
            ));
        }
        self.node.write(|tx| {
            let mut row = tx.peer(&expected)?;
            if !peer.addresses.is_empty() {
                row.addresses = peer.addresses;
            }
            row.told = peer.tips;
            row.contact_ms = Some(clock::now_ms());
            row.attempt_ms = row.contact_ms;
            row.error = None;
            Ok(tx.put_peer(&expected, &row)?)
        })
    }

    fn on_checkpoint(&mut self, base: Base, ours: &Commitment, theirs: &Commitment) -> Result<()> {
        let Some(device) = self.device else { return Ok(()) };
        self.node.write(|tx| {
            let mut row = tx.peer(&device)?;
            row.signed_head = Some(base.head);
            row.signed = base.tips.clone();
            row.told = base.tips;
            tx.put_peer(&device, &row)?;
            tx.add_checkpoint(&device, ours, theirs, clock::now_ms())?;
            let clocks = row.signed.iter().map(|tip| tx.point_of(tip));
            let clocks = clocks.collect::<std::result::Result<Vec<_>, _>>()?;
            let newest = clocks.into_iter().flatten().map(|point| point.lamport).max();
            Ok(newest.map_or(Ok(()), |newest| tx.clock_checkpoint(newest))?)
        })
    }

    fn sign(&self, head: CanonicalHead) -> Commitment {
        let inner = &self.node.inner;
        let peer = self.channel.peer();
        Commitment::sign(inner.mesh, head, inner.device, peer, &inner.keys.incarnation)
    }

    /// Streams what the peer lacks, a run at a time.
    async fn send(&mut self, ranges: Vec<Range>) -> Result<()> {
        self.tell(Phase::Exchanging);
        let mut runs = self.node.read(|view| Runs::new(view, ranges, &self.heads))?;
        while let Some(run) = self.node.read(|view| runs.next(view))? {
            if self.cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            self.progress.sent += convert::count(run.events.len());
            self.session.send_run(run);
            self.transmit().await?;
            self.tell(Phase::Exchanging);
        }
        let session = &mut self.session;
        self.node.read(|view| {
            session.runs_sent(view);
            Ok(view.take_error()?)
        })
    }

    fn tell(&mut self, phase: Phase) {
        self.progress.phase = phase;
        self.node.tell(Change::Progress(self.progress.clone()));
    }
}

/// Runs of several branches in the order of their last events' Lamport times: where heads are kept at all that others
/// name, a run rests only on those before it.
pub struct Runs {
    heads: BTreeMap<Tip, SignedHead>,
    /// What comes next of each branch: clock, tip, and the last position that was read.
    next: BTreeSet<(Lamport, Tip, Option<u64>)>,
}

impl Runs {
    /// Lines the ranges up; a range's last event has its signed head in `heads`.
    pub fn new(
        view: &View<'_>,
        ranges: Vec<Range>,
        heads: &BTreeMap<Tip, SignedHead>,
    ) -> Result<Self> {
        let mut runs = Self { heads: heads.clone(), next: BTreeSet::new() };
        for range in ranges {
            runs.line_up(view, range.tip, range.after)?;
        }
        Ok(runs)
    }

    fn line_up(&mut self, view: &View<'_>, tip: Tip, after: Option<u64>) -> Result<()> {
        let Some(last) = self.heads.get(&tip) else { return Ok(()) };
        if let Some(end) = view.run_end(after, last)? {
            self.next.insert((end, tip, after));
        }
        Ok(())
    }

    /// The next run.
    pub fn next(&mut self, view: &View<'_>) -> Result<Option<Run>> {
        while let Some((_, tip, after)) = self.next.pop_first() {
            let Some(last) = self.heads.get(&tip).copied() else { continue };
            let Some(run) = view.run(after, &last)? else { continue };
            if run.head.tip.seq < tip.seq {
                self.line_up(view, tip, Some(run.head.tip.seq))?;
            }
            return Ok(Some(run));
        }
        Ok(None)
    }
}

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        let (code, hint) = match &error {
            LinkError::Bind { .. } => {
                (Code::Io, "choose another address, or port 0 for a free one")
            }
            LinkError::Unreachable { .. } => (
                Code::Offline,
                "start `mirror serve` or the app on the other device, on the same network",
            ),
            LinkError::Refused { .. } => {
                (Code::Refused, "ask on the other device; `mirror device list` shows the members")
            }
            LinkError::Lost { .. } => (Code::Offline, "what had arrived is kept; reconcile again"),
            LinkError::TooLong { .. } => {
                (Code::Integrity, "the other device is broken or hostile; nothing of it was taken")
            }
        };
        Self::new(code, &error, hint)
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        let (code, hint) = match &error {
            SessionError::OtherMesh { .. } | SessionError::Refused { .. } => {
                (Code::Refused, "check that both devices belong to one mesh")
            }
            SessionError::Version { .. } => (Code::TooNew, "update MirrorDNA on both devices"),
            _ => (Code::Integrity, "what had been verified before is kept; reconcile again"),
        };
        Self::new(code, &error, hint)
    }
}

#[cfg(test)]
mod tests;
