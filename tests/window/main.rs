#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
//! The app's stories in its real window. They need a screen and a session bus, so `cargo test` by itself leaves them out:
//! `cargo xtask test window` gives them both.

mod first_run;
#[path = "../bench/homes.rs"]
#[allow(dead_code)]
mod homes;
mod map;
mod map_500;
#[path = "../bench/mesh.rs"]
#[allow(dead_code)]
mod mesh;
mod phone;
mod tray;
