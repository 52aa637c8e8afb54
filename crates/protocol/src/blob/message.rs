//! What two devices say about blobs, in a session and in a bundle: deterministic CBOR arrays that begin with their number.

use minicbor::{Decoder, Encoder};

use super::BlobRef;
use super::set::ChunkRange;
use crate::limits::{CHUNK_BYTES, MAX_BLOB_MESSAGE_BYTES, MAX_RANGES, MAX_WANTS};
use crate::message::{MessageError, decode_count};

/// The first and the last number.
pub(crate) const NUMBERS: std::ops::RangeInclusive<u64> = 20..=25;

/// A blob that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Its name.
    pub blob: BlobRef,
    /// Its chunk list is asked for too.
    pub list: bool,
    /// The chunks that are missing: in order, apart from each other.
    pub ranges: Vec<ChunkRange>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobMessage {
    /// 20: the sender asks for these, in this order.
    Wants(Vec<Want>),
    /// 21: a chunk list, encoded.
    List {
        /// Whose.
        blob: BlobRef,
        /// As [`super::ChunkList::read`] takes it.
        list: Vec<u8>,
    },
    /// 22: a chunk.
    Chunk {
        /// Whose.
        blob: BlobRef,
        /// Which.
        index: u32,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// 23: of what was asked for, all that is here was sent.
    Sent,
    /// 24: the sender asks for nothing more.
    Done,
    /// 25: the sender ends the exchange: what came is not what it asked for.
    Refuse,
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

impl BlobMessage {
    /// What it is called in errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Wants(_) => "Wants",
            Self::List { .. } => "List",
            Self::Chunk { .. } => "Chunk",
            Self::Sent => "Sent",
            Self::Done => "Done",
            Self::Refuse => "Refuse",
        }
    }

    /// The deterministic encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        // Writing to a Vec can't fail.
        let _ = self.encode_into(&mut e);
        e.into_writer()
    }

    fn encode_into(&self, e: &mut Encoder<Vec<u8>>) -> Written {
        match self {
            Self::Wants(wants) => {
                e.array(2)?.u8(20)?.array(wants.len() as u64)?;
                for want in wants {
                    e.array(3)?.encode(want.blob)?.bool(want.list)?.encode(&want.ranges)?;
                }
                e.ok()
            }
            Self::List { blob, list } => e.array(3)?.u8(21)?.encode(blob)?.bytes(list)?.ok(),
            Self::Chunk { blob, index, bytes } => {
                e.array(4)?.u8(22)?.encode(blob)?.u32(*index)?.bytes(bytes)?.ok()
            }
            Self::Sent => e.array(1)?.u8(23)?.ok(),
            Self::Done => e.array(1)?.u8(24)?.ok(),
            Self::Refuse => e.array(1)?.u8(25)?.ok(),
        }
    }

    /// Reads a message; lengths are checked before anything is copied.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        check_length("bytes in a message about blobs", bytes, MAX_BLOB_MESSAGE_BYTES)?;
        let mut d = Decoder::new(bytes);
        let fields = d.array()?.unwrap_or(0);
        let number = d.u64()?;
        let message = match (number, fields) {
            (20, 2) => Self::Wants(decode_wants(&mut d)?),
            (21, 3) => Self::List { blob: decode_ref(&mut d)?, list: d.bytes()?.to_vec() },
            (22, 4) => {
                let (blob, index, chunk) = (decode_ref(&mut d)?, d.u32()?, d.bytes()?);
                check_length("bytes in a chunk", chunk, CHUNK_BYTES)?;
                Self::Chunk { blob, index, bytes: chunk.to_vec() }
            }
            (23, 1) => Self::Sent,
            (24, 1) => Self::Done,
            (25, 1) => Self::Refuse,
            (number, _) if NUMBERS.contains(&number) => {
                return Err(malformed("wrong number of fields"));
            }
            _ => return Err(MessageError::Unknown { found: number }),
        };
        if d.position() != bytes.len() || message.encode() != bytes {
            return Err(MessageError::NotDeterministic);
        }
        Ok(message)
    }
}

fn malformed(reason: impl ToString) -> MessageError {
    MessageError::Malformed { reason: reason.to_string() }
}

fn check_length(what: &'static str, bytes: &[u8], limit: usize) -> Result<(), MessageError> {
    let (found, limit) = (bytes.len() as u64, limit as u64);
    if found > limit { Err(MessageError::TooMany { what, found, limit }) } else { Ok(()) }
}

fn decode_ref(d: &mut Decoder<'_>) -> Result<BlobRef, MessageError> {
    let blob: BlobRef = d.decode()?;
    blob.check().map_err(malformed)?;
    Ok(blob)
}

fn decode_wants(d: &mut Decoder<'_>) -> Result<Vec<Want>, MessageError> {
    let count = decode_count(d, "wanted blobs", MAX_WANTS)?;
    let mut wants = Vec::new();
    for _ in 0..count {
        if d.array()? != Some(3) {
            return Err(malformed("a want is an array of 3"));
        }
        let (blob, list) = (decode_ref(d)?, d.bool()?);
        wants.push(Want { ranges: decode_ranges(d, &blob)?, blob, list });
    }
    match wants.is_empty() {
        true => Err(malformed("wants nothing")),
        false => Ok(wants),
    }
}

fn decode_ranges(d: &mut Decoder<'_>, blob: &BlobRef) -> Result<Vec<ChunkRange>, MessageError> {
    let count = decode_count(d, "ranges of a wanted blob", MAX_RANGES)?;
    let mut ranges: Vec<ChunkRange> = Vec::new();
    for _ in 0..count {
        let range: ChunkRange = d.decode()?;
        let apart = ranges.last().is_none_or(|last| u64::from(range.first) > last.end());
        if !apart || range.count == 0 || range.end() > u64::from(blob.count()) {
            return Err(malformed("ranges are in order, apart, and within the blob"));
        }
        ranges.push(range);
    }
    match ranges.is_empty() {
        true => Err(malformed("wants no chunk")),
        false => Ok(ranges),
    }
}
