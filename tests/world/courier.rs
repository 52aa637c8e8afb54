//! A courier who has got hold of keys: opens a sealed bundle, changes what is inside, and seals it again.

use std::path::Path;

use ed25519_dalek::Signer;
use mirror_link::{SealError, Sealing, write_sealed};
use mirror_protocol::bundle::{BundleReader, MAGIC, Manifest};
use mirror_protocol::id::hash;
use mirror_protocol::message::{Message, MessageError};
use mirror_protocol::run::WireEvent;
use mirror_protocol::{
    BodyHash, Event, Header, Lamport, Run, SignedHead, SigningKey, Tip, WallTime,
};
use serde_json::Value;

use crate::home::{Home, text};

/// The secrets of a home that keeps them in a file.
pub struct Keys {
    pub authority: SigningKey,
    pub incarnation: SigningKey,
    pub sealing: Sealing,
}

impl Keys {
    pub fn of(home: &Home) -> Self {
        let kept = std::fs::read(home.folder().join("keys.json")).expect("keys in a file");
        let kept: Value = serde_json::from_slice(&kept).expect("JSON");
        let key = |name: &str| {
            let seed = data_encoding::HEXLOWER.decode(text(&kept[name]).as_bytes()).expect("hex");
            SigningKey::from_bytes(&seed.try_into().expect("a seed of 32 bytes"))
        };
        Self {
            authority: key("authority"),
            incarnation: key("incarnation"),
            sealing: Sealing::from_secret(text(&kept["sealing"])).expect("a sealing key"),
        }
    }
}

/// An opened bundle: its records, the first a manifest, the last an end.
#[derive(Clone)]
pub struct Parcel {
    pub records: Vec<Vec<u8>>,
}

impl Parcel {
    /// Opens a bundle that is sealed to a home.
    pub fn open(bundle: &Path, reader: &Home) -> Self {
        let mut plain = Vec::new();
        let mut opened = Keys::of(reader).sealing.open(bundle).expect("sealed to this home");
        std::io::Read::read_to_end(&mut opened, &mut plain).expect("a whole seal");
        let (mut rest, mut records) = (&plain[MAGIC.len()..], Vec::new());
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (record, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
            records.push(record.to_vec());
            rest = behind;
        }
        Self { records }
    }

    pub fn manifest(&self) -> Manifest {
        BundleReader::new(self.plain().as_slice()).expect("a manifest").manifest().clone()
    }

    pub fn runs(&self) -> Vec<Run> {
        let runs = self.records[1..self.records.len() - 1].iter();
        runs.filter_map(|record| match Message::decode(record) {
            Ok(Message::Run(run)) => Some(run),
            // Blobs follow the runs.
            Err(MessageError::Unknown { .. }) => None,
            other => panic!("a run: {other:?}"),
        })
        .collect()
    }

    /// The same with other runs; the end is to be signed anew.
    pub fn with_runs(&self, runs: &[Run]) -> Self {
        let mut records = vec![self.records[0].clone()];
        records.extend(runs.iter().map(|run| Message::Run(run.clone()).encode()));
        records.push(self.records[self.records.len() - 1].clone());
        Self { records }
    }

    /// The last event of all.
    pub fn last(&self) -> Event {
        let runs = self.runs();
        let events = runs.last().expect("a run").events.last().expect("an event");
        Event::read(events.header.clone(), events.body.clone()).expect("an event")
    }

    /// The bytes inside the seal, as they are.
    pub fn plain(&self) -> Vec<u8> {
        self.up_to(self.records.len())
    }

    /// The bytes of so many records.
    pub fn up_to(&self, count: usize) -> Vec<u8> {
        let mut plain = MAGIC.to_vec();
        for record in &self.records[..count] {
            plain.extend_from_slice(&u32::try_from(record.len()).unwrap().to_be_bytes());
            plain.extend_from_slice(record);
        }
        plain
    }

    /// The bytes with an end that this home has signed: it stands for everything before.
    pub fn signed_by(&self, author: &Home) -> Vec<u8> {
        let mut plain = self.up_to(self.records.len() - 1);
        let events: u64 = self.records[1..self.records.len() - 1].iter().map(|r| events(r)).sum();
        let before = hash("", &[&plain]);
        let message = hash("mirrordna/bundle/1", &[&before, &events.to_be_bytes()]);
        let signature = Keys::of(author).incarnation.sign(&message).to_bytes();
        let mut end = minicbor::Encoder::new(Vec::new());
        end.array(3).and_then(|e| e.u8(11)).and_then(|e| e.u64(events)).unwrap();
        end.bytes(&signature).unwrap();
        let end = end.into_writer();
        plain.extend_from_slice(&u32::try_from(end.len()).unwrap().to_be_bytes());
        plain.extend_from_slice(&end);
        plain
    }
}

fn events(record: &[u8]) -> u64 {
    match Message::decode(record) {
        Ok(Message::Run(run)) => run.events.len() as u64,
        _ => 0,
    }
}

/// Seals bytes to a home.
pub fn seal(path: &Path, plain: &[u8], to: &Home) {
    let recipient = Keys::of(to).sealing.recipient();
    write_sealed::<_, SealError>(path, &[recipient], |out| Ok(out.write_all(plain)?))
        .expect("a sealed file");
}

/// A run of one event behind another, signed with a key; `change` may spoil its header.
pub fn forged(
    before: &Event,
    key: &SigningKey,
    body: &[u8],
    change: impl FnOnce(&mut Header),
) -> Run {
    let mut header = Header {
        chain: Some(before.chain()),
        seq: before.header.seq + 1,
        prev: Some(before.id),
        deps: vec![],
        lamport: Lamport(before.header.lamport.0 + 1),
        at: WallTime { unix_ms: 1_795_000_000_000, offset_min: 330 },
        kind: "note.add".into(),
        body_hash: BodyHash::of(body),
        body_bytes: u32::try_from(body.len()).unwrap(),
    };
    change(&mut header);
    sealed_run(vec![WireEvent { header: header.encode(), body: Some(body.to_vec()) }], key)
}

/// A run of events as they are, its head signed with a key. The header need not be one that this program reads.
pub fn sealed_run(events: Vec<WireEvent>, key: &SigningKey) -> Run {
    let last = events.last().expect("an event");
    let id = mirror_protocol::event::id_of(&last.header);
    let read = Header::decode(&last.header).ok();
    let tip = Tip {
        chain: read.as_ref().and_then(|header| header.chain).unwrap_or(id.into()),
        seq: read.as_ref().map_or(0, |header| header.seq),
        id,
    };
    Run { events, head: SignedHead::sign(tip, key) }
}

/// The body of a note.
pub fn note(text: &str) -> Vec<u8> {
    let mut body = minicbor::Encoder::new(Vec::new());
    body.map(2).and_then(|e| e.u8(0)).and_then(|e| e.str(text)).unwrap();
    body.u8(1).and_then(|e| e.array(0)).unwrap();
    body.into_writer()
}
