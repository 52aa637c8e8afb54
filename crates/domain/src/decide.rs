//! Commands become bodies here, or refusals with a reason.

use std::collections::BTreeSet;

use mirror_protocol::{BlobId, DeviceId, EventId, Tip};

use crate::attachment::{Attachment, AttachmentError, check_attachments};
use crate::body::{Body, DeviceAdmit, DeviceRename, DeviceRevoke, NoteAdd, NoteArchive, NoteEdit};
use crate::body::{MAX_FORGETS, MAX_REPLACES, NoteForget, Role, VaultShare, check_content};
use crate::body::{NoteTranscript, TranscriptError};
use crate::conflict::Conflict;
use crate::graph::Node;
use crate::membership::Membership;
use crate::note::{NoteGraph, NoteState};
use crate::share::{Shares, may_share};
use crate::text::{DeviceName, TextError, check_reason, check_tags};
use crate::transcript::{Heard, Transcript};

/// Why a command is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A text outside its limits.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Attachments outside their limits.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// A transcript outside its limits.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// A transcript of what the note does not carry.
    #[error("this note carries no recording {audio}")]
    NoRecording {
        /// What was named.
        audio: BlobId,
    },
    /// The transcript says what the one shown says.
    #[error("this is the transcript that the recording has already")]
    SameTranscript,
    /// An edit of a revision that the note does not have.
    #[error("{base} is no revision of this note")]
    NoSuchRevision {
        /// What was named.
        base: EventId,
    },
    /// The edit changes nothing.
    #[error("the text and tags are what they were")]
    Unchanged,
    /// Somebody has to choose first.
    #[error("this note has several latest revisions")]
    InConflict,
    /// There is nothing to choose.
    #[error("this note has one latest revision; there is nothing to resolve")]
    NoConflict,
    /// There is nothing to choose.
    #[error("this file has one latest version; there is nothing to resolve")]
    NoFileConflict,
    /// A text can't stand for it.
    #[error("this file is no short text; a text can't be taken for it")]
    NotText,
    /// The changes overlap.
    #[error("both sides changed the same lines; there is no merge to take")]
    NoProposal,
    /// Put away already.
    #[error("this note is archived already")]
    Archived,
    /// Another device's, and this one is no anchor.
    #[error("revision {event} is of another device; only that one or an anchor forgets it")]
    NotOwn {
        /// The revision.
        event: EventId,
    },
    /// What is to stay.
    #[error("{event} is a {kind}; only what notes hold can be forgotten")]
    NotForgettable {
        /// The event.
        event: EventId,
        /// Its kind.
        kind: String,
    },
    /// There is nothing left.
    #[error("{event} was forgotten already")]
    Forgotten {
        /// The revision, or the note.
        event: EventId,
    },
    /// Only anchors change the membership.
    #[error("only an anchor admits, renames or revokes other devices")]
    NotAnchor,
    /// Nobody of that name.
    #[error("no such member")]
    NoMember,
    /// The mesh would have nobody to admit anyone.
    #[error("this is the last anchor; admit another first")]
    LastAnchor,
    /// A phone takes part, and decides nothing for the others' disks.
    #[error("a device with the capture role can't decide which folders are shared")]
    OnlyCaptures,
    /// It is as it was asked to be.
    #[error("{folder:?} is {} already", if *.shared { "shared" } else { "not shared" })]
    SharedAlready {
        /// The folder.
        folder: String,
        /// What was asked for.
        shared: bool,
    },
    /// Two devices of one name can't be told apart.
    #[error("another device is named {name:?} already")]
    NameTaken {
        /// The name.
        name: String,
    },
}

/// How a person settles a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Take {
    /// This device's revision.
    Ours,
    /// The other.
    Theirs,
    /// The proposal.
    Merged,
    /// A text of one's own.
    Text(String),
}

/// A new note.
pub fn add(text: &str, tags: &[String]) -> Result<Body, Refusal> {
    add_with(text, tags, Vec::new())
}

/// A new note that carries something; then it may go without a text.
pub fn add_with(
    text: &str,
    tags: &[String],
    attachments: Vec<Attachment>,
) -> Result<Body, Refusal> {
    check_content(text, &attachments)?;
    check_attachments(&attachments)?;
    Ok(Body::NoteAdd(NoteAdd { text: text.to_owned(), tags: check_tags(tags)?, attachments }))
}

/// A revision carries what the revisions carry that it replaces. It says so itself only where it has no text: a reader
/// must see that it has something.
fn carried(text: &str, seen: &[Attachment]) -> Option<Vec<Attachment>> {
    text.trim()
        .is_empty()
        .then(|| seen.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect())
}

/// A revision of the one that the person saw. If another has come meanwhile, both stay, as a conflict.
pub fn edit(
    note: EventId,
    graph: &NoteGraph,
    base: &EventId,
    text: &str,
    tags: Option<&[String]>,
) -> Result<Body, Refusal> {
    let seen = graph.get(base).ok_or(Refusal::NoSuchRevision { base: *base })?;
    check_content(text, &seen.attachments)?;
    let tags = tags.map_or_else(|| Ok(seen.tags.clone()), check_tags)?;
    if seen.text == text && seen.tags == tags && !seen.archived {
        return Err(Refusal::Unchanged);
    }
    let leaves = graph.leaves();
    let twins = leaves.iter().filter(|leaf| leaf.content() == seen.content());
    // Leaves that say the same as the one seen are replaced with it: the person saw them all.
    let mut replaces: Vec<EventId> = twins.map(|leaf| leaf.id).take(MAX_REPLACES).collect();
    if !replaces.contains(base) {
        replaces = vec![*base];
    }
    let attachments = carried(text, &seen.attachments);
    Ok(Body::NoteEdit(NoteEdit { note, replaces, text: text.to_owned(), tags, attachments }))
}

/// Puts a note away.
pub fn archive(note: EventId, graph: &NoteGraph) -> Result<Body, Refusal> {
    match graph.state() {
        NoteState::Conflict => Err(Refusal::InConflict),
        NoteState::Archived => Err(Refusal::Archived),
        NoteState::Current => {
            let replaces = graph.leaves().iter().map(|leaf| leaf.id).take(MAX_REPLACES).collect();
            Ok(Body::NoteArchive(NoteArchive { note, replaces }))
        }
    }
}

/// Settles a conflict: a revision that replaces both sides.
pub fn resolve(
    note: EventId,
    graph: &NoteGraph,
    here: &DeviceId,
    take: Take,
) -> Result<Body, Refusal> {
    let conflict = Conflict::of(graph, here).ok_or(Refusal::NoConflict)?;
    let replaces = vec![conflict.ours.id, conflict.theirs.id];
    let sides = [&conflict.ours, &conflict.theirs];
    let carrying = sides.map(|side| side.attachments.clone());
    let [ours, theirs] = &carrying;
    // A side that is taken is taken with what it carries; otherwise all stays that either carries.
    let taken = match take {
        Take::Ours if ours != theirs => Some(ours.clone()),
        Take::Theirs if ours != theirs => Some(theirs.clone()),
        _ => None,
    };
    let (text, tags, archived) = match take {
        Take::Ours => (conflict.ours.text, conflict.ours.tags, conflict.ours.archived),
        Take::Theirs => (conflict.theirs.text, conflict.theirs.tags, conflict.theirs.archived),
        Take::Merged => {
            let merge = conflict.proposal.ok_or(Refusal::NoProposal)?;
            (merge.text, merge.tags, false)
        }
        Take::Text(text) => {
            let tags = conflict.proposal.map_or(conflict.ours.tags, |merge| merge.tags);
            (text, tags, false)
        }
    };
    if archived {
        return Ok(Body::NoteArchive(NoteArchive { note, replaces }));
    }
    let attachments = taken.or_else(|| carried(&text, &carrying.concat()));
    check_content(&text, attachments.as_deref().unwrap_or_default())?;
    Ok(Body::NoteEdit(NoteEdit { note, replaces, text, tags, attachments }))
}

/// What was heard in a recording that the note carries; it replaces what was heard before. `said` tells all transcripts
/// of the note.
pub fn transcript(
    graph: &NoteGraph,
    said: &[Transcript],
    new: NoteTranscript,
) -> Result<Body, Refusal> {
    let carries = |audio| graph.history().iter().any(|revision| revision.carries(audio));
    if !carries(&new.audio) {
        return Err(Refusal::NoRecording { audio: new.audio });
    }
    let heard = Heard::of(&new.audio, said);
    if let Some(Heard { first, segments, .. }) = &heard {
        let same = (&first.body.engine, &first.body.model, segments);
        if same == (&new.engine, &new.model, &new.segments) && first.body.silent == new.silent {
            return Err(Refusal::SameTranscript);
        }
    }
    let mut replaces = heard.map(|heard| heard.leaves).unwrap_or_default();
    let over = replaces.len().saturating_sub(MAX_REPLACES);
    let new = NoteTranscript { replaces: replaces.split_off(over), ..new };
    new.check()?;
    Ok(Body::NoteTranscript(new))
}

/// Forgets revisions of a note, given with their devices: an anchor any, others their own. As many events as it takes.
pub fn forget(
    membership: &Membership,
    actor: &DeviceId,
    note: EventId,
    revisions: &[(Tip, DeviceId)],
    reason: &str,
) -> Result<Vec<Body>, Refusal> {
    check_reason(reason)?;
    if revisions.is_empty() {
        return Err(Refusal::Forgotten { event: note });
    }
    let own = |device: &DeviceId| device == actor && membership.active(actor).is_some();
    let foreign = revisions.iter().find(|(_, device)| !own(device));
    if let Some((tip, _)) = foreign.filter(|_| !membership.is_anchor(actor)) {
        return Err(Refusal::NotOwn { event: tip.id });
    }
    let bodies = revisions.chunks(MAX_FORGETS).map(|part| {
        let targets = part.iter().map(|(tip, _)| *tip).collect();
        Body::NoteForget(NoteForget { note, targets, reason: reason.to_owned() })
    });
    Ok(bodies.collect())
}

/// Shares a folder of the vault with all devices, or ends that.
pub fn share(
    membership: &Membership,
    actor: &DeviceId,
    shares: &Shares,
    folder: &str,
    shared: bool,
) -> Result<Body, Refusal> {
    if !may_share(membership.active(actor).map(|member| member.role)) {
        return Err(Refusal::OnlyCaptures);
    }
    let folder = folder.to_owned();
    if shares.holds_below(&folder) == shared {
        return Err(Refusal::SharedAlready { folder, shared });
    }
    Ok(Body::VaultShare(VaultShare { folder, shared }))
}

/// Admits a device.
pub fn admit(
    membership: &Membership,
    actor: &DeviceId,
    device: DeviceId,
    name: &str,
    role: Role,
) -> Result<Body, Refusal> {
    may_change_others(membership, actor)?;
    let name = free_name(membership, name, &device)?;
    Ok(Body::DeviceAdmit(DeviceAdmit { device, name, role }))
}

/// Renames a device.
pub fn rename(
    membership: &Membership,
    actor: &DeviceId,
    device: DeviceId,
    name: &str,
) -> Result<Body, Refusal> {
    if *actor != device {
        may_change_others(membership, actor)?;
    }
    membership.member(&device).ok_or(Refusal::NoMember)?;
    let name = free_name(membership, name, &device)?;
    Ok(Body::DeviceRename(DeviceRename { device, name }))
}

/// Revokes a device; its chains count up to the given heads.
pub fn revoke(
    membership: &Membership,
    actor: &DeviceId,
    device: DeviceId,
    heads: Vec<Tip>,
) -> Result<Body, Refusal> {
    may_change_others(membership, actor)?;
    let member = membership.active(&device).ok_or(Refusal::NoMember)?;
    let anchors = membership
        .all()
        .into_iter()
        .filter(|m| m.role == Role::Anchor && m.revoked.is_none() && m.device != device);
    if member.role == Role::Anchor && anchors.count() == 0 {
        return Err(Refusal::LastAnchor);
    }
    Ok(Body::DeviceRevoke(DeviceRevoke { device, heads }))
}

fn may_change_others(membership: &Membership, actor: &DeviceId) -> Result<(), Refusal> {
    if membership.is_anchor(actor) { Ok(()) } else { Err(Refusal::NotAnchor) }
}

fn free_name(membership: &Membership, name: &str, of: &DeviceId) -> Result<String, Refusal> {
    let name = DeviceName::new(name)?.to_string();
    let taken = membership
        .all()
        .into_iter()
        .any(|member| member.device != *of && member.revoked.is_none() && member.name == name);
    if taken { Err(Refusal::NameTaken { name }) } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::revision;

    const NOTE: EventId = EventId([1; 32]);
    const HERE: DeviceId = DeviceId([0; 32]);

    fn conflicted() -> NoteGraph {
        NoteGraph::new([
            revision(1, &[], "a\nb\nc"),
            revision(2, &[1], "A\nb\nc"),
            revision(3, &[1], "a\nb\nC"),
        ])
    }

    #[test]
    fn a_resolution_replaces_both_sides() {
        let Ok(Body::NoteEdit(edit)) = resolve(NOTE, &conflicted(), &HERE, Take::Merged) else {
            panic!("no edit");
        };
        assert_eq!(edit.text, "A\nb\nC");
        assert_eq!(edit.replaces, [EventId([2; 32]), EventId([3; 32])]);
    }

    #[test]
    fn a_note_in_conflict_is_not_archived_over_a_persons_head() {
        assert_eq!(archive(NOTE, &conflicted()), Err(Refusal::InConflict));
    }

    #[test]
    fn an_edit_of_what_was_seen_never_replaces_what_came_since() {
        let graph = NoteGraph::new([revision(1, &[], "a"), revision(2, &[1], "b")]);
        let Ok(Body::NoteEdit(edit)) = edit(NOTE, &graph, &NOTE, "mine", None) else {
            panic!("no edit");
        };
        assert_eq!(edit.replaces, [NOTE]);
    }

    #[test]
    fn a_side_that_is_taken_is_taken_with_what_it_carries() {
        use mirror_protocol::{BlobId, BlobRef, ChunkListHash};
        let blob = BlobRef { id: BlobId([1; 32]), bytes: 1, chunks: ChunkListHash([1; 32]) };
        let memo = Attachment::new(blob, "memo", "audio/mp4");
        let mut theirs = revision(3, &[1], "a\nb\nC");
        (theirs.attachments, theirs.inherits) = (vec![memo.clone()], false);
        let [first, ours] = [revision(1, &[], "a\nb\nc"), revision(2, &[1], "A\nb\nc")];
        let graph = NoteGraph::new([first, ours, theirs]);
        let carries = |take| match resolve(NOTE, &graph, &HERE, take) {
            Ok(Body::NoteEdit(edit)) => edit.attachments,
            other => panic!("no edit: {other:?}"),
        };
        assert_eq!(carries(Take::Ours), Some(vec![]));
        assert_eq!(carries(Take::Theirs), Some(vec![memo]));
        assert_eq!(carries(Take::Merged), None, "all that either carries");
    }

    #[test]
    fn an_edit_without_a_change_is_named() {
        let graph = NoteGraph::new([revision(1, &[], "a")]);
        assert_eq!(edit(NOTE, &graph, &NOTE, "a", None), Err(Refusal::Unchanged));
    }

    #[test]
    fn a_transcript_replaces_the_one_before_and_cites_a_recording_that_the_note_carries() {
        use crate::body::Segment;
        let mut note = revision(1, &[], "");
        let blob = mirror_protocol::BlobRef {
            id: BlobId([1; 32]),
            bytes: 1,
            chunks: mirror_protocol::ChunkListHash([1; 32]),
        };
        note.attachments = vec![Attachment::new(blob, "memo.opus", "audio/ogg")];
        let graph = NoteGraph::new([note.clone()]);
        let new = |audio, text: &str| NoteTranscript {
            note: NOTE,
            audio,
            replaces: vec![],
            continues: None,
            engine: "engine".into(),
            model: "tiny".into(),
            model_hash: None,
            language: None,
            silent: false,
            segments: vec![Segment { start_ms: 0, end_ms: 9, text: text.into() }],
        };
        let other = BlobId([2; 32]);
        let refused = transcript(&graph, &[], new(other, "words"));
        assert_eq!(refused, Err(Refusal::NoRecording { audio: other }));
        let Ok(Body::NoteTranscript(body)) = transcript(&graph, &[], new(blob.id, "words")) else {
            panic!("no transcript");
        };
        let id = EventId([7; 32]);
        let (device, at, order) = (note.device, note.at, note.order);
        let said = [Transcript { id, body, device, at, order }];
        assert_eq!(transcript(&graph, &said, new(blob.id, "words")), Err(Refusal::SameTranscript));
        let Ok(Body::NoteTranscript(again)) = transcript(&graph, &said, new(blob.id, "better"))
        else {
            panic!("no transcript");
        };
        assert_eq!(again.replaces, [id]);
        let refused = transcript(&graph, &said, new(blob.id, "\u{7}"));
        assert!(matches!(refused, Err(Refusal::Transcript(_))), "{refused:?}");
    }

    #[test]
    fn strangers_forget_nothing() {
        let tip = Tip { chain: mirror_protocol::ChainId([1; 32]), seq: 1, id: NOTE };
        let refused = forget(&Membership::default(), &HERE, NOTE, &[(tip, HERE)], "why");
        assert_eq!(refused, Err(Refusal::NotOwn { event: NOTE }));
        let nothing = forget(&Membership::default(), &HERE, NOTE, &[], "why");
        assert_eq!(nothing, Err(Refusal::Forgotten { event: NOTE }));
    }

    #[test]
    fn strangers_change_nothing() {
        let none = Membership::default();
        assert_eq!(
            admit(&none, &HERE, DeviceId([9; 32]), "Phone", Role::Anchor),
            Err(Refusal::NotAnchor)
        );
    }
}
