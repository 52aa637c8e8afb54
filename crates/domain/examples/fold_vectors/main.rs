//! Makes `members.json`, `notes.json` and `files.json` in `tests/vectors`: `cargo run -p mirror-domain --example fold_vectors`.
//!
//! Real chains of a small mesh, in plain bundles; every expectation is what this crate says of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod files;
mod members;
#[allow(dead_code)]
#[path = "../../../protocol/examples/vectors/mesh.rs"]
mod mesh;
mod notes;
mod world;

use std::collections::BTreeMap;

use serde_json::Value;

fn main() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors");
    for (name, cases) in files() {
        let text = serde_json::to_string_pretty(&cases).unwrap();
        std::fs::write(format!("{folder}/{name}.json"), text + "\n").unwrap();
    }
}

/// The vectors, by file name.
pub fn files() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("members", members::members()),
        ("notes", notes::notes()),
        ("files", files::files()),
    ])
}
