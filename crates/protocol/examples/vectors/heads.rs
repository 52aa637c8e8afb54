//! Heads and commitments.

use mirror_protocol::{
    CanonicalHead, Commitment, EventId, PublicKey, SignedHead, Tip, canonical_head, public_key,
};
use serde_json::{Value, json};

use super::mesh::Mesh;
use super::{case, hex};

pub fn heads(mesh: &Mesh) -> Value {
    let tips = mesh.mac.log.tips();
    let listed = |tips: &[Tip]| -> Vec<Value> {
        tips.iter().map(|tip| json!([tip.chain, tip.seq, tip.id])).collect()
    };
    let canonical = |name: &str, tips: &[Tip]| {
        let head = canonical_head(tips.iter().copied());
        case(name, json!({ "tips": listed(tips) }), Ok(json!({ "canonical": head })))
    };
    let (mac, phone) = (&mesh.mac, &mesh.phone);
    let signed = |name: &str, head: SignedHead, key: PublicKey| {
        let input = json!({
            "signed": listed(&[head.tip])[0], "key": key, "signature": hex(head.signature),
        });
        case(name, input, head.verify(&key).map(|()| json!({})).map_err(|_| "signature"))
    };
    let head = mac.log.head();
    let (here, peer) = (mac.open.mesh, public_key(&phone.key));
    let ours = Commitment::sign(here, head, mac.open.device, peer, &mac.key);
    let commitment = |name: &str, ours: Commitment, peer: PublicKey| {
        let input = json!({
            "commitment": hex(minicbor::to_vec(ours).unwrap()), "mesh": here, "peer": peer,
        });
        let expect = json!({ "head": ours.head, "device": ours.device, "key": ours.key });
        case(name, input, ours.verify(here, peer).map(|()| expect).map_err(|_| "signature"))
    };
    let reversed: Vec<_> = tips.iter().rev().copied().collect();
    let own = SignedHead::sign(mac.tip(), &mac.key);
    let mut later = own;
    later.tip.seq += 1;
    let fork = Tip { id: EventId([7; 32]), ..tips[0] };
    Value::Array(vec![
        canonical("no chains", &[]),
        canonical("the mesh", &tips),
        canonical("the order of tips does not matter", &reversed),
        canonical("a forked chain brings both tips", &[tips[0], fork]),
        signed("a signed head", own, public_key(&mac.key)),
        signed("a head moved on", later, public_key(&mac.key)),
        signed("another key", own, peer),
        commitment("a commitment", ours, peer),
        commitment("made for another peer", ours, public_key(&mesh.home.key)),
        commitment("another head", Commitment { head: CanonicalHead([7; 32]), ..ours }, peer),
    ])
}
