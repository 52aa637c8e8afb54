//! The messages of a reconcile session: deterministic CBOR arrays that begin with their number.

use minicbor::{Decoder, Encode, Encoder};

use crate::head::{Commitment, Tip};
use crate::id::{CanonicalHead, DeviceId, MeshId};
use crate::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_MESSAGE_BYTES, MAX_POINTS};
use crate::limits::{MAX_TIPS, SPAN_EVENTS};
use crate::run::Run;

/// The session format this crate speaks.
pub const SESSION_VERSION: u16 = 1;

/// A vector of chain tips, whole or as changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tips {
    /// Not told: the heads are equal.
    Same,
    /// All tips.
    Whole(Vec<Tip>),
    /// What differs from the checkpoint that [`Open::base`] names.
    Changed(Vec<Tip>),
}

/// How each side introduces its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// [`SESSION_VERSION`].
    pub version: u16,
    /// The mesh.
    pub mesh: MeshId,
    /// The sender.
    pub device: DeviceId,
    /// Its canonical head.
    pub head: CanonicalHead,
    /// The version of the fold that gave `state`.
    pub fold_version: u32,
    /// Its state digest.
    pub state: [u8; 32],
    /// The head of the last checkpoint that both signed.
    pub base: Option<CanonicalHead>,
    /// Its chain tips.
    pub tips: Tips,
    /// Where it can be reached; meaningful to the link only.
    pub addresses: Vec<String>,
}

/// Why a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefuseCode {
    /// Another mesh.
    Mesh,
    /// Not a member, or no longer.
    Stranger,
    /// A session format that the sender does not speak.
    Version,
    /// The sender can't go on.
    Failed,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// 0: introduces a history.
    Open(Open),
    /// 1: the base is unknown here; send the whole vector.
    NeedTips,
    /// 2: the whole vector.
    Tips(Vec<Tip>),
    /// 3: events.
    Run(Run),
    /// 4: no more runs come; `true` when the sender holds the target, and its Commit follows.
    Done(bool),
    /// 5: the sender holds this head and signs it.
    Commit(Commitment),
    /// 6: the sender ends the session.
    Refuse(RefuseCode),
    /// 7: the sender has none of the peer's tips of a chain. Events of its longest branch, newest first, ever further
    /// apart, the last of them the chain's first event.
    Locator(Vec<Tip>),
    /// 8: the newest event of a [`Self::Locator`] that the sender has too.
    Common(Tip),
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Over [`MAX_MESSAGE_BYTES`].
    #[error("message of {found} bytes, the limit is {MAX_MESSAGE_BYTES}")]
    TooLong {
        /// Its bytes.
        found: usize,
    },
    /// A number that this version does not know.
    #[error("message of unknown type {found}")]
    Unknown {
        /// The number.
        found: u64,
    },
    /// A list longer than its limit.
    #[error("{found} {what}, the limit is {limit}")]
    TooMany {
        /// What the list holds.
        what: &'static str,
        /// How many it claims.
        found: u64,
        /// How many it may.
        limit: u64,
    },
    /// Not the CBOR shape.
    #[error("message is not well-formed: {reason}")]
    Malformed {
        /// What the decoder met.
        reason: String,
    },
    /// Same value, other bytes.
    #[error("message is not in deterministic encoding")]
    NotDeterministic,
}

impl From<minicbor::decode::Error> for MessageError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Malformed { reason: error.to_string() }
    }
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

impl Message {
    /// The deterministic encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        // Writing to a Vec can't fail.
        let _ = self.encode_into(&mut e);
        e.into_writer()
    }

    fn encode_into(&self, e: &mut Encoder<Vec<u8>>) -> Written {
        match self {
            Self::Open(open) => encode_open(open, e),
            Self::NeedTips => e.array(1)?.u8(1)?.ok(),
            Self::Tips(tips) => encode_tips(tips, e.array(2)?.u8(2)?),
            Self::Run(run) => run.encode(e.array(2)?.u8(3)?, &mut ()),
            Self::Done(commits) => e.array(2)?.u8(4)?.bool(*commits)?.ok(),
            Self::Commit(commitment) => commitment.encode(e.array(2)?.u8(5)?, &mut ()),
            Self::Refuse(code) => e.array(2)?.u8(6)?.u8(*code as u8)?.ok(),
            Self::Locator(points) => encode_tips(points, e.array(2)?.u8(7)?),
            Self::Common(point) => point.encode(e.array(2)?.u8(8)?, &mut ()),
        }
    }

    /// Reads a message. Lists are counted against their limits before they are read; bytes that would encode otherwise
    /// are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLong { found: bytes.len() });
        }
        let mut d = Decoder::new(bytes);
        let fields = d.array()?.unwrap_or(0);
        let number = d.u64()?;
        let message = match (number, fields) {
            (0, 10) => Self::Open(decode_open(&mut d)?),
            (1, 1) => Self::NeedTips,
            (2, 2) => Self::Tips(decode_tips(&mut d)?),
            (3, 2) => Self::Run(decode_run(&mut d)?),
            (4, 2) => Self::Done(d.bool()?),
            (5, 2) => Self::Commit(d.decode()?),
            (6, 2) => Self::Refuse(decode_code(&mut d)?),
            (7, 2) => Self::Locator(decode_points(&mut d)?),
            (8, 2) => Self::Common(d.decode()?),
            (0..=8, _) => return Err(malformed("wrong number of fields")),
            _ => return Err(MessageError::Unknown { found: number }),
        };
        if d.position() != bytes.len() || message.encode() != bytes {
            return Err(MessageError::NotDeterministic);
        }
        Ok(message)
    }
}

fn malformed(reason: &str) -> MessageError {
    MessageError::Malformed { reason: reason.to_owned() }
}

fn encode_open(open: &Open, e: &mut Encoder<Vec<u8>>) -> Written {
    e.array(10)?.u8(0)?.u16(open.version)?;
    e.bytes(&open.mesh.0)?.bytes(&open.device.0)?.bytes(&open.head.0)?;
    e.u32(open.fold_version)?.bytes(&open.state)?;
    match &open.base {
        Some(base) => e.bytes(&base.0)?,
        None => e.null()?,
    };
    match &open.tips {
        Tips::Same => e.null()?.ok()?,
        Tips::Whole(tips) => encode_tips(tips, e.array(2)?.bool(false)?)?,
        Tips::Changed(tips) => encode_tips(tips, e.array(2)?.bool(true)?)?,
    }
    e.array(open.addresses.len() as u64)?;
    for address in &open.addresses {
        e.str(address)?;
    }
    e.ok()
}

fn decode_open(d: &mut Decoder<'_>) -> Result<Open, MessageError> {
    Ok(Open {
        version: d.u16()?,
        mesh: d.decode()?,
        device: d.decode()?,
        head: d.decode()?,
        fold_version: d.u32()?,
        state: d.bytes()?.try_into().map_err(|_| malformed("state digest of 32 bytes"))?,
        base: d.decode()?,
        tips: decode_vector(d)?,
        addresses: decode_addresses(d)?,
    })
}

fn decode_vector(d: &mut Decoder<'_>) -> Result<Tips, MessageError> {
    if d.datatype()? == minicbor::data::Type::Null {
        d.null()?;
        return Ok(Tips::Same);
    }
    if d.array()? != Some(2) {
        return Err(malformed("tips are an array of 2"));
    }
    let changed = d.bool()?;
    let tips = decode_tips(d)?;
    Ok(if changed { Tips::Changed(tips) } else { Tips::Whole(tips) })
}

fn encode_tips(tips: &[Tip], e: &mut Encoder<Vec<u8>>) -> Written {
    e.array(tips.len() as u64)?;
    for tip in tips {
        tip.encode(e, &mut ())?;
    }
    e.ok()
}

/// Reads a list's length, refusing one over its limit before anything is allocated.
pub(crate) fn decode_count(
    d: &mut Decoder<'_>,
    what: &'static str,
    limit: usize,
) -> Result<usize, MessageError> {
    let found = d.array()?.ok_or_else(|| malformed("list of indefinite length"))?;
    let count = usize::try_from(found).ok().filter(|count| *count <= limit);
    count.ok_or(MessageError::TooMany { what, found, limit: limit as u64 })
}

pub(crate) fn decode_tips(d: &mut Decoder<'_>) -> Result<Vec<Tip>, MessageError> {
    let count = decode_count(d, "tips", MAX_TIPS)?;
    let tips = (0..count).map(|_| d.decode()).collect::<Result<Vec<Tip>, _>>()?;
    if tips.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        return Err(malformed("tips are sorted, each once"));
    }
    Ok(tips)
}

fn decode_points(d: &mut Decoder<'_>) -> Result<Vec<Tip>, MessageError> {
    let count = decode_count(d, "points", MAX_POINTS)?;
    let points = (0..count).map(|_| d.decode()).collect::<Result<Vec<Tip>, _>>()?;
    let falls = |pair: &[Tip]| matches!(pair, [a, b] if a.chain == b.chain && a.seq > b.seq);
    if points.last().is_none_or(|first| first.seq != 0) || !points.windows(2).all(falls) {
        return Err(malformed("a locator goes back to the first event of one chain"));
    }
    Ok(points)
}

fn decode_addresses(d: &mut Decoder<'_>) -> Result<Vec<String>, MessageError> {
    let count = decode_count(d, "addresses", MAX_ADDRESSES)?;
    let mut addresses = Vec::new();
    for _ in 0..count {
        let address = d.str()?;
        if address.len() > MAX_ADDRESS_BYTES {
            return Err(malformed("address of more than 256 bytes"));
        }
        addresses.push(address.to_owned());
    }
    Ok(addresses)
}

fn decode_run(d: &mut Decoder<'_>) -> Result<Run, MessageError> {
    if d.array()? != Some(2) {
        return Err(malformed("a run is an array of 2"));
    }
    let limit = usize::try_from(SPAN_EVENTS).unwrap_or(usize::MAX);
    let count = decode_count(d, "events in a run", limit)?;
    let events = (0..count).map(|_| d.decode()).collect::<Result<Vec<_>, _>>()?;
    Ok(Run { events, head: d.decode()? })
}

fn decode_code(d: &mut Decoder<'_>) -> Result<RefuseCode, MessageError> {
    match d.u8()? {
        0 => Ok(RefuseCode::Mesh),
        1 => Ok(RefuseCode::Stranger),
        2 => Ok(RefuseCode::Version),
        3 => Ok(RefuseCode::Failed),
        _ => Err(malformed("unknown refusal code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChainId, EventId};

    #[test]
    fn a_message_reads_back_as_written() {
        let tip = Tip { chain: ChainId([1; 32]), seq: 7, id: EventId([2; 32]) };
        let open = Open {
            version: SESSION_VERSION,
            mesh: MeshId([3; 32]),
            device: DeviceId([4; 32]),
            head: CanonicalHead([5; 32]),
            fold_version: 1,
            state: [6; 32],
            base: Some(CanonicalHead([7; 32])),
            tips: Tips::Changed(vec![tip]),
            addresses: vec!["127.0.0.1:4711".into()],
        };
        for message in [
            Message::Open(open),
            Message::NeedTips,
            Message::Tips(vec![tip]),
            Message::Done(true),
            Message::Refuse(RefuseCode::Stranger),
            Message::Locator(vec![tip, Tip { seq: 0, id: EventId([1; 32]), ..tip }]),
            Message::Common(tip),
        ] {
            assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn a_claimed_length_is_refused_before_anything_is_allocated() {
        // [2, array(2^32)]
        let bytes = [0x82, 0x02, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0];
        let error = Message::decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "4294967296 tips, the limit is 5120");
    }

    #[test]
    fn lists_and_messages_are_bounded() {
        let error = Message::decode(&vec![0; MAX_MESSAGE_BYTES + 1]).unwrap_err();
        assert_eq!(error, MessageError::TooLong { found: MAX_MESSAGE_BYTES + 1 });
        // [3, [array(129)
        let error = Message::decode(&[0x82, 0x03, 0x82, 0x98, 0x81]).unwrap_err();
        assert_eq!(error.to_string(), "129 events in a run, the limit is 128");
        let open = |addresses: Vec<String>| {
            Message::Open(Open {
                version: SESSION_VERSION,
                mesh: MeshId([3; 32]),
                device: DeviceId([4; 32]),
                head: CanonicalHead([5; 32]),
                fold_version: 1,
                state: [6; 32],
                base: None,
                tips: Tips::Same,
                addresses,
            })
        };
        let error = Message::decode(&open(vec![String::new(); 17]).encode()).unwrap_err();
        assert_eq!(error.to_string(), "17 addresses, the limit is 16");
        let error = Message::decode(&open(vec!["a".repeat(257)]).encode()).unwrap_err();
        assert!(error.to_string().ends_with("address of more than 256 bytes"), "{error}");
    }

    #[test]
    fn what_is_too_much_in_an_array_is_refused_and_not_followed() {
        let hash = [&[0x58, 0x20], [7; 32].as_slice()].concat();
        let deep = vec![0xbf; 100_000];
        let bytes = [&[0x82, 0x08, 0x84], hash.as_slice(), &[0x01], &hash, &deep].concat();
        let error = Message::decode(&bytes).unwrap_err();
        assert!(error.to_string().contains("expected an array of 3"), "{error}");
    }

    #[test]
    fn an_unknown_message_is_named() {
        assert_eq!(Message::decode(&[0x81, 0x18, 0x63]), Err(MessageError::Unknown { found: 99 }));
    }
}
