//! What events say: one type a kind, in CBOR maps to which later versions may add keys.

use minicbor::{Decode, Encode};
use mirror_protocol::{CHAIN_OPEN, ChainOpen, DeviceId, Event, EventId, Tip};

use crate::text::{DeviceName, TextError, check_tags, check_text};

/// Revisions that one event may replace.
pub const MAX_REPLACES: usize = 16;

/// A device's job in the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Admits and revokes devices.
    #[n(0)]
    Anchor,
    /// Reads and writes.
    #[n(1)]
    Node,
    /// A phone: reads and writes notes, can't change the membership.
    #[n(2)]
    Capture,
}

impl Role {
    /// The number that stands for it.
    pub fn number(self) -> u8 {
        match self {
            Self::Anchor => 0,
            Self::Node => 1,
            Self::Capture => 2,
        }
    }

    /// The role of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Anchor, Self::Node, Self::Capture].into_iter().find(|r| r.number() == number)
    }
}

/// `note.add`: a new note.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NoteAdd {
    /// Markdown.
    #[n(0)]
    pub text: String,
    /// Sorted, each once.
    #[n(1)]
    pub tags: Vec<String>,
}

/// `note.edit`: a revision that replaces others.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NoteEdit {
    /// The note: its first event.
    #[n(0)]
    pub note: EventId,
    /// The revisions that it replaces.
    #[n(1)]
    pub replaces: Vec<EventId>,
    /// Markdown.
    #[n(2)]
    pub text: String,
    /// Sorted, each once.
    #[n(3)]
    pub tags: Vec<String>,
}

/// `note.archive`: a revision that puts the note away, with its parent's text.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NoteArchive {
    /// The note.
    #[n(0)]
    pub note: EventId,
    /// The revisions that it replaces.
    #[n(1)]
    pub replaces: Vec<EventId>,
}

/// `device.admit`: a new member.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DeviceAdmit {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// What people call it.
    #[n(1)]
    pub name: String,
    /// Its job.
    #[n(2)]
    pub role: Role,
}

/// `device.rename`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DeviceRename {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// What people call it from now on.
    #[n(1)]
    pub name: String,
}

/// `device.revoke`: no longer a member, from these heads on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DeviceRevoke {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// Its chains' newest events that still count.
    #[n(1)]
    pub heads: Vec<Tip>,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The first event of a chain.
    ChainOpen(ChainOpen),
    /// A new note.
    NoteAdd(NoteAdd),
    /// A revision.
    NoteEdit(NoteEdit),
    /// A revision that puts away.
    NoteArchive(NoteArchive),
    /// A new member.
    DeviceAdmit(DeviceAdmit),
    /// A new name.
    DeviceRename(DeviceRename),
    /// A member no longer.
    DeviceRevoke(DeviceRevoke),
    /// A kind of a later version: kept, passed on, shown as unknown.
    Unknown,
    /// The body was forgotten.
    Missing,
}

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
    /// Replaces nothing, or too much.
    #[error("{event} replaces {found} revisions, 1 to {MAX_REPLACES} can be replaced")]
    Replaces {
        /// The event.
        event: EventId,
        /// How many.
        found: usize,
    },
}

/// The kind of the event that begins a note.
pub const NOTE_ADD: &str = "note.add";
/// The kind of the event that admits a device.
pub const DEVICE_ADMIT: &str = "device.admit";

macro_rules! kinds {
    ($($variant:ident = $kind:tt),* $(,)?) => {
        impl Body {
            /// The event kind of this body; `None` for what is never written.
            pub fn kind(&self) -> Option<&'static str> {
                match self {
                    Self::ChainOpen(_) => Some(CHAIN_OPEN),
                    $(Self::$variant(_) => Some($kind),)*
                    Self::Unknown | Self::Missing => None,
                }
            }

            /// The body's bytes.
            pub fn encode(&self) -> Vec<u8> {
                // Writing to a Vec can't fail.
                match self {
                    Self::ChainOpen(open) => open.encode(),
                    $(Self::$variant(body) => minicbor::to_vec(body).unwrap_or_default(),)*
                    Self::Unknown | Self::Missing => Vec::new(),
                }
            }

            fn decode(kind: &str, bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
                match kind {
                    $($kind => minicbor::decode(bytes).map(Self::$variant),)*
                    _ => Ok(Self::Unknown),
                }
            }
        }
    };
}

kinds! {
    NoteAdd = NOTE_ADD,
    NoteEdit = "note.edit",
    NoteArchive = "note.archive",
    DeviceAdmit = "device.admit",
    DeviceRename = "device.rename",
    DeviceRevoke = "device.revoke",
}

impl Body {
    /// Reads the body of an event that was verified when it came, and checks its limits.
    pub fn read(event: &Event) -> Result<Self, BodyError> {
        let Some(bytes) = event.body.as_deref() else { return Ok(Self::Missing) };
        let kind = event.header.kind.as_str();
        let malformed = |reason: String| BodyError::Malformed {
            event: event.id,
            kind: kind.to_owned(),
            reason,
        };
        let body = if kind == CHAIN_OPEN {
            let open = ChainOpen::of_checked(event);
            open.map(Self::ChainOpen).map_err(|error| malformed(error.to_string()))?
        } else {
            Self::decode(kind, bytes).map_err(|error| malformed(error.to_string()))?
        };
        body.check(event.id)?;
        Ok(body)
    }

    fn check(&self, event: EventId) -> Result<(), BodyError> {
        let text = |error| BodyError::Text { event, error };
        let replaces = |found: usize| match found {
            1..=MAX_REPLACES => Ok(()),
            _ => Err(BodyError::Replaces { event, found }),
        };
        match self {
            Self::NoteAdd(add) => {
                check_text(&add.text).map_err(text)?;
                check_tags(&add.tags).map_err(text)?;
            }
            Self::NoteEdit(edit) => {
                check_text(&edit.text).map_err(text)?;
                check_tags(&edit.tags).map_err(text)?;
                replaces(edit.replaces.len())?;
            }
            Self::NoteArchive(archive) => replaces(archive.replaces.len())?,
            Self::DeviceAdmit(DeviceAdmit { name, .. })
            | Self::DeviceRename(DeviceRename { name, .. }) => {
                DeviceName::new(name).map_err(text)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// It decides who is a member.
    pub fn is_about_members(&self) -> bool {
        matches!(
            self,
            Self::ChainOpen(_)
                | Self::DeviceAdmit(_)
                | Self::DeviceRename(_)
                | Self::DeviceRevoke(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirror_protocol::{BodyHash, Header, Lamport, WallTime};

    fn event(kind: &str, body: Vec<u8>) -> Event {
        let header = Header {
            chain: Some(mirror_protocol::ChainId([1; 32])),
            seq: 1,
            prev: Some(EventId([2; 32])),
            deps: vec![],
            lamport: Lamport(2),
            at: WallTime { unix_ms: 0, offset_min: 0 },
            kind: kind.into(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        };
        Event::new(header, body).unwrap()
    }

    #[test]
    fn a_body_reads_back_as_written() {
        let body = Body::NoteEdit(NoteEdit {
            note: EventId([7; 32]),
            replaces: vec![EventId([8; 32])],
            text: "शुभ 🙂".into(),
            tags: vec!["idea".into()],
        });
        let event = event(body.kind().unwrap(), body.encode());
        assert_eq!(Body::read(&event), Ok(body));
    }

    #[test]
    fn kinds_of_later_versions_are_kept_not_guessed() {
        assert_eq!(Body::read(&event("note.sing", vec![1])), Ok(Body::Unknown));
    }

    #[test]
    fn keys_of_later_versions_are_skipped() {
        // {0: "hi", 1: [], 9: true}
        let bytes = vec![0xa3, 0x00, 0x62, b'h', b'i', 0x01, 0x80, 0x09, 0xf5];
        let body = Body::NoteAdd(NoteAdd { text: "hi".into(), tags: vec![] });
        assert_eq!(Body::read(&event("note.add", bytes)), Ok(body));
    }

    #[test]
    fn garbage_of_a_known_kind_is_an_error_that_names_the_event() {
        let event = event("note.add", vec![0xff]);
        assert!(Body::read(&event).unwrap_err().to_string().contains(&event.id.to_string()));
    }
}
