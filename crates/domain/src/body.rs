//! What events say: one type a kind, in CBOR maps to which later versions may add keys.

mod error;
mod map;
mod session;
mod transcript;
mod vault;

use minicbor::{Decode, Encode};
use mirror_protocol::{CHAIN_OPEN, ChainOpen, DeviceId, Event, EventId, Tip};

use crate::attachment::{Attachment, check_attachments};
use crate::cbor::is_deterministic;
use crate::text::{DeviceName, MAX_TAGS, TextError, check_reason, check_tags, check_text};

pub use error::BodyError;
pub use map::{MAX_NODE_BYTES, MapBodyError, MapGroup, MapPlace, SPOT_MAX, check_node};
pub use session::{
    Difference, Differs, DistillateSeal, DistillateStale, MAX_DISTILLATE_BYTES, MAX_ITEMS,
    MAX_LINE_BYTES, MAX_LINES, MAX_QUOTED_BYTES, MAX_REJECTIONS, Rejection, RepoCheck, RepoState,
    SessionBodyError, SessionCheckpoint, SessionClose, SessionOpen, SessionRecover, SessionReject,
    SessionReview, ToldItem, Verdict, Why, Work, check_project,
};
pub use transcript::{
    MAX_ENGINE_BYTES, MAX_LANGUAGE_BYTES, MAX_SEGMENTS, NoteTranscript, Segment, TranscriptError,
    parts,
};
pub use vault::{
    Adopted, Cause, MAX_ADOPTED, MAX_BY_BYTES, MAX_FINDING_BYTES, MAX_FINDINGS, MAX_PATH_BYTES,
    MAX_SOURCES, VaultAdopt, VaultBodyError, VaultFinding, VaultPrune, VaultRefuse, VaultScrub,
    VaultShare, VaultWrite, check_path,
};

/// Revisions that one event may replace.
pub const MAX_REPLACES: usize = 16;
/// Revisions that one event may forget.
pub const MAX_FORGETS: usize = 64;

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
    /// What it carries beside its text, which may be empty then.
    #[cbor(n(2), default, skip_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
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
    /// What it carries from now on; without it, what the revisions carry that it replaces.
    #[n(4)]
    pub attachments: Option<Vec<Attachment>>,
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

/// `note.forget`: revisions whose bodies go, everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NoteForget {
    /// The note, as its author saw it: for people, nothing is decided by it.
    #[n(0)]
    pub note: EventId,
    /// The revisions, each with its exact place, which tells whose it is also where it is not here.
    #[n(1)]
    pub targets: Vec<Tip>,
    /// Why; it stays.
    #[n(2)]
    pub reason: String,
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
    /// Revisions that are no more.
    NoteForget(NoteForget),
    /// What was heard in a recording.
    NoteTranscript(NoteTranscript),
    /// A new member.
    DeviceAdmit(DeviceAdmit),
    /// A new name.
    DeviceRename(DeviceRename),
    /// A member no longer.
    DeviceRevoke(DeviceRevoke),
    /// A version of a file.
    VaultWrite(VaultWrite),
    /// A refused write.
    VaultRefuse(VaultRefuse),
    /// The vault was read and compared.
    VaultScrub(VaultScrub),
    /// Files that were there when they were first seen.
    VaultAdopt(VaultAdopt),
    /// A folder's files are shared, or no longer.
    VaultShare(VaultShare),
    /// Old versions are no longer kept.
    VaultPrune(VaultPrune),
    /// An agent begins.
    SessionOpen(SessionOpen),
    /// Where a session stands.
    SessionCheckpoint(SessionCheckpoint),
    /// A session is over.
    SessionClose(SessionClose),
    /// A session that ended without a close.
    SessionRecover(SessionRecover),
    /// What a session was not told.
    SessionReject(SessionReject),
    /// What a person makes of that.
    SessionReview(SessionReview),
    /// The essence of its sources, sealed.
    DistillateSeal(DistillateSeal),
    /// A distillate that is no longer told.
    DistillateStale(DistillateStale),
    /// Where a thing stands on the map.
    MapPlace(MapPlace),
    /// In which place a thing of the map is.
    MapGroup(MapGroup),
    /// A kind of a later version: kept, passed on, shown as unknown.
    Unknown,
    /// The body is not here: forgotten, or held back by somebody.
    Missing,
}

/// The kind of the event that begins a note.
pub const NOTE_ADD: &str = "note.add";
/// The kind of the event that forgets.
pub const NOTE_FORGET: &str = "note.forget";
/// The kind of the event that holds a transcript.
pub const NOTE_TRANSCRIPT: &str = "note.transcript";
/// The kind of the event that admits a device.
pub const DEVICE_ADMIT: &str = "device.admit";
const DEVICE_RENAME: &str = "device.rename";
const DEVICE_REVOKE: &str = "device.revoke";

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
    NoteForget = NOTE_FORGET,
    NoteTranscript = NOTE_TRANSCRIPT,
    DeviceAdmit = DEVICE_ADMIT,
    DeviceRename = DEVICE_RENAME,
    DeviceRevoke = DEVICE_REVOKE,
    VaultWrite = "vault.write",
    VaultRefuse = "vault.refuse",
    VaultScrub = "vault.scrub",
    VaultAdopt = "vault.adopt",
    VaultShare = "vault.share",
    VaultPrune = "vault.prune",
    SessionOpen = "session.open",
    SessionCheckpoint = "session.checkpoint",
    SessionClose = "session.close",
    SessionRecover = "session.recover",
    SessionReject = "session.reject",
    SessionReview = "session.review",
    DistillateSeal = "distillate.seal",
    DistillateStale = "distillate.stale",
    MapPlace = "map.place",
    MapGroup = "map.group",
}

/// Whether the body of an event of this kind can be forgotten: what notes hold, also notes of later versions. What decides
/// who belongs, or what is forgotten, has to stay readable.
pub fn can_be_forgotten(kind: &str) -> bool {
    kind.starts_with("note.") && kind != NOTE_FORGET
}

/// Whether an event of this kind is taken only with its body: without it two devices would not agree on who belongs.
pub fn needs_body(kind: &str) -> bool {
    [CHAIN_OPEN, DEVICE_ADMIT, DEVICE_RENAME, DEVICE_REVOKE, NOTE_FORGET].contains(&kind)
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
            let body = Self::decode(kind, bytes).map_err(|error| malformed(error.to_string()))?;
            // Two readers must not disagree on whether an event says something.
            if body != Self::Unknown && !is_deterministic(bytes) {
                return Err(malformed("it is not deterministic CBOR".to_owned()));
            }
            body
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
                check_content(&add.text, &add.attachments).map_err(text)?;
                check_tag_list(&add.tags).map_err(text)?;
            }
            Self::NoteEdit(edit) => {
                let attachments = edit.attachments.as_deref().unwrap_or_default();
                check_content(&edit.text, attachments).map_err(text)?;
                check_tag_list(&edit.tags).map_err(text)?;
                replaces(edit.replaces.len())?;
            }
            Self::NoteArchive(archive) => replaces(archive.replaces.len())?,
            Self::NoteTranscript(transcript) => {
                let checked = transcript.check();
                checked.map_err(|error| BodyError::Transcript { event, error })?;
            }
            Self::NoteForget(forget) => {
                check_reason(&forget.reason).map_err(text)?;
                let found = forget.targets.len();
                if !(1..=MAX_FORGETS).contains(&found) {
                    return Err(BodyError::Forgets { event, found });
                }
            }
            Self::DeviceAdmit(DeviceAdmit { name, .. })
            | Self::DeviceRename(DeviceRename { name, .. }) => {
                // As it is kept and shown: not even white space around it makes another name of it.
                let shown = DeviceName::new(name).map_err(text)?;
                if shown.as_str() != name {
                    return Err(text(TextError::BadName { found: name.clone() }));
                }
            }
            Self::MapPlace(place) => {
                place.check().map_err(|error| BodyError::Map { event, error })?;
            }
            Self::MapGroup(group) => {
                group.check().map_err(|error| BodyError::Map { event, error })?;
            }
            _ => {}
        }
        self.check_vault().map_err(|error| BodyError::Vault { event, error })?;
        self.check_session().map_err(|error| BodyError::Session { event, error })?;
        check_attachments(self.attachments())
            .map_err(|error| BodyError::Attachment { event, error })
    }

    fn check_vault(&self) -> Result<(), VaultBodyError> {
        match self {
            Self::VaultWrite(write) => write.check(),
            Self::VaultRefuse(refuse) => refuse.check(),
            Self::VaultScrub(scrub) => scrub.check(),
            Self::VaultAdopt(adopt) => adopt.check(),
            Self::VaultShare(share) => share.check(),
            _ => Ok(()),
        }
    }

    /// What it names beside its text.
    pub fn attachments(&self) -> &[Attachment] {
        match self {
            Self::NoteAdd(add) => &add.attachments,
            Self::NoteEdit(edit) => edit.attachments.as_deref().unwrap_or_default(),
            _ => &[],
        }
    }

    /// It decides who is a member, or what is forgotten: folded before all others.
    pub fn is_about_members(&self) -> bool {
        matches!(
            self,
            Self::ChainOpen(_)
                | Self::NoteForget(_)
                | Self::DeviceAdmit(_)
                | Self::DeviceRename(_)
                | Self::DeviceRevoke(_)
        )
    }
}

/// Checks a note's text: only a note that carries something may go without.
pub(crate) fn check_content(text: &str, attachments: &[Attachment]) -> Result<(), TextError> {
    if text.trim().is_empty() && !attachments.is_empty() {
        return Ok(());
    }
    check_text(text)
}

/// A list as it came may hold one tag many times; the limit is that of the list.
fn check_tag_list(tags: &[String]) -> Result<(), TextError> {
    if tags.len() > MAX_TAGS {
        return Err(TextError::TooManyTags { found: tags.len() });
    }
    check_tags(tags).map(drop)
}

#[cfg(test)]
mod tests;
