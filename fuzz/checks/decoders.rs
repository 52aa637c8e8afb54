//! One check a decoder.

use std::io::Read;

use mirror_domain::Body;
use mirror_protocol::blob::{BlobMessage, ChunkList};
use mirror_protocol::bundle::{BundleReader, BundleWriter, Record};
use mirror_protocol::intake::Intake;
use mirror_protocol::limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_PENDING_BYTES, SPAN_EVENTS};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::message::Message;
use mirror_protocol::run::WireEvent;
use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, Event, EventId, Header, Known, Lamport, Run, SignedHead,
    SigningKey, Tip, WallTime, public_key,
};

use super::memory::{fair, within};
use crate::link::pair::{PairAnswer, PairRequest};
use crate::link::{Sealing, Ticket};

/// The words of an error quote no more than a part of what came.
const MAX_WORDS: usize = 1024;

fn words(error: &dyn std::fmt::Display) {
    assert!(error.to_string().len() <= MAX_WORDS, "{error}");
}

pub fn header(bytes: &[u8]) {
    match within(fair(bytes.len()), || Header::decode(bytes)) {
        Ok(header) => {
            assert_eq!(header.encode(), bytes);
            assert!(bytes.len() <= MAX_HEADER_BYTES && header.check().is_ok());
        }
        Err(error) => words(&error),
    }
}

/// The first two bytes say where the header ends.
pub fn event(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (header, body) = rest.split_at(length);
    for body in [None, Some(body.to_vec())] {
        let read = within(fair(bytes.len()), || Event::read(header.to_vec(), body.clone()));
        match read {
            Ok(event) => {
                assert_eq!((event.bytes.as_slice(), &event.body), (header, &body));
                assert_eq!(event.id, mirror_protocol::event::id_of(header));
                let right = body.as_deref().is_none_or(|body| {
                    BodyHash::of(body) == event.header.body_hash && body.len() <= MAX_BODY_BYTES
                });
                assert!(right);
            }
            Err(error) => words(&error),
        }
    }
}

/// The first byte chooses the kind.
pub fn body(bytes: &[u8]) {
    let kinds = [
        "note.add",
        "note.edit",
        "note.archive",
        "device.admit",
        "device.rename",
        "device.revoke",
        "note.forget",
        "of.a.later.version",
        "note.transcript",
    ];
    let Some((kind, body)) = bytes.split_first() else { return };
    let kind = kinds[usize::from(*kind) % kinds.len()];
    let Some(event) = later(kind, body) else { return };
    // An empty tag is one byte on the wire and a String in memory, in a list that grows; then the tags are counted.
    match within(fair(6 * bytes.len()), || Body::read(&event)) {
        // Keys of later versions are skipped, so that the bytes may differ; what is said does not.
        Ok(read) if read.kind().is_some() => {
            let again = later(kind, &read.encode()).expect("no longer than it was");
            assert_eq!(Body::read(&again), Ok(read));
        }
        Ok(read) => assert_eq!(read, Body::Unknown),
        Err(error) => words(&error),
    }
}

fn later(kind: &str, body: &[u8]) -> Option<Event> {
    let header = Header {
        chain: Some(ChainId([1; 32])),
        seq: 1,
        prev: Some(EventId([2; 32])),
        deps: vec![],
        lamport: Lamport(2),
        at: WallTime { unix_ms: 0, offset_min: 0 },
        kind: kind.to_owned(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    Event::new(header, body.to_vec()).ok()
}

pub fn open(bytes: &[u8]) {
    let at = WallTime { unix_ms: 0, offset_min: 0 };
    let header = ChainOpen::header(vec![], Lamport(1), at);
    let Ok(event) = Event::new(header, bytes.to_vec()) else { return };
    match within(fair(bytes.len()), || ChainOpen::read(&event)) {
        Ok(open) => assert_eq!(open.encode(), bytes),
        Err(error) => words(&error),
    }
}

/// A run as it came, and once more with its links and signature made right, so that what lies behind them is reached.
pub fn run(bytes: &[u8]) {
    let message = [&[0x82, 0x03], bytes].concat();
    let Ok(Message::Run(run)) = within(fair(bytes.len()), || Message::decode(&message)) else {
        return;
    };
    assert!(run.events.len() as u64 <= SPAN_EVENTS);
    let key = SigningKey::from_bytes(&[7; 32]);
    for run in [Some(run.clone()), relinked(run, &key)].into_iter().flatten() {
        let log = MemoryLog::default();
        for known in [None, Some(public_key(&key))] {
            let given = run.clone();
            match within(fair(bytes.len()), move || given.verify(known)) {
                Ok(verified) => {
                    assert_eq!(verified.to_wire(), run);
                    let mut intake = Intake::default();
                    let _ = intake.offer(verified, &log);
                    let ready = intake.take_ready(&log);
                    assert!(ready.batch.iter().all(|run| run.open.is_some()));
                }
                Err(error) => words(&error),
            }
        }
    }
}

fn relinked(run: Run, key: &SigningKey) -> Option<Run> {
    let mut before: Option<Event> = None;
    let mut events = Vec::new();
    for wire in run.events {
        let mut header = Header::decode(&wire.header).ok()?;
        if let Some(before) = &before {
            header.chain = Some(before.chain());
            header.seq = before.header.seq.checked_add(1)?;
            header.prev = Some(before.id);
        }
        let event = Event::new(header, wire.body.unwrap_or_default()).ok()?;
        events.push(WireEvent { header: event.bytes.clone(), body: event.body.clone() });
        before = Some(event);
    }
    let last = before?;
    let tip = Tip { chain: last.chain(), seq: last.header.seq, id: last.id };
    Some(Run { events, head: SignedHead::sign(tip, key) })
}

pub fn message(bytes: &[u8]) {
    match within(fair(bytes.len()), || Message::decode(bytes)) {
        Ok(message) => assert_eq!(message.encode(), bytes),
        Err(error) => words(&error),
    }
}

/// A message about blobs, and the list of chunks in it.
pub fn blob(bytes: &[u8]) {
    match within(fair(bytes.len()), || BlobMessage::decode(bytes)) {
        Ok(message) => {
            assert_eq!(message.encode(), bytes);
            if let BlobMessage::List { blob, list } = message {
                match within(fair(list.len()), || ChunkList::read(&blob, &list)) {
                    Ok(read) => assert_eq!(read.encode(), list),
                    Err(error) => words(&error),
                }
            }
        }
        Err(error) => words(&error),
    }
}

/// A plain bundle, read and taken in as a node does it.
pub fn bundle(bytes: &[u8]) {
    let limit = fair(4 * bytes.len()).min(fair(0) + 4 * MAX_PENDING_BYTES);
    within(limit, || match BundleReader::new(bytes) {
        Ok(reader) => taken(reader, bytes),
        Err(error) => words(&error),
    });
}

fn taken(mut reader: BundleReader<&[u8]>, bytes: &[u8]) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut again = BundleWriter::new(Vec::new(), reader.manifest(), &key).expect("a Vec");
    let (mut log, mut intake) = (MemoryLog::default(), Intake::default());
    let mut whole = true;
    while let Some(next) = reader.next_record() {
        let run = match next {
            Ok(Record::Run(run)) => run,
            Ok(Record::Blob(message)) => {
                again.blob(&message).expect("a Vec");
                continue;
            }
            Err(error) => {
                words(&error);
                whole = false;
                continue;
            }
        };
        again.run(run.clone()).expect("a Vec");
        let chain = run.head.tip.chain;
        let known = log.key(&chain).or_else(|| intake.key(&chain));
        if let Ok(run) = run.verify(known) {
            let _ = intake.offer(run, &log);
            let ready = intake.take_ready(&log);
            log.store(&ready.batch);
        }
    }
    super::session::holds(&log);
    if whole {
        let (_, again) = again.finish().expect("a Vec");
        // All but the signature at the end, which has another key.
        assert_eq!(again.len(), bytes.len());
        assert_eq!(again[..again.len() - 64], bytes[..bytes.len() - 64]);
    }
}

pub fn pair(bytes: &[u8]) {
    if let Ok(request) = within(fair(bytes.len()), || PairRequest::decode(bytes)) {
        assert_eq!(request.encode(), bytes);
    }
    if let Ok(answer) = within(fair(bytes.len()), || PairAnswer::decode(bytes)) {
        assert_eq!(answer.encode(), bytes);
    }
}

pub fn ticket(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match within(fair(text.len()), || text.parse::<Ticket>()) {
        // White space and capitals do no harm; all the rest has one form.
        Ok(ticket) => {
            let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            assert_eq!(ticket.to_string(), plain.to_lowercase());
            assert_eq!(ticket.digits().len(), 6);
        }
        Err(error) => words(&error),
    }
}

/// The key that the corpus is sealed to.
pub const SEALING: &str =
    "AGE-SECRET-KEY-1QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSKMP32K";

pub fn sealed(bytes: &[u8]) {
    let sealing = Sealing::from_secret(SEALING).expect("a key");
    // age reads in pieces of 64 KiB, and the head anew with every line of it.
    within(fair(4 * bytes.len()) + 512 * 1024, || match sealing.unseal(bytes) {
        Ok(mut opened) => {
            let mut plain = Vec::new();
            let read = opened.read_to_end(&mut plain);
            assert!(plain.len() < bytes.len(), "sealing only adds");
            if let Err(error) = read {
                words(&error);
            }
        }
        Err(error) => words(&error),
    });
}
