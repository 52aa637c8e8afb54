//! A home's database: the only crate that knows SQLite.
//!
//! Keeps events, chain heads and what others have folded from them, in one file that several processes open at once;
//! blobs are files beside it. It never decides what an event means, and it never acknowledges what is not on disk
//! (`synchronous = FULL`).
//!
//! ```
//! # fn main() -> Result<(), mirror_store::StoreError> {
//! use mirror_store::{Meta, Store, StoreError};
//!
//! let folder = tempfile::tempdir()?;
//! let mut store = Store::create(&folder.path().join("mirror.db"))?;
//! store.write(|tx| tx.set_meta(Meta::Draft, b"half a thought"))?;
//! let draft = store.read(|view| view.meta_text(Meta::Draft))?;
//! assert_eq!(draft.as_deref(), Some("half a thought"));
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod blob_files;
mod blobs;
mod chains;
mod error;
mod events;
mod forgotten;
mod health;
mod map;
mod members;
mod meta;
mod notes;
mod pairing;
mod peers;
mod persist;
mod search;
mod sessions;
mod shared;
mod store;
mod vault;
mod waiting;

pub use blob_files::{BlobFiles, Completed, Part, read_chunk};
pub use blobs::{BlobRow, BlobState};
pub use chains::{BranchRef, ChainRow};
pub use error::{Fault, StoreError};
pub use events::{Place, Pos};
pub use health::RawEvent;
pub use map::{MapFact, MarkRow};
pub use members::MemberRow;
pub use meta::Meta;
pub use notes::{Lister, NoteCursor, NoteFilter, NoteRow};
pub use pairing::InviteRow;
pub use peers::{CheckpointRow, PeerRow};
pub use search::Unindexed;
pub use sessions::{DistillateRow, SessionRow, ToldRow};
pub use shared::{SharedLeaf, WaitingFile};
pub use store::{SCHEMA_VERSION, Store, Tx, View};
pub use vault::{VaultCursor, VaultFileRow};
pub use waiting::QuarantineRow;
