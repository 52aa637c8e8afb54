//! Runs: what verifies, and what does not.

use mirror_protocol::{Event, Header, MeshId, PublicKey, Run, public_key};
use serde_json::{Value, json};

use super::codes::of_run;
use super::mesh::{Mesh, events, sealed};
use super::{case, hex};

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

pub fn runs(mesh: &Mesh) -> Value {
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
    let span: Vec<Event> = {
        let at = |seq, prev| Header { seq, prev: Some(prev), ..mac.next() };
        let last = Event::new(at(127, list[1].id), vec![]).unwrap();
        let next = Event::new(at(128, last.id), vec![]).unwrap();
        vec![last, next]
    };
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
        own("past the end of a span", sealed(&span, &mac.key)),
        own("up to the end of a span", sealed(&span[..1], &mac.key)),
        own("a chain opened twice", sealed(&[reopened], &mac.key)),
    ])
}
