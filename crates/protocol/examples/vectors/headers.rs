//! Headers and events.

use mirror_protocol::{BodyHash, ChainId, Dep, Event, EventId, Header, Lamport, WallTime};
use serde_json::{Value, json};

use super::codes::of_event;
use super::mesh::Mesh;
use super::{case, hex};

pub fn headers(mesh: &Mesh) -> Value {
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
        spoilt("a dep twice", &|h| h.deps = vec![dep(1), dep(1)]),
        spoilt("deps on two branches of one chain", &|h| {
            h.deps = vec![dep(1), Dep { id: EventId([9; 32]), ..dep(1) }];
        }),
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
