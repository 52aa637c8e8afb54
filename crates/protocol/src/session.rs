//! The reconcile session, sans-IO: messages in, messages and events out.
//!
//! ```text
//! initiator                              responder
//!   Open (head, tips since base)  ──▶
//!                                 ◀──  Open, Run…, Done          round trip 1
//!   Run…, Done, Commit            ──▶
//!                                 ◀──  Commit                    round trip 2
//! ```
//!
//! Equal heads end it with the first answer. A responder that does not know the base asks for the whole vector with
//! NeedTips. The shell feeds messages, stores what [`SessionEvent::Commit`] brings before it feeds the next one, and
//! streams the runs that [`SessionEvent::Send`] asks for.

mod compare;
mod event;

use std::collections::{BTreeMap, VecDeque};

use crate::head::{Commitment, Tip, canonical_head};
use crate::id::{CanonicalHead, ChainId};
use crate::intake::Intake;
use crate::known::Known;
use crate::limits::MAX_REFUSED;
use crate::message::{Message, Open, RefuseCode, SESSION_VERSION, Tips};
use crate::run::Run;

pub use event::{
    Base, Local, Peer, Range, Refused, Report, SessionError, SessionEvent, waiting_reason,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waiting for the peer's Open.
    Opening,
    /// Waiting for the peer's whole vector.
    Vector,
    /// Taking the peer's runs.
    Receiving,
    /// The shell sends ours.
    Sending,
    /// The shell signs.
    Signing,
    /// Waiting for the peer's Commit.
    Committing,
    /// Nothing more to do.
    Over,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Opening => "waiting for Open",
            Self::Vector => "waiting for Tips",
            Self::Receiving => "receiving runs",
            Self::Sending => "sending runs",
            Self::Signing => "signing",
            Self::Committing => "waiting for Commit",
            Self::Over => "over",
        }
    }
}

/// One reconcile with one peer.
#[derive(Debug)]
pub struct Session {
    initiator: bool,
    phase: Phase,
    local: Local,
    head: CanonicalHead,
    open: Option<Open>,
    theirs: BTreeMap<ChainId, Tip>,
    target: Vec<Tip>,
    /// What the peer lacks.
    to_send: Vec<Range>,
    /// The last position of each chain's runs that came, taken or not.
    came: BTreeMap<ChainId, u64>,
    vector_sent: bool,
    forked: bool,
    intake: Intake,
    commitment: Option<Commitment>,
    out: VecDeque<Message>,
    events: VecDeque<SessionEvent>,
    report: Report,
    /// Refusals beyond those that the report lists.
    unlisted: u64,
}

impl Session {
    /// Begins a session and says Open.
    pub fn initiate(local: Local) -> Self {
        let mut session = Self::new(local, true);
        let tips = match &session.local.base {
            Some(base) => Tips::Changed(compare::changed(&base.tips, &session.local.tips)),
            None => Tips::Whole(session.local.tips.clone()),
        };
        session.say_open(tips);
        session
    }

    /// Answers a peer's session.
    pub fn respond(local: Local) -> Self {
        Self::new(local, false)
    }

    fn new(mut local: Local, initiator: bool) -> Self {
        local.tips.sort_unstable();
        let head = canonical_head(local.tips.iter().copied());
        Self {
            initiator,
            phase: Phase::Opening,
            local,
            head,
            open: None,
            theirs: BTreeMap::new(),
            target: Vec::new(),
            to_send: Vec::new(),
            came: BTreeMap::new(),
            vector_sent: false,
            forked: false,
            intake: Intake::default(),
            commitment: None,
            out: VecDeque::new(),
            events: VecDeque::new(),
            report: Report::default(),
            unlisted: 0,
        }
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        self.out.pop_front()
    }

    /// The next thing to do.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Nothing more will come of it.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Takes a message. An error ends the session for good; a Refuse may wait to be sent.
    pub fn handle_message(
        &mut self,
        message: Message,
        known: &dyn Known,
    ) -> Result<(), SessionError> {
        let taken = self.take(message, known);
        if taken.is_err() {
            self.phase = Phase::Over;
            self.out.retain(|message| matches!(message, Message::Refuse(_)));
        }
        taken
    }

    fn take(&mut self, message: Message, known: &dyn Known) -> Result<(), SessionError> {
        match (message, self.phase) {
            (Message::Open(open), Phase::Opening) => self.on_open(open, known),
            (Message::NeedTips, Phase::Opening) if self.initiator && !self.vector_sent => {
                self.vector_sent = true;
                self.report.round_trips += 1;
                self.out.push_back(Message::Tips(self.local.tips.clone()));
                Ok(())
            }
            (Message::Tips(tips), Phase::Vector) => self.on_vector(tips, known),
            (Message::Run(run), Phase::Receiving) => {
                self.on_run(run, known);
                Ok(())
            }
            (Message::Done(commits), Phase::Receiving) => {
                self.on_done(commits, known);
                Ok(())
            }
            (Message::Commit(theirs), Phase::Committing) => self.on_commit(theirs, known),
            // The peer could not reach the target after all.
            (Message::Done(false), Phase::Committing) => {
                self.finish();
                Ok(())
            }
            (Message::Refuse(code), phase) if phase != Phase::Over => {
                Err(SessionError::Refused { code })
            }
            (message, phase) => {
                if phase != Phase::Over {
                    self.refuse(RefuseCode::Failed);
                }
                Err(SessionError::Unexpected { message: name(&message), phase: phase.name() })
            }
        }
    }

    /// The shell has stored a batch; what policy refused is named.
    pub fn stored(&mut self, events: u64, refused: Vec<Refused>) {
        self.report.received += events;
        for Refused { what, reason } in refused {
            self.refused(what, reason);
        }
    }

    /// The shell has read a run to send.
    pub fn send_run(&mut self, run: Run) {
        if self.phase != Phase::Sending {
            return;
        }
        self.report.sent += run.events.len() as u64;
        self.out.push_back(Message::Run(run));
    }

    /// The shell has sent all runs.
    pub fn runs_sent(&mut self, known: &dyn Known) {
        if self.phase != Phase::Sending {
            return;
        }
        if !self.initiator {
            self.out.push_back(Message::Done(false));
            self.phase = Phase::Receiving;
            return;
        }
        let reached = self.reached(known);
        self.out.push_back(Message::Done(reached));
        self.report.round_trips += 1;
        if reached { self.sign() } else { self.finish() }
    }

    /// The shell has signed the head that [`SessionEvent::Sign`] named.
    pub fn signed(&mut self, ours: Commitment) {
        if self.phase != Phase::Signing {
            return;
        }
        self.out.push_back(Message::Commit(ours));
        match self.commitment.take() {
            Some(theirs) => self.checkpoint(ours, theirs),
            None => {
                self.commitment = Some(ours);
                self.phase = Phase::Committing;
            }
        }
    }

    fn on_open(&mut self, open: Open, known: &dyn Known) -> Result<(), SessionError> {
        self.report.round_trips += 1;
        if open.version != SESSION_VERSION {
            self.refuse(RefuseCode::Version);
            return Err(SessionError::Version { theirs: open.version });
        }
        if open.mesh != self.local.mesh {
            self.refuse(RefuseCode::Mesh);
            return Err(SessionError::OtherMesh { theirs: open.mesh });
        }
        let base = self.local.base.as_ref().map(|base| base.head);
        let vector = match &open.tips {
            _ if open.head == self.head => None,
            Tips::Same => return Err(self.wrong_tips()),
            Tips::Whole(tips) => Some(tips.clone()),
            Tips::Changed(tips) if open.base.is_some() && open.base == base => {
                Some(self.on_base(tips))
            }
            Tips::Changed(_) if self.initiator => return Err(self.wrong_tips()),
            Tips::Changed(_) => {
                self.open = Some(open);
                self.out.push_back(Message::NeedTips);
                self.phase = Phase::Vector;
                return Ok(());
            }
        };
        self.open = Some(open);
        match vector {
            Some(tips) => self.compare(tips, known),
            None => {
                self.on_equal();
                Ok(())
            }
        }
    }

    fn on_vector(&mut self, tips: Vec<Tip>, known: &dyn Known) -> Result<(), SessionError> {
        self.report.round_trips += 1;
        self.compare(tips, known)
    }

    fn on_equal(&mut self) {
        self.report.equal = true;
        self.target = self.local.tips.clone();
        self.announce_peer(self.local.tips.clone(), 0, 0);
        let ours = self.local.base.as_ref().map(|base| base.head);
        let theirs = self.open.as_ref().and_then(|open| open.base);
        let co_signed = ours == Some(self.head) && theirs == Some(self.head);
        if !self.initiator {
            self.say_open(Tips::Same);
        }
        match (co_signed, self.initiator) {
            (true, _) => {
                self.report.committed = true;
                self.finish();
            }
            (false, true) => self.phase = Phase::Committing,
            (false, false) => self.sign(),
        }
    }

    fn on_run(&mut self, run: Run, known: &dyn Known) {
        let (chain, last) = (run.head.tip.chain, run.head.tip.seq);
        let what = format!("run of {chain} to {last}");
        if let Err(reason) = self.take_run(run, known) {
            self.refused(what, reason);
        }
        self.commit_ready(known);
    }

    fn take_run(&mut self, run: Run, known: &dyn Known) -> Result<(), String> {
        let (chain, last) = (run.head.tip.chain, run.head.tip.seq);
        if self.theirs.get(&chain).is_none_or(|tip| tip.seq < last) {
            return Err("the peer did not name it among its tips".to_owned());
        }
        let came = self.came.entry(chain).or_insert(last);
        *came = last.max(*came);
        let key = known.key(&chain).or_else(|| self.intake.key(&chain));
        let run = run.verify(key).map_err(|error| error.to_string())?;
        run.is_of(self.local.mesh).map_err(|error| error.to_string())?;
        let offered = self.intake.offer(run, known).map_err(|error| error.to_string())?;
        self.report.duplicates += offered.duplicates;
        Ok(())
    }

    fn commit_ready(&mut self, known: &dyn Known) {
        let ready = self.intake.take_ready(known);
        for (chain, seq, error) in ready.refused {
            self.refused(format!("run of {chain} from {seq}"), error.to_string());
        }
        if !ready.batch.is_empty() {
            self.events.push_back(SessionEvent::Commit(ready.batch));
        }
    }

    /// Lists what was not taken, up to a limit.
    fn refused(&mut self, what: String, reason: String) {
        if self.report.refused.len() < MAX_REFUSED {
            self.report.refused.push(Refused { what, reason });
        } else {
            self.unlisted += 1;
        }
    }

    fn on_done(&mut self, commits: bool, known: &dyn Known) {
        // Somebody else may have stored what runs here wait for.
        self.intake.recheck();
        self.commit_ready(known);
        self.report_missing(known);
        if self.initiator {
            self.phase = Phase::Sending;
            self.events.push_back(SessionEvent::Send(std::mem::take(&mut self.to_send)));
            return;
        }
        self.report.round_trips += 1;
        match commits {
            true if self.reached(known) => self.phase = Phase::Committing,
            true => {
                self.out.push_back(Message::Done(false));
                self.finish();
            }
            false => self.finish(),
        }
    }

    fn on_commit(&mut self, theirs: Commitment, known: &dyn Known) -> Result<(), SessionError> {
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
                self.finish();
            }
        }
        Ok(())
    }

    fn sign(&mut self) {
        self.phase = Phase::Signing;
        let head = canonical_head(self.target.iter().copied());
        self.events.push_back(SessionEvent::Sign(head));
    }

    fn checkpoint(&mut self, ours: Commitment, theirs: Commitment) {
        self.report.committed = true;
        let base = Base { head: ours.head, tips: self.target.clone() };
        self.events.push_back(SessionEvent::Checkpoint { base, ours, theirs });
        self.finish();
    }

    /// Everything of both snapshots is here.
    fn reached(&self, known: &dyn Known) -> bool {
        !self.forked
            && self
                .target
                .iter()
                .all(|tip| known.point(&tip.chain, tip.seq).is_some_and(|point| point.id == tip.id))
    }

    fn finish(&mut self) {
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

    fn say_open(&mut self, tips: Tips) {
        self.out.push_back(Message::Open(Open {
            version: SESSION_VERSION,
            mesh: self.local.mesh,
            device: self.local.device,
            head: self.head,
            fold_version: self.local.fold_version,
            state: self.local.state,
            base: self.local.base.as_ref().map(|base| base.head),
            tips,
            addresses: self.local.addresses.clone(),
        }));
    }

    fn announce_peer(&mut self, tips: Vec<Tip>, to_receive: u64, to_send: u64) {
        if let Some(open) = &self.open {
            self.events.push_back(SessionEvent::Peer(Peer {
                device: open.device,
                head: open.head,
                fold_version: open.fold_version,
                state: open.state,
                tips,
                addresses: open.addresses.clone(),
                to_receive,
                to_send,
            }));
        }
    }

    fn refuse(&mut self, code: RefuseCode) {
        self.phase = Phase::Over;
        self.out.push_back(Message::Refuse(code));
    }

    fn wrong_tips(&mut self) -> SessionError {
        self.refuse(RefuseCode::Failed);
        SessionError::WrongTips
    }
}

fn name(message: &Message) -> &'static str {
    match message {
        Message::Open(_) => "Open",
        Message::NeedTips => "NeedTips",
        Message::Tips(_) => "Tips",
        Message::Run(_) => "Run",
        Message::Done(_) => "Done",
        Message::Commit(_) => "Commit",
        Message::Refuse(_) => "Refuse",
    }
}
