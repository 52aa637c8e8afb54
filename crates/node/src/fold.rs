//! Events become what is listed: run for every event inside the transaction that stores it.

use mirror_domain::body::NoteAdd;
use mirror_domain::{Body, Entry, FOLD_VERSION, Membership, NoteGraph, NoteState, Revision};
use mirror_domain::{Role, StateDigest};
use mirror_protocol::{ChainId, DeviceId, Event, EventId, MeshId};
use mirror_store::{MemberRow, Meta, NoteRow, Pos, Tx, View};

use crate::error::{Error, Result};

/// Folds a stored event. A body of a known kind that does not read means nothing; the event stays in its chain.
pub fn event(tx: &Tx<'_>, mesh: MeshId, event: &Event, pos: Pos) -> Result<()> {
    let body = match Body::read(event) {
        Ok(body) => body,
        Err(error) => {
            tracing::warn!(%error, "an event without meaning");
            return Ok(());
        }
    };
    crate::blobs::name_all(tx, &body, pos, event.header.lamport)?;
    match &body {
        Body::NoteAdd(add) => new_note(tx, event, pos, add),
        Body::NoteEdit(edit) => relist(tx, edit.note, Some(pos)),
        Body::NoteArchive(archive) => relist(tx, archive.note, Some(pos)),
        body if body.is_about_members() => {
            tx.add_member_event(pos)?;
            members(tx, mesh)
        }
        _ => Ok(()),
    }
}

/// A new note; an edit of it may have come first only while everything is folded anew.
fn new_note(tx: &Tx<'_>, event: &Event, pos: Pos, add: &NoteAdd) -> Result<()> {
    if !tx.revisions(&event.id)?.is_empty() {
        return relist(tx, event.id, None);
    }
    let (lamport, at_ms) = (event.header.lamport, event.header.at.unix_ms);
    let state = NoteState::Current;
    let row = NoteRow { note: pos, latest: pos, lamport, at_ms, state: state.number() };
    tx.put_note(&row, &add.tags, None)?;
    digest(tx, [], [Entry::note(&event.id, &[event.id], state)])
}

/// A note's line in the list and its entry in the state digest, before and after a revision.
fn relist(tx: &Tx<'_>, note: EventId, revision: Option<Pos>) -> Result<()> {
    let before = listed(tx, note)?;
    let row = before.as_ref().map(|before| (before.row.lamport, before.row.latest));
    let is_listed = row.map(|(lamport, latest)| tx.note_row(lamport, latest)).transpose()?;
    let before = before.filter(|_| is_listed.flatten().is_some());
    if let Some(pos) = revision {
        tx.add_revision(&note, pos)?;
    }
    let Some(after) = listed(tx, note)? else { return Ok(()) };
    tx.put_note(&after.row, &after.tags, before.as_ref().map(|before| &before.row))?;
    digest(tx, before.map(|before| before.entry), [after.entry])
}

struct Listed {
    row: NoteRow,
    tags: Vec<String>,
    entry: Entry,
}

fn listed(view: &View<'_>, note: EventId) -> Result<Option<Listed>> {
    let Some(first) = view.pos(&note)? else { return Ok(None) };
    let Some(graph) = graph(view, note)? else { return Ok(None) };
    let Some(shown) = graph.shown() else { return Ok(None) };
    let Some(latest) = view.pos(&shown.id)? else { return Ok(None) };
    let state = graph.state();
    let leaves: Vec<EventId> = graph.leaves().iter().map(|leaf| leaf.id).collect();
    Ok(Some(Listed {
        row: NoteRow {
            note: first,
            latest,
            lamport: shown.order.0,
            at_ms: shown.at.unix_ms,
            state: state.number(),
        },
        tags: if state == NoteState::Archived { Vec::new() } else { shown.tags.clone() },
        entry: Entry::note(&note, &leaves, state),
    }))
}

/// A note's revisions; `None` when the event is no note, or its text was forgotten.
pub fn graph(view: &View<'_>, note: EventId) -> Result<Option<NoteGraph>> {
    let Some(first) = view.event(&note)? else { return Ok(None) };
    let Some(first) = revision(view, &first)? else { return Ok(None) };
    if !first.parents.is_empty() {
        return Ok(None);
    }
    let mut revisions = vec![first];
    for pos in view.revisions(&note)? {
        if let Some(event) = view.event_at(pos)? {
            revisions.extend(revision(view, &event)?);
        }
    }
    Ok(Some(NoteGraph::new(revisions)))
}

/// An event as a revision of a note.
fn revision(view: &View<'_>, event: &Event) -> Result<Option<Revision>> {
    let nothing = String::new;
    let (parents, text, tags, attachments, archived) = match Body::read(event) {
        Ok(Body::NoteAdd(add)) => (vec![], add.text, add.tags, Some(add.attachments), false),
        Ok(Body::NoteEdit(edit)) => (edit.replaces, edit.text, edit.tags, edit.attachments, false),
        Ok(Body::NoteArchive(archive)) => (archive.replaces, nothing(), vec![], None, true),
        _ => return Ok(None),
    };
    let (inherits, attachments) = (attachments.is_none(), attachments.unwrap_or_default());
    let device = author(view, &event.chain())?;
    let (at, order, id) = (event.header.at, event.order(), event.id);
    Ok(Some(Revision {
        id,
        parents,
        text,
        tags,
        attachments,
        inherits,
        archived,
        device,
        at,
        order,
    }))
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
    match Body::read(event) {
        Ok(Body::NoteAdd(_)) => Some(event.id),
        Ok(Body::NoteEdit(edit)) => Some(edit.note),
        Ok(Body::NoteArchive(archive)) => Some(archive.note),
        _ => None,
    }
}

/// The members, folded anew: their events are few.
fn members(tx: &Tx<'_>, mesh: MeshId) -> Result<()> {
    let entry = |row: &MemberRow| {
        let role = Role::from_number(row.role).unwrap_or(Role::Node);
        Entry::member(&row.device, &row.name, role, row.revoked)
    };
    let before: Vec<Entry> = tx.members()?.iter().map(entry).collect();
    let rows: Vec<MemberRow> = membership(tx, mesh)?
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
    let after: Vec<Entry> = rows.iter().map(entry).collect();
    digest(tx, before, after)
}

/// The membership as the stored events make it.
pub fn membership(view: &View<'_>, mesh: MeshId) -> Result<Membership> {
    Ok(Membership::fold(mesh, &member_events(view)?))
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

fn digest(
    tx: &Tx<'_>,
    gone: impl IntoIterator<Item = Entry>,
    come: impl IntoIterator<Item = Entry>,
) -> Result<()> {
    let (_, mut sum) = state(tx)?;
    gone.into_iter().for_each(|entry| sum.remove(entry));
    come.into_iter().for_each(|entry| sum.add(entry));
    set_state(tx, &sum)
}

fn set_state(tx: &Tx<'_>, sum: &StateDigest) -> Result<()> {
    let bytes = [FOLD_VERSION.to_be_bytes().as_slice(), &sum.0].concat();
    Ok(tx.set_meta(Meta::State, &bytes)?)
}

/// Folds everything anew, from the events alone.
pub fn rebuild(tx: &Tx<'_>, mesh: MeshId) -> Result<()> {
    tx.clear_projections()?;
    set_state(tx, &StateDigest::default())?;
    for chain in tx.chains()? {
        let mut meaningful = Vec::new();
        tx.walk_chain::<Error>(&chain.tip.chain, 0, |pos, stored| {
            if Body::read(&stored).is_ok_and(|body| body.kind().is_some()) {
                meaningful.push(pos);
            }
            Ok(true)
        })?;
        for pos in meaningful {
            if let Some(stored) = tx.event_at(pos)? {
                event(tx, mesh, &stored, pos)?;
            }
        }
    }
    Ok(())
}
