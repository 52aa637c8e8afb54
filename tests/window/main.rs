#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
//! The app's stories in its real window. They need a screen and a session bus, so `cargo test` by itself leaves them out:
//! `cargo xtask test window` gives them both.

mod first_run;
mod map;
mod phone;
mod tray;
