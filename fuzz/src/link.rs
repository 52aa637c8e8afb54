//! The link's decoders from their own files: with the network around them a build would take minutes more.

#[path = "../../crates/link/src/pair.rs"]
pub mod pair;
#[path = "../../crates/link/src/seal.rs"]
mod seal;
#[path = "../../crates/link/src/ticket.rs"]
mod ticket;

pub use seal::Sealing;
pub use ticket::Ticket;
