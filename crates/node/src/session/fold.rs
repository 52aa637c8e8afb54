//! Sessions and distillates as they are listed, folded from their events.

use mirror_domain::body::{SessionClose, SessionRecover, Work};
use mirror_domain::{Body, Entry, StateDigest};
use mirror_protocol::{DeviceId, Event, EventId};
use mirror_store::{DistillateRow, Meta, Pos, SessionRow, Tx, View};

use crate::error::{Error, Result};
use crate::fold::{author, counts};

/// States of a session, as the store keeps them.
pub const OPEN: u8 = 0;
pub const CLOSED: u8 = 1;
pub const RECOVERED: u8 = 2;
pub const REFUSED: u8 = 3;

/// Lists what an event says of a session or a distillate.
pub fn fold(
    tx: &Tx<'_>,
    event: &Event,
    pos: Pos,
    body: &Body,
    device: DeviceId,
    sum: &mut StateDigest,
) -> Result<()> {
    let at = event.header.lamport;
    match body {
        Body::SessionOpen(open) => {
            let row = SessionRow {
                id: event.id,
                pos,
                lamport: at,
                device,
                project: open.project.clone(),
                agent: open.agent.clone(),
                state: if open.refused { REFUSED } else { OPEN },
                last: pos,
            };
            list(tx, &row, sum)?;
            restate(tx, &event.id, sum)?;
        }
        Body::SessionCheckpoint(said) => {
            tx.add_session_event(&said.session, at, pos)?;
            restate(tx, &said.session, sum)?;
        }
        Body::SessionClose(said) => {
            tx.add_session_event(&said.session, at, pos)?;
            replace(tx, &said.replaces, pos, sum)?;
            restate(tx, &said.session, sum)?;
        }
        Body::SessionRecover(said) => {
            tx.add_session_event(&said.session, at, pos)?;
            replace(tx, &said.replaces, pos, sum)?;
            restate(tx, &said.session, sum)?;
        }
        Body::SessionReject(said) => tx.add_session_event(&said.session, at, pos)?,
        Body::SessionReview(said) => {
            if let Some(content) = &said.content {
                tx.add_review(&said.what, content, at, pos, said.verdict as u8)?;
            }
        }
        Body::DistillateSeal(seal) => {
            let row = DistillateRow {
                id: event.id,
                pos,
                lamport: at,
                project: seal.project.clone(),
                path: seal.path.clone(),
                content: seal.content,
                bytes: seal.bytes,
                gone: tx.is_replaced(&event.id)?,
            };
            list_distillate(tx, &row, sum)?;
            seal.topics.iter().try_for_each(|topic| tx.add_topic(topic, &event.id))?;
            tx.add_session_path(&seal.path, pos)?;
            tx.index_session(pos, &format!("{}\n{}", seal.title, seal.topics.join("\n")), false)?;
            replace(tx, &seal.replaces, pos, sum)?;
        }
        Body::DistillateStale(stale) => replace(tx, &[stale.seal], pos, sum)?,
        _ => {}
    }
    Ok(())
}

/// Something stands in the place of closes or seals.
fn replace(tx: &Tx<'_>, ids: &[EventId], by: Pos, sum: &mut StateDigest) -> Result<()> {
    for id in ids {
        tx.add_replaced(id, by)?;
        if let Some(row) = tx.distillate(id)?.filter(|row| !row.gone) {
            list_distillate(tx, &DistillateRow { gone: true, ..row }, sum)?;
        }
    }
    Ok(())
}

/// Works out anew where a session stands; nothing before its opening is here.
fn restate(tx: &Tx<'_>, session: &EventId, sum: &mut StateDigest) -> Result<()> {
    let Some(row) = tx.session(session)? else { return Ok(()) };
    let mut now =
        SessionRow { state: if row.state == REFUSED { REFUSED } else { OPEN }, ..row.clone() };
    for pos in tx.session_events(session)? {
        let Some(event) = tx.event_at(pos)? else { continue };
        // Only its own device says how a session went.
        if author(tx, &event.chain())? != row.device || !counts(tx, &event)? {
            continue;
        }
        match Body::read(&event) {
            Ok(Body::SessionCheckpoint(_)) if now.state == OPEN => now.last = pos,
            Ok(Body::SessionClose(close)) => {
                (now.state, now.last) = (CLOSED, pos);
                closed(tx, &row.project, &event, pos, &close.work)?;
            }
            Ok(Body::SessionRecover(recover)) => {
                if now.state != CLOSED {
                    (now.state, now.last) = (RECOVERED, pos);
                }
                // One that never said where it stands leaves what stood before.
                if recover.checkpoint.is_some() {
                    let work = checkpoint_work(tx, &recover)?;
                    closed(tx, &row.project, &event, pos, &work)?;
                }
            }
            _ => {}
        }
    }
    if now != row { list(tx, &now, sum) } else { Ok(()) }
}

fn closed(tx: &Tx<'_>, project: &str, event: &Event, pos: Pos, work: &Work) -> Result<()> {
    tx.add_close(project, event.header.lamport, pos, &event.id)?;
    for file in &work.files {
        tx.add_session_path(file.trim_start_matches("./"), pos)?;
    }
    let lists = work.lists().into_iter().flat_map(|(_, lines)| lines.iter().map(String::as_str));
    let text: Vec<&str> = std::iter::once(work.now.as_str()).chain(lists).collect();
    Ok(tx.index_session(pos, &text.join("\n"), false)?)
}

/// What a recovered session had said last.
pub fn checkpoint_work(view: &View<'_>, recover: &SessionRecover) -> Result<Work> {
    let event = recover.checkpoint.map(|id| view.event(&id)).transpose()?.flatten();
    Ok(match event.as_ref().map(Body::read) {
        Some(Ok(Body::SessionCheckpoint(checkpoint))) => checkpoint.work,
        _ => Work::default(),
    })
}

/// The session that a close or a recovery ends, its work, and whether it ended without a close.
pub fn close_of(view: &View<'_>, event: &Event) -> Result<Option<(EventId, Work, bool)>> {
    Ok(match Body::read(event) {
        Ok(Body::SessionClose(SessionClose { session, work, .. })) => Some((session, work, false)),
        Ok(Body::SessionRecover(recover)) => {
            Some((recover.session, checkpoint_work(view, &recover)?, true))
        }
        _ => None,
    })
}

fn list(tx: &Tx<'_>, row: &SessionRow, sum: &mut StateDigest) -> Result<()> {
    let before = tx.session(&row.id)?.map(|row| row.line());
    tx.put_session(row)?;
    exchange(tx, before, row.line(), sum)
}

fn list_distillate(tx: &Tx<'_>, row: &DistillateRow, sum: &mut StateDigest) -> Result<()> {
    let before = tx.distillate(&row.id)?.map(|row| row.line());
    tx.put_distillate(row)?;
    exchange(tx, before, row.line(), sum)
}

/// A line changes: in the state digest, and in the sum by which a damaged list is noticed.
fn exchange(
    tx: &Tx<'_>,
    before: Option<Vec<u8>>,
    after: Vec<u8>,
    sum: &mut StateDigest,
) -> Result<()> {
    let mut kept = kept_sum(tx)?;
    for sum in [sum, &mut kept] {
        before.iter().for_each(|line| sum.remove(Entry::listed(line)));
        sum.add(Entry::listed(&after));
    }
    Ok(tx.set_meta(Meta::Sessions, &kept.0)?)
}

/// The sum of the lines as it was kept up.
fn kept_sum(view: &View<'_>) -> Result<StateDigest> {
    // A damaged one fits no lines, and is made anew with them.
    let kept = view.meta(Meta::Sessions)?.and_then(|bytes| bytes.try_into().ok());
    Ok(kept.map(StateDigest).unwrap_or_default())
}

/// Whether the lists of sessions and distillates are as they were folded.
pub fn lists_hold(view: &View<'_>) -> Result<bool> {
    let mut sum = StateDigest::default();
    view.sessions(|row| {
        sum.add(Entry::listed(&row.line()));
        Ok(())
    })?;
    view.distillates(|row| {
        sum.add(Entry::listed(&row.line()));
        Ok(())
    })?;
    Ok(sum == kept_sum(view)?)
}

/// Folds the sessions and distillates anew; the state digest stands, for what the events mean has not changed. An event
/// that does not read is left out.
pub fn refold(tx: &Tx<'_>) -> Result<()> {
    tx.clear_sessions()?;
    let mut unused = StateDigest::default();
    for chain in tx.chains()? {
        let mut places = tx.newest_places(chain.branch, chain.first, u32::MAX)?;
        places.reverse();
        for pos in places {
            let Ok(Some(event)) = tx.event_at(pos) else { continue };
            let kind = event.header.kind.as_str();
            let ours = kind.starts_with("session.") || kind.starts_with("distillate.");
            if ours && counts(tx, &event)? {
                let body = Body::read(&event).unwrap_or(Body::Unknown);
                let device = author(tx, &event.chain())?;
                fold(tx, &event, pos, &body, device, &mut unused)?;
            }
        }
    }
    Ok(())
}

/// An event that has to be here.
pub fn event(view: &View<'_>, id: &EventId) -> Result<Event> {
    view.event(id)?.ok_or_else(|| Error::not_found(format!("{id} is not here")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
