//! The checks of `checks/`, for the fuzzer. `tests/fuzz_corpus.rs` runs the same ones over the committed corpus.

#[path = "../checks/mod.rs"]
mod checks;
#[allow(dead_code)]
mod link;

pub use checks::check;
