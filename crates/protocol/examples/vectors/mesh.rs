//! The mesh that all vectors come from: a Mac founds it, a phone and a home server join.

use mirror_protocol::intake::Intake;
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::run::WireEvent;
use mirror_protocol::session::Range;
use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, Event, Header, Known, Lamport, Point, Run, SignedHead,
    SigningKey, Tip, WallTime,
};

pub const AT: WallTime = WallTime { unix_ms: 1_795_000_000_000, offset_min: 330 };

pub struct Member {
    pub log: MemoryLog,
    pub chain: ChainId,
    pub key: SigningKey,
    pub open: ChainOpen,
}

pub struct Mesh {
    pub mac: Member,
    pub phone: Member,
    pub home: Member,
}

pub fn keys(n: u8) -> (SigningKey, SigningKey) {
    (SigningKey::from_bytes(&[n + 100; 32]), SigningKey::from_bytes(&[n; 32]))
}

pub fn all(log: &MemoryLog) -> Vec<Run> {
    log.runs(&log.all())
}

pub fn take(log: &mut MemoryLog, runs: Vec<Run>) {
    let mut intake = Intake::default();
    for run in runs {
        let chain = run.head.tip.chain;
        let run = run.verify(log.key(&chain).or_else(|| intake.key(&chain))).unwrap();
        intake.offer(run, log).unwrap();
    }
    log.store(&intake.take_ready(log).batch);
}

impl Member {
    pub fn join(n: u8, founder: Option<&Member>) -> Self {
        let (authority, key) = keys(n);
        let mut log = MemoryLog::default();
        let open = match founder {
            None => ChainOpen::found(&authority, &key, [n; 32], [n + 50; 32]),
            Some(founder) => {
                take(&mut log, all(&founder.log));
                ChainOpen::new(founder.open.mesh, &authority, &key, [n; 32], [n + 50; 32])
            }
        };
        let chain = log.open(&open, AT, &key).unwrap();
        Self { log, chain, key, open }
    }

    pub fn add(&mut self, kind: &str, body: Vec<u8>) -> Event {
        self.log.append(self.chain, kind, body, AT, &self.key).unwrap().unwrap()
    }

    /// `note.add`: `{0: text, 1: tags}`.
    pub fn note(&mut self, text: &str, tags: &[&str]) -> Event {
        let mut e = minicbor::Encoder::new(Vec::new());
        e.map(2).unwrap().u8(0).unwrap().str(text).unwrap().u8(1).unwrap();
        e.array(tags.len() as u64).unwrap();
        for tag in tags {
            e.str(tag).unwrap();
        }
        self.add("note.add", e.into_writer())
    }

    /// `device.admit`: `{0: device, 1: name, 2: role}`.
    pub fn admit(&mut self, other: &ChainOpen, name: &str, role: u8) {
        let mut e = minicbor::Encoder::new(Vec::new());
        e.map(3).unwrap().u8(0).unwrap().bytes(&other.device.0).unwrap();
        e.u8(1).unwrap().str(name).unwrap().u8(2).unwrap().u8(role).unwrap();
        self.add("device.admit", e.into_writer());
    }

    pub fn point(&self) -> Point {
        Known::tips(&self.log, &self.chain)[0]
    }

    pub fn tip(&self) -> Tip {
        self.point().in_chain(self.chain)
    }

    /// What the next event of the chain would look like.
    pub fn next(&self) -> Header {
        let tip = self.point();
        Header {
            chain: Some(self.chain),
            seq: tip.seq + 1,
            prev: Some(tip.id),
            deps: vec![],
            lamport: Lamport(tip.lamport.0 + 1),
            at: AT,
            kind: "note.add".into(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        }
    }

    pub fn run(&self, after: Option<u64>) -> Run {
        let range = Range { tip: self.tip(), after };
        self.log.runs(&[range]).remove(0)
    }

    pub fn log_event(&self, index: usize) -> Event {
        events(self)[index].clone()
    }
}

pub fn meet(a: &mut Member, b: &mut Member) {
    let missing = |from: &Member, to: &Member| {
        let ranges: Vec<_> = (from.log.tips().into_iter())
            .map(|tip| (tip, Known::tips(&to.log, &tip.chain).first().map(|point| point.seq)))
            .filter(|(tip, have)| have.is_none_or(|seq| seq < tip.seq))
            .map(|(tip, after)| Range { tip, after })
            .collect();
        from.log.runs(&ranges)
    };
    let (to_b, to_a) = (missing(a, b), missing(b, a));
    take(&mut b.log, to_b);
    take(&mut a.log, to_a);
}

impl Mesh {
    pub fn new() -> Self {
        let mut mac = Member::join(1, None);
        mac.note("tea at four", &["home"]);
        let mut phone = Member::join(2, Some(&mac));
        let mut home = Member::join(3, Some(&mac));
        mac.admit(&phone.open, "phone", 2);
        mac.admit(&home.open, "home server", 1);
        phone.note("शुभ प्रभात 🙂", &["morning", "नोट"]);
        meet(&mut mac, &mut phone);
        home.note("water the plants", &[]);
        phone.note("seen on the way: two herons", &["birds"]);
        meet(&mut phone, &mut home);
        home.note("done", &[]);
        mac.note("on the Mac, offline", &[]);
        meet(&mut mac, &mut home);
        meet(&mut mac, &mut phone);
        mac.note("the end", &["home"]);
        meet(&mut mac, &mut home);
        meet(&mut mac, &mut phone);
        Self { mac, phone, home }
    }
}

pub fn sealed(events: &[Event], key: &SigningKey) -> Run {
    let last = events.last().unwrap();
    let tip = Tip { chain: last.chain(), seq: last.header.seq, id: last.id };
    let wire = |e: &Event| WireEvent { header: e.bytes.clone(), body: e.body.clone() };
    Run { events: events.iter().map(wire).collect(), head: SignedHead::sign(tip, key) }
}

/// The events of a member's chain.
pub fn events(member: &Member) -> Vec<Event> {
    let own = member.log.events().filter(|event| event.chain() == member.chain);
    own.cloned().collect()
}
