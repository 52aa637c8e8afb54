//! What must hold of every decoder, for any bytes: no panic, no memory beyond what came, and what is taken encodes to the
//! same bytes.

mod decoders;
mod memory;
mod session;

#[allow(unused_imports)]
pub use decoders::SEALING;

/// Panics when something does not hold.
type Check = fn(&[u8]);

/// Every target, by its name in `fuzz/Cargo.toml`.
pub const TARGETS: [(&str, Check); 12] = [
    ("header", decoders::header),
    ("event", decoders::event),
    ("body", decoders::body),
    ("open", decoders::open),
    ("run", decoders::run),
    ("message", decoders::message),
    ("bundle", decoders::bundle),
    ("blob", decoders::blob),
    ("pair", decoders::pair),
    ("ticket", decoders::ticket),
    ("sealed", decoders::sealed),
    ("session", session::session),
];

/// Runs one target's check; panics when it does not hold.
pub fn check(target: &str, bytes: &[u8]) {
    match TARGETS.iter().find(|(name, _)| *name == target) {
        Some((_, check)) => check(bytes),
        None => panic!("there is no target {target}"),
    }
}
