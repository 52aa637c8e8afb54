//! A home under simulation: the real protocol and domain over a simulated disk.
//!
//! The policy is that of `crates/node/src/commit.rs`, in memory. What the core asks of its shell is asked here, in
//! `policy.rs` and in `exchange.rs`, and nowhere else in the simulation.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use mirror_domain::Body;
use mirror_protocol::event::Dep;
use mirror_protocol::intake::in_causal_order;
use mirror_protocol::limits::MAX_DEPS;
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::run::is_span_end;
use mirror_protocol::session::{Base, Report};
use mirror_protocol::{
    BodyHash, CanonicalHead, ChainId, ChainOpen, DeviceId, Event, EventId, Header, Known, Lamport,
    MeshId, PublicKey, Run, SignedHead, SigningKey, Tip, VerifiedRun, WallTime, public_key,
};

use crate::disk::{Disk, Lost};
use crate::fold::{self, Fold};
use crate::rng::Rng;

/// A device's keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Names the device.
    pub authority: SigningKey,
    /// Signs heads.
    pub incarnation: SigningKey,
    /// The device.
    pub device: DeviceId,
    /// The incarnation's public half.
    pub public: PublicKey,
}

impl Keys {
    /// New ones.
    pub fn new(rng: &mut Rng) -> Self {
        let authority = SigningKey::from_bytes(&rng.bytes32());
        let incarnation = SigningKey::from_bytes(&rng.bytes32());
        let (device, public) = (DeviceId(public_key(&authority).0), public_key(&incarnation));
        Self { authority, incarnation, device, public }
    }
}

/// What a transaction writes to the journal.
#[derive(Debug, Clone, Encode, Decode)]
pub enum Entry {
    /// The chain that this home writes.
    #[n(0)]
    Chain(#[n(0)] ChainId),
    /// Runs that are stored together.
    #[n(1)]
    Runs(#[n(0)] Vec<Run>),
    /// The vector co-signed last with a device.
    #[n(2)]
    Base(#[n(0)] DeviceId, #[n(1)] CanonicalHead, #[n(2)] Vec<Tip>),
    /// A run waits for its causes.
    #[n(3)]
    Wait(#[n(0)] Run),
    /// The runs that wait are taken out, to be tried again.
    #[n(4)]
    Unwait,
}

/// The power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed;

/// When the power is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fuse {
    /// The record is written and not synced.
    BeforeSync,
    /// It is synced and nobody was told.
    AfterSync,
}

/// What happened in a home, for the reference model.
#[derive(Debug, Clone)]
pub enum Told {
    /// An event was sealed here.
    Created(Event),
    /// These are acknowledged: whoever asked was told that they are kept.
    Stored(Vec<EventId>),
    /// A peer has our signature under this vector.
    Checkpoint(Base),
    /// A run went out that the others should refuse: it passes the end of a span.
    AcrossSpans,
    /// Bytes of runs that a session held when it ended.
    Waited(usize),
    /// A session ended.
    Ended(Report),
}

/// What is in memory while the home is open; all of it follows from the journal.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The chains.
    pub log: MemoryLog,
    /// Their events.
    pub events: BTreeMap<EventId, Event>,
    /// Signed heads of tips, and those at span ends.
    pub heads: BTreeMap<EventId, SignedHead>,
    /// First bodies.
    pub opens: BTreeMap<ChainId, ChainOpen>,
    /// What the events mean.
    pub fold: Fold,
    /// The vectors co-signed last.
    pub bases: BTreeMap<DeviceId, Base>,
    /// Runs that wait.
    pub waiting: BTreeMap<(ChainId, u64, EventId), Run>,
    /// The chain that this home writes.
    pub chain: Option<ChainId>,
    /// What the own chain has named as causes.
    named: BTreeSet<EventId>,
    /// Devices that some event admits, whether or not it counts.
    pub admitted: BTreeSet<DeviceId>,
    /// It drops the heads at span ends, which it should keep.
    forgets_spans: bool,
}

impl State {
    /// Applies a record. Gives the new events.
    fn apply(&mut self, mesh: MeshId, entries: &[Entry]) -> Vec<EventId> {
        let mut new = Vec::new();
        for entry in entries {
            match entry {
                Entry::Chain(chain) => self.chain = Some(*chain),
                Entry::Runs(runs) => {
                    let runs: Vec<_> = runs.iter().filter_map(stored_run).collect();
                    new.extend(self.store(mesh, &runs));
                }
                Entry::Base(device, head, tips) => {
                    let base = Base { head: *head, tips: tips.clone() };
                    self.bases.insert(*device, base);
                }
                Entry::Wait(run) => {
                    let first = run.head.tip.seq.saturating_sub(run.events.len() as u64 - 1);
                    self.waiting.insert((run.head.tip.chain, first, run.head.tip.id), run.clone());
                }
                Entry::Unwait => self.waiting.clear(),
            }
        }
        new
    }

    fn store(&mut self, mesh: MeshId, runs: &[VerifiedRun]) -> Vec<EventId> {
        self.log.store(runs);
        for run in runs {
            if let Some(open) = run.open {
                self.opens.insert(run.chain, open);
            }
            if let Some(before) = run.prev()
                && self
                    .events
                    .get(&before)
                    .is_some_and(|event| self.forgets_spans || !is_span_end(event.header.seq))
            {
                self.heads.remove(&before);
            }
            self.heads.insert(run.head.tip.id, run.head);
        }
        let mut new = Vec::new();
        for (run, event) in in_causal_order(runs) {
            let event = &runs[run].events[event];
            if Some(event.chain()) == self.chain {
                self.named.extend(event.header.deps.iter().map(|dep| dep.id));
            }
            self.admitted.extend(fold::admits(event));
            self.events.insert(event.id, event.clone());
            new.push(event.id);
        }
        self.waiting.retain(|(.., end), _| !self.events.contains_key(end));
        let authored = |event: &'_ Event| self.opens[&event.chain()].device;
        let coming: Vec<_> =
            new.iter().map(|id| &self.events[id]).map(|event| (authored(event), event)).collect();
        let all = || {
            let mut all: Vec<_> =
                self.events.values().map(|event| (authored(event), event)).collect();
            all.sort_by_key(|(_, event)| event.order());
            all
        };
        self.fold.events(mesh, &coming, all, &self.log);
        new
    }

    /// The heads of other chains that moved since the own chain last named them, and the clock that follows.
    fn causes(&self, own: Option<Tip>) -> (Vec<Dep>, Lamport) {
        let clock = |id: &EventId| self.events.get(id).map_or(Lamport(0), |e| e.header.lamport);
        let mut latest = own.map_or(Lamport(0), |tip| clock(&tip.id));
        let mut deps = Vec::new();
        for tip in self.log.tips() {
            let mine = own.is_some_and(|own| own.chain == tip.chain);
            if mine || self.named.contains(&tip.id) || deps.len() == MAX_DEPS {
                continue;
            }
            latest = latest.max(clock(&tip.id));
            deps.push(Dep::from(tip));
        }
        (deps, Lamport(latest.0.saturating_add(1)))
    }

    /// The newest event of the own chain; of a forked one nobody could tell which.
    pub fn own_tip(&self) -> Option<Tip> {
        let chain = self.chain?;
        match Known::tips(&self.log, &chain).as_slice() {
            [point] => Some(point.in_chain(chain)),
            _ => None,
        }
    }
}

/// A run of the journal: its checksum held, so it is not verified again, as a database is not.
fn stored_run(run: &Run) -> Option<VerifiedRun> {
    let read = |wire: &mirror_protocol::run::WireEvent| {
        Event::read(wire.header.clone(), wire.body.clone()).ok()
    };
    let events: Vec<Event> = run.events.iter().map(read).collect::<Option<_>>()?;
    let first = events.first()?;
    let open = match (first.header.seq, &first.body) {
        (0, Some(body)) => minicbor::decode(body).ok(),
        _ => None,
    };
    Some(VerifiedRun { chain: first.chain(), events, head: run.head, open })
}

/// A home.
#[derive(Debug)]
pub struct Shell {
    /// Its keys.
    pub keys: Keys,
    /// Its mesh.
    pub mesh: MeshId,
    /// Its disk.
    pub disk: Disk,
    /// It keeps to the rules.
    pub honest: bool,
    /// Set while a crash is due.
    pub fuse: Option<Fuse>,
    /// It went off.
    pub blown: Option<Fuse>,
    /// What the model was not told yet.
    pub told: Vec<Told>,
    state: Option<State>,
}

impl Shell {
    /// An empty home.
    pub fn new(keys: Keys, mesh: MeshId, honest: bool) -> Self {
        let (disk, told) = Default::default();
        let mut shell =
            Self { keys, mesh, honest, disk, fuse: None, blown: None, told, state: None };
        shell.start();
        shell
    }

    /// It runs.
    pub fn is_up(&self) -> bool {
        self.state.is_some()
    }

    /// What it holds; it must be up.
    pub fn state(&self) -> &State {
        self.state.as_ref().expect("the home is open")
    }

    /// The power goes.
    pub fn crash(&mut self, rng: &mut Rng) -> Lost {
        self.state = None;
        self.fuse = None;
        self.disk.crash(rng)
    }

    /// Opens the home again from what the disk holds.
    pub fn start(&mut self) {
        let mut state = State { forgets_spans: !self.honest, ..State::default() };
        for record in self.disk.recover() {
            let entries: Vec<Entry> = minicbor::decode(&record).expect("the checksum held");
            state.apply(self.mesh, &entries);
        }
        self.state = Some(state);
    }

    /// A transaction: durable when it returns.
    pub fn commit(&mut self, entries: &[Entry]) -> Result<(), Crashed> {
        self.disk.write(&minicbor::to_vec(entries).expect("a Vec takes all"));
        let fuse = self.fuse.take();
        self.blown = fuse;
        if fuse == Some(Fuse::BeforeSync) {
            return Err(Crashed);
        }
        self.disk.sync();
        if fuse == Some(Fuse::AfterSync) {
            return Err(Crashed);
        }
        let mesh = self.mesh;
        let new = self.state.as_mut().map(|state| state.apply(mesh, entries)).unwrap_or_default();
        if !new.is_empty() {
            self.told.push(Told::Stored(new));
        }
        Ok(())
    }

    /// A transaction that nobody waits for: whatever of it is lost can be had again.
    pub fn commit_quietly(&mut self, entries: &[Entry]) {
        self.disk.write(&minicbor::to_vec(entries).expect("a Vec takes all"));
        let mesh = self.mesh;
        if let Some(state) = &mut self.state {
            state.apply(mesh, entries);
        }
    }

    /// Seals and stores an event of this device.
    pub fn say(
        &mut self,
        kind: &str,
        body: Vec<u8>,
        at: WallTime,
        nonce: [u8; 32],
    ) -> Result<Event, Crashed> {
        self.ensure_chain(at, nonce)?;
        let event = self.seal(kind, body, at, |_| {});
        self.store_own(event.clone(), None)?;
        Ok(event)
    }

    /// As [`Shell::say`], with a body of the domain.
    pub fn say_body(
        &mut self,
        body: &Body,
        at: WallTime,
        nonce: [u8; 32],
    ) -> Result<Event, Crashed> {
        self.say(body.kind().expect("a known body"), body.encode(), at, nonce)
    }

    /// Opens the own chain if that has not happened, or if it is forked.
    pub fn ensure_chain(&mut self, at: WallTime, nonce: [u8; 32]) -> Result<(), Crashed> {
        if self.state().own_tip().is_some() {
            return Ok(());
        }
        let keys = &self.keys;
        let open = ChainOpen::new(self.mesh, &keys.authority, &keys.incarnation, [7; 32], nonce);
        self.open_chain(&open, at)
    }

    /// Starts this home's chain.
    pub fn open_chain(&mut self, open: &ChainOpen, at: WallTime) -> Result<(), Crashed> {
        let (deps, lamport) = self.state().causes(None);
        let header = ChainOpen::header(deps, lamport, at);
        let event = Event::new(header, open.encode()).expect("within limits");
        self.store_own(event, Some(*open))
    }

    /// An event behind the own tip. `tweak` is for those who don't keep to the rules.
    pub fn seal(
        &self,
        kind: &str,
        body: Vec<u8>,
        at: WallTime,
        tweak: impl FnOnce(&mut Header),
    ) -> Event {
        let tip = self.state().own_tip().expect("the chain is open");
        let (deps, lamport) = self.state().causes(Some(tip));
        let mut header = Header {
            chain: Some(tip.chain),
            seq: tip.seq + 1,
            prev: Some(tip.id),
            deps,
            lamport,
            at,
            kind: kind.to_owned(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        };
        tweak(&mut header);
        Event::new(header, body).expect("within limits")
    }

    /// Signs and stores an event of the own chain; or of any, for those who don't keep to the rules.
    pub fn store_own(&mut self, event: Event, open: Option<ChainOpen>) -> Result<(), Crashed> {
        let tip = Tip { chain: event.chain(), seq: event.header.seq, id: event.id };
        let head = SignedHead::sign(tip, &self.keys.incarnation);
        self.told.push(Told::Created(event.clone()));
        let run = VerifiedRun { chain: tip.chain, events: vec![event], head, open };
        let mut entries = vec![Entry::Runs(vec![run.to_wire()])];
        if open.is_some() {
            entries.insert(0, Entry::Chain(tip.chain));
        }
        self.commit(&entries)
    }
}
