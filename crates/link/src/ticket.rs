//! A ticket admits one device: a text to scan or paste. Whoever holds it can join, until it is used or ends.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use minicbor::{Decode, Encode};
use mirror_protocol::id::hash;
use mirror_protocol::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES};
use mirror_protocol::{MeshId, PublicKey};

/// The first letters of a ticket; the digit is its format.
const PREFIX: &str = "mirror1";
/// Far above any real ticket.
const MAX_TEXT_BYTES: usize = 8 * 1024;
const CHECKSUM_BYTES: usize = 4;

/// What a new device needs to find and convince an old one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Ticket {
    /// The mesh.
    #[n(0)]
    pub mesh: MeshId,
    /// The inviting incarnation: the link's endpoint identity.
    #[n(1)]
    pub key: PublicKey,
    /// Where it listens.
    #[n(2)]
    pub addresses: Vec<String>,
    /// Single use; sent to the inviter only, over the connection that its key authenticates.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub secret: [u8; 16],
    /// When it ends, in milliseconds since 1970.
    #[n(4)]
    pub expires_ms: i64,
}

/// Why a text is no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Another beginning.
    #[error("this is no ticket: a ticket begins with {PREFIX}")]
    NotATicket,
    /// A format of the future.
    #[error("this ticket is of a later format than this program reads")]
    Later,
    /// Letters are missing or changed.
    #[error("this ticket is damaged: letters are missing or changed")]
    Damaged,
}

impl Ticket {
    /// Six digits that both screens show: the same ticket, the same inviter.
    pub fn digits(&self) -> String {
        let digest = hash("mirrordna/digits/1", &[&self.mesh.0, &self.key.0, &self.secret]);
        let number = digest.iter().take(8).fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        format!("{:06}", number % 1_000_000)
    }

    /// What the inviter keeps instead of the secret.
    pub fn secret_hash(secret: &[u8; 16]) -> [u8; 32] {
        hash("mirrordna/secret/1", &[secret])
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = minicbor::to_vec(self).map_err(|_| fmt::Error)?;
        let checksum = hash("mirrordna/ticket/1", &[&bytes]);
        bytes.extend(checksum.iter().take(CHECKSUM_BYTES));
        write!(f, "{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase())
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Reads a ticket. White space and upper case, as mail and QR readers leave them, do no harm.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(TicketError::NotATicket);
        }
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let text = text.to_lowercase();
        let Some(rest) = text.strip_prefix(PREFIX) else {
            let later = text
                .strip_prefix("mirror")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            return Err(if later { TicketError::Later } else { TicketError::NotATicket });
        };
        let bytes = BASE32_NOPAD
            .decode(rest.to_uppercase().as_bytes())
            .map_err(|_| TicketError::Damaged)?;
        let length = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(TicketError::Damaged)?;
        let (bytes, checksum) = bytes.split_at(length);
        let expected = hash("mirrordna/ticket/1", &[bytes]);
        if expected.get(..CHECKSUM_BYTES) != Some(checksum) {
            return Err(TicketError::Damaged);
        }
        let ticket: Self = minicbor::decode(bytes).map_err(|_| TicketError::Damaged)?;
        // One ticket has one text: nothing rides behind it, and no other form of it has other digits.
        if minicbor::to_vec(&ticket).ok().as_deref() != Some(bytes) {
            return Err(TicketError::Damaged);
        }
        let wrong = |address: &String| {
            address.len() > MAX_ADDRESS_BYTES || address.parse::<SocketAddr>().is_err()
        };
        if ticket.addresses.len() > MAX_ADDRESSES || ticket.addresses.iter().any(wrong) {
            return Err(TicketError::Damaged);
        }
        Ok(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            mesh: MeshId([1; 32]),
            key: PublicKey([2; 32]),
            addresses: vec!["127.0.0.1:4711".into()],
            secret: [3; 16],
            expires_ms: 1_795_000_000_000,
        }
    }

    #[test]
    fn a_ticket_survives_mail() {
        let text = ticket().to_string();
        assert_eq!(text.parse(), Ok(ticket()));
        let (start, end) = text.split_at(40);
        let folded = format!(" {}\n{end} ", start.to_uppercase());
        assert_eq!(folded.parse(), Ok(ticket()));
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let text = ticket().to_string();
        for position in PREFIX.len()..text.len() {
            let mut letters: Vec<char> = text.chars().collect();
            letters[position] = if letters[position] == 'a' { 'b' } else { 'a' };
            let changed: String = letters.into_iter().collect();
            assert!(changed.parse::<Ticket>().is_err(), "letter {position}");
        }
    }

    #[test]
    fn nothing_rides_behind_a_ticket_and_its_addresses_are_addresses() {
        let text = |mut bytes: Vec<u8>| {
            let checksum = hash("mirrordna/ticket/1", &[&bytes]);
            bytes.extend(&checksum[..CHECKSUM_BYTES]);
            format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase())
        };
        let whole = minicbor::to_vec(ticket()).unwrap();
        assert!(text(whole.clone()).parse::<Ticket>().is_ok());
        let longer = text([whole.as_slice(), &[0]].concat());
        assert_eq!(longer.parse::<Ticket>(), Err(TicketError::Damaged));
        // The same array with its length written in two bytes.
        let other = text([&[0x98, 0x05], &whole[1..]].concat());
        assert_eq!(other.parse::<Ticket>(), Err(TicketError::Damaged));
        let nowhere = Ticket { addresses: vec!["somewhere".into()], ..ticket() }.to_string();
        assert_eq!(nowhere.parse::<Ticket>(), Err(TicketError::Damaged));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!("hello".parse::<Ticket>(), Err(TicketError::NotATicket));
        assert_eq!("mirror9abc".parse::<Ticket>(), Err(TicketError::Later));
        assert_eq!("mirror1abc".parse::<Ticket>(), Err(TicketError::Damaged));
    }

    #[test]
    fn both_screens_show_the_same_six_digits() {
        let read: Ticket = ticket().to_string().parse().unwrap();
        assert_eq!(read.digits(), ticket().digits());
        assert_eq!(read.digits().len(), 6);
    }
}
