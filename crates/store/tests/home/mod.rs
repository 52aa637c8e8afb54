//! A home's database with a chain in it.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, Event, Header, Lamport, Point, SignedHead, SigningKey, Tip,
    WallTime,
};
use mirror_store::{Store, StoreError};

pub const AT: WallTime = WallTime { unix_ms: 1_795_000_000_000, offset_min: 60 };

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

pub fn home() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(&folder.path().join("mirror.db")).unwrap();
    let open = ChainOpen::found(&SigningKey::from_bytes(&[1; 32]), &key(), [3; 32], [4; 32]);
    let first = open.first_event(AT).unwrap();
    store
        .write::<_, StoreError>(|tx| {
            let branch = tx.open_chain(first.chain(), &open)?;
            tx.insert(branch, &first)?;
            tx.set_head(branch, &signed(&first), Lamport(1))
        })
        .unwrap();
    (folder, store)
}

pub fn signed(event: &Event) -> SignedHead {
    let tip = Tip { chain: event.chain(), seq: event.header.seq, id: event.id };
    SignedHead::sign(tip, &key())
}

/// Reads the tip, seals and inserts in one transaction, as every writer does.
pub fn append(store: &mut Store, text: &str) -> Event {
    store
        .write::<_, StoreError>(|tx| {
            let row = tx.chains()?.remove(0);
            let before = Point { seq: row.tip.seq, id: row.tip.id, lamport: row.lamport };
            let event = next(&before, row.tip.chain, text);
            tx.insert(row.branch, &event)?;
            tx.set_head(row.branch, &signed(&event), event.header.lamport)?;
            Ok(event)
        })
        .unwrap()
}

pub fn next(before: &Point, chain: ChainId, text: &str) -> Event {
    let header = Header {
        chain: Some(chain),
        seq: before.seq + 1,
        prev: Some(before.id),
        deps: vec![],
        lamport: Lamport(before.lamport.0 + 1),
        at: AT,
        kind: "note.add".into(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    Event::new(header, text.as_bytes().to_vec()).unwrap()
}

/// Stores events that follow a stored one, as they came from elsewhere.
pub fn follow(store: &mut Store, before: &Event, texts: &[&str]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut point = Point::of(before);
    for text in texts {
        let event = next(&point, before.chain(), text);
        point = Point::of(&event);
        events.push(event);
    }
    store
        .write::<_, StoreError>(|tx| {
            let branch = tx.attach(&events[0])?;
            for event in &events {
                tx.insert(branch, event)?;
            }
            tx.set_head(branch, &signed(events.last().unwrap()), point.lamport)
        })
        .unwrap();
    events
}
