//! Signed heads: one signature vouches for every event behind it.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::Encode;

use crate::array::decode_array;
use crate::event::{Dep, Event, Lamport};
use crate::id::{CanonicalHead, ChainId, DeviceId, EventId, MeshId, PublicKey, hash};

/// An event by its place: the newest of a chain, or of one of its branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode)]
#[cbor(array)]
pub struct Tip {
    /// The chain.
    #[n(0)]
    pub chain: ChainId,
    /// The position.
    #[n(1)]
    pub seq: u64,
    /// The event there.
    #[n(2)]
    pub id: EventId,
}

decode_array!(Tip, 3: chain, seq, id);

impl From<Tip> for Dep {
    fn from(tip: Tip) -> Self {
        Self { chain: tip.chain, seq: tip.seq, id: tip.id }
    }
}

impl From<Dep> for Tip {
    fn from(dep: Dep) -> Self {
        Self { chain: dep.chain, seq: dep.seq, id: dep.id }
    }
}

/// An event's place and clock: what the next event of the chain, or a dep on it, is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The position.
    pub seq: u64,
    /// The event.
    pub id: EventId,
    /// Its clock.
    pub lamport: Lamport,
}

impl Point {
    /// Where an event stands.
    pub fn of(event: &Event) -> Self {
        Self { seq: event.header.seq, id: event.id, lamport: event.header.lamport }
    }

    /// The same, in a chain.
    pub fn in_chain(&self, chain: ChainId) -> Tip {
        Tip { chain, seq: self.seq, id: self.id }
    }
}

/// A tip with the author's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
#[cbor(array)]
pub struct SignedHead {
    /// What is signed.
    #[n(0)]
    pub tip: Tip,
    /// Ed25519 by the chain's incarnation key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

decode_array!(SignedHead, 2: tip, signature as bytes);

/// A signature that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not by {key}")]
pub struct SignatureError {
    /// The key that was expected to have signed.
    pub key: PublicKey,
}

/// Verifies strictly: no malleable signatures, no small-order keys (RFC 8032, ed25519-dalek `verify_strict`).
pub fn verify_signature(
    key: &PublicKey,
    message: &[u8],
    signature: &[u8; 64],
) -> Result<(), SignatureError> {
    VerifyingKey::from_bytes(&key.0)
        .and_then(|verifying| verifying.verify_strict(message, &Signature::from_bytes(signature)))
        .map_err(|_| SignatureError { key: *key })
}

/// The public half of a signing key.
pub fn public_key(key: &SigningKey) -> PublicKey {
    PublicKey(key.verifying_key().to_bytes())
}

impl SignedHead {
    /// Signs a tip.
    pub fn sign(tip: Tip, key: &SigningKey) -> Self {
        Self { tip, signature: key.sign(&head_message(&tip)).to_bytes() }
    }

    /// Checks the signature.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureError> {
        verify_signature(key, &head_message(&self.tip), &self.signature)
    }
}

fn head_message(tip: &Tip) -> [u8; 32] {
    hash("mirrordna/head/1", &[&tip.chain.0, &tip.seq.to_be_bytes(), &tip.id.0])
}

/// The canonical head of a set of tips. The tips may come in any order; a forked chain brings one tip a branch.
pub fn canonical_head(tips: impl IntoIterator<Item = Tip>) -> CanonicalHead {
    let sorted: std::collections::BTreeSet<Tip> = tips.into_iter().collect();
    let mut bytes = Vec::with_capacity(sorted.len() * 72);
    for tip in &sorted {
        bytes.extend_from_slice(&tip.chain.0);
        bytes.extend_from_slice(&tip.seq.to_be_bytes());
        bytes.extend_from_slice(&tip.id.0);
    }
    CanonicalHead(hash("mirrordna/canonical/1", &[&bytes]))
}

/// One side's signature under a canonical head: half of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
#[cbor(array)]
pub struct Commitment {
    /// The head that both hold.
    #[n(0)]
    pub head: CanonicalHead,
    /// Who signs.
    #[n(1)]
    pub device: DeviceId,
    /// With which incarnation.
    #[n(2)]
    pub key: PublicKey,
    /// Ed25519 by `key`.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

decode_array!(Commitment, 4: head, device, key, signature as bytes);

impl Commitment {
    /// Signs a canonical head towards one peer.
    pub fn sign(
        mesh: MeshId,
        head: CanonicalHead,
        device: DeviceId,
        peer: PublicKey,
        key: &SigningKey,
    ) -> Self {
        let message = commitment_message(mesh, head, device, peer);
        let signature = key.sign(&message).to_bytes();
        Self { head, device, key: public_key(key), signature }
    }

    /// Checks the signature; `peer` is the incarnation key it was made for.
    pub fn verify(&self, mesh: MeshId, peer: PublicKey) -> Result<(), SignatureError> {
        let message = commitment_message(mesh, self.head, self.device, peer);
        verify_signature(&self.key, &message, &self.signature)
    }
}

fn commitment_message(
    mesh: MeshId,
    head: CanonicalHead,
    device: DeviceId,
    peer: PublicKey,
) -> [u8; 32] {
    hash("mirrordna/checkpoint/1", &[&mesh.0, &head.0, &device.0, &peer.0])
}
