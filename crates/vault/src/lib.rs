//! A vault: a folder of Markdown that other programs edit too, written so that nothing in it is ever half done or lost.
//!
//! Every write is atomic, durable and verified before it returns; the old content and the new one are kept as versions, and
//! what another program wrote meanwhile is refused over, never overwritten. It knows files: no events, no database, no network.
//! It deletes no content; only `prune` does, when it is told what has to stay.
//!
//! Ours in the folder: `.mirror/` (versions, what is in flight, the lock), and beside each file that we wrote `NAME.sha256` and
//! `NAME.prov.json`. See `docs/VAULT.md`.
#![warn(missing_docs)]

mod attributes;
#[cfg(test)]
mod crash_tests;
mod durable;
mod error;
mod fault;
mod folder;
mod hash;
mod install;
mod intent;
mod keep;
mod path;
mod place;
mod prune;
mod recover;
mod repair;
mod scrub;
mod sidecar;
mod swap;
mod take_away;
mod vault;
mod versions;
mod walk;
mod write;

pub use error::{Result, VaultError};
pub use hash::{BUFFER_BYTES, Hash, NotAHash};
pub use path::{LONGEST_NAME_BYTES, LONGEST_PATH_BYTES, PathError, PathFault, VaultPath};
pub use prune::{PathHistory, Pruned, Retention};
pub use recover::{InFlight, Recovered};
pub use repair::Repair;
pub use scrub::{Finding, Progress, Recorded, Scrubbed};
pub use sidecar::{PROVENANCE, Provenance, SUM};
pub use vault::{Content, Hashed, Locked, OURS, Stamp, Vault, Version};
pub use walk::{Entry, Found, Skip, Stray};
pub use write::{ChangeId, Expect, Kept, Removed, Written};
