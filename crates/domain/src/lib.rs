//! What events mean: notes as revision graphs, conflicts, members, the morning page, the state of a mesh.
//!
//! Pure: no clock, no randomness, no file, no socket, no database. Folds take events and give views; decisions take a
//! command and a view and give a body, or a refusal with its reason. Nothing here depends on the order of arrival.
//!
//! ```
//! use mirror_domain::decide;
//!
//! let body = decide::add("Buy oat milk", &["home".to_owned()])?;
//! assert_eq!(body.kind(), Some("note.add"));
//! assert!(decide::add("   ", &[]).is_err());
//! # Ok::<(), decide::Refusal>(())
//! ```
#![warn(missing_docs)]

pub mod attachment;
pub mod body;
mod cbor;
pub mod conflict;
pub mod decide;
pub mod digest;
pub mod graph;
pub mod map;
pub mod membership;
pub mod note;
pub mod session;
pub mod share;
pub mod snippet;
pub mod standup;
pub mod sync;
pub mod text;
pub mod transcript;

pub use attachment::Attachment;
pub use body::{Body, BodyError, DEVICE_ADMIT, NOTE_ADD, NOTE_FORGET, NOTE_TRANSCRIPT, Role};
pub use conflict::Conflict;
pub use decide::{Refusal, Take};
pub use digest::{Entry, FOLD_VERSION, StateDigest};
pub use graph::{Graph, Node};
pub use membership::{Member, Membership, NotMember};
pub use note::{NoteGraph, NoteState, Revision};
pub use share::{FileConflict, FileGraph, FileRevision, Here, Shares, Stand, Step};
pub use sync::SyncState;
pub use transcript::{Doubt, Heard, Transcript};
