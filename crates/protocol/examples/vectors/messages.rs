//! The messages of a session.

use mirror_protocol::message::{Message, Open, RefuseCode, Tips};
use mirror_protocol::{CanonicalHead, Commitment, EventId, Tip, public_key};
use serde_json::{Value, json};

use super::codes::of_message;
use super::mesh::Mesh;
use super::{case, hex};

pub fn messages(mesh: &Mesh) -> Value {
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
    let branches = vec![mac.tip(), Tip { id: EventId([0xff; 32]), ..mac.tip() }];
    let first = Tip { chain: mac.chain, seq: 0, id: EventId(mac.chain.0) };
    let locator = vec![mac.tip(), first];
    let elsewhere = vec![mac.tip(), Tip { chain: mesh.phone.chain, ..first }];
    let mut cases = vec![
        said("Open with all tips", Message::Open(open(None, Tips::Whole(tips.clone())))),
        said(
            "Open with changed tips",
            Message::Open(open(Some(CanonicalHead([5; 32])), Tips::Changed(tips[..1].to_vec()))),
        ),
        said("Open of equals", Message::Open(open(None, Tips::Same))),
        said("NeedTips", Message::NeedTips),
        said("Tips", Message::Tips(tips)),
        said("Tips of two branches", Message::Tips(branches)),
        said("Locator", Message::Locator(locator.clone())),
        said("Common", Message::Common(first)),
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
        said(
            "a locator that stops before the first event",
            Message::Locator(locator[..1].to_vec()),
        ),
        said("a locator of two chains", Message::Locator(elsewhere)),
        said("a locator of nothing", Message::Locator(vec![])),
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
