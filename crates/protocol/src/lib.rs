//! The wire format of MirrorDNA: events, chains, signed heads, runs, the reconcile session, bundles.
//!
//! Pure: no clock, no randomness, no file, no socket, no database. Time, keys, nonces and stored answers come in as
//! values; bytes to send and facts to store go out as values. `docs/PROTOCOL.md` is the same thing in prose.
#![warn(missing_docs)]

pub mod bundle;
pub mod chain;
pub mod event;
pub mod head;
pub mod id;
pub mod intake;
pub mod known;
pub mod limits;
pub mod memory;
pub mod message;
pub mod run;
pub mod session;

pub use chain::{CHAIN_OPEN, ChainOpen};
pub use ed25519_dalek::SigningKey;
pub use event::{Dep, Event, Header, Lamport, WallTime};
pub use head::{Commitment, Point, SignedHead, Tip, canonical_head, public_key};
pub use known::Known;
pub use id::{BodyHash, CanonicalHead, ChainId, DeviceId, EventId, MeshId, PublicKey};
pub use run::{Run, VerifiedRun};
