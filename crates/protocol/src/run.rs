//! A run: consecutive events of one chain with a signed head at their end. Taken whole or refused whole.

use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::array::{self, decode_array};
use crate::chain::{CHAIN_OPEN, ChainOpen, ChainOpenError};
use crate::event::{Event, EventError};
use crate::head::{Point, SignatureError, SignedHead, Tip};
use crate::id::{ChainId, EventId, MeshId, PublicKey};
use crate::limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES, SPAN_EVENTS};

/// An event on the wire: header bytes and body, either as the author hashed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireEvent {
    /// The encoded header.
    pub header: Vec<u8>,
    /// The body; absent when it was forgotten.
    pub body: Option<Vec<u8>>,
}

// By hand: the derived form leaves a missing body out, and an event would have two shapes.
impl<C> Encode<C> for WireEvent {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.header)?;
        match &self.body {
            Some(body) => e.bytes(body)?.ok(),
            None => e.null()?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for WireEvent {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        array::of(d, 2)?;
        let header = d.bytes()?.to_vec();
        let body = match d.datatype()? {
            minicbor::data::Type::Null => d.null().map(|()| None)?,
            _ => Some(d.bytes()?.to_vec()),
        };
        Ok(Self { header, body })
    }
}

/// Consecutive events of one chain, oldest first, ending at `head`.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
#[cbor(array)]
pub struct Run {
    /// The events; 1 to [`SPAN_EVENTS`].
    #[n(0)]
    pub events: Vec<WireEvent>,
    /// The author's signature over the last of them.
    #[n(1)]
    pub head: SignedHead,
}

decode_array!(Run, 2: events, head);

/// A run whose hashes, links and signature hold; its causes are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRun {
    /// The chain.
    pub chain: ChainId,
    /// The events, oldest first; never empty.
    pub events: Vec<Event>,
    /// The signed head at their end.
    pub head: SignedHead,
    /// The first body, when the run starts its chain.
    pub open: Option<ChainOpen>,
}

/// Why a run is refused whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Empty, or longer than a span.
    #[error("a run holds 1 to {SPAN_EVENTS} events, found {found}")]
    Length {
        /// How many it holds.
        found: usize,
    },
    /// A span ends inside the run. Taken, it would leave the reader without the head that it has to cut runs at.
    #[error("a run from {first} to {last} passes the end of a span, where a head has to be kept")]
    Span {
        /// The first position.
        first: u64,
        /// The last.
        last: u64,
    },
    /// A header or body over its limit.
    #[error("event {index} of the run is over its limits")]
    TooLong {
        /// Which event of the run.
        index: usize,
    },
    /// An event does not read, or its body is another.
    #[error("event {index} of the run: {error}")]
    Event {
        /// Which event of the run.
        index: usize,
        /// What is wrong with it.
        error: EventError,
    },
    /// An event of another chain, or out of sequence, or with another `prev`.
    #[error("event {event} does not follow the one before it")]
    Link {
        /// The event.
        event: EventId,
    },
    /// The signed head is not that of the last event.
    #[error("the signed head names {}, the run ends with {}", place(found), place(expected))]
    Head {
        /// The last event.
        expected: Tip,
        /// What the head names.
        found: Tip,
    },
    /// The signature does not hold.
    #[error("the head of {chain} at {seq}: {error}")]
    Signature {
        /// The chain.
        chain: ChainId,
        /// The position.
        seq: u64,
        /// What is wrong.
        error: SignatureError,
    },
    /// The first event opens no chain.
    #[error(transparent)]
    Open(#[from] ChainOpenError),
    /// A first event's kind further down the chain.
    #[error("event {event} opens a chain that is already open")]
    Reopened {
        /// The event.
        event: EventId,
    },
    /// Nobody told us this chain's key: its first event has not come.
    #[error("the chain {chain} is unknown and the run does not start it")]
    UnknownChain {
        /// The chain.
        chain: ChainId,
    },
    /// The run starts a chain of another mesh.
    #[error("the chain {chain} belongs to another mesh, {theirs}")]
    OtherMesh {
        /// The chain.
        chain: ChainId,
        /// Its mesh.
        theirs: MeshId,
    },
}

impl Run {
    /// Checks a run by itself and against where it attaches. In this order: length; each event's header,
    /// body hash and limits; sequence and `prev` links within the run; for a run from seq 0 the first event and its
    /// authority signature; the head's position, then its signature with the chain's key.
    ///
    /// `key` is the key of a chain that is already known. That the run attaches to the local chain (`prev` of its first
    /// event), its causes and its membership are the caller's to check: see [`crate::intake::Intake`].
    pub fn verify(self, key: Option<PublicKey>) -> Result<VerifiedRun, RunError> {
        let count = self.events.len();
        if count == 0 || count as u64 > SPAN_EVENTS {
            return Err(RunError::Length { found: count });
        }
        let mut events: Vec<Event> = Vec::with_capacity(count);
        for (index, wire) in self.events.into_iter().enumerate() {
            let body_bytes = wire.body.as_ref().map_or(0, Vec::len);
            if wire.header.len() > MAX_HEADER_BYTES || body_bytes > MAX_BODY_BYTES {
                return Err(RunError::TooLong { index });
            }
            let event = Event::read(wire.header, wire.body)
                .map_err(|error| RunError::Event { index, error })?;
            if let Some(before) = events.last() {
                check_link(before, &event)?;
            }
            if event.header.seq > 0 && event.header.kind == CHAIN_OPEN {
                return Err(RunError::Reopened { event: event.id });
            }
            events.push(event);
        }
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Err(RunError::Length { found: 0 });
        };
        let (from, to) = (first.header.seq, last.header.seq);
        if from / SPAN_EVENTS != to / SPAN_EVENTS {
            return Err(RunError::Span { first: from, last: to });
        }
        let open = if first.header.seq == 0 { Some(ChainOpen::read(first)?) } else { None };
        let chain = first.chain();
        let signer = open.map(|open| open.key).or(key).ok_or(RunError::UnknownChain { chain })?;
        let tip = self.head.tip;
        let expected = Tip { chain, seq: last.header.seq, id: last.id };
        if tip != expected {
            return Err(RunError::Head { expected, found: tip });
        }
        self.head.verify(&signer).map_err(|error| RunError::Signature {
            chain,
            seq: tip.seq,
            error,
        })?;
        Ok(VerifiedRun { chain, events, head: self.head, open })
    }
}

fn place(tip: &Tip) -> String {
    format!("event {} at {} of chain {}", tip.id, tip.seq, tip.chain)
}

fn check_link(before: &Event, event: &Event) -> Result<(), RunError> {
    let follows = event.chain() == before.chain()
        && Some(event.header.seq) == before.header.seq.checked_add(1)
        && event.header.prev == Some(before.id);
    if follows { Ok(()) } else { Err(RunError::Link { event: event.id }) }
}

impl VerifiedRun {
    /// A run that starts a chain starts it in this mesh. Any other run attaches to a chain of which this was checked.
    pub fn is_of(&self, mesh: MeshId) -> Result<(), RunError> {
        match self.open {
            Some(open) if open.mesh != mesh => {
                Err(RunError::OtherMesh { chain: self.chain, theirs: open.mesh })
            }
            _ => Ok(()),
        }
    }

    /// The first event's position.
    pub fn first_seq(&self) -> u64 {
        self.events.first().map_or(0, |event| event.header.seq)
    }

    /// What the run attaches to: nothing for a first event.
    pub fn prev(&self) -> Option<EventId> {
        self.events.first().and_then(|event| event.header.prev)
    }

    /// Leaves events at its front out. What is left does not start the chain.
    pub fn cut_front(&mut self, count: usize) {
        if count > 0 {
            self.events.drain(..count.min(self.events.len()));
            self.open = None;
        }
    }

    /// What its events rest on outside their own sequence: what is before the first, and every link to another chain.
    pub fn causes(&self) -> impl Iterator<Item = Tip> {
        let before = self.events.first().and_then(Event::before);
        let links = self.events.iter().flat_map(|event| event.header.deps.iter().copied());
        before.into_iter().chain(links.map(Tip::from))
    }

    /// Where it ends.
    pub fn last(&self) -> Option<Point> {
        self.events.last().map(Point::of)
    }

    /// Bytes of headers and bodies.
    pub fn bytes(&self) -> usize {
        self.events.iter().map(|e| e.bytes.len() + e.body.as_ref().map_or(0, Vec::len)).sum()
    }

    /// As it travels.
    pub fn to_wire(&self) -> Run {
        let events = self
            .events
            .iter()
            .map(|event| WireEvent { header: event.bytes.clone(), body: event.body.clone() })
            .collect();
        Run { events, head: self.head }
    }
}

/// Whether the signed head at this position is kept for good, so that any peer can cut runs there.
pub fn is_span_end(seq: u64) -> bool {
    seq % SPAN_EVENTS == SPAN_EVENTS - 1
}
