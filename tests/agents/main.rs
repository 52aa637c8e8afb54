#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
//! Claude Code itself, its real binary, begins and ends sessions with our memory. `cargo xtask test agents` fetches it;
//! `cargo test` by itself leaves these out.

mod claude;
mod install;
mod model;
mod sessions;
mod tampered;
