//! A chain's first event: who writes it, with which key, in which mesh.

use ed25519_dalek::{Signer, SigningKey};
use minicbor::Encode;

use crate::array::decode_array;
use crate::event::{Event, Header, HeaderError, Lamport, WallTime};
use crate::head::{SignatureError, public_key, verify_signature};
use crate::id::{BodyHash, DeviceId, MeshId, PublicKey, hash};

/// The kind of a first event.
pub const CHAIN_OPEN: &str = "chain.open";

/// The body of a first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
#[cbor(array)]
pub struct ChainOpen {
    /// The mesh it belongs to.
    #[n(0)]
    pub mesh: MeshId,
    /// The device, named by its authority key.
    #[n(1)]
    pub device: DeviceId,
    /// The incarnation key that signs this chain's heads.
    #[n(2)]
    pub key: PublicKey,
    /// X25519 key that bundles for this incarnation are sealed to (age).
    #[cbor(n(3), with = "minicbor::bytes")]
    pub recipient: [u8; 32],
    /// Makes two chains of one key differ, and a mesh unguessable.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    /// The authority key's signature: this incarnation is the device's.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub authority: [u8; 64],
}

decode_array!(
    ChainOpen, 6: mesh, device, key, recipient as bytes, nonce as bytes, authority as bytes
);

/// Why a first event opens no chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainOpenError {
    /// Not seq 0 of kind `chain.open`.
    #[error("a chain starts with seq 0 of kind chain.open, found seq {seq} of kind {kind}")]
    NotFirst {
        /// The position.
        seq: u64,
        /// The kind.
        kind: String,
    },
    /// First bodies are never forgotten.
    #[error("the body of a first event is missing")]
    NoBody,
    /// Not the CBOR shape, or not its deterministic form.
    #[error("the body of a first event is not well-formed")]
    Malformed,
    /// The authority did not sign this incarnation.
    #[error("the device's authority did not admit this incarnation: {0}")]
    Authority(#[from] SignatureError),
}

impl ChainOpen {
    /// A new chain's first body in an existing mesh.
    pub fn new(
        mesh: MeshId,
        authority: &SigningKey,
        incarnation: &SigningKey,
        recipient: [u8; 32],
        nonce: [u8; 32],
    ) -> Self {
        let mut open = Self {
            mesh,
            device: DeviceId(public_key(authority).0),
            key: public_key(incarnation),
            recipient,
            nonce,
            authority: [0; 64],
        };
        open.authority = authority.sign(&open.authority_message()).to_bytes();
        open
    }

    /// The first body of a new mesh: the mesh id commits to its founder.
    pub fn found(
        authority: &SigningKey,
        incarnation: &SigningKey,
        recipient: [u8; 32],
        nonce: [u8; 32],
    ) -> Self {
        let device = DeviceId(public_key(authority).0);
        let mesh = mesh_id(&device, &public_key(incarnation), &nonce);
        Self::new(mesh, authority, incarnation, recipient, nonce)
    }

    /// This chain founded its mesh.
    pub fn is_founder(&self) -> bool {
        self.mesh == mesh_id(&self.device, &self.key, &self.nonce)
    }

    /// Reads and checks a first event: position, kind, shape, authority signature.
    pub fn read(event: &Event) -> Result<Self, ChainOpenError> {
        let open = Self::of_checked(event)?;
        open.check_authority()?;
        Ok(open)
    }

    /// Reads and checks a first event's body by itself: shape and authority signature. It tells that a key is an
    /// incarnation of a device, and nothing of a chain.
    pub fn read_body(body: &[u8]) -> Result<Self, ChainOpenError> {
        let open = Self::of_body(body)?;
        open.check_authority()?;
        Ok(open)
    }

    /// Reads a first event that was checked when it came: position, kind and shape alone.
    pub fn of_checked(event: &Event) -> Result<Self, ChainOpenError> {
        if event.header.seq != 0 || event.header.kind != CHAIN_OPEN {
            return Err(ChainOpenError::NotFirst {
                seq: event.header.seq,
                kind: event.header.kind.clone(),
            });
        }
        Self::of_body(event.body.as_deref().ok_or(ChainOpenError::NoBody)?)
    }

    fn of_body(body: &[u8]) -> Result<Self, ChainOpenError> {
        let open: Self = minicbor::decode(body).map_err(|_| ChainOpenError::Malformed)?;
        if open.encode() != body {
            return Err(ChainOpenError::Malformed);
        }
        Ok(open)
    }

    fn check_authority(&self) -> Result<(), ChainOpenError> {
        let authority = PublicKey(self.device.0);
        Ok(verify_signature(&authority, &self.authority_message(), &self.authority)?)
    }

    /// The body's bytes.
    pub fn encode(&self) -> Vec<u8> {
        // Writing to a Vec can't fail.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The header of this first event, before its body fields are filled in.
    pub fn header(deps: Vec<crate::Dep>, lamport: Lamport, at: WallTime) -> Header {
        Header {
            chain: None,
            seq: 0,
            prev: None,
            deps,
            lamport,
            at,
            kind: CHAIN_OPEN.to_owned(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        }
    }

    /// The first event of a mesh.
    pub fn first_event(&self, at: WallTime) -> Result<Event, HeaderError> {
        Event::new(Self::header(Vec::new(), Lamport(1), at), self.encode())
    }

    fn authority_message(&self) -> [u8; 32] {
        hash(
            "mirrordna/incarnation/1",
            &[&self.mesh.0, &self.device.0, &self.key.0, &self.recipient, &self.nonce],
        )
    }
}

fn mesh_id(device: &DeviceId, key: &PublicKey, nonce: &[u8; 32]) -> MeshId {
    MeshId(hash("mirrordna/mesh/1", &[&device.0, &key.0, nonce]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: WallTime = WallTime { unix_ms: 0, offset_min: 0 };

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_bytes(&[byte; 32])
    }

    #[test]
    fn only_the_founder_fits_the_mesh_id() {
        let founder = ChainOpen::found(&key(1), &key(2), [3; 32], [4; 32]);
        assert!(founder.is_founder());
        let guest = ChainOpen::new(founder.mesh, &key(5), &key(6), [7; 32], [8; 32]);
        assert!(!guest.is_founder());
        let event = guest.first_event(AT).unwrap();
        assert_eq!(ChainOpen::read(&event), Ok(guest));
    }

    #[test]
    fn an_incarnation_needs_its_devices_authority() {
        let mut open = ChainOpen::found(&key(1), &key(2), [3; 32], [4; 32]);
        open.key = public_key(&key(9));
        let event = open.first_event(AT).unwrap();
        assert!(matches!(ChainOpen::read(&event), Err(ChainOpenError::Authority(_))));
    }
}
