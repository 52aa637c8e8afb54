//! What something was made of: whether it still holds, and how far it is trusted.

use std::collections::BTreeSet;

use mirror_domain::Body;
use mirror_domain::body::{Cause, DistillateSeal};
use mirror_domain::session::{ItemKind, Trust};
use mirror_protocol::{Event, EventId};
use mirror_store::View;

use crate::error::Result;
use crate::fold;
use crate::forget::is_forgotten;

/// Events of one lineage that are looked at.
const MAX_LINEAGE: usize = 512;

/// Of a note the revision that is shown: a distillate is made of what its author read.
pub fn shown_revision(view: &View<'_>, id: EventId) -> Result<EventId> {
    let Some(event) = view.event(&id)? else { return Ok(id) };
    if fold::note_of(&event) != Some(id) {
        return Ok(id);
    }
    let graph = fold::graph(view, id)?;
    Ok(graph.and_then(|graph| graph.shown().map(|shown| shown.id)).unwrap_or(id))
}

/// Why a distillate no longer holds: one of its sources was superseded, corrected, forgotten, or is itself stale.
pub fn stale(view: &View<'_>, seal: &DistillateSeal) -> Result<Option<String>> {
    let (mut open, mut seen) = (seal.sources.clone(), BTreeSet::new());
    while let Some(id) = open.pop() {
        if !seen.insert(id) || seen.len() > MAX_LINEAGE {
            continue;
        }
        let short = id.to_string();
        let short = short.get(..12).unwrap_or_default();
        let Some(event) = view.event(&id)? else {
            return Ok(Some(format!("its source {short} is not here")));
        };
        if event.body.is_none() || is_forgotten(view, &event)? {
            return Ok(Some(format!("its source {short} was forgotten")));
        }
        match Body::read(&event) {
            Ok(Body::NoteAdd(_) | Body::NoteEdit(_) | Body::NoteArchive(_)) => {
                if let Some(why) = note_moved(view, &event)? {
                    return Ok(Some(format!("its source {short} {why}")));
                }
            }
            Ok(Body::DistillateSeal(source)) => {
                if view.is_replaced(&id)? {
                    return Ok(Some(format!("its source {short} was superseded")));
                }
                open.extend(source.sources);
            }
            _ => {}
        }
    }
    Ok(None)
}

/// What became of a revision of a note.
fn note_moved(view: &View<'_>, event: &Event) -> Result<Option<&'static str>> {
    let Some(note) = fold::note_of(event) else { return Ok(None) };
    let Some(graph) = fold::graph(view, note)? else { return Ok(Some("was forgotten")) };
    let leaves = graph.leaves();
    Ok(match leaves.iter().find(|leaf| leaf.id == event.id) {
        None => Some("was corrected by a later revision"),
        Some(_) if graph.distinct_leaves().len() > 1 => Some("is in conflict"),
        Some(_) => None,
    })
}

pub fn gone_by(view: &View<'_>, id: &EventId) -> Result<String> {
    for pos in view.replaced_by(id)? {
        let Some(event) = view.event_at(pos)? else { continue };
        return Ok(match Body::read(&event) {
            Ok(Body::DistillateStale(stale)) => format!("withdrawn: {}", stale.reason),
            _ => format!("superseded by {}", event.id),
        });
    }
    Ok("superseded".to_owned())
}

/// How far an event is trusted: as far as the least trusted of all that it was made of.
pub fn trust_of(view: &View<'_>, id: &EventId) -> Result<Trust> {
    let (mut open, mut seen) = (vec![*id], BTreeSet::new());
    let mut least = Trust::Person;
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if seen.len() > MAX_LINEAGE {
            return Ok(Trust::Unverified);
        }
        let event = view.event(&id)?.filter(|event| event.body.is_some());
        let Some(event) = event else { return Ok(Trust::Unverified) };
        let trust = match Body::read(&event) {
            Ok(Body::NoteAdd(_) | Body::NoteEdit(_) | Body::NoteArchive(_)) => Trust::Person,
            Ok(Body::VaultWrite(write)) => {
                open.extend(&write.sources);
                match (write.cause, write.by) {
                    (Cause::Outside, _) => Trust::Outside,
                    (_, Some(_)) => Trust::Agent,
                    _ => Trust::Person,
                }
            }
            Ok(Body::DistillateSeal(seal)) => {
                open.extend(&seal.sources);
                open.extend(seal.session);
                Trust::Agent
            }
            Ok(Body::SessionClose(close)) => {
                open.push(close.session);
                Trust::Agent
            }
            Ok(Body::SessionRecover(recover)) => {
                open.push(recover.session);
                Trust::Agent
            }
            Ok(Body::SessionCheckpoint(said)) => {
                open.push(said.session);
                Trust::Agent
            }
            // What the agent was told, its own continuity aside: that is judged by what it was made of itself.
            Ok(Body::SessionOpen(told)) => {
                let continuity = ItemKind::Continuity.number();
                let told = told.items.iter().filter(|item| item.ok && item.kind != continuity);
                let least = told.map(|item| item.trust).min();
                least.map_or(Trust::Agent, Trust::from_number).min(Trust::Agent)
            }
            _ => Trust::Unverified,
        };
        least = least.min(trust);
    }
    Ok(least)
}
