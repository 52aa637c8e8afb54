#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
//! The app's stories in its real window. They need a screen and a session bus, so `cargo test` by itself leaves them out:
//! `cargo xtask test window` gives them both.

mod first_run;
mod full;
mod map;
mod map_500;
mod notes;
mod phone;
mod phone_killed;
mod phone_slow;
mod phone_text;
mod phone_touch;
mod phone_voice;
mod story_12;
mod tray;

// The benchmarks' homes, which are made once and kept.
#[path = "../bench/homes.rs"]
#[allow(dead_code)]
mod homes;
#[path = "../bench/mesh.rs"]
#[allow(dead_code)]
mod mesh;
