//! Events become what is listed: run for every event inside the transaction that stores it.

use std::collections::btree_map::{self, BTreeMap};

use mirror_domain::body::{NoteAdd, NoteArchive, NoteEdit};
use mirror_domain::membership::is_within;
use mirror_domain::{Body, Entry, FOLD_VERSION, Membership, NOTE_ADD, NoteGraph, NoteState};
use mirror_domain::{Revision, Role, StateDigest};
use mirror_protocol::{ChainId, DeviceId, Event, EventId, MeshId, Tip};
use mirror_store::{Lister, MemberRow, Meta, NoteRow, Pos, Tx, View};

use crate::error::{Error, Result};
use crate::forget;
use crate::meaning::Meaning;

/// Folds events that the transaction has stored, in causal order, with what each says. A body of a known kind that does
/// not read means nothing; the event stays in its chain. So does one that does not count, and one that is forgotten.
pub fn events(
    tx: &Tx<'_>,
    mesh: MeshId,
    events: &[(&Event, Pos)],
    meanings: &[&Meaning],
) -> Result<()> {
    let mut others = Vec::with_capacity(events.len());
    let mut about_members = false;
    for ((event, pos), meaning) in events.iter().zip(meanings) {
        if meaning.body.is_about_members() {
            about_members = true;
            add_member_event(tx, &meaning.body, *pos)?;
        } else {
            others.push((*event, *pos, *meaning));
        }
    }
    let mut counting = Counting::default();
    // A head that a revocation names vouches for nothing until it is here.
    if about_members || counting.any_cut(tx, events)? {
        if members(tx, mesh, events)? {
            return rebuild(tx, mesh);
        }
        counting = Counting::default();
    }
    if others.is_empty() {
        return Ok(());
    }
    let mut folding = Folding::of(tx, counting)?;
    let any_forgotten = tx.has_forgotten()?;
    for (event, pos, meaning) in others {
        if any_forgotten && forget::is_forgotten(tx, event)? {
            forget::drop_body(tx, event, pos)?;
        } else if folding.counting.counts(tx, event)? {
            folding.fold(tx, event, pos, meaning)?;
        }
    }
    set_state(tx, &folding.sum)
}

fn add_member_event(tx: &Tx<'_>, body: &Body, pos: Pos) -> Result<()> {
    match body {
        Body::DeviceAdmit(admit) => tx.add_named(&admit.device)?,
        // A founder need not have admitted itself, and its second chain is welcome too.
        Body::ChainOpen(open) if open.is_founder() => tx.add_named(&open.device)?,
        _ => {}
    }
    Ok(tx.add_member_event(pos)?)
}

/// Which events count, each chain looked up once.
#[derive(Default)]
struct Counting {
    chains: BTreeMap<ChainId, (DeviceId, Standing)>,
}

enum Standing {
    Member,
    /// Up to these heads.
    Cut(Vec<Tip>),
    /// Nobody who has a say admitted it.
    Stranger,
}

impl Counting {
    /// Whether one of the events is of a device that was revoked.
    fn any_cut(&mut self, view: &View<'_>, events: &[(&Event, Pos)]) -> Result<bool> {
        for (event, _) in events {
            if matches!(self.chain(view, &event.chain())?.1, Standing::Cut(_)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn counts(&mut self, view: &View<'_>, event: &Event) -> Result<bool> {
        Ok(match &self.chain(view, &event.chain())?.1 {
            Standing::Member => true,
            Standing::Cut(heads) => is_within(&event.tip(), heads, view),
            Standing::Stranger => false,
        })
    }

    fn chain(&mut self, view: &View<'_>, chain: &ChainId) -> Result<&(DeviceId, Standing)> {
        Ok(match self.chains.entry(*chain) {
            btree_map::Entry::Occupied(found) => found.into_mut(),
            btree_map::Entry::Vacant(empty) => {
                let device = author(view, chain)?;
                empty.insert((device, standing(view, &device)?))
            }
        })
    }
}

fn standing(view: &View<'_>, device: &DeviceId) -> Result<Standing> {
    Ok(match view.member(device)? {
        Some(member) if member.revoked => Standing::Cut(member.heads),
        Some(_) => Standing::Member,
        None => Standing::Stranger,
    })
}

/// Whether an event counts: its device is a member, or was one when it wrote this.
pub fn counts(view: &View<'_>, event: &Event) -> Result<bool> {
    Counting::default().counts(view, event)
}

/// Folding one event after another.
struct Folding<'t> {
    counting: Counting,
    sum: StateDigest,
    lister: Lister<'t>,
}

impl<'t> Folding<'t> {
    fn of(tx: &'t Tx<'_>, counting: Counting) -> Result<Self> {
        Ok(Self { counting, sum: state(tx)?.1, lister: tx.lister()? })
    }

    fn fold(&mut self, tx: &Tx<'_>, event: &Event, pos: Pos, meaning: &Meaning) -> Result<()> {
        let Meaning { body, entry } = meaning;
        crate::blobs::name_all(tx, body, pos, event.header.lamport)?;
        crate::vault::fold(tx, event, pos, body, &mut self.sum)?;
        crate::map::fold(tx, event, pos, body, &mut self.sum)?;
        if is_session(body) {
            let device = self.counting.chain(tx, &event.chain())?.0;
            return crate::session::fold::fold(tx, event, pos, body, device, &mut self.sum);
        }
        match (body, entry) {
            (Body::NoteAdd(add), Some(entry)) => self.new_note(tx, event, pos, add, *entry),
            (Body::NoteEdit(NoteEdit { note, .. }), _)
            | (Body::NoteArchive(NoteArchive { note, .. }), _) => {
                self.relist(tx, *note, Some((event, pos, body)))
            }
            // Found by its note; what is listed of the note stays.
            (Body::NoteTranscript(transcript), _) => {
                self.sum.add(Entry::transcript(&event.id));
                Ok(tx.add_revision(&transcript.note, pos)?)
            }
            _ => Ok(()),
        }
    }

    /// A new note; an edit of it may have come first.
    fn new_note(
        &mut self,
        tx: &Tx<'_>,
        event: &Event,
        pos: Pos,
        add: &NoteAdd,
        entry: Entry,
    ) -> Result<()> {
        let (lamport, at_ms) = (event.header.lamport, event.header.at.unix_ms);
        let state = NoteState::Current;
        let row = NoteRow { note: pos, latest: pos, lamport, at_ms, state: state.number() };
        if !self.lister.list_new(&event.id, &row)? {
            return self.relist(tx, event.id, None);
        }
        tx.add_tags(&row, &add.tags)?;
        self.sum.add(entry);
        Ok(())
    }

    /// A note's line in the list and its entry in the state digest, before and after a revision.
    fn relist(
        &mut self,
        tx: &Tx<'_>,
        note: EventId,
        coming: Option<(&Event, Pos, &Body)>,
    ) -> Result<()> {
        let stored = stored(tx, &mut self.counting, note)?;
        if let Some((_, pos, _)) = coming {
            tx.add_revision(&note, pos)?;
        }
        let Some(mut stored) = stored else { return Ok(()) };
        let before = listed(note, &stored);
        let row = before.as_ref().map(|before| (before.row.lamport, before.row.latest));
        let is_listed = row.map(|(lamport, latest)| tx.note_row(lamport, latest)).transpose()?;
        let before = before.filter(|_| is_listed.flatten().is_some());
        if let Some((event, pos, body)) = coming
            && !stored.revisions.iter().any(|(_, known)| *known == pos)
        {
            stored.add(tx, &mut self.counting, event, pos, body.clone())?;
        }
        let Some(after) = listed(note, &stored) else { return Ok(()) };
        tx.put_note(&after.row, &after.tags, before.as_ref().map(|before| &before.row))?;
        if let Some(before) = before {
            self.sum.remove(before.entry);
        }
        self.sum.add(after.entry);
        Ok(())
    }
}

struct Listed {
    row: NoteRow,
    tags: Vec<String>,
    entry: Entry,
}

fn listed(note: EventId, stored: &Stored) -> Option<Listed> {
    let graph = stored.graph()?;
    let shown = graph.shown()?;
    let latest = stored.revisions.iter().find(|(revision, _)| revision.id == shown.id);
    let state = graph.state();
    let leaves: Vec<EventId> = graph.leaves().iter().map(|leaf| leaf.id).collect();
    Some(Listed {
        row: NoteRow {
            note: stored.first,
            latest: latest.map(|(_, pos)| *pos)?,
            lamport: shown.order.0,
            at_ms: shown.at.unix_ms,
            state: state.number(),
        },
        tags: if state == NoteState::Archived { Vec::new() } else { shown.tags.clone() },
        entry: Entry::note(&note, &leaves, state),
    })
}

/// A note as it is stored: where its first event lies, and its revisions with their places.
struct Stored {
    first: Pos,
    revisions: Vec<(Revision, Pos)>,
}

impl Stored {
    fn graph(&self) -> Option<NoteGraph> {
        let revisions = self.revisions.iter().map(|(revision, _)| revision);
        let left = revisions.clone().any(|revision| !revision.archived);
        left.then(|| NoteGraph::new(revisions.cloned()))
    }

    fn add(
        &mut self,
        view: &View<'_>,
        counting: &mut Counting,
        event: &Event,
        pos: Pos,
        body: Body,
    ) -> Result<()> {
        let device = counting.chain(view, &event.chain())?.0;
        self.revisions.extend(revision(event, body, device).map(|revision| (revision, pos)));
        Ok(())
    }
}

/// `None` when the event is no note.
fn stored(view: &View<'_>, counting: &mut Counting, note: EventId) -> Result<Option<Stored>> {
    let Some((first, event)) = view.find(&note)? else { return Ok(None) };
    let body = Body::read(&event).unwrap_or(Body::Unknown);
    if note_in(&event, &body) != Some(note) {
        return Ok(None);
    }
    let mut stored = Stored { first, revisions: Vec::new() };
    // What others made of a note stays when the note itself does not count, or is forgotten.
    if counting.counts(view, &event)? {
        stored.add(view, counting, &event, first, body)?;
    }
    for pos in view.revisions(&note)? {
        if let Some(event) = view.event_at(pos)? {
            let body = Body::read(&event).unwrap_or(Body::Unknown);
            stored.add(view, counting, &event, pos, body)?;
        }
    }
    Ok(Some(stored))
}

/// A note's revisions; `None` when the event is no note, or nothing is left of it: an archive alone has no text.
pub fn graph(view: &View<'_>, note: EventId) -> Result<Option<NoteGraph>> {
    Ok(stored(view, &mut Counting::default(), note)?.and_then(|stored| stored.graph()))
}

/// An event as a revision of a note.
fn revision(event: &Event, body: Body, device: DeviceId) -> Option<Revision> {
    let nothing = String::new;
    let (parents, text, tags, attachments, archived) = match body {
        Body::NoteAdd(add) => (vec![], add.text, add.tags, Some(add.attachments), false),
        Body::NoteEdit(edit) => (edit.replaces, edit.text, edit.tags, edit.attachments, false),
        Body::NoteArchive(archive) => (archive.replaces, nothing(), vec![], None, true),
        _ => return None,
    };
    let (inherits, attachments) = (attachments.is_none(), attachments.unwrap_or_default());
    let (at, order, id) = (event.header.at, event.order(), event.id);
    Some(Revision { id, parents, text, tags, attachments, inherits, archived, device, at, order })
}

fn is_session(body: &Body) -> bool {
    let about = |kind: &str| kind.starts_with("session.") || kind.starts_with("distillate.");
    body.kind().is_some_and(about)
}

/// Whose chain it is.
pub fn author(view: &View<'_>, chain: &ChainId) -> Result<DeviceId> {
    match view.device_of(chain)? {
        Some(device) => Ok(device),
        None => Err(Error::integrity(format!("the chain {chain} has no owner here"))),
    }
}

/// The note that an event belongs to, if any.
pub fn note_of(event: &Event) -> Option<EventId> {
    Body::read(event).ok().and_then(|body| note_in(event, &body))
}

fn note_in(event: &Event, body: &Body) -> Option<EventId> {
    match body {
        Body::NoteAdd(_) => Some(event.id),
        Body::NoteEdit(edit) => Some(edit.note),
        Body::NoteArchive(archive) => Some(archive.note),
        Body::NoteTranscript(transcript) => Some(transcript.note),
        // Without its body too it is what the others name.
        Body::Missing if event.header.kind.as_str() == NOTE_ADD => Some(event.id),
        _ => None,
    }
}

/// The members and what is forgotten, folded anew: their events are few. Answers whether events that were folded before
/// count otherwise now; those that come just now were not.
fn members(tx: &Tx<'_>, mesh: MeshId, coming: &[(&Event, Pos)]) -> Result<bool> {
    let entry = |row: &MemberRow| {
        let role = Role::from_number(row.role).unwrap_or(Role::Node);
        Entry::member(&row.device, &row.name, role, row.revoked)
    };
    let before = tx.members()?;
    let membership = membership(tx, mesh)?;
    let forgotten = forget::carry_out(tx, &membership, coming)?;
    let rows: Vec<MemberRow> = membership
        .all()
        .into_iter()
        .map(|member| MemberRow {
            device: member.device,
            name: member.name.clone(),
            role: member.role.number(),
            revoked: member.revoked.is_some(),
            heads: member.revoked.clone().unwrap_or_default(),
            admitted: member.admitted,
        })
        .collect();
    tx.put_members(&rows)?;
    let mut sum = state(tx)?.1;
    before.iter().map(entry).for_each(|entry| sum.remove(entry));
    rows.iter().map(entry).for_each(|entry| sum.add(entry));
    set_state(tx, &sum)?;
    Ok(counts_otherwise(tx, &before, &rows, coming)? || forgotten)
}

fn counts_otherwise(
    tx: &Tx<'_>,
    before: &[MemberRow],
    after: &[MemberRow],
    coming: &[(&Event, Pos)],
) -> Result<bool> {
    let by_device = |rows: &[MemberRow]| -> BTreeMap<DeviceId, Option<Vec<Tip>>> {
        rows.iter().map(|row| (row.device, row.revoked.then(|| row.heads.clone()))).collect()
    };
    let (before, after) = (by_device(before), by_device(after));
    if before == after {
        return Ok(false);
    }
    let mut first_coming = BTreeMap::new();
    for (event, pos) in coming {
        let first = first_coming.entry(pos.branch()).or_insert(event.header.seq);
        *first = event.header.seq.min(*first);
    }
    for row in tx.chains()? {
        let (was, is) = (before.get(&row.device), after.get(&row.device));
        let new = first_coming.get(&row.branch).is_some_and(|first| *first <= row.first);
        if was == is || new {
            continue;
        }
        // Where the newest event counts, all before it do.
        let whole = |cut: Option<&Option<Vec<Tip>>>| match cut {
            None => false,
            Some(None) => true,
            Some(Some(heads)) => is_within(&row.tip, heads, &**tx),
        };
        if !(whole(was) && whole(is)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The membership as the stored events make it.
pub fn membership(view: &View<'_>, mesh: MeshId) -> Result<Membership> {
    Ok(Membership::fold(mesh, &member_events(view)?, view))
}

/// The membership events with their authors.
pub fn member_events(view: &View<'_>) -> Result<Vec<(DeviceId, Event, Body)>> {
    let mut events = Vec::new();
    for event in view.member_events()? {
        if let Ok(body) = Body::read(&event) {
            events.push((author(view, &event.chain())?, event, body));
        }
    }
    Ok(events)
}

/// The fold's version and the digest; nothing folded yet is a digest of nothing.
pub fn state(view: &View<'_>) -> Result<(u32, StateDigest)> {
    let Some(bytes) = view.meta(Meta::State)? else {
        return Ok((FOLD_VERSION, StateDigest::default()));
    };
    let damaged = || Error::integrity("the stored state digest is damaged");
    let (version, digest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    let digest = digest.try_into().map_err(|_| damaged())?;
    Ok((u32::from_be_bytes(*version), StateDigest(digest)))
}

pub fn set_state(tx: &Tx<'_>, sum: &StateDigest) -> Result<()> {
    let bytes = [FOLD_VERSION.to_be_bytes().as_slice(), &sum.0].concat();
    Ok(tx.set_meta(Meta::State, &bytes)?)
}

/// Folds everything anew, from the events alone: the members first, for they decide what of the rest counts.
pub fn rebuild(tx: &Tx<'_>, mesh: MeshId) -> Result<()> {
    tx.clear_projections()?;
    set_state(tx, &StateDigest::default())?;
    let mut others = Vec::new();
    for row in tx.chains()? {
        tx.walk::<Error>(row.branch, row.first, |pos, stored| {
            match Body::read(&stored) {
                Ok(body) if body.is_about_members() => add_member_event(tx, &body, pos)?,
                Ok(body) if body.kind().is_some() => others.push(pos),
                _ => {}
            }
            Ok(true)
        })?;
    }
    members(tx, mesh, &[])?;
    let mut folding = Folding::of(tx, Counting::default())?;
    for pos in others {
        let Some(event) = tx.event_at(pos)? else { continue };
        if folding.counting.counts(tx, &event)? {
            folding.fold(tx, &event, pos, &Meaning::of(&event))?;
        }
    }
    set_state(tx, &folding.sum)
}

#[cfg(test)]
mod tests;
