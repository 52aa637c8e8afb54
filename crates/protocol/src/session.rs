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
//! NeedTips. Where a chain is forked, whoever sees it says a Locator in its turn; the other answers Common, and both send
//! their branches from there, which takes another turn of each.
//! The shell feeds messages, stores what [`SessionEvent::Commit`] brings before it feeds the next one, and
//! streams the runs that [`SessionEvent::Send`] asks for.

mod commit;
mod compare;
mod event;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    theirs: compare::ByChain,
    /// What both agree on in the end.
    target: Vec<Tip>,
    /// Events that the peer has as well, beside its tips: told in an answer, or sent.
    shared: BTreeMap<ChainId, Vec<Tip>>,
    /// Chains of which a locator went out or came, and those where an answer came or goes out.
    located: BTreeSet<ChainId>,
    answered: BTreeSet<ChainId>,
    /// What the next turn begins with.
    answers: Vec<Message>,
    /// The peer's turn asks for one of ours, and ours for one of the peer's.
    owes: bool,
    awaits: bool,
    /// The last position of each chain's runs that came, taken or not.
    came: BTreeMap<ChainId, u64>,
    vector_sent: bool,
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
            shared: BTreeMap::new(),
            located: BTreeSet::new(),
            answered: BTreeSet::new(),
            answers: Vec::new(),
            owes: false,
            awaits: false,
            came: BTreeMap::new(),
            vector_sent: false,
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

    /// What was not taken so far, for a session that ends before its report.
    pub fn refusals(&self) -> &[Refused] {
        &self.report.refused
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
            (Message::Locator(points), Phase::Receiving) => self.on_locator(&points, known),
            (Message::Common(common), Phase::Receiving) => self.on_common(common, known),
            (Message::Done(commits), Phase::Receiving) => {
                self.on_done(commits, known);
                Ok(())
            }
            (Message::Commit(theirs), Phase::Committing) => self.on_commit(theirs, known),
            // The peer could not reach the target after all.
            (Message::Done(false), Phase::Committing) => {
                self.give_up(known);
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
        match reached {
            true => self.sign(),
            false if self.awaits => self.phase = Phase::Receiving,
            false => self.give_up(known),
        }
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
        let named = self.theirs.get(&chain).and_then(BTreeSet::last);
        if named.is_none_or(|tip| tip.seq < last) {
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
        for (first, error) in ready.refused {
            self.refused(format!("run of {} from {}", first.chain, first.seq), error.to_string());
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
        if self.initiator {
            self.take_turn(known);
            return;
        }
        self.report.round_trips += 1;
        match commits {
            true if self.reached(known) => self.phase = Phase::Committing,
            true => {
                self.out.push_back(Message::Done(false));
                self.give_up(known);
            }
            false if self.owes => self.take_turn(known),
            false => self.give_up(known),
        }
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

    fn wrong_locator(&mut self) -> SessionError {
        self.refuse(RefuseCode::Failed);
        SessionError::WrongLocator
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
        Message::Locator(_) => "Locator",
        Message::Common(_) => "Common",
    }
}
