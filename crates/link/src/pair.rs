//! The two messages before a new device's first session. They travel on a connection whose ends are authenticated: only
//! the inviter that the ticket names can read the secret.

use minicbor::{Decode, Encode};
use mirror_protocol::DeviceId;

/// Bytes of a pairing message.
pub const MAX_PAIR_BYTES: usize = 1024;

/// Bytes that are no pairing message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a pairing message of this version, or not in its one form")]
pub struct PairError;

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

macro_rules! coded {
    ($name:ident) => {
        impl $name {
            /// The deterministic encoding.
            pub fn encode(&self) -> Vec<u8> {
                // Writing to a Vec can't fail.
                minicbor::to_vec(self).unwrap_or_default()
            }

            /// Reads it; bytes that would encode otherwise are refused.
            pub fn decode(bytes: &[u8]) -> Result<Self, PairError> {
                if bytes.len() > MAX_PAIR_BYTES {
                    return Err(PairError);
                }
                let read: Self = minicbor::decode(bytes).map_err(|_| PairError)?;
                if read.encode() != bytes {
                    return Err(PairError);
                }
                Ok(read)
            }
        }
    };
}

coded!(PairRequest);
coded!(PairAnswer);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pairing_message_has_one_form() {
        let request =
            PairRequest { secret: [1; 16], device: DeviceId([2; 32]), name: "Pixel".into() };
        let bytes = request.encode();
        assert_eq!(PairRequest::decode(&bytes), Ok(request));
        assert_eq!(PairRequest::decode(&[bytes.as_slice(), &[0]].concat()), Err(PairError));
        // The same array without a length, and one field more, which an older reader would skip.
        let endless = [&[0x9f], &bytes[1..], &[0xff]].concat();
        assert_eq!(PairRequest::decode(&endless), Err(PairError));
        let more = [&[0x84], &bytes[1..], &[0x00]].concat();
        assert_eq!(PairRequest::decode(&more), Err(PairError));
        for answer in [PairAnswer { refused: None }, PairAnswer { refused: Some("no".into()) }] {
            assert_eq!(PairAnswer::decode(&answer.encode()), Ok(answer));
        }
    }
}
