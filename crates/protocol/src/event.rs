//! An event: a small hashed header, and a body beside it.

use minicbor::{Decoder, Encoder};

use crate::head::Tip;
use crate::id::{BodyHash, ChainId, EventId, hash};
use crate::limits::{MAX_BODY_BYTES, MAX_DEPS, MAX_HEADER_BYTES, MAX_KIND_BYTES};

/// The header format this crate writes.
pub const HEADER_VERSION: u8 = 1;

/// A Lamport clock reading; 1 for an event without causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lamport(pub u64);

/// The author's wall clock: shown to people, never used for order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WallTime {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
    /// The author's offset from UTC, in minutes.
    pub offset_min: i16,
}

/// A place in canonical order. Events of two branches can share all but the id.
pub type Order = (Lamport, ChainId, u64, EventId);

/// A causal link to the head of another chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dep {
    /// The other chain.
    pub chain: ChainId,
    /// The position in it.
    pub seq: u64,
    /// The event there.
    pub id: EventId,
}

/// What is hashed into an event's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The chain; `None` in its first event, whose id becomes the chain's.
    pub chain: Option<ChainId>,
    /// Position in the chain, from 0.
    pub seq: u64,
    /// The event before; `None` in the first.
    pub prev: Option<EventId>,
    /// Heads of other chains that the author had folded since `prev`, sorted; of a forked chain one a branch.
    pub deps: Vec<Dep>,
    /// `1 + max(lamport of prev and deps)`.
    pub lamport: Lamport,
    /// The author's wall clock.
    pub at: WallTime,
    /// What the body means, such as `note.add`; lower-case letters, digits, `.`, `-`, `_`.
    pub kind: String,
    /// SHA-256 of the body.
    pub body_hash: BodyHash,
    /// Bytes of the body.
    pub body_bytes: u32,
}

/// Why bytes are no header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Longer than any header may be.
    #[error("header of {found} bytes, the limit is {MAX_HEADER_BYTES}")]
    TooLong {
        /// Its bytes.
        found: usize,
    },
    /// Not the CBOR shape of a header.
    #[error("header is not well-formed: {reason}")]
    Malformed {
        /// What the decoder met.
        reason: String,
    },
    /// Same value, other bytes: RFC 8949 §4.2 allows one encoding only.
    #[error("header is not in deterministic encoding")]
    NotDeterministic,
    /// A format of the future.
    #[error("header version {found}, this program reads {HEADER_VERSION}")]
    Version {
        /// The version met.
        found: u8,
    },
    /// Too many causal links.
    #[error("{found} deps, the limit is {MAX_DEPS}")]
    TooManyDeps {
        /// How many the header claims.
        found: u64,
    },
    /// Links out of order, one twice, or to the own chain.
    #[error("deps are not sorted, or name one event twice, or their own chain")]
    BadDeps,
    /// A kind outside its alphabet or length.
    #[error("kind {found:?} is not 1 to {MAX_KIND_BYTES} of a-z 0-9 . - _")]
    BadKind {
        /// The kind, cut.
        found: String,
    },
    /// First events have no chain and prev, all others have both.
    #[error("seq {seq} does not fit its chain and prev fields")]
    BadPosition {
        /// The position.
        seq: u64,
    },
    /// A body over the limit.
    #[error("body of {found} bytes, the limit is {MAX_BODY_BYTES}")]
    BodyTooLong {
        /// The claimed length.
        found: u64,
    },
    /// An offset that no zone has.
    #[error("UTC offset of {found} minutes, the limit is 18 hours")]
    BadOffset {
        /// The offset.
        found: i16,
    },
}

impl From<minicbor::decode::Error> for HeaderError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Malformed { reason: error.to_string() }
    }
}

impl Header {
    /// The deterministic encoding: a CBOR array of eleven (RFC 8949 §4.2).
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::with_capacity(192 + self.deps.len() * 78));
        // Writing to a Vec can't fail.
        let _ = self.encode_into(&mut e);
        e.into_writer()
    }

    fn encode_into(
        &self,
        e: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.array(11)?.u8(HEADER_VERSION)?;
        match &self.chain {
            Some(chain) => e.bytes(&chain.0)?,
            None => e.null()?,
        };
        e.u64(self.seq)?;
        match &self.prev {
            Some(prev) => e.bytes(&prev.0)?,
            None => e.null()?,
        };
        e.array(self.deps.len() as u64)?;
        for dep in &self.deps {
            e.array(3)?.bytes(&dep.chain.0)?.u64(dep.seq)?.bytes(&dep.id.0)?;
        }
        e.u64(self.lamport.0)?.i64(self.at.unix_ms)?.i16(self.at.offset_min)?;
        e.str(&self.kind)?.bytes(&self.body_hash.0)?.u32(self.body_bytes)?;
        Ok(())
    }

    /// Reads a header. Checks, in this order: length, shape, version, deterministic encoding, then [`Self::check`].
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() > MAX_HEADER_BYTES {
            return Err(HeaderError::TooLong { found: bytes.len() });
        }
        let mut d = Decoder::new(bytes);
        let malformed = |reason: &str| HeaderError::Malformed { reason: reason.to_owned() };
        if d.array()? != Some(11) {
            return Err(malformed("expected an array of 11"));
        }
        let version = d.u8()?;
        if version != HEADER_VERSION {
            return Err(HeaderError::Version { found: version });
        }
        let header = Self {
            chain: d.decode()?,
            seq: d.u64()?,
            prev: d.decode()?,
            deps: decode_deps(&mut d)?,
            lamport: Lamport(d.u64()?),
            at: WallTime { unix_ms: d.i64()?, offset_min: d.i16()? },
            kind: d.str()?.to_owned(),
            body_hash: d.decode()?,
            body_bytes: d.u32()?,
        };
        if d.position() != bytes.len() || header.encode() != bytes {
            return Err(HeaderError::NotDeterministic);
        }
        header.check()?;
        Ok(header)
    }

    /// What must hold of any header by itself: position, deps, kind, offset, body length.
    pub fn check(&self) -> Result<(), HeaderError> {
        let first = self.seq == 0;
        if self.chain.is_none() != first || self.prev.is_none() != first {
            return Err(HeaderError::BadPosition { seq: self.seq });
        }
        if self.deps.len() > MAX_DEPS {
            return Err(HeaderError::TooManyDeps { found: self.deps.len() as u64 });
        }
        let sorted = self.deps.windows(2).all(|pair| match pair {
            [a, b] => a < b,
            _ => true,
        });
        if !sorted || self.deps.iter().any(|dep| Some(dep.chain) == self.chain) {
            return Err(HeaderError::BadDeps);
        }
        if !is_kind(&self.kind) {
            return Err(HeaderError::BadKind { found: self.kind.chars().take(40).collect() });
        }
        if self.at.offset_min.unsigned_abs() > 18 * 60 {
            return Err(HeaderError::BadOffset { found: self.at.offset_min });
        }
        if self.body_bytes as usize > MAX_BODY_BYTES {
            return Err(HeaderError::BodyTooLong { found: self.body_bytes.into() });
        }
        Ok(())
    }
}

fn decode_deps(d: &mut Decoder<'_>) -> Result<Vec<Dep>, HeaderError> {
    let malformed = |reason: &str| HeaderError::Malformed { reason: reason.to_owned() };
    let count = d.array()?.ok_or_else(|| malformed("deps of indefinite length"))?;
    if count > MAX_DEPS as u64 {
        return Err(HeaderError::TooManyDeps { found: count });
    }
    let mut deps = Vec::new();
    for _ in 0..count {
        if d.array()? != Some(3) {
            return Err(malformed("expected a dep of 3"));
        }
        deps.push(Dep { chain: d.decode()?, seq: d.u64()?, id: d.decode()? });
    }
    Ok(deps)
}

fn is_kind(kind: &str) -> bool {
    (1..=MAX_KIND_BYTES).contains(&kind.len())
        && kind.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'))
}

/// A header with its exact bytes, its id, and its body unless that was forgotten or left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The parsed header.
    pub header: Header,
    /// The encoded header, as hashed.
    pub bytes: Vec<u8>,
    /// SHA-256 over the encoded header.
    pub id: EventId,
    /// The body, when it is here. [`Event::read`] has checked it against the header.
    pub body: Option<Vec<u8>>,
}

/// Why a header and a body are no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The header is no header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The body is another than the header names.
    #[error("body hashes to {found}, the header of {event} names {expected}")]
    Body {
        /// The event.
        event: EventId,
        /// The hash in the header.
        expected: BodyHash,
        /// The hash of the bytes.
        found: BodyHash,
    },
}

impl Event {
    /// Seals a header and its body; the caller has set `body_hash` and `body_bytes` with [`Event::new`].
    fn seal(header: Header, body: Option<Vec<u8>>) -> Self {
        let bytes = header.encode();
        let id = id_of(&bytes);
        Self { header, bytes, id, body }
    }

    /// A new event. The header's body fields are filled in from `body`.
    pub fn new(mut header: Header, body: Vec<u8>) -> Result<Self, HeaderError> {
        header.body_bytes = u32::try_from(body.len())
            .map_err(|_| HeaderError::BodyTooLong { found: body.len() as u64 })?;
        header.body_hash = BodyHash::of(&body);
        header.check()?;
        let event = Self::seal(header, Some(body));
        if event.bytes.len() > MAX_HEADER_BYTES {
            return Err(HeaderError::TooLong { found: event.bytes.len() });
        }
        Ok(event)
    }

    /// Reads an event from a peer or from disk, checking the body against the header.
    pub fn read(bytes: Vec<u8>, body: Option<Vec<u8>>) -> Result<Self, EventError> {
        let header = Header::decode(&bytes)?;
        let id = id_of(&bytes);
        if let Some(body) = &body {
            let found = BodyHash::of(body);
            if found != header.body_hash || body.len() != header.body_bytes as usize {
                return Err(EventError::Body { event: id, expected: header.body_hash, found });
            }
        }
        Ok(Self { header, bytes, id, body })
    }

    /// The chain: the header's, or for a first event the one it starts.
    pub fn chain(&self) -> ChainId {
        self.header.chain.unwrap_or(ChainId::from(self.id))
    }

    /// Its place in canonical order.
    pub fn order(&self) -> Order {
        (self.header.lamport, self.chain(), self.header.seq, self.id)
    }

    /// The event before it in its chain; none for a first event.
    pub fn before(&self) -> Option<Tip> {
        let (id, seq) = self.header.prev.zip(self.header.seq.checked_sub(1))?;
        Some(Tip { chain: self.chain(), seq, id })
    }

    /// Where it stands, exactly.
    pub fn tip(&self) -> Tip {
        Tip { chain: self.chain(), seq: self.header.seq, id: self.id }
    }
}

/// The id of an encoded header.
pub fn id_of(header_bytes: &[u8]) -> EventId {
    EventId(hash("mirrordna/event/1", &[header_bytes]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> Header {
        Header {
            chain: None,
            seq: 0,
            prev: None,
            deps: vec![],
            lamport: Lamport(1),
            at: WallTime { unix_ms: 1_795_000_000_000, offset_min: 330 },
            kind: "chain.open".into(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        }
    }

    #[test]
    fn an_event_reads_back_as_written() {
        let event = Event::new(first(), b"hello".to_vec()).unwrap();
        assert_eq!(Event::read(event.bytes.clone(), event.body.clone()), Ok(event));
    }

    #[test]
    fn a_changed_body_is_named() {
        let event = Event::new(first(), b"hello".to_vec()).unwrap();
        let error = Event::read(event.bytes, Some(b"jello".to_vec())).unwrap_err();
        assert!(matches!(error, EventError::Body { .. }));
    }

    #[test]
    fn another_encoding_of_the_same_header_is_refused() {
        let event = Event::new(first(), vec![]).unwrap();
        let mut padded = event.bytes.clone();
        padded.push(0);
        assert_eq!(Header::decode(&padded), Err(HeaderError::NotDeterministic));
        // lamport 1 as a two-byte integer: same value, not the shortest form
        let position = event.bytes.iter().position(|b| *b == 0x80).unwrap() + 1;
        let mut long = event.bytes.clone();
        long.splice(position..=position, [0x18, 0x01]);
        assert_eq!(Header::decode(&long), Err(HeaderError::NotDeterministic));
    }

    #[test]
    fn limits_stand_in_the_error() {
        let mut header = first();
        header.kind = "No Capitals".into();
        assert!(matches!(header.check(), Err(HeaderError::BadKind { .. })));
        let error = Event::new(first(), vec![0; MAX_BODY_BYTES + 1]).unwrap_err();
        assert_eq!(error.to_string(), "body of 65537 bytes, the limit is 65536");
    }

    #[test]
    fn a_header_is_bounded_before_it_is_read() {
        let error = Header::decode(&vec![0; MAX_HEADER_BYTES + 1]).unwrap_err();
        assert_eq!(error.to_string(), "header of 49153 bytes, the limit is 49152");
        // [1, null, 0, null, array(513)
        let claim = [0x8b, 0x01, 0xf6, 0x00, 0xf6, 0x99, 0x02, 0x01];
        assert_eq!(Header::decode(&claim), Err(HeaderError::TooManyDeps { found: 513 }));
        let dep = |n: u16| {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            Dep { chain: ChainId(id), seq: u64::MAX, id: EventId(id) }
        };
        let mut widest = first();
        widest.deps = (0..MAX_DEPS as u16).map(dep).collect();
        let (lamport, kind) = (Lamport(u64::MAX), "k".repeat(MAX_KIND_BYTES));
        (widest.lamport, widest.kind) = (lamport, kind);
        assert!(Event::new(widest, vec![0; MAX_BODY_BYTES]).is_ok());
    }

    #[test]
    fn a_later_version_is_named_not_guessed() {
        let mut bytes = Event::new(first(), vec![]).unwrap().bytes;
        bytes[1] = 2;
        assert_eq!(Header::decode(&bytes), Err(HeaderError::Version { found: 2 }));
    }
}
