//! The wire format of MirrorDNA: events, chains, signed heads, runs, the reconcile session, bundles,
//! blobs.
//!
//! Pure: no clock, no randomness, no file, no socket, no database. Time, keys, nonces and stored answers come in as
//! values; bytes to send and facts to store go out as values. `docs/PROTOCOL.md` is the same thing in prose.
//!
//! Two events, sealed and verified; one signature vouches for both:
//!
//! ```
//! use mirror_protocol::memory::MemoryLog;
//! use mirror_protocol::{ChainOpen, SigningKey, WallTime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let authority = SigningKey::from_bytes(&[1; 32]);
//! let incarnation = SigningKey::from_bytes(&[2; 32]);
//! let at = WallTime { unix_ms: 1_795_000_000_000, offset_min: 330 };
//!
//! let open = ChainOpen::found(&authority, &incarnation, [3; 32], [4; 32]);
//! let mut log = MemoryLog::default();
//! let chain = log.open(&open, at, &incarnation)?;
//! log.append(chain, "note.add", b"tea at four".to_vec(), at, &incarnation)?;
//!
//! let mut runs = log.runs(&log.all());
//! let run = runs.pop().ok_or("one run")?;
//! let verified = run.clone().verify(None)?;
//! assert_eq!(verified.events.len(), 2);
//! verified.is_of(open.mesh)?;
//!
//! let mut changed = run;
//! changed.events[1].body = Some(b"tea at five".to_vec());
//! assert!(changed.verify(None).is_err());
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod array;
pub mod blob;
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

pub use blob::{BlobRef, ChunkList, ChunkSet};
pub use chain::{CHAIN_OPEN, ChainOpen};
pub use ed25519_dalek::SigningKey;
pub use event::{Dep, Event, Header, Lamport, Order, WallTime};
pub use head::{Commitment, Point, SignedHead, Tip, canonical_head, public_key};
pub use id::{
    BlobId, BodyHash, CanonicalHead, ChainId, ChunkListHash, DeviceId, EventId, MeshId, PublicKey,
};
pub use known::Known;
pub use run::{Run, VerifiedRun};
