//! A session between an honest device and a member that lies: what it says follows from the fuzzer's bytes.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mirror_protocol::limits::{MAX_PENDING_BYTES, MAX_REFUSED};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::message::{Message, Open, RefuseCode, Tips};
use mirror_protocol::run::WireEvent;
use mirror_protocol::session::{Base, Local, Range, Session, SessionEvent};
use mirror_protocol::{
    BodyHash, CanonicalHead, ChainId, ChainOpen, Commitment, Dep, DeviceId, Event, EventId, Header,
    Known, Lamport, MeshId, PublicKey, Run, SignedHead, SigningKey, Tip, WallTime, canonical_head,
    public_key,
};

use super::memory::{fair, within};

const AT: WallTime = WallTime { unix_ms: 1_795_000_000_000, offset_min: 330 };

#[derive(Clone)]
struct Node {
    log: MemoryLog,
    chain: ChainId,
    key: SigningKey,
    device: DeviceId,
    mesh: MeshId,
    base: Option<Base>,
}

impl Node {
    fn new(n: u8, mesh: Option<MeshId>) -> Self {
        let (authority, key) = keys(n);
        let open = match mesh {
            Some(mesh) => ChainOpen::new(mesh, &authority, &key, [n; 32], [n; 32]),
            None => ChainOpen::found(&authority, &key, [n; 32], [n; 32]),
        };
        let mut log = MemoryLog::default();
        let chain = log.open(&open, AT, &key).expect("a small event");
        Self { log, chain, key, device: open.device, mesh: open.mesh, base: None }
    }

    fn capture(&mut self, text: &str) {
        let body = text.as_bytes().to_vec();
        let done = self.log.append(self.chain, "note.add", body, AT, &self.key);
        done.expect("a small event").expect("an own chain");
    }

    fn local(&self, peer: &Self) -> Local {
        Local {
            mesh: self.mesh,
            device: self.device,
            key: public_key(&self.key),
            peer: public_key(&peer.key),
            tips: self.log.tips(),
            fold_version: 1,
            state: [0; 32],
            base: self.base.clone(),
            addresses: vec![],
        }
    }

    fn commit(&self, head: CanonicalHead, peer: PublicKey) -> Commitment {
        Commitment::sign(self.mesh, head, self.device, peer, &self.key)
    }
}

fn keys(n: u8) -> (SigningKey, SigningKey) {
    (SigningKey::from_bytes(&[n + 100; 32]), SigningKey::from_bytes(&[n + 1; 32]))
}

/// A victim, a liar and a friend; each has news for the others.
fn mesh() -> [Node; 3] {
    thread_local!(static MESH: OnceCell<[Node; 3]> = const { OnceCell::new() });
    MESH.with(|mesh| {
        let made = mesh.get_or_init(|| {
            let victim = Node::new(0, None);
            let others = [1, 2].map(|n| Node::new(n, Some(victim.mesh)));
            let [liar, friend] = others;
            let mut nodes = [victim, liar, friend];
            for (a, b) in [(0, 1), (0, 2), (0, 1)] {
                meet(&mut nodes, a, b);
            }
            for (node, texts) in [(0, 3), (1, 9), (2, 2)] {
                (0..texts).for_each(|n| nodes[node].capture(&format!("{n} of {node}")));
            }
            nodes
        });
        made.clone()
    })
}

/// A whole honest session.
fn meet(nodes: &mut [Node; 3], a: usize, b: usize) {
    let mut sides = [
        Side::new(Session::initiate(nodes[a].local(&nodes[b])), public_key(&nodes[b].key)),
        Side::new(Session::respond(nodes[b].local(&nodes[a])), public_key(&nodes[a].key)),
    ];
    let mut said: VecDeque<(usize, Message)> = VecDeque::new();
    loop {
        for (n, at) in [a, b].into_iter().enumerate() {
            said.extend(sides[n].work(&mut nodes[at]).into_iter().map(|message| (n, message)));
        }
        let Some((n, message)) = said.pop_front() else { return };
        sides[1 - n].hear(&nodes[[b, a][n]], message).expect("an honest peer");
    }
}

/// One side's session with its shell.
struct Side {
    session: Session,
    peer: PublicKey,
    over: bool,
}

impl Side {
    fn new(session: Session, peer: PublicKey) -> Self {
        Self { session, peer, over: false }
    }

    fn hear(&mut self, node: &Node, message: Message) -> Result<(), ()> {
        let heard = self.session.handle_message(message, &node.log).map_err(drop);
        if self.over || heard.is_err() {
            assert!(self.session.is_over());
        }
        heard
    }

    /// Does what the session asks for; gives what it says.
    fn work(&mut self, node: &mut Node) -> Vec<Message> {
        while let Some(event) = self.session.poll_event() {
            assert!(!self.over, "{event:?} after the end");
            match event {
                SessionEvent::Commit(batch) => {
                    let stored = node.log.store(&batch);
                    self.session.stored(stored, vec![]);
                }
                SessionEvent::Send(ranges) => {
                    node.log.runs(&ranges).into_iter().for_each(|run| self.session.send_run(run));
                    self.session.runs_sent(&node.log);
                }
                SessionEvent::Sign(head) => {
                    let ours = node.commit(head, self.peer);
                    self.session.signed(ours);
                }
                SessionEvent::Checkpoint { base, ours, theirs } => {
                    let both = [ours.head, theirs.head, canonical_head(base.tips.iter().copied())];
                    assert_eq!(both, [base.head; 3]);
                    assert!(base.tips.iter().all(|tip| is_here(&node.log, tip)));
                    assert_eq!(theirs.key, self.peer);
                    theirs.verify(node.mesh, public_key(&node.key)).expect("their signature");
                    node.base = Some(base);
                }
                SessionEvent::Finished(report) => {
                    assert!(report.refused.len() <= MAX_REFUSED + 1);
                    self.over = true;
                }
                SessionEvent::Peer(_) | SessionEvent::Quarantine(_) => {}
            }
        }
        std::iter::from_fn(|| self.session.poll_transmit()).collect()
    }
}

fn is_here(log: &MemoryLog, tip: &Tip) -> bool {
    log.point(tip).is_some()
}

fn whole(tip: &Tip) -> Range {
    Range { tip: *tip, after: None }
}

/// Everything in a log is verified: linked, caused, clocked, and signed by its chain's key.
pub fn holds(log: &MemoryLog) {
    let events: BTreeMap<EventId, &Event> = log.events().map(|event| (event.id, event)).collect();
    for event in events.values() {
        let header = &event.header;
        assert_eq!(Event::read(event.bytes.clone(), event.body.clone()).as_ref(), Ok(*event));
        let mut latest = 0;
        let before = header.prev.map(|id| (event.chain(), header.seq - 1, id));
        let deps = header.deps.iter().map(|dep| (dep.chain, dep.seq, dep.id));
        for (chain, seq, id) in before.into_iter().chain(deps) {
            let cause = events.get(&id).expect("a stored event's cause is stored");
            assert_eq!((cause.chain(), cause.header.seq), (chain, seq));
            latest = latest.max(cause.header.lamport.0);
        }
        assert_eq!(header.lamport.0, latest + 1);
    }
    let mut signed = BTreeSet::new();
    for run in log.runs(&log.tips().iter().map(whole).collect::<Vec<_>>()) {
        let key = log.key(&run.head.tip.chain);
        let run = run.verify(key).expect("a stored run");
        signed.extend(run.events.iter().map(|event| event.id));
    }
    assert!(events.keys().all(|id| signed.contains(id)), "an event that nobody signed");
}

/// The fuzzer's bytes as choices; zeros when they are used up.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Small numbers, and the ends of the range.
    fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=199 => u64::from(small),
            200..=219 => u64::MAX - u64::from(self.byte()),
            220..=239 => (1 << 40) + u64::from(self.byte()),
            _ => 1 << (self.byte() % 64),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }
}

/// The liar: an honest session to borrow messages from, and the key of a member.
struct Liar<'a> {
    choices: Choices<'a>,
    node: Node,
    honest: Side,
    victim: PublicKey,
    next: VecDeque<Message>,
    said: Vec<Message>,
    forged: Vec<Event>,
}

impl Liar<'_> {
    /// What it says next, and how much it took to say.
    fn says(&mut self) -> Vec<Message> {
        match self.choices.byte() % 16 {
            0..=4 => self.next.pop_front().into_iter().collect(),
            5 => self.bent().into_iter().collect(),
            6 => {
                self.next.pop_front();
                vec![]
            }
            7 => self.next.pop_front().map_or(vec![], |message| vec![message.clone(), message]),
            8..=10 => vec![self.forgery()],
            11 => Message::decode(&self.choices.bytes()).into_iter().collect(),
            12 => {
                let at = usize::from(self.choices.byte()) % self.said.len().max(1);
                self.said.get(at).cloned().into_iter().collect()
            }
            13 => {
                self.next.rotate_left(1.min(self.next.len()));
                vec![]
            }
            14 => vec![self.other()],
            _ => self.next.drain(..).collect(),
        }
    }

    /// The next honest message with some bytes changed.
    fn bent(&mut self) -> Option<Message> {
        let mut bytes = self.next.pop_front()?.encode();
        for _ in 0..=self.choices.byte() % 4 {
            let at = usize::from(u16::from_be_bytes([self.choices.byte(), self.choices.byte()]));
            let length = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at % length) {
                *byte ^= self.choices.byte();
            }
        }
        Message::decode(&bytes).ok()
    }

    fn other(&mut self) -> Message {
        let tips = |choices: &mut Choices<'_>, all: Vec<Tip>| -> Vec<Tip> {
            all.into_iter().filter(|_| choices.byte() < 192).collect()
        };
        match self.choices.byte() % 10 {
            0 => Message::NeedTips,
            1 => Message::Done(true),
            2 => Message::Done(false),
            3 => {
                let code = [RefuseCode::Mesh, RefuseCode::Stranger, RefuseCode::Failed];
                Message::Refuse(code[usize::from(self.choices.byte()) % 3])
            }
            4 => Message::Tips(tips(&mut self.choices, self.node.log.tips())),
            5 => {
                let own = self.node.log.head();
                let head = if self.choices.byte() < 128 { own } else { CanonicalHead([1; 32]) };
                Message::Commit(self.node.commit(head, self.victim))
            }
            6 => Message::Common(self.point()),
            7 => {
                let count = 1 + usize::from(self.choices.byte() % 4);
                Message::Locator((0..count).map(|_| self.point()).collect())
            }
            8 => {
                let named = self.named();
                let tips = tips(&mut self.choices, named);
                self.open(Tips::Whole(tips))
            }
            _ => {
                let named = self.named();
                let tips = tips(&mut self.choices, named);
                self.open(Tips::Changed(tips))
            }
        }
    }

    /// An event of its own or of its making, or none at all.
    fn point(&mut self) -> Tip {
        let events: Vec<&Event> = self.node.log.events().chain(&self.forged).collect();
        let event = events[usize::from(self.choices.byte()) * events.len() / 256];
        let mut tip = event.tip();
        if self.choices.byte() > 200 {
            tip.seq = self.choices.number();
        }
        tip
    }

    /// Its tips, with a place for all that it may forge.
    fn named(&mut self) -> Vec<Tip> {
        let mut tips = self.node.log.tips();
        for tip in &mut tips {
            if self.choices.byte() < 128 {
                tip.seq = self.choices.number();
                tip.id = self.forged.last().map_or(EventId([3; 32]), |event| event.id);
            }
        }
        tips
    }

    fn open(&mut self, tips: Tips) -> Message {
        let named = match &tips {
            Tips::Whole(tips) | Tips::Changed(tips) => tips.clone(),
            Tips::Same => vec![],
        };
        Message::Open(Open {
            version: if self.choices.byte() == 255 { 2 } else { 1 },
            mesh: self.node.mesh,
            device: self.node.device,
            head: canonical_head(named),
            fold_version: 1,
            state: [0; 32],
            base: self.node.base.as_ref().map(|base| base.head),
            tips,
            addresses: vec!["127.0.0.1:1".to_owned(); usize::from(self.choices.byte() % 3)],
        })
    }

    /// A run of its own making, signed with its real key: each field may lie.
    fn forgery(&mut self) -> Message {
        let count = 1 + self.choices.byte() % 3;
        let mut events: Vec<Event> = Vec::new();
        for _ in 0..count {
            let before = match (events.last(), self.choices.byte() % 4) {
                (Some(before), 0..=2) => before.clone(),
                (_, 3) if !self.forged.is_empty() => {
                    let at = usize::from(self.choices.byte()) % self.forged.len();
                    self.forged[at].clone()
                }
                _ => {
                    let own = self.node.chain;
                    let chain: Vec<_> =
                        self.node.log.events().filter(|event| event.chain() == own).collect();
                    let back = usize::from(self.choices.byte() % 8);
                    chain[chain.len().saturating_sub(1 + back)].clone()
                }
            };
            if let Some(event) = self.event(&before) {
                events.push(event);
            }
        }
        let tip = events.last().map_or(
            Tip { chain: self.node.chain, seq: 0, id: EventId([0; 32]) },
            |last| Tip { chain: last.chain(), seq: last.header.seq, id: last.id },
        );
        let wire = |e: &Event| WireEvent { header: e.bytes.clone(), body: e.body.clone() };
        let run = Run {
            events: events.iter().map(wire).collect(),
            head: SignedHead::sign(tip, &self.node.key),
        };
        self.forged.extend(events);
        Message::Run(run)
    }

    fn event(&mut self, before: &Event) -> Option<Event> {
        let tips = self.node.log.tips();
        let mut header = Header {
            chain: Some(before.chain()),
            seq: before.header.seq.checked_add(1)?,
            prev: Some(before.id),
            deps: vec![],
            lamport: Lamport(before.header.lamport.0.saturating_add(1)),
            at: AT,
            kind: "note.add".to_owned(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        };
        for _ in 0..self.choices.byte() % 3 {
            match self.choices.byte() % 9 {
                0 => header.seq = self.choices.number(),
                1 => header.prev = Some(EventId([self.choices.byte(); 32])),
                2 => header.lamport = Lamport(self.choices.number()),
                3 => header.at.unix_ms = self.choices.number() as i64,
                4 => header.chain = Some(tips[usize::from(self.choices.byte()) % tips.len()].chain),
                5 => header.kind = "of.a.later.version".to_owned(),
                6 => header.kind = "chain.open".to_owned(),
                7 => {
                    let mut dep = Dep::from(tips[usize::from(self.choices.byte()) % tips.len()]);
                    match self.choices.byte() % 4 {
                        0 => dep.seq = self.choices.number(),
                        1 => dep.id = EventId([9; 32]),
                        2 => dep.chain = ChainId([self.choices.byte(); 32]),
                        _ => {
                            let cause = self.node.log.events().find(|event| event.id == dep.id);
                            let clock = cause.map_or(0, |event| event.header.lamport.0);
                            header.lamport = Lamport(header.lamport.0.max(clock.saturating_add(1)));
                        }
                    }
                    header.deps = vec![dep];
                }
                _ => header.at.offset_min = i16::from(self.choices.byte()),
            }
        }
        Event::new(header, self.choices.bytes()).ok()
    }
}

/// Whatever a member says: the victim keeps what it had, takes only what is verified, and can talk to others.
pub fn session(bytes: &[u8]) {
    let [mut victim, node, friend] = mesh();
    let before: BTreeSet<EventId> = victim.log.events().map(|event| event.id).collect();
    let mut choices = Choices(bytes);
    let calls = choices.byte() < 128;
    if choices.byte() < 128 {
        victim.base = None;
    }
    let names = [public_key(&victim.key), public_key(&node.key)];
    let (ours, theirs) = match calls {
        true => (Session::respond(victim.local(&node)), Session::initiate(node.local(&victim))),
        false => (Session::initiate(victim.local(&node)), Session::respond(node.local(&victim))),
    };
    let mut side = Side::new(ours, names[1]);
    let mut liar = Liar {
        choices,
        node,
        honest: Side::new(theirs, names[0]),
        victim: names[0],
        next: VecDeque::new(),
        said: Vec::new(),
        forged: Vec::new(),
    };
    for _ in 0..48 {
        let next = liar.honest.work(&mut liar.node);
        liar.next.extend(next);
        for message in side.work(&mut victim) {
            let _ = liar.honest.hear(&liar.node, message);
        }
        for message in liar.says() {
            let length = message.encode().len();
            liar.said.push(message.clone());
            let limit = (fair(length) + (1 << 20)).min(MAX_PENDING_BYTES * 2);
            let _ = within(limit, || side.hear(&victim, message));
            let answers = side.work(&mut victim);
            assert!(answers.len() <= 64, "{} answers to one message", answers.len());
            for answer in answers {
                let _ = liar.honest.hear(&liar.node, answer);
            }
        }
    }
    let after: BTreeSet<EventId> = victim.log.events().map(|event| event.id).collect();
    assert!(before.is_subset(&after), "an event was lost");
    let theirs: Vec<EventId> = friend.log.events().map(|event| event.id).collect();
    let mut nodes = [victim, liar.node, friend];
    nodes[0].base = None;
    meet(&mut nodes, 2, 0);
    let heard: BTreeSet<EventId> = nodes[0].log.events().map(|event| event.id).collect();
    assert!(theirs.iter().all(|id| heard.contains(id)), "a friend's event did not come");
    holds(&nodes[0].log);
}
