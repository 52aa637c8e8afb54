#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
//! What `mirror hook claude-code` says and does not say, and what `mirror agent` writes.

mod bad_days;
mod install;
mod lives;
mod session;
