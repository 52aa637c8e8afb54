//! From the domain's types to what faces are shown, and back.

use mirror_domain::body::MapBodyError;
use mirror_domain::conflict::Change;
use mirror_domain::{NoteState, Refusal, Role, SyncState};
use mirror_store::{Fault, StoreError};

use crate::error::Error;
use crate::view::{self, Code};

pub fn role(role: Role) -> view::Role {
    match role {
        Role::Anchor => view::Role::Anchor,
        Role::Node => view::Role::Node,
        Role::Capture => view::Role::Capture,
    }
}

pub fn role_from(role: view::Role) -> Role {
    match role {
        view::Role::Anchor => Role::Anchor,
        view::Role::Node => Role::Node,
        view::Role::Capture => Role::Capture,
    }
}

pub fn note_state(state: NoteState) -> view::NoteState {
    match state {
        NoteState::Current => view::NoteState::Current,
        NoteState::Conflict => view::NoteState::Conflict,
        NoteState::Archived => view::NoteState::Archived,
    }
}

pub fn sync_state(state: SyncState) -> view::SyncState {
    match state {
        SyncState::Synced => view::SyncState::Synced,
        SyncState::Stale => view::SyncState::Stale,
        SyncState::Unknown => view::SyncState::Unknown,
        SyncState::Offline => view::SyncState::Offline,
        SyncState::Ahead => view::SyncState::Ahead,
        SyncState::Behind => view::SyncState::Behind,
        SyncState::Conflict => view::SyncState::Conflict,
        SyncState::Forked => view::SyncState::Forked,
        SyncState::Revoked => view::SyncState::Revoked,
    }
}

pub fn diff(spans: Vec<(Change, String)>) -> Vec<view::DiffSpan> {
    let change = |change| match change {
        Change::Same => view::DiffChange::Same,
        Change::Added => view::DiffChange::Added,
        Change::Removed => view::DiffChange::Removed,
    };
    spans.into_iter().map(|(c, text)| view::DiffSpan { change: change(c), text }).collect()
}

/// A count as faces carry it; JavaScript's numbers end long after.
pub fn count(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// An error of the database itself, with what a person can do about it.
pub fn fault(error: &StoreError) -> Error {
    let hint = match error.fault() {
        Fault::Full => "free some space on the disk; nothing was lost",
        Fault::Denied => "check the permissions of the home's folder",
        Fault::Busy => "another process holds the home for long; close it, or try again",
        Fault::Corrupt => {
            let hint = "run `mirror doctor`; another device or a backup has the events";
            return Error::new(Code::Integrity, error, hint);
        }
        Fault::Other => "check the disk's space and permissions, then run `mirror doctor`",
    };
    Error::new(Code::Io, error, hint)
}

impl From<MapBodyError> for Error {
    fn from(error: MapBodyError) -> Self {
        Self::invalid(error, "see `mirror map`")
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let (code, hint) = match &refusal {
            Refusal::Text(_)
            | Refusal::Attachment(_)
            | Refusal::Transcript(_)
            | Refusal::NameTaken { .. } => (Code::Invalid, "change it and try again"),
            Refusal::NoRecording { .. } => (Code::NotFound, "see `mirror note show ID`"),
            Refusal::NoSuchRevision { .. } => {
                (Code::NotFound, "see `mirror note show ID --history`")
            }
            Refusal::Unchanged | Refusal::SameTranscript => {
                (Code::Invalid, "nothing had to be written")
            }
            Refusal::InConflict => (Code::Conflict, "choose one with `mirror resolve` first"),
            Refusal::NoConflict | Refusal::NoFileConflict => {
                (Code::Invalid, "see `mirror conflicts`")
            }
            Refusal::NotText => {
                (Code::Invalid, "take ours or theirs, or a file with --take file:PATH")
            }
            Refusal::NoProposal => {
                (Code::Conflict, "take ours or theirs, or write the text with --take file:PATH")
            }
            Refusal::Archived => (Code::Invalid, "edit it to bring it back"),
            Refusal::NotOwn { .. } => {
                (Code::Refused, "do it on that device, or on one with the anchor role")
            }
            Refusal::NotForgettable { .. } => (
                Code::Invalid,
                "name a note, or a revision as `mirror note show ID --history` does",
            ),
            Refusal::Forgotten { .. } => (Code::NotFound, "nothing had to be written"),
            Refusal::OnlyCaptures => {
                (Code::Refused, "do it on a device with the anchor or node role")
            }
            Refusal::SharedAlready { .. } => (Code::Invalid, "see `mirror vault shared`"),
            Refusal::NotAnchor => (Code::Refused, "do it on a device with the anchor role"),
            Refusal::NoMember => (Code::NotFound, "see `mirror device list`"),
            Refusal::LastAnchor => (Code::Refused, "admit another anchor, then revoke this one"),
        };
        Self::new(code, &refusal, hint)
    }
}
