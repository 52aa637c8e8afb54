//! What a simulated home keeps of its events' meaning, brought up to date event by event: as `crates/node/src/fold.rs`.

use std::collections::BTreeMap;

use mirror_domain::attachment::Attachment;
use mirror_domain::{Body, Entry, Membership, NoteGraph, NoteState, Revision, StateDigest};
use mirror_protocol::{CHAIN_OPEN, DeviceId, Event, EventId, Known, MeshId, Tip};

/// What an event says. A first event's signature was checked with its run, and costs too much to be checked here again.
pub fn body(event: &Event) -> Option<Body> {
    if event.header.kind == CHAIN_OPEN {
        return minicbor::decode(event.body.as_deref()?).ok().map(Body::ChainOpen);
    }
    Body::read(event).ok()
}

/// The device that an event lets in. A founder need not have admitted itself, and its second chain is welcome too.
pub fn admits(event: &Event) -> Option<DeviceId> {
    match body(event)? {
        Body::DeviceAdmit(admit) => Some(admit.device),
        Body::ChainOpen(open) if open.is_founder() => Some(open.device),
        _ => None,
    }
}

/// A note as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it asks of a person.
    pub state: NoteState,
    /// Its latest revisions, sorted.
    pub leaves: Vec<EventId>,
}

/// Notes, members and the digest over both.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    /// First revisions, whether they count or not.
    firsts: BTreeMap<EventId, (Revision, bool)>,
    /// Others that count.
    later: BTreeMap<EventId, Vec<Revision>>,
    /// Every note.
    pub notes: BTreeMap<EventId, Listed>,
    /// What was said about members, with who said it.
    pub said: Vec<(DeviceId, Event, Body)>,
    /// The members.
    pub membership: Membership,
    /// The sum of the entries.
    pub digest: StateDigest,
}

impl Fold {
    /// Folds new events in causal order; `all` gives everything that is stored, should some of it count otherwise now.
    pub fn events<'a>(
        &mut self,
        mesh: MeshId,
        new: &[(DeviceId, &'a Event)],
        all: impl Fn() -> Vec<(DeviceId, &'a Event)>,
        known: &dyn Known,
    ) {
        let members = self.said.len();
        for (author, event) in new {
            if let Some(body) = body(event)
                && body.is_about_members()
            {
                self.said.push((*author, (*event).clone(), body));
            }
        }
        // A head that a revocation names vouches for nothing until it is here.
        let of_revoked = |(author, _): &(DeviceId, &Event)| {
            self.membership.member(author).is_some_and(|member| member.revoked.is_some())
        };
        let judged = members != self.said.len() || new.iter().any(of_revoked);
        if judged && self.members(mesh, known) {
            (self.firsts, self.later, self.notes) = Default::default();
            self.digest = StateDigest::default();
            entries(&self.membership).into_iter().for_each(|entry| self.digest.add(entry));
            for (author, event) in all() {
                self.event(author, event, known);
            }
            return;
        }
        for (author, event) in new {
            self.event(*author, event, known);
        }
    }

    fn event(&mut self, author: DeviceId, event: &Event, known: &dyn Known) {
        let Some(body) = body(event) else { return };
        let counts = self.membership.counts(&author, &event.tip(), known).is_ok();
        let (at, order, id) = (event.header.at, event.order(), event.id);
        let revision = |parents, text, tags, carried: Option<Vec<Attachment>>, archived| Revision {
            id,
            parents,
            text,
            tags,
            inherits: carried.is_none(),
            attachments: carried.unwrap_or_default(),
            archived,
            device: author,
            at,
            order,
        };
        let (note, revision) = match body {
            Body::NoteAdd(add) => {
                let first = revision(vec![], add.text, add.tags, Some(add.attachments), false);
                self.firsts.insert(id, (first, counts));
                return self.relist(id);
            }
            Body::NoteEdit(edit) => {
                (edit.note, revision(edit.replaces, edit.text, edit.tags, edit.attachments, false))
            }
            Body::NoteArchive(archive) => {
                (archive.note, revision(archive.replaces, String::new(), vec![], None, true))
            }
            _ => return,
        };
        if counts {
            self.later.entry(note).or_default().push(revision);
            self.relist(note);
        }
    }

    /// A note's revisions. What others made of a note stays when the note itself does not count.
    pub fn graph(&self, note: &EventId) -> Option<NoteGraph> {
        let (first, counts) = self.firsts.get(note)?;
        let later = self.later.get(note).into_iter().flatten();
        let first = counts.then_some(first);
        let revisions: Vec<Revision> = first.into_iter().chain(later).cloned().collect();
        (!revisions.is_empty()).then(|| NoteGraph::new(revisions))
    }

    fn relist(&mut self, note: EventId) {
        let Some(graph) = self.graph(&note) else { return };
        let mut leaves: Vec<EventId> = graph.leaves().iter().map(|leaf| leaf.id).collect();
        leaves.sort_unstable();
        let after = Listed { state: graph.state(), leaves };
        self.digest.add(Entry::note(&note, &after.leaves, after.state));
        if let Some(before) = self.notes.insert(note, after) {
            self.digest.remove(Entry::note(&note, &before.leaves, before.state));
        }
    }

    /// Folds the membership anew: its events are few. Answers whether what was folded before may count otherwise now.
    fn members(&mut self, mesh: MeshId, known: &dyn Known) -> bool {
        let cuts = |membership: &Membership| -> BTreeMap<DeviceId, Option<Vec<Tip>>> {
            membership.all().into_iter().map(|m| (m.device, m.revoked.clone())).collect()
        };
        let before = std::mem::take(&mut self.membership);
        self.membership = Membership::fold(mesh, &self.said, known);
        entries(&before).into_iter().for_each(|entry| self.digest.remove(entry));
        entries(&self.membership).into_iter().for_each(|entry| self.digest.add(entry));
        cuts(&before) != cuts(&self.membership)
    }
}

fn entries(membership: &Membership) -> Vec<Entry> {
    let all = membership.all().into_iter();
    all.map(|m| Entry::member(&m.device, &m.name, m.role, m.revoked.is_some())).collect()
}
