//! The ways bytes travel between devices: direct QUIC, and sealed files. None of them is trusted.
//!
//! It tells who is at the other end and moves messages; what they mean, and whether to believe them, is decided above.
//! It never reads a stranger's content, and never allocates by a length that a peer claims.
//!
//! ```
//! use mirror_link::Sealing;
//!
//! let mac = Sealing::generate();
//! let again = Sealing::from_secret(&mac.secret())?;
//! assert_eq!(again.recipient(), mac.recipient());
//! # Ok::<(), mirror_link::SealError>(())
//! ```
#![warn(missing_docs)]

mod backup;
mod endpoint;
pub mod pair;
mod seal;
mod ticket;
mod words;

pub use backup::{Lock, Opener, open_backup, write_backup};
pub use endpoint::{Caller, Channel, Endpoint, INCARNATION, Knock, LinkError, PAIR, RECONCILE};
pub use seal::{SealError, Sealing, can_be_sealed_to, write_sealed};
pub use ticket::{Ticket, TicketError};
pub use words::printable;
