//! What events mean, by the letter of `docs/PROTOCOL.md` and without regard to cost.

use std::collections::{BTreeMap, BTreeSet};

use mirror_domain::attachment::Attachment;
use mirror_domain::{Body, NoteState, Role};
use mirror_protocol::{ChainId, DeviceId, EventId, Lamport, MeshId, Tip};

use crate::fold::Listed;
use crate::model::Fact;

/// With more revocations than this, trying all sets of them takes too long.
const MAX_REVOCATIONS: usize = 8;

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// It was revoked.
    pub revoked: bool,
}

impl Member {
    /// As the domain has it.
    pub fn of(member: &mirror_domain::Member) -> Self {
        let (name, role) = (member.name.clone(), member.role);
        Self { name, role, revoked: member.revoked.is_some() }
    }
}

/// What a set of events means.
#[derive(Debug)]
pub struct Meaning {
    /// Notes.
    pub notes: BTreeMap<EventId, Listed>,
    /// Members.
    pub members: BTreeMap<DeviceId, Member>,
}

/// Folds events, which may come in any order.
pub fn fold(mesh: MeshId, facts: &[&Fact]) -> Option<Meaning> {
    let history: History<'_> = facts.iter().map(|fact| (fact.event.id, *fact)).collect();
    let mut said: Vec<&Fact> = facts.iter().copied().filter(|fact| about_members(fact)).collect();
    said.sort_by_key(|fact| order(fact));
    let (members, in_force) = members(mesh, &said, &history)?;
    let counts = |fact: &Fact| {
        let cuts = in_force.iter().filter_map(|by| cut(said[*by]));
        members.contains_key(&fact.author)
            && cuts
                .filter(|(device, _)| *device == fact.author)
                .all(|(_, heads)| within(heads, fact, &history))
    };
    let counting: Vec<&Fact> = facts.iter().copied().filter(|fact| counts(fact)).collect();
    Some(Meaning { notes: notes(facts, &counting), members })
}

/// Everything, by id.
type History<'a> = BTreeMap<EventId, &'a Fact>;

fn about_members(fact: &Fact) -> bool {
    fact.body.as_ref().is_some_and(Body::is_about_members)
}

fn order(fact: &Fact) -> (Lamport, ChainId, u64, EventId) {
    let event = &fact.event;
    (event.header.lamport, event.chain(), event.header.seq, event.id)
}

/// A note and the revisions that an event replaces, if it is one.
fn revises(fact: &Fact) -> Option<(EventId, &[EventId])> {
    match fact.body.as_ref()? {
        Body::NoteAdd(_) => Some((fact.event.id, &[])),
        Body::NoteEdit(edit) => Some((edit.note, &edit.replaces)),
        Body::NoteArchive(archive) => Some((archive.note, &archive.replaces)),
        _ => None,
    }
}

/// Revisions that count, of every note that is here, whether or not its first does.
fn notes(facts: &[&Fact], counting: &[&Fact]) -> BTreeMap<EventId, Listed> {
    let mut revisions: BTreeMap<EventId, Vec<&Fact>> = BTreeMap::new();
    for fact in counting {
        if let Some((note, _)) = revises(fact) {
            revisions.entry(note).or_default().push(fact);
        }
    }
    let is_note = |note: &EventId| {
        let first = facts.iter().find(|fact| fact.event.id == *note);
        first.is_some_and(|first| matches!(first.body, Some(Body::NoteAdd(_))))
    };
    revisions.retain(|note, _| is_note(note));
    revisions.into_iter().map(|(note, all)| (note, listed(&all))).collect()
}

fn listed(revisions: &[&Fact]) -> Listed {
    let replaced: BTreeSet<EventId> =
        revisions.iter().filter_map(|f| revises(f)).flat_map(|(_, all)| all).copied().collect();
    let leaves: Vec<&&Fact> =
        revisions.iter().filter(|fact| !replaced.contains(&fact.event.id)).collect();
    let contents: BTreeSet<_> = leaves.iter().map(|leaf| content(leaf, revisions)).collect();
    let archived = contents.iter().next().is_some_and(|(.., archived)| *archived);
    let state = match contents.len() {
        1 if archived => NoteState::Archived,
        0 | 1 => NoteState::Current,
        _ => NoteState::Conflict,
    };
    let mut leaves: Vec<EventId> = leaves.iter().map(|leaf| leaf.event.id).collect();
    leaves.sort_unstable();
    Listed { state, leaves }
}

/// What a revision says: text, tags, what it carries, whether it puts the note away.
type Content = (String, Vec<String>, Vec<Attachment>, bool);

/// An archive says what the newest revision that it replaces says. What does not say otherwise carries what all revisions
/// carry that it replaces.
fn content(of: &Fact, revisions: &[&Fact]) -> Content {
    let replaces = revises(of).map(|(_, replaces)| replaces).unwrap_or_default();
    let mut parents: Vec<&&Fact> = revisions
        .iter()
        .filter(|fact| replaces.contains(&fact.event.id) && order(fact) < order(of))
        .collect();
    parents.sort_by_key(|fact| order(fact));
    let parents: Vec<Content> = parents.into_iter().map(|fact| content(fact, revisions)).collect();
    let mut inherited = Vec::new();
    for attachment in parents.iter().flat_map(|(_, _, carried, _)| carried) {
        if !inherited.contains(attachment) {
            inherited.push(attachment.clone());
        }
    }
    match &of.body {
        Some(Body::NoteAdd(add)) => {
            (add.text.clone(), add.tags.clone(), add.attachments.clone(), false)
        }
        Some(Body::NoteEdit(edit)) => {
            let carried = edit.attachments.clone().unwrap_or(inherited);
            (edit.text.clone(), edit.tags.clone(), carried, false)
        }
        Some(Body::NoteArchive(_)) => {
            let (text, tags, ..) = parents.last().cloned().unwrap_or_default();
            (text, tags, inherited, true)
        }
        _ => Content::default(),
    }
}

/// The members by trial: of all sets of revocations, the one that agrees with itself. A set agrees when, with it in force,
/// exactly its own revocations count. Of several, the one with the earliest revocations in canonical order.
///
/// `None` where no set agrees, as with revocations that undo each other in a ring, and where there are too many to try.
fn members(mesh: MeshId, said: &[&Fact], history: &History<'_>) -> Option<Trial> {
    let revocations: Vec<usize> =
        (0..said.len()).filter(|n| matches!(said[*n].body, Some(Body::DeviceRevoke(_)))).collect();
    if revocations.len() > MAX_REVOCATIONS {
        return None;
    }
    let count = revocations.len() as u32;
    // The earliest revocation is the highest bit, so that the first set that agrees is the one wanted.
    for set in (0..1u32 << count).rev() {
        let in_force: BTreeSet<usize> = revocations
            .iter()
            .enumerate()
            .filter(|(bit, _)| set & (1 << (count as usize - 1 - bit)) != 0)
            .map(|(_, index)| *index)
            .collect();
        let (members, counted) = walk(mesh, said, &in_force, history);
        if counted == in_force {
            return Some((members, in_force));
        }
    }
    None
}

fn cut(fact: &Fact) -> Option<(DeviceId, &[Tip])> {
    match &fact.body {
        Some(Body::DeviceRevoke(revoke)) => Some((revoke.device, &revoke.heads)),
        _ => None,
    }
}

/// Whether an event is one of the heads or lies before one.
fn within(heads: &[Tip], fact: &Fact, history: &History<'_>) -> bool {
    let event = &fact.event;
    heads.iter().filter(|head| head.chain == event.chain()).any(|head| {
        if !history.contains_key(&head.id) {
            return event.header.seq <= head.seq;
        }
        let before = |fact: &&Fact| fact.event.header.prev.and_then(|id| history.get(&id).copied());
        std::iter::successors(history.get(&head.id).copied(), before)
            .any(|f| f.event.id == event.id)
    })
}

/// The members, and which of what was said is a revocation in force.
type Trial = (BTreeMap<DeviceId, Member>, BTreeSet<usize>);

/// One pass in canonical order with these revocations in force. Gives the members, and which revocations count.
fn walk(mesh: MeshId, said: &[&Fact], in_force: &BTreeSet<usize>, history: &History<'_>) -> Trial {
    let mut members: BTreeMap<DeviceId, Member> = BTreeMap::new();
    let mut founder = None;
    let mut counted = BTreeSet::new();
    for (index, fact) in said.iter().enumerate() {
        let void = in_force.iter().filter(|by| **by != index).any(|by| {
            cut(said[*by]).is_some_and(|(device, heads)| {
                device == fact.author && !within(heads, fact, history)
            })
        });
        if void {
            continue;
        }
        let by_anchor = is_anchor(&members, founder, &fact.author);
        match fact.body.as_ref() {
            Some(Body::ChainOpen(open))
                if open.mesh == mesh && open.is_founder() && founder.is_none() =>
            {
                founder = Some(open.device);
                let new = (open.device, "founder", Role::Anchor);
                admit(&mut members, said, in_force, index, new);
            }
            Some(Body::DeviceAdmit(a)) if by_anchor => {
                admit(&mut members, said, in_force, index, (a.device, &a.name, a.role));
            }
            Some(Body::DeviceRename(rename)) if by_anchor || fact.author == rename.device => {
                if let Some(member) = members.get_mut(&rename.device) {
                    member.name.clone_from(&rename.name);
                }
            }
            Some(Body::DeviceRevoke(revoke)) if by_anchor => {
                counted.insert(index);
                if in_force.contains(&index)
                    && let Some(member) = members.get_mut(&revoke.device)
                {
                    member.revoked = true;
                }
            }
            _ => {}
        }
    }
    (members, counted)
}

fn is_anchor(
    members: &BTreeMap<DeviceId, Member>,
    founder: Option<DeviceId>,
    device: &DeviceId,
) -> bool {
    let Some(member) = members.get(device).filter(|member| !member.revoked) else { return false };
    let any = members.values().any(|m| m.role == Role::Anchor && !m.revoked);
    member.role == Role::Anchor || (founder == Some(*device) && !any)
}

fn admit(
    members: &mut BTreeMap<DeviceId, Member>,
    said: &[&Fact],
    in_force: &BTreeSet<usize>,
    at: usize,
    (device, name, role): (DeviceId, &str, Role),
) {
    let before = in_force.iter().filter(|by| **by < at);
    let revoked = before.filter_map(|by| cut(said[*by])).any(|(revoked, _)| revoked == device);
    let member = members.entry(device).or_insert(Member { name: String::new(), role, revoked });
    member.name = name.to_owned();
    member.role = role;
}
