//! What events mean, by the letter of `docs/PROTOCOL.md` and without regard to cost.

use std::collections::{BTreeMap, BTreeSet};

use mirror_domain::attachment::Attachment;
use mirror_domain::{Body, NoteState, Role};
use mirror_protocol::{ChainId, DeviceId, EventId, Lamport, MeshId, Tip};

use crate::fold::Listed;
use crate::model::Fact;

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// It was revoked.
    pub revoked: bool,
    /// Its place in the order of admission.
    pub admitted: usize,
}

impl Member {
    /// As the domain has it.
    pub fn of(member: &mirror_domain::Member) -> Self {
        let (name, role) = (member.name.clone(), member.role);
        let (revoked, admitted) = (member.revoked.is_some(), member.admitted as usize);
        Self { name, role, revoked, admitted }
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
pub fn fold(mesh: MeshId, facts: &[&Fact]) -> Meaning {
    let history: History<'_> = facts.iter().map(|fact| (fact.event.id, *fact)).collect();
    let mut said: Vec<&Fact> = facts.iter().copied().filter(|fact| about_members(fact)).collect();
    said.sort_by_key(|fact| order(fact));
    let (members, in_force) = members(mesh, &said, &history);
    let counts = |fact: &Fact| {
        let cuts = in_force.iter().filter_map(|by| cut(said[*by]));
        members.contains_key(&fact.author)
            && cuts
                .filter(|(device, _)| *device == fact.author)
                .all(|(_, heads)| within(heads, fact, &history))
    };
    let counting: Vec<&Fact> = facts.iter().copied().filter(|fact| counts(fact)).collect();
    Meaning { notes: notes(facts, &counting), members }
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

/// The members, by the steps of section 9, with the revocations that are in force.
fn members(mesh: MeshId, said: &[&Fact], history: &History<'_>) -> (Members, BTreeSet<usize>) {
    let walk = |under: &BTreeSet<usize>| walk(mesh, said, under, history);
    let (mut s, mut x) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let (members, gives) = walk(&s);
        let a: BTreeSet<usize> = gives.difference(&x).copied().collect();
        if a.is_subset(&s) {
            return (members, s);
        }
        let (_, gives) = walk(&s.union(&a).copied().collect());
        let joins: BTreeSet<usize> = gives.intersection(&a).copied().collect();
        if !joins.is_subset(&s) {
            s.extend(joins);
            continue;
        }
        let place = |at: &usize| members.get(&said[*at].author).map(|member| member.admitted);
        let rest = a.difference(&s).copied();
        let Some(first) = rest.min_by_key(|at| (place(at), *at)) else { return (members, s) };
        let with: BTreeSet<usize> = s.iter().copied().chain([first]).collect();
        if walk(&with).1.contains(&first) { &mut s } else { &mut x }.insert(first);
    }
}

type Members = BTreeMap<DeviceId, Member>;

fn cut(fact: &Fact) -> Option<(DeviceId, &[Tip])> {
    match &fact.body {
        Some(Body::DeviceRevoke(revoke)) => Some((revoke.device, &revoke.heads)),
        _ => None,
    }
}

/// Whether an event is one of the heads or stands before one in its branch. A head that is not here vouches for nothing.
fn within(heads: &[Tip], fact: &Fact, history: &History<'_>) -> bool {
    let before = |fact: &&Fact| fact.event.header.prev.and_then(|id| history.get(&id).copied());
    heads
        .iter()
        .filter_map(|head| history.get(&head.id).copied())
        .any(|head| std::iter::successors(Some(head), before).any(|f| f.event.id == fact.event.id))
}

/// A walk under a set of revocations. Gives the members, and the revocations that it did not skip and whose author was an
/// anchor at their place.
fn walk(
    mesh: MeshId,
    said: &[&Fact],
    under: &BTreeSet<usize>,
    history: &History<'_>,
) -> (Members, BTreeSet<usize>) {
    let (mut members, mut founder) = (Members::new(), None);
    let (mut revoked, mut gives) = (BTreeSet::new(), BTreeSet::new());
    for (index, fact) in said.iter().enumerate() {
        let skipped = under.iter().filter(|by| **by != index).any(|by| {
            cut(said[*by]).is_some_and(|(device, heads)| {
                device == fact.author && !within(heads, fact, history)
            })
        });
        let by_anchor = !skipped && is_anchor(&members, founder, &fact.author);
        match fact.body.as_ref() {
            Some(Body::DeviceRevoke(revoke)) => {
                if by_anchor {
                    gives.insert(index);
                }
                if under.contains(&index) {
                    revoked.insert(revoke.device);
                    members.entry(revoke.device).and_modify(|member| member.revoked = true);
                }
            }
            _ if skipped => {}
            Some(Body::ChainOpen(open))
                if open.mesh == mesh && open.is_founder() && founder.is_none() =>
            {
                founder = Some(open.device);
                admit(&mut members, &revoked, (open.device, "founder", Role::Anchor));
            }
            Some(Body::DeviceAdmit(a)) if by_anchor => {
                admit(&mut members, &revoked, (a.device, &a.name, a.role));
            }
            Some(Body::DeviceRename(rename)) if by_anchor || fact.author == rename.device => {
                if let Some(member) = members.get_mut(&rename.device) {
                    member.name.clone_from(&rename.name);
                }
            }
            _ => {}
        }
    }
    (members, gives)
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
    members: &mut Members,
    revoked: &BTreeSet<DeviceId>,
    (device, name, role): (DeviceId, &str, Role),
) {
    let (admitted, revoked) = (members.len(), revoked.contains(&device));
    let new = Member { name: String::new(), role, revoked, admitted };
    let member = members.entry(device).or_insert(new);
    member.name = name.to_owned();
    member.role = role;
}
