//! Two devices give each other the blobs that they want, after their histories have met. Sans I/O: messages and answers
//! in, messages and questions out. One message a side is held, and the chunk lists of one round.
//!
//! Both speak first, without waiting: what they want, or that they want nothing. The one who called is served first; the
//! other's wants are held until it wants nothing more. So both directions share one channel and neither side ever sends
//! while the other sends.

use std::collections::VecDeque;

use super::message::{BlobMessage, Want};
use super::set::ChunkRange;
use super::{BlobError, BlobRef, ChunkList};
use crate::id::BlobId;
use crate::limits::MAX_WANTS;

/// A blob to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub blob: BlobRef,
    /// Its chunk list, if it came before.
    pub list: Option<ChunkList>,
    /// The chunks that are missing.
    pub ranges: Vec<ChunkRange>,
}

/// What the exchange asks of its shell, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobEvent {
    /// Say what to ask for next, with [`BlobExchange::want`].
    Ask {
        /// Of the last round, what the peer has not, or not whole; to ask it again is of no use.
        short: Vec<BlobRef>,
    },
    /// Keep this list; it is the one that the name binds.
    List {
        /// Whose.
        blob: BlobRef,
        /// The list.
        list: ChunkList,
    },
    /// Keep this chunk; it is in the blob's list.
    Chunk {
        /// Whose.
        blob: BlobRef,
        /// Which.
        index: u32,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Send what is here of these, in order, with [`BlobExchange::send_list`] and [`BlobExchange::send_chunk`]; close
    /// with [`BlobExchange::sent`].
    Serve(Vec<Want>),
    /// Neither side wants anything more.
    Finished,
}

/// Why an exchange ends early. The peer is told with Refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Bytes that are not what was asked for.
    #[error(transparent)]
    Wrong(#[from] BlobError),
    /// Something that was not asked for.
    #[error("{what} of {blob} came, which was not asked for")]
    Unwanted {
        /// The blob.
        blob: BlobId,
        /// What came of it.
        what: String,
    },
    /// A message that has no place here.
    #[error("unexpected {message} in the exchange of blobs")]
    Unexpected {
        /// What came.
        message: &'static str,
    },
    /// The peer refused what came from here.
    #[error("the peer refused a blob that came from here")]
    Refused,
}

/// A blob that was asked for, and how far it came.
#[derive(Debug)]
struct Asked {
    wanted: Wanted,
    /// The place behind the last chunk that came.
    next: u32,
    came: u64,
}

/// An exchange of blobs, seen from one side.
#[derive(Debug)]
pub struct BlobExchange {
    initiator: bool,
    /// What was asked for, and the one that is coming.
    asked: Vec<Asked>,
    coming: usize,
    /// The peer's wants, until it is their turn.
    held: Option<Vec<Want>>,
    serving: bool,
    said_done: bool,
    heard_done: bool,
    out: VecDeque<BlobMessage>,
    events: VecDeque<BlobEvent>,
}

impl BlobExchange {
    /// Begins; `initiator` for the side that called.
    pub fn new(initiator: bool) -> Self {
        Self {
            initiator,
            asked: Vec::new(),
            coming: 0,
            held: None,
            serving: false,
            said_done: false,
            heard_done: false,
            out: VecDeque::new(),
            events: VecDeque::from([BlobEvent::Ask { short: Vec::new() }]),
        }
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<BlobMessage> {
        self.out.pop_front()
    }

    /// The next question of the exchange.
    pub fn poll_event(&mut self) -> Option<BlobEvent> {
        self.events.pop_front()
    }

    /// Answers [`BlobEvent::Ask`]: the blobs to ask for, in this order, [`MAX_WANTS`] at most; none ends the asking.
    pub fn want(&mut self, mut wanted: Vec<Wanted>) {
        wanted.retain(|wanted| !wanted.ranges.is_empty());
        wanted.truncate(MAX_WANTS);
        if wanted.is_empty() {
            self.said_done = true;
            self.out.push_back(BlobMessage::Done);
            self.serve_held();
            return self.finish();
        }
        let want = |wanted: &Wanted| Want {
            blob: wanted.blob,
            list: wanted.list.is_none(),
            ranges: wanted.ranges.clone(),
        };
        self.out.push_back(BlobMessage::Wants(wanted.iter().map(want).collect()));
        self.asked = wanted.into_iter().map(|wanted| Asked { wanted, next: 0, came: 0 }).collect();
        self.coming = 0;
    }

    /// Sends a chunk list.
    pub fn send_list(&mut self, blob: BlobRef, list: Vec<u8>) {
        self.out.push_back(BlobMessage::List { blob, list });
    }

    /// Sends a chunk.
    pub fn send_chunk(&mut self, blob: BlobRef, index: u32, bytes: Vec<u8>) {
        self.out.push_back(BlobMessage::Chunk { blob, index, bytes });
    }

    /// All that is here of the peer's wants was sent.
    pub fn sent(&mut self) {
        self.serving = false;
        self.out.push_back(BlobMessage::Sent);
    }

    /// Takes a message of the peer. After an error the exchange is over.
    pub fn handle_message(&mut self, message: BlobMessage) -> Result<(), ExchangeError> {
        let handled = self.handle(message);
        if handled.as_ref().is_err_and(|error| *error != ExchangeError::Refused) {
            self.out.push_back(BlobMessage::Refuse);
        }
        handled
    }

    fn handle(&mut self, message: BlobMessage) -> Result<(), ExchangeError> {
        let unexpected = Err(ExchangeError::Unexpected { message: message.name() });
        match message {
            BlobMessage::Refuse => Err(ExchangeError::Refused),
            BlobMessage::Wants(_) | BlobMessage::Done
                if self.heard_done || self.serving || self.held.is_some() =>
            {
                unexpected
            }
            BlobMessage::Wants(wants) => {
                self.held = Some(wants);
                self.serve_held();
                Ok(())
            }
            BlobMessage::Done => {
                self.heard_done = true;
                self.finish();
                Ok(())
            }
            BlobMessage::List { blob, list } => self.on_list(blob, &list),
            BlobMessage::Chunk { blob, index, bytes } => self.on_chunk(blob, index, bytes),
            BlobMessage::Sent if self.asked.is_empty() => unexpected,
            BlobMessage::Sent => {
                let asked = std::mem::take(&mut self.asked);
                let whole = |one: &Asked| {
                    one.came == one.wanted.ranges.iter().map(|r| u64::from(r.count)).sum::<u64>()
                };
                let short = asked.iter().filter(|one| !whole(one)).map(|one| one.wanted.blob);
                self.events.push_back(BlobEvent::Ask { short: short.collect() });
                Ok(())
            }
        }
    }

    /// The one that called asks first.
    fn serve_held(&mut self) {
        if (!self.initiator || self.said_done)
            && let Some(wants) = self.held.take()
        {
            self.serving = true;
            self.events.push_back(BlobEvent::Serve(wants));
        }
    }

    fn finish(&mut self) {
        if self.said_done && self.heard_done {
            self.events.push_back(BlobEvent::Finished);
        }
    }

    /// What was asked for comes in the order in which it was asked for; what the peer has not is passed over.
    fn coming(
        &mut self,
        blob: &BlobRef,
        what: impl Fn() -> String,
    ) -> Result<&mut Asked, ExchangeError> {
        let rest = self.asked.get(self.coming..).unwrap_or_default();
        let unwanted = || ExchangeError::Unwanted { blob: blob.id, what: what() };
        let ahead = rest.iter().position(|one| one.wanted.blob == *blob).ok_or_else(unwanted)?;
        self.coming += ahead;
        self.asked.get_mut(self.coming).ok_or_else(unwanted)
    }

    fn on_list(&mut self, blob: BlobRef, list: &[u8]) -> Result<(), ExchangeError> {
        let what = || "a list".to_owned();
        let asked = self.coming(&blob, what)?;
        if asked.wanted.list.is_some() {
            return Err(ExchangeError::Unwanted { blob: blob.id, what: what() });
        }
        let list = ChunkList::read(&blob, list)?;
        asked.wanted.list = Some(list.clone());
        self.events.push_back(BlobEvent::List { blob, list });
        Ok(())
    }

    fn on_chunk(&mut self, blob: BlobRef, index: u32, bytes: Vec<u8>) -> Result<(), ExchangeError> {
        let what = || format!("chunk {index}");
        let asked = self.coming(&blob, what)?;
        let within = asked.wanted.ranges.iter().any(|range| range.contains(index));
        let list = asked.wanted.list.as_ref().filter(|_| within && index >= asked.next);
        let list = list.ok_or_else(|| ExchangeError::Unwanted { blob: blob.id, what: what() })?;
        list.check(index, &bytes)?;
        asked.next = index.saturating_add(1);
        asked.came += 1;
        self.events.push_back(BlobEvent::Chunk { blob, index, bytes });
        Ok(())
    }
}
