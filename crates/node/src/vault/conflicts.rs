//! Shared files that wait for a person, and the decision.

use std::io::Read;

use mirror_domain::body::{Cause, VaultWrite};
use mirror_domain::conflict::{diff, merge_texts};
use mirror_domain::session::continuity::merge_files;
use mirror_domain::text::MAX_TEXT_BYTES;
use mirror_domain::{Body, FileConflict, FileRevision, Refusal};
use mirror_protocol::{BlobId, Event};
use mirror_store::View;
use mirror_vault::{Expect, Hash, Locked, Vault, VaultPath};

use super::shared::{conflicted, graph, moved_on};
use super::{Author, checked_path, provenance, said, settle};
use crate::error::{Error, Result};
use crate::names::Names;
use crate::node::Node;
use crate::notes::{captured, event_id};
use crate::view::{self, Code};
use crate::{clock, convert};

/// How a person settles a conflict of a file.
pub enum FileTake<'a> {
    /// This device's version.
    Ours,
    /// The other.
    Theirs,
    /// The proposal.
    Merged,
    /// A text of one's own, where both sides are texts.
    Text(&'a str),
    /// A content of one's own.
    Content(&'a mut dyn Read),
}

/// A side's content, as far as a person can read it.
enum Shown {
    Text(String),
    /// A line that says what it is.
    Line(String),
    Gone,
}

impl Shown {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// The shared file whose conflict, or one of whose versions, an id names.
pub fn file_of(view: &View<'_>, id: &str) -> Result<Option<String>> {
    let event = view.event(&event_id(view, id)?)?;
    Ok(match event.as_ref().map(Body::read) {
        Some(Ok(Body::VaultWrite(write))) if write.shared => Some(write.path),
        _ => None,
    })
}

impl Node {
    /// The shared file that an id of a conflict speaks of; none when it is a note's.
    pub fn conflict_file(&self, id: &str) -> Result<Option<String>> {
        self.read(|view| file_of(view, id))
    }

    pub(crate) fn file_conflicts(&self) -> Result<Vec<view::Conflict>> {
        let mut conflicts = Vec::new();
        for path in self.read(conflicted)? {
            let graph = self.read(|view| graph(view, &path))?;
            let first = graph.history().first().map(|first| first.id.to_string());
            let conflict = FileConflict::of(&graph, &self.inner.device);
            if let Some((first, conflict)) = first.zip(conflict) {
                conflicts.push(self.conflict_view(path, first, &conflict)?);
            }
        }
        Ok(conflicts)
    }

    fn conflict_view(
        &self,
        path: String,
        id: String,
        conflict: &FileConflict,
    ) -> Result<view::Conflict> {
        let FileConflict { base, ours, theirs, .. } = conflict;
        let proposal = self.proposal(conflict)?;
        let shown_base = base.as_ref().map(|base| self.shown(base)).transpose()?;
        let base_text = shown_base.as_ref().and_then(Shown::text).unwrap_or_default().to_owned();
        let side = |revision: &FileRevision| {
            let shown = self.shown(revision)?;
            let spans = shown.text().map(|text| convert::diff(diff(&base_text, text)));
            let text = match &shown {
                Shown::Text(text) | Shown::Line(text) => text.clone(),
                Shown::Gone => String::new(),
            };
            let same = |text| view::DiffSpan { change: view::DiffChange::Same, text };
            let name = self.read(|view| Ok(Names::of(view)?.name(&revision.device)))?;
            Ok::<_, Error>(view::Side {
                id: revision.id.to_string(),
                device: revision.device.to_string(),
                device_name: name,
                at: clock::rfc3339(revision.at),
                diff: spans.unwrap_or_else(|| vec![same(text.clone())]),
                text,
                tags: Vec::new(),
                archived: revision.content.is_none(),
            })
        };
        Ok(view::Conflict {
            note: id.clone(),
            id,
            file: Some(path),
            base: base.as_ref().map(side).transpose()?,
            ours: side(ours)?,
            theirs: side(theirs)?,
            proposal,
        })
    }

    /// The merge of both sides, when all are texts and their changes don't touch.
    fn proposal(&self, conflict: &FileConflict) -> Result<Option<String>> {
        let Some(base) = &conflict.base else { return Ok(None) };
        let sides = [base, &conflict.ours, &conflict.theirs].map(|side| self.shown(side));
        let [base, ours, theirs] = sides;
        let (base, ours, theirs) = (base?, ours?, theirs?);
        let texts = base.text().zip(ours.text()).zip(theirs.text());
        Ok(texts.and_then(|((base, ours), theirs)| {
            // Two closes of a project always differ in the same lines, and still go together.
            merge_files(base, ours, theirs).or_else(|| merge_texts(base, ours, theirs))
        }))
    }

    fn shown(&self, revision: &FileRevision) -> Result<Shown> {
        let Some(content) = &revision.content else { return Ok(Shown::Gone) };
        let bytes = revision.bytes;
        if bytes == 0 {
            return Ok(Shown::Text(String::new()));
        }
        if bytes > MAX_TEXT_BYTES as u64 {
            return Ok(Shown::Line(format!("({bytes} bytes)")));
        }
        let Some(found) = self.small_content(content, bytes)? else {
            let why = self.read(|view| settle::missing(self, view, content))?;
            return Ok(Shown::Line(format!("(not here: {why})")));
        };
        Ok(match String::from_utf8(found) {
            Ok(text) if !text.contains('\0') => Shown::Text(text),
            _ => Shown::Line(format!("({bytes} bytes that are no text)")),
        })
    }

    /// Settles a conflict of a shared file: the decision stands on this disk when it returns. With `seen`, only while these
    /// are the versions in conflict.
    pub fn resolve_file(
        &self,
        path: &str,
        take: FileTake<'_>,
        seen: Option<&[String]>,
    ) -> Result<view::Captured> {
        let path = checked_path(path)?;
        self.locked(|vault, locked| {
            let noticed = self.notice_locked(vault, locked, &path)?;
            if noticed.changed + noticed.gone + noticed.adopted > 0 {
                return Err(moved_on(&path));
            }
            let graph = self.read(|view| graph(view, path.as_str()))?;
            let conflict = FileConflict::of(&graph, &self.inner.device);
            let conflict = conflict.ok_or(Refusal::NoFileConflict)?;
            let sides = [&conflict.ours, &conflict.theirs].map(|side| side.id.to_string());
            if seen.is_some_and(|seen| !sides.iter().all(|side| seen.contains(side))) {
                return Err(moved_on(&path));
            }
            let mut said = self.read(|view| said(view, &path, Cause::Merge, &Author::default()))?;
            said.replaces = conflict.sides.clone();
            let event = match take {
                FileTake::Ours => self.decide_side(vault, locked, &path, said, &conflict.ours)?,
                FileTake::Theirs => {
                    self.decide_side(vault, locked, &path, said, &conflict.theirs)?
                }
                FileTake::Merged => {
                    let merged = self.proposal(&conflict)?.ok_or(Refusal::NoProposal)?;
                    self.decide_content(locked, &path, said, &mut merged.as_bytes())?
                }
                FileTake::Text(text) => {
                    // What is shown in a text's place must not become the file.
                    for side in [&conflict.ours, &conflict.theirs] {
                        if let Shown::Line(_) = self.shown(side)? {
                            return Err(Refusal::NotText.into());
                        }
                    }
                    self.decide_content(locked, &path, said, &mut text.as_bytes())?
                }
                FileTake::Content(bytes) => self.decide_content(locked, &path, said, bytes)?,
            };
            let first = graph.history().first().map_or(event.id, |first| first.id);
            Ok(captured(&event, first))
        })
    }

    fn decide_side(
        &self,
        vault: &Vault,
        locked: &Locked<'_>,
        path: &VaultPath,
        said: VaultWrite,
        side: &FileRevision,
    ) -> Result<Event> {
        let Some(content) = &side.content else { return self.decide_gone(locked, path, said) };
        let here = self.version_here(vault, locked, content, side.bytes)?;
        let mut version = here.map_err(|why| not_here(path, content, why))?;
        self.decide_content(locked, path, said, &mut version)
    }

    fn on_disk(&self, path: &VaultPath) -> Result<Option<Hash>> {
        let row = self.read(|view| Ok(view.vault_file(path.as_str())?))?;
        Ok(row.map(|row| Hash(row.content.0)))
    }

    fn decide_content(
        &self,
        locked: &Locked<'_>,
        path: &VaultPath,
        said: VaultWrite,
        bytes: &mut dyn Read,
    ) -> Result<Event> {
        let expect = self.on_disk(path)?.map_or(Expect::Absent, Expect::Is);
        let note = Body::VaultWrite(said.clone()).encode();
        let at = clock::now();
        let written = locked.write(path, bytes, expect, &provenance(&said, at), &note)?;
        let content = (Some(written.hash), written.bytes);
        let event = self.record(said, written.previous, content, at)?;
        locked.finish(&written.id)?;
        Ok(event)
    }

    fn decide_gone(
        &self,
        locked: &Locked<'_>,
        path: &VaultPath,
        said: VaultWrite,
    ) -> Result<Event> {
        let Some(found) = self.on_disk(path)? else {
            return self.record(said, None, (None, 0), clock::now());
        };
        let note = Body::VaultWrite(said.clone()).encode();
        let removed = locked.remove(path, Expect::Is(found), &note)?;
        let event = self.record(said, Some(removed.previous), (None, 0), clock::now())?;
        locked.finish(&removed.id)?;
        Ok(event)
    }
}

fn not_here(path: &VaultPath, content: &BlobId, why: String) -> Error {
    let hint = format!("ask for it with `mirror blob want {content}`, then reconcile");
    Error::new(Code::NotFound, format!("that version of {path} is not here: {why}"), hint)
}
