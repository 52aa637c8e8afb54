//! What there is to tell a session: gathered, checked, in the order in which it matters.

use std::collections::{BTreeMap, BTreeSet};

use mirror_domain::body::{Cause, Rejection, Why};
use mirror_domain::session::{Checks, Item, ItemKind, Trust};
use mirror_domain::{Body, NoteState};
use mirror_protocol::{BlobId, ChainId, Event, EventId};
use mirror_store::{Pos, View};
use sha2::{Digest, Sha256};

use super::proof::Proof;
use super::{cut, excerpt, is_continuity};
use crate::error::{Error, Result};
use crate::fold;
use crate::names::name_of;
use crate::node::Node;
use crate::view as view_side;
use crate::view::Code;

/// Events that are looked at, of all branches together.
const NEWEST: u32 = 512;
/// Notes and files that are told, or for which there is no room.
const TOLD: usize = 96;
/// Conflicts that are told.
const CONFLICTS: usize = 5;

/// What was gathered.
#[derive(Default)]
pub struct Gathered {
    /// In the order in which it matters. Those that don't hold are not told, and count.
    pub items: Vec<Item>,
    /// What is wrong, or left out.
    pub wrong: Vec<Rejection>,
}

impl Gathered {
    /// Adds an item that is to be told, or is left out because a check failed.
    pub fn add(&mut self, item: Item, fault: Option<(Why, String)>) {
        if let Some((why, detail)) = fault {
            let what = match item.title.as_str() {
                "" => format!("{} {}", item.kind.name(), item.source),
                title => title.to_owned(),
            };
            self.wrong.push(Rejection {
                why,
                what,
                source: Some(item.source),
                expected: None,
                found: Some(item.content),
                content: excerpt(item.text.as_bytes()),
                detail,
                repaired: false,
            });
        }
        self.items.push(item);
    }
}

/// SHA-256 of a text.
pub fn sha(text: &str) -> BlobId {
    BlobId(Sha256::digest(text).into())
}

/// An item that comes from an event: who and when, and whether its chain and its causes hold.
pub fn item_of(
    view: &View<'_>,
    proof: &mut Proof<'_>,
    (event, pos): (&Event, Pos),
    kind: ItemKind,
    (title, text): (String, String),
) -> Result<(Item, Option<(Why, String)>)> {
    let fault = proof.fault(event, pos)?;
    let causes = proof.has_causes(event)?;
    let device = fold::author(view, &event.chain())?;
    let item = Item {
        source: event.id,
        kind,
        title,
        content: sha(&text),
        bytes: text.len() as u64,
        text,
        trust: Trust::Person,
        at: event.header.at,
        order: event.order(),
        by: name_of(view, &device)?,
        checks: Checks { chain: fault.is_none(), causes, ..Checks::HOLD },
    };
    let fault = fault.map(|fault| (Why::Unverifiable, fault.to_owned()));
    let absent = || (Why::Unverifiable, "something that it rests on is not here".to_owned());
    let fault = fault.or_else(|| (!causes).then(absent));
    Ok((item, fault))
}

impl Node {
    /// Notes and files that came or changed since a session had seen the chains up to there; newest first.
    pub(super) fn gather_new(
        &self,
        view: &View<'_>,
        proof: &mut Proof<'_>,
        mark: &BTreeMap<ChainId, u64>,
        gathered: &mut Gathered,
    ) -> Result<()> {
        let mut found = Vec::new();
        let mut moved = view.chains()?;
        moved.retain(|chain| mark.get(&chain.tip.chain).is_none_or(|seen| *seen < chain.tip.seq));
        let each = NEWEST.checked_div(moved.len() as u32).unwrap_or(NEWEST).max(1);
        for chain in moved {
            let from = mark.get(&chain.tip.chain).map_or(0, |seq| seq + 1).max(chain.first);
            for pos in view.newest_places(chain.branch, from, each)? {
                match view.event_at(pos) {
                    Ok(Some(event)) => found.push((event, pos)),
                    Ok(None) => {}
                    Err(error) => gathered.damaged(view, pos, &Error::from(error))?,
                }
            }
        }
        found.sort_by_key(|(event, _)| std::cmp::Reverse(event.order()));
        let (mut notes, mut files) = (BTreeSet::new(), BTreeSet::new());
        for (event, pos) in found {
            if notes.len() + files.len() >= TOLD {
                break;
            }
            if let Some(note) = fold::note_of(&event) {
                if notes.insert(note) && fold::counts(view, &event)? {
                    self.gather_note(view, proof, note, gathered)?;
                }
                continue;
            }
            if let Ok(Body::VaultWrite(write)) = Body::read(&event)
                && write.cause == Cause::Outside
                && !is_continuity(&write.path)
                && view.seals_of(&write.path)?.is_empty()
                && files.insert(write.path.clone())
            {
                let said = if write.to.is_some() { "changed" } else { "removed" };
                let text = format!("{} was {said} by another program", write.path);
                let of = (write.path, text);
                let (mut item, fault) = item_of(view, proof, (&event, pos), ItemKind::File, of)?;
                item.trust = Trust::Outside;
                gathered.add(item, fault);
            }
        }
        Ok(())
    }

    fn gather_note(
        &self,
        view: &View<'_>,
        proof: &mut Proof<'_>,
        note: EventId,
        gathered: &mut Gathered,
    ) -> Result<()> {
        let graph = match fold::graph(view, note) {
            Ok(graph) => graph,
            Err(error) if error.code == Code::Integrity => {
                let pos = view.pos(&note)?;
                return pos.map_or(Ok(()), |pos| gathered.damaged(view, pos, &error));
            }
            Err(error) => return Err(error),
        };
        let Some(graph) = graph else { return Ok(()) };
        // What is in conflict is told as that, what was put away not at all.
        let Some(shown) = graph.shown().filter(|_| graph.state() == NoteState::Current) else {
            return Ok(());
        };
        let Some((pos, event)) = view.find(&shown.id)? else { return Ok(()) };
        let of = (String::new(), shown.text.clone());
        let (item, fault) = item_of(view, proof, (&event, pos), ItemKind::Note, of)?;
        gathered.add(item, fault);
        Ok(())
    }

    /// What waits for a person to choose.
    pub(super) fn gather_conflicts(&self, gathered: &mut Gathered) -> Result<()> {
        let waiting =
            self.read(|view| Ok(view.conflict_count()? + view.shared_conflicts()?.len() as u64))?;
        if waiting == 0 {
            return Ok(());
        }
        let conflicts = self.conflicts()?;
        self.read(|view| {
            let mut proof = Proof::of(view);
            for conflict in conflicts.iter().take(CONFLICTS) {
                let ours: EventId = conflict.ours.id.parse().map_err(Error::integrity)?;
                let Some((pos, event)) = view.find(&ours)? else { continue };
                let side = |side: &view_side::Side| {
                    format!("{}: {}", side.device_name, cut(side.text.trim(), 240))
                };
                let text = format!(
                    "two latest versions; a person decides with `mirror resolve {}`\n{}\n{}",
                    conflict.id.get(..12).unwrap_or_default(),
                    side(&conflict.ours),
                    side(&conflict.theirs)
                );
                let title = format!("conflict {}", conflict.id.get(..12).unwrap_or_default());
                let (item, fault) =
                    item_of(view, &mut proof, (&event, pos), ItemKind::Conflict, (title, text))?;
                gathered.add(item, fault);
            }
            Ok(())
        })
    }

    /// Earlier sessions of the project: what was built already.
    pub(super) fn gather_sessions(
        &self,
        view: &View<'_>,
        proof: &mut Proof<'_>,
        places: &[Pos],
        gathered: &mut Gathered,
    ) -> Result<()> {
        for pos in places {
            let event = match view.event_at(*pos) {
                Ok(Some(event)) => event,
                Ok(None) => continue,
                Err(error) => {
                    gathered.damaged(view, *pos, &Error::from(error))?;
                    continue;
                }
            };
            let Some((session, work, _)) = super::fold::close_of(view, &event)? else { continue };
            let agent = view.session(&session)?.map_or_else(String::new, |row| row.agent);
            let mut text = cut(work.now.trim(), 300).to_owned();
            for (what, lines) in work.lists() {
                if matches!(what, "files" | "decisions") && !lines.is_empty() {
                    text.push_str(&format!("\n{what}: {}", cut(&lines.join("; "), 300)));
                }
            }
            let of = (format!("session of {agent}"), text);
            let (mut item, fault) = item_of(view, proof, (&event, *pos), ItemKind::Session, of)?;
            item.trust = super::lineage::trust_of(view, &event.id)?;
            item.by = format!("{agent} on {}", item.by);
            gathered.add(item, fault);
        }
        Ok(())
    }
}

impl Gathered {
    /// An event's row is not what it was: it is named, and what it says is not told.
    pub fn damaged(&mut self, view: &View<'_>, pos: Pos, error: &Error) -> Result<()> {
        let Some(row) = view.raw_events_at(pos, pos.seq())?.pop() else { return Ok(()) };
        let body = row.body.unwrap_or_default();
        let found = BlobId(Sha256::digest(&body).into());
        self.wrong.push(Rejection {
            why: Why::Tampered,
            what: format!("event {}", row.id),
            source: Some(row.id),
            expected: None,
            found: Some(found),
            content: excerpt(&body),
            detail: cut(&error.detail, 512).to_owned(),
            repaired: false,
        });
        let chain = view.branch(pos.branch())?.map_or(ChainId([0; 32]), |row| row.tip.chain);
        self.items.push(Item {
            source: row.id,
            kind: ItemKind::Note,
            title: "a damaged event".to_owned(),
            text: String::new(),
            content: found,
            bytes: body.len() as u64,
            trust: Trust::Unverified,
            at: mirror_protocol::WallTime { unix_ms: 0, offset_min: 0 },
            order: (mirror_protocol::Lamport(0), chain, row.seq, row.id),
            by: "nobody".to_owned(),
            checks: Checks { bytes: false, chain: false, ..Checks::HOLD },
        });
        Ok(())
    }
}
