//! The vectors of members, notes and shared files in `tests/vectors` are what this crate makes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
#[path = "../examples/fold_vectors/main.rs"]
mod vectors;

#[test]
fn the_committed_vectors_are_the_ones_that_the_code_makes() {
    for (name, made) in vectors::files() {
        let path = format!("{}/../../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
        let again = "cargo run -p mirror-domain --example fold_vectors";
        let (made, committed) = (made.as_array().unwrap(), committed.as_array().unwrap());
        for (made, committed) in made.iter().zip(committed) {
            assert_eq!(made, committed, "{name}: {}; if it is meant, run {again}", made["name"]);
        }
        assert_eq!(made.len(), committed.len(), "{name}: run {again}");
    }
}
