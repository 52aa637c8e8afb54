//! A running node: clock, randomness, keys and policy around the pure crates, one API for every face.
//!
//! A face opens a [`Node`], sends it commands and reads [`view`]s. The node never shows a state that it does not know,
//! and never acknowledges what is not durable.
//!
//! ```
//! use mirror_node::{NewNote, Node, view};
//!
//! # unsafe { std::env::set_var("MIRROR_KEYS", "file") };
//! let home = tempfile::tempdir().expect("a folder");
//! let node = Node::init(home.path(), "Mac", view::Role::Anchor)?;
//! let captured = node.capture(NewNote { text: "Buy oat milk".into(), ..NewNote::default() })?;
//! assert_eq!(node.note(&captured.id)?.text, "Buy oat milk");
//! assert!(node.verify(true)?.ok);
//! # Ok::<(), mirror_node::Error>(())
//! ```

mod ahead;
mod archive;
mod audio;
mod backup;
mod backup_vault;
mod blob_bundles;
mod blob_exchange;
mod blobs;
mod bundles;
mod cancel;
mod clock;
mod commit;
mod convert;
mod devices;
mod doctor;
mod error;
mod exchange;
mod fold;
mod forget;
mod history;
mod import;
mod intake;
mod join;
mod keys;
mod map;
mod meaning;
mod names;
mod node;
mod notes;
mod place;
mod platform;
mod probe;
mod receiving;
mod reconcile;
mod restore;
mod search;
mod serve;
mod services;
mod session;
mod speech;
mod status;
mod timeline;
mod transcripts;
mod vault;
mod verify;
pub mod view;

pub use audio::{AudioError, samples};
pub use blobs::NewFile;
pub use cancel::CancelToken;
pub use doctor::{Treatment, doctor, kinds as doctor_kinds};
pub use error::{Error, Result};
pub use join::Joined;
pub use map::Spot;
pub use mirror_link::{Lock, Opener};
pub use node::{Node, Watch, default_home};
pub use notes::{NewNote, NoteQuery};
pub use platform::secrets::{Keystore, bring_keystore};
pub use probe::ProbeWatch;
pub use reconcile::With;
pub use serve::Serving;
pub use session::{
    Claim, NewDistillate, OpenSession, RelatedQuery, Review, Sealing, claim, read_text,
};
pub use speech::{Fetch, Recording, Transcribing, models};
pub use status::LogQuery;
pub use transcripts::{NewSegment, NewTranscript};
pub use vault::{AuditQuery, Author, Expect, FileTake, VaultWatch};
