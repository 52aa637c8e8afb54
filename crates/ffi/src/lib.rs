//! The node for Kotlin: records, one object, errors as data. UniFFI makes the bindings of what is exported here.
//!
//! It decides nothing: each method asks the node once, with the same views that the other faces are shown. Methods that are
//! not `async` touch the disk and block; Kotlin calls them off its main thread. A capture is durable when it returns.
#![warn(missing_docs)]

mod cancel;
mod error;
mod keystore;
mod mirror;
mod records;
mod shared;
mod transcripts;

pub use cancel::Cancel;
pub use error::MirrorError;
pub use keystore::{Keystore, bring_keystore};
pub use mirror::{Mirror, Progressing};
pub use shared::{share, shared};

uniffi::setup_scaffolding!();
