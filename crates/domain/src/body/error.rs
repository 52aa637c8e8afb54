//! Why a body means nothing.

use mirror_protocol::EventId;

use super::{
    MAX_FORGETS, MAX_REPLACES, MapBodyError, SessionBodyError, TranscriptError, VaultBodyError,
};
use crate::attachment::AttachmentError;
use crate::text::TextError;

/// Why a body of a known kind can't be understood. The event stays in its chain and means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not the CBOR of this kind.
    #[error("the body of {event} is no {kind}: {reason}")]
    Malformed {
        /// The event.
        event: EventId,
        /// Its kind.
        kind: String,
        /// What the decoder met.
        reason: String,
    },
    /// A text outside its limits.
    #[error("the body of {event}: {error}")]
    Text {
        /// The event.
        event: EventId,
        /// The limit.
        error: TextError,
    },
    /// Attachments outside their limits.
    #[error("the body of {event}: {error}")]
    Attachment {
        /// The event.
        event: EventId,
        /// The limit.
        error: AttachmentError,
    },
    /// A transcript outside its limits.
    #[error("the body of {event}: {error}")]
    Transcript {
        /// The event.
        event: EventId,
        /// The limit.
        error: TranscriptError,
    },
    /// About the vault, and outside its limits.
    #[error("the body of {event}: {error}")]
    Vault {
        /// The event.
        event: EventId,
        /// The limit.
        error: VaultBodyError,
    },
    /// About a session or a distillate, and outside its limits.
    #[error("the body of {event}: {error}")]
    Session {
        /// The event.
        event: EventId,
        /// The limit.
        error: SessionBodyError,
    },
    /// About the map, and outside its limits.
    #[error("the body of {event}: {error}")]
    Map {
        /// The event.
        event: EventId,
        /// The limit.
        error: MapBodyError,
    },
    /// Replaces nothing, or too much.
    #[error("{event} replaces {found} revisions, 1 to {MAX_REPLACES} can be replaced")]
    Replaces {
        /// The event.
        event: EventId,
        /// How many.
        found: usize,
    },
    /// Forgets nothing, or too much.
    #[error("{event} forgets {found} revisions, 1 to {MAX_FORGETS} can be forgotten")]
    Forgets {
        /// The event.
        event: EventId,
        /// How many.
        found: usize,
    },
}
