//! Makes the vectors in `tests/vectors`: `cargo run -p mirror-protocol --example vectors`.
//!
//! Every expectation is what this crate says of the input; nothing is written down twice. Keys and times are fixed, so
//! the files are the same on every machine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod blobs;
mod bundles;
mod causes;
mod codes;
mod headers;
mod heads;
mod mesh;
mod messages;
mod opens;
mod runs;

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use codes::Code;
use mesh::Mesh;

fn main() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors");
    for (name, cases) in files() {
        let text = serde_json::to_string_pretty(&cases).unwrap();
        std::fs::write(format!("{folder}/{name}.json"), text + "\n").unwrap();
    }
}

/// All vectors, by file name.
pub fn files() -> BTreeMap<&'static str, Value> {
    let mesh = Mesh::new();
    BTreeMap::from([
        ("headers", headers::headers(&mesh)),
        ("opens", opens::opens(&mesh)),
        ("runs", runs::runs(&mesh)),
        ("causes", causes::causes(&mesh)),
        ("heads", heads::heads(&mesh)),
        ("messages", messages::messages(&mesh)),
        ("bundles", bundles::bundles(&mesh)),
        ("blobs", blobs::cases()),
    ])
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn case(name: &str, input: Value, result: Result<Value, Code>) -> Value {
    match result {
        Ok(expect) => json!({ "name": name, "input": input, "expect": expect }),
        Err(error) => json!({ "name": name, "input": input, "error": error }),
    }
}
