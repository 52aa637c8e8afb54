//! Distillates: the essence of notes, sessions and other distillates, in sealed files.

use std::collections::BTreeSet;
use std::path::Path;

use mirror_domain::Body;
use mirror_domain::body::{
    Cause, DistillateSeal, DistillateStale, MAX_DISTILLATE_BYTES, MAX_LINE_BYTES, Rejection, Why,
    check_project,
};
use mirror_domain::session::continuity::distillate_path;
use mirror_domain::session::{Item, ItemKind, quote};
use mirror_domain::text::check_tags;
use mirror_protocol::{BlobId, EventId};
use mirror_store::{DistillateRow, View};
use mirror_vault::{Hash, VaultError};

use super::file::{ACCEPTED, rejection};
use super::gather::{Gathered, item_of};
use super::lineage::{gone_by, shown_revision, stale, trust_of};
use super::proof::Proof;
use super::{TOOL, cut, excerpt};
use crate::error::{Error, Result};
use crate::fold;
use crate::names::Names;
use crate::node::Node;
use crate::notes::event_id;
use crate::vault::{Author, Expect, checked_path};
use crate::view::{self, Code};
use crate::{clock, commit};

/// As much of one distillate is told at most.
const TOLD_BYTES: usize = 2_000;
/// The longest list.
const MAX_LISTED: u32 = 10_000;

/// A distillate to be sealed.
#[derive(Debug, Clone, Default)]
pub struct NewDistillate {
    /// What to call its file.
    pub name: String,
    /// What it says.
    pub text: String,
    /// The project; empty for none.
    pub project: String,
    /// What it is about.
    pub topics: Vec<String>,
    /// The events that it was made of: ids or unique beginnings, of notes, closes, seals.
    pub sources: Vec<String>,
    /// Seals that it stands in the place of, beside those of its own file.
    pub replaces: Vec<String>,
    /// The session that makes it.
    pub session: Option<String>,
    /// The tool or agent.
    pub by: Option<String>,
}

impl Node {
    /// Seals a distillate: its file in the vault, with its hash and its provenance beside it; durable when it returns.
    pub fn distill(&self, new: NewDistillate) -> Result<view::Distillate> {
        let invalid =
            |error: &dyn std::fmt::Display| Error::invalid(error, "change it and try again");
        check_project(&new.project).map_err(|error| invalid(&error))?;
        let topics = check_tags(&new.topics).map_err(|error| invalid(&error))?;
        if new.text.trim().is_empty() || new.text.len() as u64 > MAX_DISTILLATE_BYTES {
            let found = new.text.len();
            let detail =
                format!("a distillate has 1 to {MAX_DISTILLATE_BYTES} bytes, this has {found}");
            return Err(Error::invalid(detail, "split it, or write something"));
        }
        if quote::is_injected(&new.text) {
            return Err(injected());
        }
        let path = checked_path(&distillate_path(&new.project, &new.name))?;
        let (sources, mut replaces, session) = self.read(|view| {
            let ids = |of: &[String]| -> Result<BTreeSet<EventId>> {
                of.iter().map(|id| shown_revision(view, event_id(view, id)?)).collect()
            };
            let session = new.session.as_deref().map(|id| event_id(view, id)).transpose()?;
            Ok((ids(&new.sources)?, ids(&new.replaces)?, session))
        })?;
        let before = self.read(|view| Ok(view.seals_of(path.as_str())?))?;
        replaces.extend(before.iter().filter(|row| !row.gone).map(|row| row.id));
        let author = Author {
            by: new.by.clone().or_else(|| Some(TOOL.to_owned())),
            reason: Some("sealed as a distillate".to_owned()),
            sources: sources.iter().map(EventId::to_string).collect(),
        };
        let expect = Expect::Anything;
        let bytes = &mut new.text.as_bytes();
        let written = self.write_as(&path, bytes, expect, &author, Cause::Write)?;
        let hash: Hash = written.hash.parse().map_err(Error::integrity)?;
        let title = new.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let seal = DistillateSeal {
            path: path.to_string(),
            content: BlobId(hash.0),
            bytes: new.text.len() as u64,
            project: new.project,
            title: cut(title.trim_start_matches('#').trim(), MAX_LINE_BYTES / 4).to_owned(),
            topics,
            sources: sources.into_iter().collect(),
            replaces: replaces.into_iter().collect(),
            session,
        };
        seal.check().map_err(|error| invalid(&error))?;
        let event = self.write(|tx| {
            let event = commit::append(&self.inner, tx, &Body::DistillateSeal(seal), clock::now())?;
            if let Some(pos) = tx.pos(&event.id)? {
                tx.index_session(pos, &new.text, true)?;
            }
            Ok(event)
        })?;
        let row = self.read(|view| Ok(view.distillate(&event.id)?))?;
        let row = row.ok_or_else(|| Error::integrity("a seal that was just stored is gone"))?;
        self.distillate_view(&row)
    }

    /// Says that a distillate is not to be told any more.
    pub fn distill_withdraw(&self, id: &str, reason: &str) -> Result<view::Distillate> {
        let seal = self.read(|view| Ok(self.seal(view, id)?.id))?;
        let reason = reason.to_owned();
        mirror_domain::text::check_reason(&reason)
            .map_err(|error| Error::invalid(error, "say why in a few words"))?;
        let body = Body::DistillateStale(DistillateStale { seal, reason });
        self.write(|tx| commit::append(&self.inner, tx, &body, clock::now()))?;
        let row = self.read(|view| self.seal(view, &seal.to_string()))?;
        self.distillate_view(&row)
    }

    fn seal(&self, view: &View<'_>, id: &str) -> Result<DistillateRow> {
        let id = event_id(view, id)?;
        let none = || Error::not_found(format!("{id} is no distillate; see `mirror distill list`"));
        view.distillate(&id)?.ok_or_else(none)
    }

    /// Distillates, newest first, each with its state; nothing is repaired.
    pub fn distillates(
        &self,
        project: Option<&str>,
        topic: Option<&str>,
        all: bool,
    ) -> Result<Vec<view::Distillate>> {
        let rows =
            self.read(|view| Ok(view.newest_distillates(project, topic, all, MAX_LISTED)?))?;
        rows.iter().map(|row| self.distillate_view(row)).collect()
    }

    /// Recomputes every distillate: chain, file, what stands beside it, sources.
    pub fn distill_verify(&self) -> Result<Vec<view::Distillate>> {
        self.distillates(None, None, true)
    }

    fn distillate_view(&self, row: &DistillateRow) -> Result<view::Distillate> {
        let file = self.sealed_file(row)?;
        self.read(|view| {
            let mut proof = Proof::of(view);
            let event = super::fold::event(view, &row.id)?;
            let Ok(Body::DistillateSeal(seal)) = Body::read(&event) else {
                return Err(Error::integrity(format!("{} is no seal", row.id)));
            };
            let (state, detail) = match (proof.fault(&event, row.pos)?, &file) {
                (Some(fault), _) => ("unverifiable", fault.to_owned()),
                _ if row.gone => ("superseded", gone_by(view, &row.id)?),
                (_, Sealed::Elsewhere) => {
                    ("elsewhere", "its file is not on this device; share its folder".to_owned())
                }
                (_, Sealed::Lost { detail, .. } | Sealed::Wrong { detail, .. }) => {
                    ("tampered", detail.clone())
                }
                (_, Sealed::Good) => match stale(view, &seal)? {
                    Some(why) => ("stale", why),
                    None => ("good", String::new()),
                },
            };
            let device = fold::author(view, &event.chain())?;
            Ok(view::Distillate {
                id: row.id.to_string(),
                path: seal.path.clone(),
                project: seal.project.clone(),
                title: seal.title.clone(),
                topics: seal.topics.clone(),
                hash: seal.content.to_string(),
                bytes: seal.bytes,
                at: clock::rfc3339(event.header.at),
                device_name: Names::of(view)?.name(&device),
                sources: seal.sources.iter().map(EventId::to_string).collect(),
                trust: trust_of(view, &row.id)?.name().to_owned(),
                state: state.to_owned(),
                detail,
            })
        })
    }

    /// How the file of a seal lies on this disk.
    fn sealed_file(&self, row: &DistillateRow) -> Result<Sealed> {
        let path = checked_path(&row.path)?;
        let hash = Hash(row.content.0);
        let (recorded, own) = self.read(|view| {
            let own = view.branch(row.pos.branch())?.is_some_and(|c| c.device == self.inner.device);
            Ok((view.vault_file(path.as_str())?, own))
        })?;
        let vault = self.vault()?;
        let disk = match vault.read(&path, MAX_DISTILLATE_BYTES) {
            Ok(content) => Some(content),
            Err(VaultError::NoFile { .. } | VaultError::TooLarge { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(disk) = disk.as_ref().filter(|disk| disk.hash == hash) {
            let mut wrong = Vec::new();
            self.wrong_beside(&path, disk.hash, &mut wrong)?;
            return Ok(match wrong.pop() {
                None => Sealed::Good,
                Some(ending) => Sealed::Wrong {
                    detail: format!("{path}{ending} is not what was written beside it"),
                    bytes: disk.bytes.clone(),
                    found: Some(disk.hash),
                    beside: true,
                },
            });
        }
        let found = disk.as_ref().map(|disk| disk.hash);
        let accepted = |found: &Hash| {
            let found = BlobId(found.0);
            self.read(|view| Ok(view.review_of(path.as_str(), &found)? == Some(ACCEPTED)))
        };
        if let Some(disk) = &disk
            && accepted(&disk.hash)?
        {
            return Ok(Sealed::Good);
        }
        let excerpt = disk.map_or_else(String::new, |disk| excerpt(&disk.bytes));
        let says = match found {
            Some(found) => format!("its bytes are {found}"),
            None => "the file is gone".to_owned(),
        };
        Ok(match self.version_of_content(&row.content) {
            Some(bytes) => Sealed::Wrong { detail: says, bytes, found, beside: false },
            None if !own && recorded.is_none() => Sealed::Elsewhere,
            None => Sealed::Lost { detail: says, found, excerpt },
        })
    }

    /// The newest distillates of a project that are here; of all projects, without one. What was changed is repaired from
    /// its version, or left out.
    pub(super) fn gather_distillates(
        &self,
        rows: Vec<DistillateRow>,
        room: usize,
        gathered: &mut Gathered,
    ) -> Result<()> {
        let (mut bytes, mut read) = (0, Vec::new());
        for row in rows {
            if bytes > room {
                break;
            }
            let mut told = None;
            let text = match self.sealed_file(&row)? {
                Sealed::Elsewhere => continue,
                Sealed::Good => {
                    self.vault()?.read(&checked_path(&row.path)?, MAX_DISTILLATE_BYTES)?.bytes
                }
                Sealed::Wrong { detail, bytes, found, beside } => {
                    told = Some(self.repair(&row, &bytes, found, beside, &detail)?);
                    bytes
                }
                Sealed::Lost { detail, found, excerpt } => {
                    let path = checked_path(&row.path)?;
                    let detail = format!("{detail}, and no version of it verifies");
                    let mut lost = rejection(&path, Some(row.content), found, &excerpt, &detail);
                    (lost.source, lost.repaired) = (Some(row.id), false);
                    gathered.wrong.push(lost);
                    Vec::new()
                }
            };
            gathered.wrong.extend(told);
            bytes += text.len().min(TOLD_BYTES);
            read.push((row, text));
        }
        self.read(|view| {
            let mut proof = Proof::of(view);
            read.into_iter()
                .try_for_each(|(row, text)| add_distillate(view, &mut proof, &row, text, gathered))
        })
    }

    fn repair(
        &self,
        row: &DistillateRow,
        bytes: &[u8],
        found: Option<Hash>,
        beside: bool,
        detail: &str,
    ) -> Result<Rejection> {
        let path = checked_path(&row.path)?;
        let mut wrong = Vec::new();
        if let Some(found) = found.filter(|_| beside) {
            self.renew_beside(&path, found, bytes, &mut wrong)?;
            if let Some(mut told) = wrong.pop() {
                told.source = Some(row.id);
                return Ok(told);
            }
        }
        let disk = self.vault()?.read(&path, MAX_DISTILLATE_BYTES).ok();
        let content = disk.map_or_else(String::new, |disk| excerpt(&disk.bytes));
        let seal = self.read(|view| super::fold::event(view, &row.id))?;
        let sources = match Body::read(&seal) {
            Ok(Body::DistillateSeal(seal)) => seal.sources,
            _ => Vec::new(),
        };
        let author = Author {
            by: Some(TOOL.to_owned()),
            reason: Some("its bytes were others than sealed".to_owned()),
            sources: sources.iter().map(EventId::to_string).collect(),
        };
        let expect = found.map_or(Expect::Absent, |found| Expect::Content(found.0));
        self.write_as(&path, &mut &*bytes, expect, &author, Cause::Rollback)?;
        let detail = format!("{detail}; repaired from the version {}", row.content);
        let mut told = rejection(&path, Some(row.content), found, &content, &detail);
        told.source = Some(row.id);
        Ok(told)
    }
}

/// Adds a distillate that was read; one without a text was lost.
fn add_distillate(
    view: &View<'_>,
    proof: &mut Proof<'_>,
    row: &DistillateRow,
    text: Vec<u8>,
    gathered: &mut Gathered,
) -> Result<()> {
    let event = match view.event(&row.id) {
        Ok(Some(event)) => event,
        Ok(None) => return Ok(()),
        Err(error) => {
            return gathered.damaged(view, row.pos, &Error::from(error));
        }
    };
    let Ok(Body::DistillateSeal(seal)) = Body::read(&event) else { return Ok(()) };
    let lost = text.is_empty();
    let text = String::from_utf8_lossy(&text).into_owned();
    let of = (seal.path.clone(), text);
    let (item, mut fault) = item_of(view, proof, (&event, row.pos), ItemKind::Distillate, of)?;
    let mut item = item;
    if lost {
        item = Item { content: seal.content, bytes: seal.bytes, ..item };
    }
    item.trust = trust_of(view, &row.id)?;
    item.checks.bytes = !lost;
    if let Some(why) = stale(view, &seal)? {
        gathered.wrong.push(Rejection {
            why: Why::Stale,
            what: seal.path.clone(),
            source: Some(row.id),
            expected: Some(seal.content),
            found: Some(seal.content),
            content: excerpt(item.text.as_bytes()),
            detail: format!("{why}; seal it anew, or accept it as it is"),
            repaired: false,
        });
        if view.review_of(&seal.path, &seal.content)? != Some(ACCEPTED) {
            // Known to be out of date, and told so: it is left out, and nothing is wrong with what is told.
            return Ok(());
        }
        gathered.wrong.pop();
    }
    if lost {
        fault = None;
    }
    gathered.add(item, fault);
    Ok(())
}

/// The file of a seal.
enum Sealed {
    /// It is what was sealed, or was accepted as it is.
    Good,
    /// It never was on this device.
    Elsewhere,
    /// It is not what was sealed; these bytes are.
    Wrong { detail: String, bytes: Vec<u8>, found: Option<Hash>, beside: bool },
    /// It is not what was sealed, and nothing here is.
    Lost { detail: String, found: Option<Hash>, excerpt: String },
}

/// Memory that was handed out came back as new.
pub fn injected() -> Error {
    Error::new(
        Code::Refused,
        "this text holds memory that was handed out to an agent: it is not new, and is not taken in again",
        "leave out the lines that begin with ⟦m⟧ and the mirror-memory element",
    )
}

/// The text of a file, and its name.
pub fn read_text(path: &Path) -> Result<(String, String)> {
    let place = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| Error::not_found(format!("{place} can't be read: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::invalid(format!("{place} is no text"), "seal a text file"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok((text, name.unwrap_or_default()))
}
