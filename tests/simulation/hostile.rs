//! Those who don't keep to the rules: somebody in the middle of a connection, couriers, and members gone bad.

use mirror_domain::NOTE_ADD;
use mirror_protocol::event::Dep;
use mirror_protocol::limits::MAX_DEPS;
use mirror_protocol::message::{Message, Open, Tips};
use mirror_protocol::{
    CanonicalHead, ChainId, DeviceId, Event, EventId, Header, Lamport, MeshId, Run, SignedHead,
    WallTime,
};

use crate::carry;
use crate::coverage::Fault;
use crate::rng::Rng;
use crate::shell::{Crashed, Entry};
use crate::world::{Failure, World};

/// What becomes of a message in the hands of somebody in the middle.
pub fn tamper(world: &mut World, bytes: &[u8]) -> (Vec<Vec<u8>>, Fault) {
    let devices: Vec<DeviceId> = world.homes.iter().map(|home| home.shell.keys.device).collect();
    let rng = &mut world.rng;
    match rng.below(8) {
        0 => (vec![], Fault::Lost),
        1 => (vec![bytes.to_vec(), bytes.to_vec()], Fault::Duplicated),
        2 => (vec![flip(rng, bytes)], Fault::MessageFlipped),
        3 => (vec![bytes[..rng.below(bytes.len())].to_vec()], Fault::MessageCut),
        4 => match rng.pick(&world.captured) {
            Some(other) => (vec![other.clone()], Fault::MessageReplayed),
            None => (vec![], Fault::Lost),
        },
        5 => {
            let Ok(Message::Open(mut open)) = Message::decode(bytes) else {
                return changed(rng, bytes);
            };
            open.device = *rng.pick(&devices).unwrap_or(&open.device);
            (vec![Message::Open(open).encode()], Fault::Impersonation)
        }
        _ => changed(rng, bytes),
    }
}

fn changed(rng: &mut Rng, bytes: &[u8]) -> (Vec<Vec<u8>>, Fault) {
    let Ok(message) = Message::decode(bytes) else {
        return (vec![flip(rng, bytes)], Fault::MessageFlipped);
    };
    (vec![change(rng, message).encode()], Fault::MessageChanged)
}

fn flip(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.between(1, 3) {
        let at = rng.below(bytes.len());
        bytes[at] ^= 1 << rng.below(8);
    }
    bytes
}

/// The same message with one field that is not the sender's.
fn change(rng: &mut Rng, message: Message) -> Message {
    match message {
        Message::Open(open) => Message::Open(change_open(rng, open)),
        Message::Tips(mut tips) => {
            if !tips.is_empty() {
                tips.remove(rng.below(tips.len()));
            }
            Message::Tips(tips)
        }
        Message::Run(run) => Message::Run(change_run(rng, run)),
        Message::Done(commits) => Message::Done(!commits),
        Message::Commit(mut commit) => {
            match rng.below(4) {
                0 => commit.head = CanonicalHead(rng.bytes32()),
                1 => commit.device = DeviceId(rng.bytes32()),
                2 => commit.key = mirror_protocol::PublicKey(rng.bytes32()),
                _ => commit.signature[rng.below(64)] ^= 1,
            }
            Message::Commit(commit)
        }
        other => other,
    }
}

fn change_open(rng: &mut Rng, mut open: Open) -> Open {
    match rng.below(7) {
        0 => open.version += 1,
        1 => open.mesh = MeshId(rng.bytes32()),
        2 => open.head = CanonicalHead(rng.bytes32()),
        3 => open.base = Some(CanonicalHead(rng.bytes32())),
        4 => open.base = None,
        5 => open.tips = Tips::Same,
        _ => {
            if let Tips::Whole(tips) | Tips::Changed(tips) = &mut open.tips {
                let at = rng.below(tips.len());
                if let Some(tip) = tips.get_mut(at) {
                    tip.seq = tip.seq.wrapping_add(rng.between(0, 2)).wrapping_sub(1);
                }
                open.head = mirror_protocol::canonical_head(tips.iter().copied());
            }
        }
    }
    open
}

/// A run that its author did not make.
pub fn change_run(rng: &mut Rng, mut run: Run) -> Run {
    match rng.below(6) {
        0 => run.head.signature = [0; 64],
        1 => run.head.signature[rng.below(64)] ^= 1,
        2 => drop(run.events.pop()),
        3 => run.events.reverse(),
        4 => {
            let at = rng.below(run.events.len());
            if let Some(body) = run.events.get_mut(at).and_then(|event| event.body.as_mut()) {
                body.push(b'!');
            }
        }
        _ => run.head.tip.seq += 1,
    }
    run
}

/// What a courier makes of the bundles that it carries.
pub fn courier(world: &mut World, by: usize) -> Result<(), Failure> {
    let what = world.rng.below(5);
    let (count, rng) = (world.bundles.len(), &mut world.rng);
    let (first, second) = (rng.below(count), rng.below(count));
    let Some(one) = world.bundles.get(first).cloned() else { return Ok(()) };
    let (bytes, fault) = match what {
        0 => (flip(rng, &one), Fault::BundleFlipped),
        1 => (one[..rng.below(one.len())].to_vec(), Fault::BundleCut),
        2 => {
            let other = &world.bundles[second];
            let (head, tail) = (rng.below(one.len()), rng.below(other.len()));
            ([&one[..head], &other[tail..]].concat(), Fault::BundleSpliced)
        }
        3 => (one, Fault::BundleReplayed),
        _ => {
            let mut runs = runs_of(&one);
            runs.extend(runs_of(&world.bundles[second]));
            runs.retain(|_| !rng.one_in(4));
            rng.shuffle(&mut runs);
            let shell = &world.homes[by].shell;
            let tips = shell.state().log.tips();
            (carry::write(shell, &shell.keys.incarnation, tips, runs), Fault::RunsShuffled)
        }
    };
    world.coverage.hit(fault);
    world.import(by, &bytes)
}

fn runs_of(bundle: &[u8]) -> Vec<Run> {
    let Ok(mut reader) = mirror_protocol::bundle::BundleReader::new(bundle) else { return vec![] };
    let mut runs = Vec::new();
    while let Some(run) = reader.next_run() {
        runs.extend(run);
    }
    runs
}

/// What a member gone bad writes. Its key is a member's, so all that only a key can prove holds.
pub fn misbehave(world: &mut World, home: usize) -> Result<(), Failure> {
    let at = world.wall(home);
    let what = *world.rng.pick(&[0, 1, 2, 3, 4, 4, 5, 5, 6, 7, 8, 8]).unwrap_or(&0);
    let fault = match what {
        0 | 7 => Fault::ForgedHead,
        1 => Fault::InflatedClock,
        2 => Fault::DanglingDep,
        3 => Fault::WrongDep,
        4 => Fault::UnknownKind,
        5 => Fault::GarbageBody,
        8 => Fault::Equivocation,
        _ => Fault::HugeDeps,
    };
    world.coverage.hit(fault);
    world.note(|| format!("home {home}: {fault:?}"));
    let crashed = match fault {
        Fault::ForgedHead => forge(world, home),
        Fault::UnknownKind => say(world, home, "note.sing", b"\x01".to_vec(), at, |_| {}),
        Fault::GarbageBody => say(world, home, NOTE_ADD, b"\xff\x00".to_vec(), at, |_| {}),
        Fault::Equivocation => equivocate(world, home),
        Fault::InflatedClock => {
            let by = world.rng.between(1, 1 << 40);
            say(world, home, NOTE_ADD, note(), at, |header| {
                header.lamport = Lamport(header.lamport.0 + by);
            })
        }
        _ => {
            let deps = false_deps(world, home, fault);
            say(world, home, NOTE_ADD, note(), at, |header| {
                header.deps.retain(|dep| deps.iter().all(|other| other.chain != dep.chain));
                header.deps.extend(deps);
                header.deps.sort_unstable();
                header.deps.truncate(MAX_DEPS);
            })
        }
    };
    world.absorb(home)?;
    if crashed.is_err() { world.crash(home) } else { Ok(()) }
}

fn note() -> Vec<u8> {
    mirror_domain::decide::add("not what it seems", &[]).map(|b| b.encode()).unwrap_or_default()
}

fn say(
    world: &mut World,
    home: usize,
    kind: &str,
    body: Vec<u8>,
    at: WallTime,
    tweak: impl FnOnce(&mut Header),
) -> Result<(), Crashed> {
    let nonce = world.rng.bytes32();
    let shell = &mut world.homes[home].shell;
    shell.ensure_chain(at, nonce)?;
    let event = shell.seal(kind, body, at, tweak);
    shell.store_own(event, None)
}

/// Another event at a place where it has said something already.
fn equivocate(world: &mut World, home: usize) -> Result<(), Crashed> {
    let shell = &world.homes[home].shell;
    let state = shell.state();
    let Some(chain) = state.chain else { return Ok(()) };
    let own: Vec<&Event> = state.events.values().filter(|event| event.chain() == chain).collect();
    let own: Vec<&&Event> = own.iter().filter(|event| event.header.seq > 0).collect();
    let Some(said) = world.rng.pick(&own) else { return Ok(()) };
    let header = said.header.clone();
    let other = format!("otherwise {}", world.rng.number());
    let body = mirror_domain::decide::add(&other, &[]).map(|b| b.encode()).unwrap_or_default();
    let header = Header { kind: NOTE_ADD.to_owned(), ..header };
    let Ok(event) = Event::new(header, body) else { return Ok(()) };
    world.homes[home].shell.store_own(event, None)
}

fn false_deps(world: &mut World, home: usize, fault: Fault) -> Vec<Dep> {
    let shell = &world.homes[home].shell;
    let own = shell.state().chain;
    let mut tips = shell.state().log.tips();
    tips.retain(|tip| Some(tip.chain) != own);
    let rng = &mut world.rng;
    match (fault, rng.pick(&tips)) {
        (Fault::HugeDeps, _) => {
            let dep = |rng: &mut Rng| Dep {
                chain: ChainId(rng.bytes32()),
                seq: rng.number(),
                id: EventId(rng.bytes32()),
            };
            (0..MAX_DEPS).map(|_| dep(rng)).collect()
        }
        (Fault::WrongDep, Some(tip)) => {
            vec![Dep { chain: tip.chain, seq: tip.seq, id: EventId(rng.bytes32()) }]
        }
        (_, Some(tip)) => {
            vec![Dep { chain: tip.chain, seq: tip.seq + 9, id: EventId(rng.bytes32()) }]
        }
        (_, None) => Vec::new(),
    }
}

/// An event behind another's tip, signed by whoever writes it. Nobody may take it.
fn forge(world: &mut World, home: usize) -> Result<(), Crashed> {
    let shell = &world.homes[home].shell;
    let opens = &shell.state().opens;
    let mut tips = shell.state().log.tips();
    tips.retain(|tip| opens.get(&tip.chain).is_some_and(|open| open.key != shell.keys.public));
    let Some(tip) = world.rng.pick(&tips).copied() else { return Ok(()) };
    let Some(last) = shell.state().events.get(&tip.id) else { return Ok(()) };
    let header = Header {
        chain: Some(tip.chain),
        seq: tip.seq + 1,
        prev: Some(tip.id),
        deps: vec![],
        lamport: Lamport(last.header.lamport.0 + 1),
        ..last.header.clone()
    };
    let header = Header { kind: NOTE_ADD.to_owned(), ..header };
    let Ok(event) = Event::new(header, note()) else { return Ok(()) };
    let tip = mirror_protocol::Tip { chain: tip.chain, seq: tip.seq + 1, id: event.id };
    let mut head = SignedHead::sign(tip, &shell.keys.incarnation);
    if world.rng.one_in(2) {
        head.signature = [0; 64];
    }
    let wire = mirror_protocol::run::WireEvent { header: event.bytes, body: event.body };
    let run = Run { events: vec![wire], head };
    world.homes[home].shell.commit(&[Entry::Runs(vec![run])])
}
