//! Names of things: 32-byte hashes and keys, each with a type of its own.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;
use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no 32-byte id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 64 hexadecimal digits, found {found:?}")]
pub struct ParseIdError {
    /// The text, cut at 80 characters.
    pub found: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let hex = data_encoding::HEXLOWER.encode(&self.0);
                write!(f, "{}({})", stringify!($name), hex.get(..8).unwrap_or_default())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                HEXLOWER_PERMISSIVE
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or_else(|| ParseIdError { found: text.chars().take(80).collect() })
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = std::array::TryFromSliceError;

            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                let at = d.position();
                Self::try_from(d.bytes()?).map_err(|_| {
                    minicbor::decode::Error::message("expected 32 bytes").at(at)
                })
            }
        }
    };
}

id!(
    /// SHA-256 of `"mirrordna/event/1" || header`.
    EventId
);
id!(
    /// The id of a chain's first event.
    ChainId
);
id!(
    /// SHA-256 of `"mirrordna/mesh/1" || device || key || nonce` of the founder's first event.
    MeshId
);
id!(
    /// A device: its authority public key (Ed25519).
    DeviceId
);
id!(
    /// An incarnation public key (Ed25519): signs heads, and is the link endpoint's identity.
    PublicKey
);
id!(
    /// SHA-256 of a body's bytes.
    BodyHash
);
id!(
    /// The canonical head: one hash for a whole history.
    CanonicalHead
);
id!(
    /// SHA-256 of a blob's content.
    BlobId
);
id!(
    /// SHA-256 of `"mirrordna/chunks/1" || chunk list`.
    ChunkListHash
);

impl From<EventId> for ChainId {
    fn from(first: EventId) -> Self {
        Self(first.0)
    }
}

/// SHA-256 of a domain string followed by the parts; every hash of the protocol is made here.
pub fn hash(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut sha = Sha256::new_with_prefix(domain.as_bytes());
    for part in parts {
        sha.update(part);
    }
    sha.finalize().into()
}

impl BodyHash {
    /// Hashes a body.
    pub fn of(body: &[u8]) -> Self {
        Self(hash("", &[body]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_and_names_bad_input() {
        let id = EventId(hash("test", &[b"x"]));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(
            "abc".parse::<EventId>().unwrap_err().to_string(),
            "an id is 64 hexadecimal digits, found \"abc\""
        );
    }
}
