//! The two messages before a new device's first session. They travel on a connection whose ends are authenticated: only
//! the inviter that the ticket names can read the secret.

use minicbor::{Decode, Encode};
use mirror_protocol::DeviceId;

/// Bytes of a pairing message.
pub const MAX_PAIR_BYTES: usize = 1024;

/// The new device introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PairRequest {
    /// The ticket's secret.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub secret: [u8; 16],
    /// The new device.
    #[n(1)]
    pub device: DeviceId,
    /// The name it asks for.
    #[n(2)]
    pub name: String,
}

/// The old device's answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PairAnswer {
    /// Why not; `None` is a welcome, and sessions follow.
    #[n(0)]
    pub refused: Option<String>,
}
