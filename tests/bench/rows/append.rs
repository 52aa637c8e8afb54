//! One note, durable when it returns, beside one row in a transaction of its own.

use std::path::Path;

use mirror_domain::Body;
use mirror_domain::body::NoteAdd;
use mirror_node::{NewNote, Node};
use mirror_protocol::{BodyHash, ChainId, Event, EventId, Header, Lamport, WallTime};

use super::{Print, Row, growth};
use crate::bare::{self, Record};
use crate::homes::{Homes, scratch};
use crate::measure::{Sample, child as process, median, time};
use crate::mesh::Mesh;

const APPENDS: usize = 1000;

pub fn rows(full: bool, print: Print<'_>) {
    for size in growth(full, 10_000) {
        let homes = Homes::of(size);
        let place = scratch();
        homes.copy(0, &place.path().join("home"));
        let kept = homes.beside("bare.db");
        if !kept.exists() {
            let (mut records, mut chains) = (Vec::new(), Vec::new());
            homes.events(|event| records.push(Record::of(&mut chains, event)));
            let making = homes.beside("bare-making.db");
            bare::insert(&mut bare::create(&making), &records);
            std::fs::rename(making, &kept).expect("a database can be kept");
        }
        std::fs::copy(kept, place.path().join("bare.db")).expect("a copy");
        let sample = process("append", &[&place.path().display(), &size.events, &size.chains]);
        let bare = Sample { ms: sample.more[0], ..sample.clone() };
        let row = Row::speed("append, durable each", size.events, 1, &sample, &bare);
        print(row.at_least(0.8, ">= 0.8"));
    }
}

/// In turns, one of each: both meet the same disk.
pub fn child(args: &[&str]) -> Sample {
    let [place, events, chains] = args else { panic!("{args:?}") };
    let place = Path::new(place);
    let size = crate::mesh::Size {
        events: events.parse().expect("a number"),
        chains: chains.parse().expect("a number"),
    };
    let node = Node::open(&place.join("home")).expect("a home");
    let mut conn = bare::open(&place.join("bare.db"));
    let mut mesh = Mesh::new(size);
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for number in 0..APPENDS {
        let text = mesh.text();
        let record = record(number, &text);
        let (ms, _) =
            time(|| node.capture(NewNote { text, ..NewNote::default() }).expect("a note"));
        ours.push(ms);
        others.push(time(|| bare::insert(&mut conn, &[record])).0);
    }
    Sample::new(median(ours), vec![median(others)])
}

/// The bytes that the capture has.
fn record(number: usize, text: &str) -> Record {
    let body =
        Body::NoteAdd(NoteAdd { text: text.to_owned(), tags: Vec::new(), attachments: Vec::new() });
    let header = Header {
        chain: Some(ChainId([7; 32])),
        seq: 1 + number as u64,
        prev: Some(EventId([7; 32])),
        deps: Vec::new(),
        lamport: Lamport(100_000),
        at: WallTime { unix_ms: 1_790_000_000_000, offset_min: 60 },
        kind: body.kind().expect("a known kind").to_owned(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    let event = Event::new(header, body.encode()).expect("an event");
    // Behind all chains that are there.
    let mut chains = vec![ChainId([0; 32]); 1000];
    Record::of(&mut chains, &event)
}
