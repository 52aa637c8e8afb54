//! A mesh that never lived, made of real events: devices whose keys follow from their numbers, admitted by the founder,
//! each writing its chain in bursts and naming what it has seen of the others at the start of each.
//!
//! The same size gives the same bytes, so that homes made of it can be kept from one run to the next.

use std::collections::BTreeSet;

use bech32::{Bech32, Hrp};
use mirror_domain::body::{DeviceAdmit, NoteAdd, NoteArchive, NoteEdit};
use mirror_domain::{Body, Role};
use mirror_protocol::run::{WireEvent, is_span_end};
use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, Dep, DeviceId, Event, EventId, Header, Lamport, Run, SignedHead,
    SigningKey, Tip, WallTime, public_key,
};
use sha2::{Digest, Sha256};
use world::dice::Dice;

/// Raised with every change of what is made here.
pub const EDITION: u32 = 2;
/// Devices that have opened their chains and written nothing yet: the homes that are measured.
pub const GUESTS: usize = 2;
/// Chains that a burst names at most.
const NAMED: usize = 4;
/// The longest burst.
const BURST: usize = 32;
const BEGUN_MS: i64 = 1_780_000_000_000;
const SENTENCES: &str = include_str!("../corpus/sentences.txt");

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Events in all.
    pub events: usize,
    /// Chains that they lie in.
    pub chains: usize,
}

struct Author {
    device: DeviceId,
    key: SigningKey,
    tip: Option<Tip>,
    lamport: Lamport,
    /// Its newest notes, to be revised: note and latest revision.
    notes: Vec<(EventId, EventId)>,
    /// Chains that it has named as they stand.
    named: BTreeSet<(usize, u64)>,
}

/// Writes the events.
pub struct Mesh {
    size: Size,
    authors: Vec<Author>,
    dice: Dice,
    sentences: Vec<&'static str>,
    written: usize,
    founder: ChainOpen,
}

/// The seed behind a device's authority (`what` 0) or incarnation (`what` 1).
pub fn seed(device: usize, what: u8) -> [u8; 32] {
    let number = (device as u64).to_be_bytes();
    Sha256::new_with_prefix(b"bench").chain_update(number).chain_update([what]).finalize().into()
}

/// The device of a number.
pub fn device(number: usize) -> DeviceId {
    DeviceId(public_key(&SigningKey::from_bytes(&seed(number, 0))).0)
}

/// A device's sealing key: the secret in age's form, and the public key.
pub fn sealing(number: usize) -> (String, [u8; 32]) {
    let hrp = Hrp::parse("age-secret-key-").expect("a prefix");
    let secret = bech32::encode_upper::<Bech32>(hrp, &seed(number, 2)).expect("a key");
    let identity: age::x25519::Identity = secret.parse().expect("age's own form");
    let public = bech32::decode(&identity.to_public().to_string()).expect("age's own form").1;
    (secret, public.try_into().expect("32 bytes"))
}

impl Mesh {
    /// Before its first event.
    pub fn new(size: Size) -> Self {
        let author = |number| Author {
            device: device(number),
            key: SigningKey::from_bytes(&seed(number, 1)),
            tip: None,
            lamport: Lamport(0),
            notes: Vec::new(),
            named: BTreeSet::new(),
        };
        Self {
            size,
            authors: (0..size.chains + GUESTS).map(author).collect(),
            dice: Dice::seeded(size.events as u64),
            sentences: SENTENCES.lines().filter(|line| !line.is_empty()).collect(),
            written: 0,
            founder: open(0, None),
        }
    }

    /// Which mesh.
    pub fn id(&self) -> mirror_protocol::MeshId {
        self.founder.mesh
    }

    /// The chains' tips so far.
    pub fn tips(&self) -> Vec<Tip> {
        self.authors.iter().filter_map(|author| author.tip).collect()
    }

    /// The chain of the `guest`th guest.
    pub fn guest_chain(size: Size, guest: usize) -> ChainId {
        let mut mesh = Self::new(size);
        loop {
            if let Some(tip) = mesh.authors[size.chains + guest].tip {
                return tip.chain;
            }
            mesh.next_burst().expect("every device opens its chain");
        }
    }

    /// The founder as one who writes a bundle.
    pub fn writer(&self) -> (DeviceId, &SigningKey) {
        (self.authors[0].device, &self.authors[0].key)
    }

    /// The next burst: events of one chain. Runs are cut from it with [`runs`].
    pub fn next_burst(&mut self) -> Option<Vec<Event>> {
        if self.written >= self.size.events {
            return None;
        }
        let unopened = self.authors.iter().position(|author| author.tip.is_none());
        let burst = match unopened {
            Some(number) => self.opening(number),
            None => self.burst(),
        };
        self.written += burst.len();
        Some(burst)
    }

    fn opening(&mut self, number: usize) -> Vec<Event> {
        let open = open(number, Some(&self.founder));
        let deps = self.name(number, &[0]);
        let lamport = self.clock(number, &deps);
        let header =
            ChainOpen::header(deps.iter().map(|(_, dep)| *dep).collect(), lamport, self.at());
        let event = Event::new(header, open.encode()).expect("a first event");
        self.wrote(number, &event);
        let mut events = vec![event];
        if number == 0 {
            for guest in 0..self.size.chains + GUESTS {
                let role = if guest == 0 { Role::Anchor } else { Role::Node };
                let name = format!("Device {guest}");
                let admit = DeviceAdmit { device: device(guest), name, role };
                events.push(self.event(0, &Body::DeviceAdmit(admit), Vec::new()));
            }
        }
        events
    }

    fn burst(&mut self) -> Vec<Event> {
        let number = self.dice.below(self.size.chains);
        let left = self.size.events - self.written;
        let length = (1 + self.dice.below(BURST)).min(left);
        let others: Vec<usize> = (0..NAMED).map(|_| self.dice.below(self.size.chains)).collect();
        let mut deps = self.name(number, &others);
        (0..length)
            .map(|_| {
                let body = self.body(number);
                self.event(number, &body, std::mem::take(&mut deps))
            })
            .collect()
    }

    /// The heads of these chains, as far as this one has not named them: sorted, each once.
    fn name(&mut self, number: usize, others: &[usize]) -> Vec<(usize, Dep)> {
        let mut deps = Vec::new();
        for other in BTreeSet::from_iter(others.iter().copied().filter(|other| *other != number)) {
            let Some(tip) = self.authors[other].tip else { continue };
            if self.authors[number].named.insert((other, tip.seq)) {
                deps.push((other, Dep::from(tip)));
            }
        }
        deps.sort_by_key(|(_, dep)| dep.chain);
        deps
    }

    fn clock(&self, number: usize, deps: &[(usize, Dep)]) -> Lamport {
        let named = deps.iter().map(|(other, _)| self.authors[*other].lamport);
        Lamport(named.fold(self.authors[number].lamport, Lamport::max).0 + 1)
    }

    fn event(&mut self, number: usize, body: &Body, deps: Vec<(usize, Dep)>) -> Event {
        let tip = self.authors[number].tip.expect("an open chain");
        let header = Header {
            chain: Some(tip.chain),
            seq: tip.seq + 1,
            prev: Some(tip.id),
            lamport: self.clock(number, &deps),
            deps: deps.into_iter().map(|(_, dep)| dep).collect(),
            at: self.at(),
            kind: body.kind().expect("a known kind").to_owned(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        };
        let event = Event::new(header, body.encode()).expect("an event");
        self.wrote(number, &event);
        let notes = &mut self.authors[number].notes;
        match body {
            Body::NoteAdd(_) => notes.push((event.id, event.id)),
            Body::NoteEdit(edit) => notes.push((edit.note, event.id)),
            _ => {}
        }
        if notes.len() > 64 {
            notes.remove(0);
        }
        event
    }

    fn wrote(&mut self, number: usize, event: &Event) {
        let author = &mut self.authors[number];
        author.tip = Some(Tip { chain: event.chain(), seq: event.header.seq, id: event.id });
        author.lamport = event.header.lamport;
    }

    /// Of a hundred events about 94 are new notes, 5 are edits and 1 puts a note away; every tenth note has a tag.
    fn body(&mut self, number: usize) -> Body {
        let what = self.dice.below(100);
        let old = self.authors[number].notes.len();
        if what < 6 && old > 0 {
            let at = self.dice.below(old);
            let (note, latest) = self.authors[number].notes.remove(at);
            let replaces = vec![latest];
            return match what {
                0 => Body::NoteArchive(NoteArchive { note, replaces }),
                _ => {
                    let text = self.text();
                    Body::NoteEdit(NoteEdit {
                        note,
                        replaces,
                        text,
                        tags: Vec::new(),
                        attachments: None,
                    })
                }
            };
        }
        let tags = match self.dice.below(10) {
            0 => vec![["idea", "call", "paper"][self.dice.below(3)].to_owned()],
            _ => Vec::new(),
        };
        Body::NoteAdd(NoteAdd { text: self.text(), tags, attachments: Vec::new() })
    }

    /// About 300 bytes, with one word that no other note has.
    pub fn text(&mut self) -> String {
        let mut text = format!("note{:x}", self.dice.roll() & 0xffff_ffff);
        let bytes = 220 + self.dice.below(160);
        while text.len() < bytes {
            text.push(' ');
            text.push_str(self.sentences[self.dice.below(self.sentences.len())]);
        }
        text
    }

    fn at(&self) -> WallTime {
        WallTime { unix_ms: BEGUN_MS + self.written as i64 * 1000, offset_min: 60 }
    }

    /// Events as they travel, signed at their end.
    pub fn run(&self, events: &[Event]) -> Run {
        let last = events.last().expect("a run is not empty");
        let tip = Tip { chain: last.chain(), seq: last.header.seq, id: last.id };
        let author = self.authors.iter().find(|a| a.tip.is_some_and(|t| t.chain == tip.chain));
        let wire =
            |event: &Event| WireEvent { header: event.bytes.clone(), body: event.body.clone() };
        Run {
            events: events.iter().map(wire).collect(),
            head: SignedHead::sign(tip, &author.expect("a chain's author").key),
        }
    }
}

fn open(number: usize, founder: Option<&ChainOpen>) -> ChainOpen {
    let key = |what| SigningKey::from_bytes(&seed(number, what));
    let recipient = sealing(number).1;
    match founder {
        Some(founder) if number > 0 => {
            ChainOpen::new(founder.mesh, &key(0), &key(1), recipient, seed(number, 3))
        }
        _ => ChainOpen::found(&key(0), &key(1), recipient, seed(0, 3)),
    }
}

/// A burst, cut where a head is kept for good.
pub fn runs(burst: &[Event]) -> impl Iterator<Item = &[Event]> {
    burst.chunk_by(|before, _| !is_span_end(before.header.seq))
}

/// Where an event would lie in a bare table: chains in the order in which they come, 2^40 positions each.
pub fn place(chains: &mut Vec<ChainId>, event: &Event) -> i64 {
    let chain = event.chain();
    let at = chains.iter().position(|known| *known == chain).unwrap_or_else(|| {
        chains.push(chain);
        chains.len() - 1
    });
    ((at as i64 + 1) << 40) | event.header.seq as i64
}
