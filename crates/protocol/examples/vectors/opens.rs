//! First events.

use mirror_protocol::{ChainOpen, Event, Lamport, MeshId, public_key};
use serde_json::{Value, json};

use super::codes::of_open;
use super::mesh::{AT, Member, Mesh, keys};
use super::{case, hex};

pub fn opens(mesh: &Mesh) -> Value {
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
