//! Makes the vectors in `tests/vectors`: `cargo run -p mirror-protocol --example vectors`.
//!
//! Every expectation is what this crate says of the input; nothing is written down twice. Keys and times are fixed, so
//! the files are the same on every machine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use ed25519_dalek::Signer;
use mirror_protocol::bundle::{BundleError, BundleReader, BundleWriter, Manifest};
use mirror_protocol::chain::ChainOpenError;
use mirror_protocol::event::{EventError, HeaderError};
use mirror_protocol::id::hash;
use mirror_protocol::intake::{Intake, IntakeError, in_causal_order};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::message::{Message, MessageError, Open, RefuseCode, Tips};
use mirror_protocol::run::{RunError, WireEvent};
use mirror_protocol::session::Range;
use mirror_protocol::{
    BodyHash, CanonicalHead, ChainId, ChainOpen, Commitment, Dep, Event, EventId, Header, Known,
    Lamport, MeshId, PublicKey, Run, SignedHead, SigningKey, Tip, WallTime, canonical_head,
    public_key,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const AT: WallTime = WallTime { unix_ms: 1_795_000_000_000, offset_min: 330 };

/// The reason codes of negative vectors, for readers in other languages.
type Code = &'static str;

fn main() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors");
    for (name, cases) in files() {
        let text = serde_json::to_string_pretty(&cases).unwrap();
        std::fs::write(format!("{folder}/{name}.json"), text + "\n").unwrap();
    }
}

/// All vectors, by file name.
pub fn files() -> BTreeMap<&'static str, Value> {
    let mesh = Mesh::new();
    BTreeMap::from([
        ("headers", headers(&mesh)),
        ("opens", opens(&mesh)),
        ("runs", runs(&mesh)),
        ("causes", causes(&mesh)),
        ("heads", heads(&mesh)),
        ("messages", messages(&mesh)),
        ("bundles", bundles(&mesh)),
    ])
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn case(name: &str, input: Value, result: Result<Value, Code>) -> Value {
    match result {
        Ok(expect) => json!({ "name": name, "input": input, "expect": expect }),
        Err(error) => json!({ "name": name, "input": input, "error": error }),
    }
}

// The mesh that all vectors come from: a Mac founds it, a phone and a home server join.

struct Member {
    log: MemoryLog,
    chain: ChainId,
    key: SigningKey,
    open: ChainOpen,
}

struct Mesh {
    mac: Member,
    phone: Member,
    home: Member,
}

fn keys(n: u8) -> (SigningKey, SigningKey) {
    (SigningKey::from_bytes(&[n + 100; 32]), SigningKey::from_bytes(&[n; 32]))
}

fn all(log: &MemoryLog) -> Vec<Run> {
    let whole = |tip: &Tip| Range { chain: tip.chain, after: None, to: tip.seq };
    log.runs(&log.tips().iter().map(whole).collect::<Vec<_>>())
}

fn take(log: &mut MemoryLog, runs: Vec<Run>) {
    let mut intake = Intake::default();
    for run in runs {
        let chain = run.head.tip.chain;
        let run = run.verify(log.key(&chain).or_else(|| intake.key(&chain))).unwrap();
        intake.offer(run, log).unwrap();
    }
    log.store(&intake.take_ready(log).batch);
}

impl Member {
    fn join(n: u8, founder: Option<&Member>) -> Self {
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

    fn add(&mut self, kind: &str, body: Vec<u8>) -> Event {
        self.log.append(self.chain, kind, body, AT, &self.key).unwrap().unwrap()
    }

    /// `note.add`: `{0: text, 1: tags}`.
    fn note(&mut self, text: &str, tags: &[&str]) -> Event {
        let mut e = minicbor::Encoder::new(Vec::new());
        e.map(2).unwrap().u8(0).unwrap().str(text).unwrap().u8(1).unwrap();
        e.array(tags.len() as u64).unwrap();
        for tag in tags {
            e.str(tag).unwrap();
        }
        self.add("note.add", e.into_writer())
    }

    /// `device.admit`: `{0: device, 1: name, 2: role}`.
    fn admit(&mut self, other: &ChainOpen, name: &str, role: u8) {
        let mut e = minicbor::Encoder::new(Vec::new());
        e.map(3).unwrap().u8(0).unwrap().bytes(&other.device.0).unwrap();
        e.u8(1).unwrap().str(name).unwrap().u8(2).unwrap().u8(role).unwrap();
        self.add("device.admit", e.into_writer());
    }

    fn tip(&self) -> Tip {
        let point = self.log.tip(&self.chain).unwrap();
        Tip { chain: self.chain, seq: point.seq, id: point.id }
    }

    /// What the next event of the chain would look like.
    fn next(&self) -> Header {
        let tip = self.log.tip(&self.chain).unwrap();
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

    fn run(&self, after: Option<u64>) -> Run {
        let range = Range { chain: self.chain, after, to: self.tip().seq };
        self.log.runs(&[range]).remove(0)
    }
}

fn meet(a: &mut Member, b: &mut Member) {
    let missing = |from: &Member, to: &Member| {
        let ranges: Vec<_> = (from.log.tips().into_iter())
            .map(|tip| (tip, to.log.tip(&tip.chain).map(|point| point.seq)))
            .filter(|(tip, have)| have.is_none_or(|seq| seq < tip.seq))
            .map(|(tip, after)| Range { chain: tip.chain, after, to: tip.seq })
            .collect();
        from.log.runs(&ranges)
    };
    let (to_b, to_a) = (missing(a, b), missing(b, a));
    take(&mut b.log, to_b);
    take(&mut a.log, to_a);
}

impl Mesh {
    fn new() -> Self {
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

// Codes

fn of_header(error: &HeaderError) -> Code {
    match error {
        HeaderError::TooLong { .. } => "too-long",
        HeaderError::Malformed { .. } => "malformed",
        HeaderError::NotDeterministic => "not-deterministic",
        HeaderError::Version { .. } => "version",
        HeaderError::TooManyDeps { .. } => "too-many-deps",
        HeaderError::BadDeps => "bad-deps",
        HeaderError::BadKind { .. } => "bad-kind",
        HeaderError::BadPosition { .. } => "bad-position",
        HeaderError::BodyTooLong { .. } => "body-too-long",
        HeaderError::BadOffset { .. } => "bad-offset",
    }
}

fn of_event(error: &EventError) -> Code {
    match error {
        EventError::Header(error) => of_header(error),
        EventError::Body { .. } => "body",
    }
}

fn of_open(error: &ChainOpenError) -> Code {
    match error {
        ChainOpenError::NotFirst { .. } => "not-first",
        ChainOpenError::NoBody => "no-body",
        ChainOpenError::Malformed => "malformed",
        ChainOpenError::Authority(_) => "authority",
    }
}

fn of_run(error: &RunError) -> Code {
    match error {
        RunError::Length { .. } => "length",
        RunError::TooLong { .. } => "too-long",
        RunError::Event { error, .. } => of_event(error),
        RunError::Link { .. } => "link",
        RunError::Head { .. } => "head",
        RunError::Signature { .. } => "signature",
        RunError::Open(error) => of_open(error),
        RunError::Reopened { .. } => "reopened",
        RunError::UnknownChain { .. } => "unknown-chain",
        RunError::OtherMesh { .. } => "other-mesh",
    }
}

fn of_intake(error: &IntakeError) -> Code {
    match error {
        IntakeError::Fork { .. } => "fork",
        IntakeError::Lamport { .. } => "lamport",
        IntakeError::Dep { .. } => "dep",
        IntakeError::Full => "full",
    }
}

fn of_message(error: &MessageError) -> Code {
    match error {
        MessageError::TooLong { .. } => "too-long",
        MessageError::Unknown { .. } => "unknown-type",
        MessageError::TooMany { .. } => "too-many",
        MessageError::Malformed { .. } => "malformed",
        MessageError::NotDeterministic => "not-deterministic",
    }
}

fn of_bundle(error: &BundleError) -> Code {
    match error {
        BundleError::NotABundle => "not-a-bundle",
        BundleError::Truncated { .. } => "truncated",
        BundleError::TooLong { .. } => "too-long",
        BundleError::Record { error, .. } => of_message(error),
        BundleError::Misplaced { .. } => "misplaced",
        BundleError::Unknown { .. } => "unknown-type",
        BundleError::Count { .. } => "count",
        BundleError::WrongTips => "wrong-tips",
        BundleError::Changed { .. } => "changed",
        BundleError::Io { error, .. } => panic!("{error}"),
    }
}

// Headers and events

fn headers(mesh: &Mesh) -> Value {
    let event = |name: &str, bytes: Vec<u8>, body: Option<Vec<u8>>| {
        let input = json!({ "header": hex(&bytes), "body": body.as_ref().map(hex) });
        let read = Event::read(bytes, body);
        case(name, input, read.map(|event| described(&event)).map_err(|e| of_event(&e)))
    };
    let spoilt = |name: &str, spoil: &dyn Fn(&mut Header)| {
        let mut header = mesh.mac.next();
        header.body_hash = BodyHash::of(b"");
        spoil(&mut header);
        event(name, header.encode(), None)
    };
    let spliced = |name: &str, find: &[u8], with: &[u8]| {
        let mut bytes = mesh.mac.next().encode();
        let at = bytes.windows(find.len()).position(|window| window == find).unwrap();
        bytes.splice(at..at + find.len(), with.iter().copied());
        event(name, bytes, None)
    };
    let body = b"tea".to_vec();
    let next = Event::new(mesh.mac.next(), body.clone()).unwrap();
    let dep = |n: u8| Dep { chain: ChainId([n; 32]), seq: 3, id: EventId([n + 1; 32]) };
    let own = Dep { chain: mesh.mac.chain, ..dep(0) };
    let mut cases: Vec<Value> = (mesh.mac.log.events().take(4))
        .map(|e| event("an event of the mesh", e.bytes.clone(), e.body.clone()))
        .collect();
    let padded = [next.bytes.as_slice(), &[0]].concat();
    cases.extend([
        event("a forgotten body", next.bytes.clone(), None),
        event("an empty body", Event::new(mesh.mac.next(), vec![]).unwrap().bytes, Some(vec![])),
        spoilt("two deps", &|h| h.deps = vec![dep(1), dep(2)]),
        spoilt("before 1970, west of Greenwich", &|h| {
            h.at = WallTime { unix_ms: -1, offset_min: -570 };
        }),
        spoilt("the longest kind", &|h| h.kind = "a-z_0.9".repeat(6).chars().take(40).collect()),
        spoilt("the greatest numbers", &|h| {
            (h.seq, h.lamport) = (u64::MAX, Lamport(u64::MAX));
            h.at = WallTime { unix_ms: i64::MAX, offset_min: 1080 };
        }),
        event("another body", next.bytes.clone(), Some(b"pea".to_vec())),
        event("a longer body", next.bytes.clone(), Some(b"tea!".to_vec())),
        event("a byte behind the header", padded, None),
        event("no CBOR", vec![0xff], None),
        event("nothing", vec![], None),
        event("an array of ten", [&[0x8a], &next.bytes[1..]].concat(), None),
        event("version 2", [&[0x8b, 2], &next.bytes[2..]].concat(), None),
        spliced("a number in more bytes than it needs", &[0x8b, 0x01], &[0x8b, 0x18, 0x01]),
        spliced("a text where a number belongs", &[0x80], &[0x61, b'x']),
        spoilt("deps out of order", &|h| h.deps = vec![dep(2), dep(1)]),
        spoilt("two deps on one chain", &|h| h.deps = vec![dep(1), dep(1)]),
        spoilt("a dep on the own chain", &|h| h.deps = vec![own]),
        spoilt("a kind in capitals", &|h| h.kind = "Note.Add".into()),
        spoilt("no kind", &|h| h.kind = String::new()),
        spoilt("a kind of 41 bytes", &|h| h.kind = "k".repeat(41)),
        spoilt("a first event with a chain", &|h| h.seq = 0),
        spoilt("a later event without prev", &|h| h.prev = None),
        spoilt("a later event without a chain", &|h| h.chain = None),
        spoilt("an offset of 18 hours and a minute", &|h| h.at.offset_min = -1081),
        spoilt("a body over its limit", &|h| h.body_bytes = 65_537),
    ]);
    Value::Array(cases)
}

fn described(event: &Event) -> Value {
    let header = &event.header;
    let deps: Vec<_> = header.deps.iter().map(|dep| json!([dep.chain, dep.seq, dep.id])).collect();
    json!({
        "id": event.id, "chain": event.chain(), "seq": header.seq, "prev": header.prev,
        "deps": deps, "lamport": header.lamport.0, "unix_ms": header.at.unix_ms,
        "offset_min": header.at.offset_min, "kind": header.kind, "body_hash": header.body_hash,
        "body_bytes": header.body_bytes,
    })
}

// First events

fn opens(mesh: &Mesh) -> Value {
    let read = |name: &str, event: &Event| {
        let input = json!({ "header": hex(&event.bytes), "body": event.body.as_ref().map(hex) });
        let opened = ChainOpen::read(event).map(|open| {
            json!({
                "chain": event.chain(), "mesh": open.mesh, "device": open.device, "key": open.key,
                "recipient": hex(open.recipient), "founder": open.is_founder(),
            })
        });
        case(name, input, opened.map_err(|error| of_open(&error)))
    };
    let first =
        |body: Vec<u8>| Event::new(ChainOpen::header(vec![], Lamport(1), AT), body).unwrap();
    let stored = |member: &Member| {
        let event = member.log.events().find(|event| event.id.0 == member.chain.0);
        event.unwrap().clone()
    };
    let founder = mesh.mac.open;
    let mut forgotten = stored(&mesh.mac);
    forgotten.body = None;
    let mut other_kind = ChainOpen::header(vec![], Lamport(1), AT);
    other_kind.kind = "note.add".into();
    // The nonce's length in a longer form than it needs.
    let mut long = founder.encode();
    long.splice(1..3, [0x59, 0x00, 0x20]);
    let authority = |spoil: &dyn Fn(&mut ChainOpen)| {
        let mut open = founder;
        spoil(&mut open);
        first(open.encode())
    };
    Value::Array(vec![
        read("the founder", &stored(&mesh.mac)),
        read("a guest", &stored(&mesh.phone)),
        read("another key than its authority signed", &authority(&|o| o.key.0 = [9; 32])),
        read("another mesh", &authority(&|o| o.mesh = MeshId([9; 32]))),
        read("another recipient", &authority(&|o| o.recipient = [9; 32])),
        read("another nonce", &authority(&|o| o.nonce = [9; 32])),
        read("another authority", &authority(&|o| o.device.0 = public_key(&keys(9).0).0)),
        read("a forgotten body", &forgotten),
        read("another kind", &Event::new(other_kind, founder.encode()).unwrap()),
        read("no first event", &Event::new(mesh.mac.next(), founder.encode()).unwrap()),
        read("a body that is none", &first(vec![0x80])),
        read("a body in a longer form", &first(long)),
    ])
}

// Runs

fn sealed(events: &[Event], key: &SigningKey) -> Run {
    let last = events.last().unwrap();
    let tip = Tip { chain: last.chain(), seq: last.header.seq, id: last.id };
    let wire = |e: &Event| WireEvent { header: e.bytes.clone(), body: e.body.clone() };
    Run { events: events.iter().map(wire).collect(), head: SignedHead::sign(tip, key) }
}

/// The events of a member's chain.
fn events(member: &Member) -> Vec<Event> {
    let own = member.log.events().filter(|event| event.chain() == member.chain);
    own.cloned().collect()
}

/// The same signature with the group's order added to its scalar: valid to a careless verifier.
fn malleable(mut signature: [u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0u16;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
    }
    signature
}

fn runs(mesh: &Mesh) -> Value {
    let mac = &mesh.mac;
    let key = public_key(&mac.key);
    let check = |name: &str, run: Run, key: Option<PublicKey>, mesh: MeshId| {
        let bytes = minicbor::to_vec(&run).unwrap();
        let input = json!({ "run": hex(bytes), "key": key, "mesh": mesh });
        let verified = run.verify(key).and_then(|run| run.is_of(mesh).map(|()| run)).map(|run| {
            let ids: Vec<_> = run.events.iter().map(|event| event.id).collect();
            json!({ "chain": run.chain, "first": run.first_seq(), "ids": ids })
        });
        case(name, input, verified.map_err(|error| of_run(&error)))
    };
    let here = mac.open.mesh;
    let own = |name: &str, run: Run| check(name, run, Some(key), here);
    let changed = |name: &str, change: &dyn Fn(&mut Run)| {
        let mut run = mac.run(Some(0));
        change(&mut run);
        own(name, run)
    };
    let list = events(mac);
    let reopened = Event::new(Header { kind: "chain.open".into(), ..mac.next() }, vec![]).unwrap();
    // The neutral element as key and commitment, 0 as scalar: good for any message, unless small orders are refused.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut anybodys = mac.run(Some(0));
    anybodys.head.signature = [0; 64];
    anybodys.head.signature[0] = 1;
    Value::Array(vec![
        check("a chain from its first event", mac.run(None), None, here),
        own("a run that follows", mac.run(Some(0))),
        changed("a forgotten body", &|run| run.events[1].body = None),
        check("a founder of another mesh", mac.run(None), None, MeshId([9; 32])),
        check("a chain that nobody knows", mac.run(Some(0)), None, here),
        check("signed by another", mac.run(Some(0)), Some(public_key(&mesh.phone.key)), here),
        check("a key of small order", anybodys, Some(PublicKey(neutral)), here),
        changed("no events", &|run| run.events.clear()),
        changed("another body", &|run| run.events[1].body = Some(vec![1])),
        changed("an event left out", &|run| drop(run.events.remove(1))),
        changed("two events exchanged", &|run| run.events.swap(0, 1)),
        changed("the last event cut off", &|run| drop(run.events.pop())),
        changed("a head further on", &|run| run.head.tip.seq += 1),
        changed("a bit of the signature", &|run| run.head.signature[3] ^= 1),
        changed("a malleable signature", &|run| {
            run.head.signature = malleable(run.head.signature);
        }),
        own("events of two chains", sealed(&[list[1].clone(), mesh.phone.log_event(1)], &mac.key)),
        own("a chain opened twice", sealed(&[reopened], &mac.key)),
    ])
}

impl Member {
    fn log_event(&self, index: usize) -> Event {
        events(self)[index].clone()
    }
}

// Causes

fn causes(mesh: &Mesh) -> Value {
    let (mac, phone) = (&mesh.mac, &mesh.phone);
    let check = |name: &str, runs: Vec<Run>| {
        let bytes: Vec<_> = runs.iter().map(|run| hex(minicbor::to_vec(run).unwrap())).collect();
        let input = json!({ "stored": hex(plain(mac, all(&mac.log))), "runs": bytes });
        case(name, input, offered(mac.log.clone(), runs))
    };
    let next = |member: &Member, spoil: &dyn Fn(&mut Header)| {
        let mut header = member.next();
        spoil(&mut header);
        sealed(&[Event::new(header, b"next".to_vec()).unwrap()], &member.key)
    };
    let above = |tip: Tip| {
        let point = mac.log.point(&tip.chain, tip.seq).unwrap();
        Lamport(point.lamport.max(mac.log.tip(&mac.chain).unwrap().lamport).0 + 1)
    };
    let tip = phone.tip();
    let dep = move |header: &mut Header| {
        (header.deps, header.lamport) = (vec![Dep::from(tip)], above(tip));
    };
    let first = next(mac, &dep);
    let first_lamport = above(tip);
    let resting = next(phone, &|header| {
        header.deps = vec![Dep::from(first.head.tip)];
        header.lamport = Lamport(first_lamport.0 + 1);
    });
    let coming = Dep { chain: ChainId([7; 32]), seq: 0, id: EventId([7; 32]) };
    let before = events(mac).into_iter().rev().nth(1).unwrap();
    let branch = Header { seq: before.header.seq + 1, prev: Some(before.id), ..mac.next() };
    Value::Array(vec![
        check("the next event", vec![next(mac, &|_| {})]),
        check("an event that rests on another chain", vec![first.clone()]),
        check("a run before its cause", vec![resting, first]),
        check("what is stored already", vec![mac.run(Some(1))]),
        check("a cause that has not come", vec![next(mac, &|h| h.deps = vec![coming])]),
        check("an inflated clock", vec![next(mac, &|h| h.lamport = Lamport(u64::MAX))]),
        check("a clock that stands", vec![next(mac, &|h| h.lamport.0 -= 1)]),
        check(
            "a clock below a dep's",
            vec![next(mac, &|h| {
                h.deps = vec![Dep::from(tip)];
                h.lamport = Lamport(above(tip).0 - 1);
            })],
        ),
        check(
            "a dep on another event",
            vec![next(mac, &|h| {
                h.deps = vec![Dep { id: EventId([7; 32]), ..Dep::from(tip) }];
            })],
        ),
        check("a branch", vec![sealed(&[Event::new(branch, b"b".to_vec()).unwrap()], &mac.key)]),
        check("another event before it", vec![next(mac, &|h| h.prev = Some(EventId([7; 32])))]),
    ])
}

/// Offers runs in their order; what leaves together is listed in canonical order.
fn offered(mut log: MemoryLog, runs: Vec<Run>) -> Result<Value, Code> {
    let mut intake = Intake::default();
    let mut taken: Vec<EventId> = Vec::new();
    for run in runs {
        let key = log.key(&run.head.tip.chain);
        let run = run.verify(key).map_err(|error| of_run(&error))?;
        intake.offer(run, &log).map_err(|error| of_intake(&error))?;
        let ready = intake.take_ready(&log);
        if let Some((_, _, error)) = ready.refused.first() {
            return Err(of_intake(error));
        }
        let order = in_causal_order(&ready.batch);
        taken.extend(order.iter().map(|(run, event)| ready.batch[*run].events[*event].id));
        log.store(&ready.batch);
    }
    let waiting: Vec<_> = intake.waiting().map(|(run, _)| run.head.tip.id).collect();
    Ok(json!({ "taken": taken, "waiting": waiting, "head": log.head() }))
}

// Heads

fn heads(mesh: &Mesh) -> Value {
    let tips = mesh.mac.log.tips();
    let listed = |tips: &[Tip]| -> Vec<Value> {
        tips.iter().map(|tip| json!([tip.chain, tip.seq, tip.id])).collect()
    };
    let canonical = |name: &str, tips: &[Tip]| {
        let head = canonical_head(tips.iter().copied());
        case(name, json!({ "tips": listed(tips) }), Ok(json!({ "canonical": head })))
    };
    let (mac, phone) = (&mesh.mac, &mesh.phone);
    let signed = |name: &str, head: SignedHead, key: PublicKey| {
        let input = json!({
            "signed": listed(&[head.tip])[0], "key": key, "signature": hex(head.signature),
        });
        case(name, input, head.verify(&key).map(|()| json!({})).map_err(|_| "signature"))
    };
    let head = mac.log.head();
    let (here, peer) = (mac.open.mesh, public_key(&phone.key));
    let ours = Commitment::sign(here, head, mac.open.device, peer, &mac.key);
    let commitment = |name: &str, ours: Commitment, peer: PublicKey| {
        let input = json!({
            "commitment": hex(minicbor::to_vec(ours).unwrap()), "mesh": here, "peer": peer,
        });
        let expect = json!({ "head": ours.head, "device": ours.device, "key": ours.key });
        case(name, input, ours.verify(here, peer).map(|()| expect).map_err(|_| "signature"))
    };
    let reversed: Vec<_> = tips.iter().rev().copied().collect();
    let own = SignedHead::sign(mac.tip(), &mac.key);
    let mut later = own;
    later.tip.seq += 1;
    let fork = Tip { id: EventId([7; 32]), ..tips[0] };
    Value::Array(vec![
        canonical("no chains", &[]),
        canonical("the mesh", &tips),
        canonical("the order of tips does not matter", &reversed),
        canonical("a forked chain brings both tips", &[tips[0], fork]),
        signed("a signed head", own, public_key(&mac.key)),
        signed("a head moved on", later, public_key(&mac.key)),
        signed("another key", own, peer),
        commitment("a commitment", ours, peer),
        commitment("made for another peer", ours, public_key(&mesh.home.key)),
        commitment("another head", Commitment { head: CanonicalHead([7; 32]), ..ours }, peer),
    ])
}

// Messages

fn messages(mesh: &Mesh) -> Value {
    let mac = &mesh.mac;
    let tips = mac.log.tips();
    let open = |base: Option<CanonicalHead>, tips: Tips| Open {
        version: 1,
        mesh: mac.open.mesh,
        device: mac.open.device,
        head: mac.log.head(),
        fold_version: 1,
        state: [6; 32],
        base,
        tips,
        addresses: vec!["127.0.0.1:4711".into()],
    };
    let read = |name: &str, bytes: Vec<u8>| {
        let message = Message::decode(&bytes).map_err(|error| of_message(&error));
        case(name, json!({ "message": hex(&bytes) }), message.map(|_| json!({ "type": bytes[1] })))
    };
    let said = |name: &str, message: Message| read(name, message.encode());
    let peer = public_key(&mesh.phone.key);
    let ours = Commitment::sign(mac.open.mesh, mac.log.head(), mac.open.device, peer, &mac.key);
    let unsorted: Vec<_> = tips.iter().rev().copied().collect();
    let mut cases = vec![
        said("Open with all tips", Message::Open(open(None, Tips::Whole(tips.clone())))),
        said(
            "Open with changed tips",
            Message::Open(open(Some(CanonicalHead([5; 32])), Tips::Changed(tips[..1].to_vec()))),
        ),
        said("Open of equals", Message::Open(open(None, Tips::Same))),
        said("NeedTips", Message::NeedTips),
        said("Tips", Message::Tips(tips)),
        said("Run", Message::Run(mac.run(None))),
        said("Done", Message::Done(false)),
        said("Done, a Commit follows", Message::Done(true)),
        said("Commit", Message::Commit(ours)),
    ];
    for code in [RefuseCode::Mesh, RefuseCode::Stranger, RefuseCode::Version, RefuseCode::Failed] {
        cases.push(said("Refuse", Message::Refuse(code)));
    }
    cases.extend([
        said("tips out of order", Message::Tips(unsorted)),
        read("an unknown type", vec![0x81, 0x18, 0x63]),
        read("a manifest is no message", vec![0x81, 0x0a]),
        read("an unknown refusal", vec![0x82, 0x06, 0x09]),
        read("too many fields", vec![0x82, 0x01, 0x00]),
        read("a longer form", vec![0x82, 0x18, 0x04, 0xf4]),
        read("a byte behind", vec![0x81, 0x01, 0x00]),
        read("cut off", vec![0x82, 0x04]),
        read("nothing", vec![]),
    ]);
    Value::Array(cases)
}

// Bundles

fn manifest(member: &Member) -> Manifest {
    Manifest {
        mesh: member.open.mesh,
        device: member.open.device,
        key: public_key(&member.key),
        head: member.log.head(),
        since: None,
        unix_ms: AT.unix_ms,
        tips: member.log.tips(),
    }
}

fn plain(member: &Member, runs: Vec<Run>) -> Vec<u8> {
    let mut writer = BundleWriter::new(Vec::new(), &manifest(member), &member.key).unwrap();
    for run in runs {
        writer.run(run).unwrap();
    }
    writer.finish().unwrap().1
}

fn bundles(mesh: &Mesh) -> Value {
    let mac = &mesh.mac;
    let whole = plain(mac, all(&mac.log));
    let check = |name: &str, bytes: Vec<u8>| match read_bundle(&bytes) {
        Ok(expect) => json!({ "name": name, "input": { "bundle": hex(&bytes) }, "expect": expect }),
        Err((record, error)) => json!({
            "name": name, "input": { "bundle": hex(&bytes) }, "error": error, "record": record,
        }),
    };
    let with = |name: &str, change: &dyn Fn(&mut Vec<Run>)| {
        let mut runs = all(&mac.log);
        change(&mut runs);
        check(name, plain(mac, runs))
    };
    let changed = |name: &str, at: usize, flip: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= flip;
        check(name, bytes)
    };
    let parts = records(&whole);
    let joined = |records: &[&[u8]]| {
        let mut bytes = b"MIRRORB1".to_vec();
        for record in records {
            bytes.extend_from_slice(&u32::try_from(record.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(record);
        }
        bytes
    };
    let closed = |name: &str, records: &[&[u8]], events: u64| {
        let mut bytes = joined(records);
        let before: [u8; 32] = Sha256::digest(&bytes).into();
        let message = hash("mirrordna/bundle/1", &[&before, &events.to_be_bytes()]);
        let mut e = minicbor::Encoder::new(Vec::new());
        e.array(3).unwrap().u8(11).unwrap().u64(events).unwrap();
        e.bytes(&mac.key.sign(&message).to_bytes()).unwrap();
        let end = e.into_writer();
        bytes.extend_from_slice(&u32::try_from(end.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&end);
        check(name, bytes)
    };
    let time = whole.windows(4).position(|window| window == [0x1b, 0, 0, 1]).unwrap();
    let (manifest, end) = (parts[0], parts[parts.len() - 1]);
    let runs = &parts[1..parts.len() - 1];
    let count = mac.log.events().count() as u64;
    let inflated = sealed(
        &[Event::new(Header { lamport: Lamport(99), ..mac.next() }, vec![]).unwrap()],
        &mac.key,
    );
    Value::Array(vec![
        check("the whole mesh", whole.clone()),
        with("runs in another order", &|runs| runs[1..].reverse()),
        with("a forgotten body", &|runs| runs[0].events[1].body = None),
        with("no runs", &Vec::clear),
        check("another file", b"PK\x03\x04 something".to_vec()),
        check("nothing", vec![]),
        check("cut off in a run", whole[..whole.len() / 2].to_vec()),
        check("cut off before the end", joined(&parts[..parts.len() - 1])),
        check("a byte behind the end", [whole.as_slice(), &[0]].concat()),
        changed("a changed time in the manifest", time + 8, 0x01),
        changed("a changed tip in the manifest", 8 + 4 + manifest.len() - 1, 0x01),
        changed("a changed signature at the end", whole.len() - 1, 0x01),
        with("a changed body", &|runs| runs[1].events[0].body = Some(vec![0x80])),
        with("an event left out", &|runs| drop(runs[0].events.remove(1))),
        with("a run signed by another", &|runs| {
            let tip = runs[2].head.tip;
            runs[2].head = SignedHead::sign(tip, &keys(9).1);
        }),
        with("a chain of another mesh", &|runs| {
            let (authority, key) = keys(9);
            let open = ChainOpen::new(MeshId([9; 32]), &authority, &key, [9; 32], [9; 32]);
            runs.push(sealed(&[open.first_event(AT).unwrap()], &key));
        }),
        with("an inflated clock", &|runs| runs.push(inflated.clone())),
        with("a run whose cause is missing", &|runs| drop(runs.remove(0))),
        closed("a wrong count", &[&[manifest], runs].concat(), count + 1),
        closed("an unknown record", &[manifest, &[0x82, 0x18, 0x2a, 0x00]], 0),
        closed("a message that is no run", &[manifest, &[0x82, 0x04, 0xf4]], 0),
        closed("two manifests", &[manifest, manifest], 0),
        check("an end first", joined(&[end])),
        closed("no manifest", &[runs, &[end]].concat(), count),
    ])
}

/// The records of a bundle.
fn records(bundle: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut records) = (&bundle[8..], Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (record, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        records.push(record);
        rest = behind;
    }
    records
}

/// Reads a bundle into an empty log: its head and canonical order, or the first bad record.
fn read_bundle(bytes: &[u8]) -> Result<Value, (Option<u64>, Code)> {
    let named = |error: BundleError, record: u64| match &error {
        BundleError::NotABundle => (None, of_bundle(&error)),
        BundleError::Truncated { record }
        | BundleError::TooLong { record, .. }
        | BundleError::Record { record, .. }
        | BundleError::Unknown { record, .. }
        | BundleError::Misplaced { record, .. } => (Some(*record), of_bundle(&error)),
        _ => (Some(record), of_bundle(&error)),
    };
    let mut reader = BundleReader::new(bytes).map_err(|error| named(error, 0))?;
    let (mut log, mut intake) = (MemoryLog::default(), Intake::default());
    let mut order = Vec::new();
    let mut places: BTreeMap<(ChainId, u64), u64> = BTreeMap::new();
    let mut record = 0;
    while let Some(run) = reader.next_run() {
        record += 1;
        let run = run.map_err(|error| named(error, record))?;
        let chain = run.head.tip.chain;
        let key = log.key(&chain).or_else(|| intake.key(&chain));
        let run = run.verify(key).map_err(|error| (Some(record), of_run(&error)))?;
        run.is_of(reader.manifest().mesh).map_err(|error| (Some(record), of_run(&error)))?;
        places.insert((chain, run.first_seq()), record);
        intake.offer(run, &log).map_err(|error| (Some(record), of_intake(&error)))?;
        let ready = intake.take_ready(&log);
        if let Some((chain, seq, error)) = ready.refused.first() {
            return Err((Some(places[&(*chain, *seq)]), of_intake(error)));
        }
        order.extend(ready.batch.iter().flat_map(|run| &run.events).map(|e| (e.order(), e.id)));
        log.store(&ready.batch);
    }
    let waiting = intake.waiting().map(|(run, _)| places[&(run.chain, run.first_seq())]);
    if let Some(record) = waiting.min() {
        return Err((Some(record), "waits"));
    }
    order.sort_unstable();
    let order: Vec<_> = order.into_iter().map(|(_, id)| id).collect();
    Ok(json!({ "head": log.head(), "mesh": reader.manifest().mesh, "order": order }))
}
