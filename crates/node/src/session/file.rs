//! `continuity.md` on this disk: read, told apart from damage, repaired, written anew when closes have come.

use mirror_domain::Body;
use mirror_domain::body::{Cause, Rejection, VaultWrite, Why};
use mirror_domain::session::continuity::{self, Change, Closed, Continuity, judge};
use mirror_domain::session::repo;
use mirror_protocol::{BlobId, Event, EventId};
use mirror_store::View;
use mirror_vault::{Hash, VaultError, VaultPath};

use super::fold::close_of;
use super::{TOOL, excerpt};
use crate::clock;
use crate::error::{Error, Result};
use crate::fold::author;
use crate::names::name_of;
use crate::node::Node;
use crate::vault::{Author, Expect, checked_path};
use crate::view::Code;

/// A file that is longer is none of ours.
const MAX_BYTES: u64 = 256 * 1024;
/// Versions that are gone back through to find the last that holds.
const MAX_BACK: usize = 16;

/// The file as it lies, whole and up to date.
pub struct Found {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The event of its version.
    pub version: EventId,
    /// A person or another program has edited it since it was written.
    pub edited: bool,
}

/// A version of the file as an event says it.
struct Said {
    event: Event,
    write: VaultWrite,
}

/// What a file is found to be.
struct Judged {
    /// The version that we wrote last; the first one of all, when we wrote none.
    written: Said,
    /// The content that holds: that one's, or a person's edit of it.
    good: Option<BlobId>,
    /// It is an edit.
    edited: bool,
    /// What lies there is neither.
    damage: Option<&'static str>,
}

impl Node {
    /// The project's file, brought up to date; what was wrong with it is told. Nothing when there is none to be. What was
    /// edited by hand stays, unless the latest close had seen it.
    pub(super) fn continuity_file(
        &self,
        project: &str,
        seen: Option<BlobId>,
        wrong: &mut Vec<Rejection>,
    ) -> Result<Option<Found>> {
        let path = checked_path(&continuity::path_of(project))?;
        let leaves = self.leaves(project)?;
        for _ in 0..3 {
            match self.settle_file(project, &path, &leaves, seen, wrong) {
                // Another program came between: it is looked at anew.
                Err(error) if error.code == Code::Conflict => {}
                other => return other,
            }
        }
        self.settle_file(project, &path, &leaves, seen, wrong)
    }

    /// The latest closes of a project, newest first.
    pub(super) fn leaves(&self, project: &str) -> Result<Vec<EventId>> {
        self.read(|view| {
            let leaves = view.close_leaves(project)?;
            Ok(leaves
                .into_iter()
                .map(|(_, id)| id)
                .take(mirror_domain::body::MAX_REPLACES)
                .collect())
        })
    }

    fn settle_file(
        &self,
        project: &str,
        path: &VaultPath,
        leaves: &[EventId],
        seen: Option<BlobId>,
        wrong: &mut Vec<Rejection>,
    ) -> Result<Option<Found>> {
        let disk = match self.vault()?.read(path, MAX_BYTES) {
            Ok(content) => Some(content),
            Err(VaultError::NoFile { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let recorded = self.read(|view| said_of(view, path))?;
        let Some(disk) = disk else {
            if leaves.is_empty() {
                return Ok(None);
            }
            if recorded.is_some() {
                let detail = "the file was gone; it is written anew from the closes";
                wrong.push(rejection(path, None, None, "", detail));
            }
            return self.write_file(project, path, leaves, None, None).map(Some);
        };
        let Some(recorded) = recorded else {
            self.notice_one(path)?;
            return self.first_seen(project, path, leaves, &disk.bytes, disk.hash);
        };
        let Judged { written: base, good, edited, damage } =
            self.judge_file(path, recorded, &disk.bytes, disk.hash)?;
        if let Some(detail) = damage {
            let expected = good;
            let mut told =
                rejection(path, expected, Some(disk.hash), &excerpt(&disk.bytes), detail);
            let bytes = expected.and_then(|to| self.version_of_content(&to));
            told.source = Some(base.event.id);
            told.detail.push_str(match &bytes {
                Some(_) => "; repaired from the version that was recorded",
                None => "; written anew from the closes",
            });
            wrong.push(told);
            return match bytes {
                Some(bytes) => {
                    self.put_back(path, &bytes, disk.hash, &base.write)?;
                    self.settle_file(project, path, leaves, seen, wrong)
                }
                None if leaves.is_empty() => Ok(None),
                None => self.write_file(project, path, leaves, Some(disk.hash), None).map(Some),
            };
        }
        self.renew_beside(path, disk.hash, &disk.bytes, wrong)?;
        let mut sources = base.write.sources.clone();
        let mut latest = leaves.to_vec();
        sources.sort_unstable();
        latest.sort_unstable();
        if !leaves.is_empty() && sources != latest {
            let before = base.write.to.and_then(|to| self.version_of_content(&to));
            let unseen = edited && seen != Some(BlobId(disk.hash.0));
            let edit = before.filter(|_| unseen).map(|before| (before, disk.bytes.clone()));
            return self.write_file(project, path, leaves, Some(disk.hash), edit).map(Some);
        }
        let version = self.read(|view| said_of(view, path))?.map(|said| said.event.id);
        let version = version.unwrap_or(base.event.id);
        Ok(Some(Found { bytes: disk.bytes, version, edited }))
    }

    /// A file that nothing is recorded of: a person made it, or it came from another place.
    fn first_seen(
        &self,
        project: &str,
        path: &VaultPath,
        leaves: &[EventId],
        bytes: &[u8],
        hash: Hash,
    ) -> Result<Option<Found>> {
        if !leaves.is_empty() {
            let edit = Some((Vec::new(), bytes.to_vec()));
            return self.write_file(project, path, leaves, Some(hash), edit).map(Some);
        }
        let said = self.read(|view| said_of(view, path))?;
        Ok(said.map(|said| Found { bytes: bytes.to_vec(), version: said.event.id, edited: true }))
    }

    /// What lies at the path held against what is recorded of it.
    fn judge_file(
        &self,
        path: &VaultPath,
        recorded: Said,
        bytes: &[u8],
        hash: Hash,
    ) -> Result<Judged> {
        let accepted = |content: &BlobId| {
            self.read(|view| Ok(view.review_of(path.as_str(), content)? == Some(ACCEPTED)))
        };
        let here = BlobId(hash.0);
        let mut versions = vec![recorded];
        // From what is recorded last back to what we wrote.
        while let Some(said) = versions.last().filter(|said| said.write.cause == Cause::Outside)
            && versions.len() < MAX_BACK
            && let Some(before) = said.write.replaces.first()
            && let Some(before) = self.read(|view| version_in(view, before, path))?
        {
            versions.push(before);
        }
        // And forward again, over edits alone.
        let Some(written) = versions.pop() else {
            return Err(Error::integrity("a file without a version"));
        };
        let (mut edited, mut good) = (written.write.cause == Cause::Outside, written.write.to);
        while let Some(next) = versions.pop() {
            let Some(to) = next.write.to else { continue };
            let pair = good.and_then(|content| self.version_of_content(&content));
            let pair = pair.zip(self.version_of_content(&to));
            let is_edit = pair.is_some_and(|(a, b)| judge(&a, &b) == Change::Edit);
            if Some(to) == written.write.to {
                (good, edited) = (Some(to), false);
            } else if is_edit || accepted(&to)? {
                (good, edited) = (Some(to), true);
            }
        }
        if good == Some(here) {
            return Ok(Judged { written, good, edited, damage: None });
        }
        let before = good.and_then(|content| self.version_of_content(&content));
        let damage = match before.map(|before| judge(&before, bytes)) {
            _ if accepted(&here)? => None,
            Some(Change::Edit) => None,
            Some(Change::Damage(detail)) => Some(detail),
            None => Some("it is not what was recorded, and that is not kept"),
        };
        if damage.is_none() {
            self.notice_one(path)?;
            edited = true;
        }
        Ok(Judged { written, good, edited, damage })
    }

    /// A version's bytes, when they are here and are what their name says.
    pub(super) fn version_of_content(&self, content: &BlobId) -> Option<Vec<u8>> {
        let limit = mirror_domain::body::MAX_DISTILLATE_BYTES;
        self.vault().ok()?.version_bytes(&Hash(content.0), limit).ok()
    }

    /// Puts bytes that verify back in the place of damaged ones, which stay as a version.
    pub(super) fn put_back(
        &self,
        path: &VaultPath,
        mut bytes: &[u8],
        found: Hash,
        as_written: &VaultWrite,
    ) -> Result<()> {
        let author = Author {
            by: Some(TOOL.to_owned()),
            reason: Some("its bytes were others than recorded".to_owned()),
            sources: as_written.sources.iter().map(EventId::to_string).collect(),
        };
        let expect = Expect::Content(found.0);
        self.write_as(path, &mut bytes, expect, &author, Cause::Rollback).map(drop)
    }

    /// Writes the files beside a file anew when they are not what they should be.
    pub(super) fn renew_beside(
        &self,
        path: &VaultPath,
        hash: Hash,
        bytes: &[u8],
        wrong: &mut Vec<Rejection>,
    ) -> Result<()> {
        let Some((_, said)) = self.provenance_of(path, hash)? else { return Ok(()) };
        let mut damaged = Vec::new();
        self.wrong_beside(path, hash, &mut damaged)?;
        for ending in &damaged {
            let what = format!("{path}{ending}");
            let name = checked_name(&what);
            let found = std::fs::read(self.vault()?.root().join(&what)).unwrap_or_default();
            let detail = "it is not what was written beside the file; written anew";
            let mut told = rejection(path, None, Some(Hash::of(&found)), &excerpt(&found), detail);
            (told.what, told.repaired) = (name, true);
            wrong.push(told);
        }
        if !damaged.is_empty() {
            self.put_back(path, bytes, hash, &said)?;
        }
        Ok(())
    }

    /// Which of the files beside a file that we wrote are not what they should be.
    pub(super) fn wrong_beside(
        &self,
        path: &VaultPath,
        hash: Hash,
        wrong: &mut Vec<&'static str>,
    ) -> Result<()> {
        if let Some((right, _)) = self.provenance_of(path, hash)? {
            wrong.extend(self.vault()?.wrong_beside(path, hash, &right)?);
        }
        Ok(())
    }

    /// What stands beside a file that we wrote, and the version that says so; nothing when others wrote it.
    fn provenance_of(
        &self,
        path: &VaultPath,
        hash: Hash,
    ) -> Result<Option<(mirror_vault::Provenance, VaultWrite)>> {
        self.read(|view| {
            let Some(said) = said_of(view, path)? else { return Ok(None) };
            if said.write.cause == Cause::Outside || said.write.to != Some(BlobId(hash.0)) {
                return Ok(None);
            }
            let own = author(view, &said.event.chain())? == self.inner.device;
            let right = if own {
                crate::vault::provenance(&said.write, said.event.header.at)
            } else {
                crate::vault::taken_provenance(view, &said.event, &said.write)?
            };
            Ok(Some((right, said.write)))
        })
    }

    /// Writes the file that follows from the latest closes; what was edited by hand since `edit.0` stays.
    fn write_file(
        &self,
        project: &str,
        path: &VaultPath,
        leaves: &[EventId],
        found: Option<Hash>,
        edit: Option<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Found> {
        let (closes, session) = self.read(|view| closes(view, leaves))?;
        let mut body = continuity::body_of(project, &closes);
        if let Some((before, now)) = edit {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n");
            let (before, now) = (text(&before), text(&now));
            let body_in =
                |text: &str| continuity::split(text).map_or(text.to_owned(), |s| s.1.to_owned());
            body = continuity::merge(&body_in(&before), &body, &body_in(&now));
        }
        let file = Continuity {
            project: project.to_owned(),
            head: self.read(crate::status::head_of)?,
            session,
            device: self.read(|view| name_of(view, &self.inner.device))?,
            written: clock::rfc3339(clock::now()),
            body,
        };
        let text = file.render();
        let author = Author {
            by: Some(TOOL.to_owned()),
            reason: None,
            sources: leaves.iter().map(EventId::to_string).collect(),
        };
        let expect = found.map_or(Expect::Absent, |found| Expect::Content(found.0));
        let written = self.write_as(path, &mut text.as_bytes(), expect, &author, Cause::Write)?;
        let version = written.version.parse().map_err(Error::integrity)?;
        Ok(Found { bytes: text.into_bytes(), version, edited: false })
    }
}

/// `Verdict::Accept`, as the store keeps it.
pub const ACCEPTED: u8 = 1;

/// The version that is recorded of a file.
fn said_of(view: &View<'_>, path: &VaultPath) -> Result<Option<Said>> {
    let Some(row) = view.vault_file(path.as_str())? else { return Ok(None) };
    let event = view.event_at(row.pos)?;
    let event = event.ok_or_else(|| Error::integrity(format!("the event of {path} is gone")))?;
    said_in(event, path)
}

fn version_in(view: &View<'_>, id: &EventId, path: &VaultPath) -> Result<Option<Said>> {
    view.event(id)?.map_or(Ok(None), |event| said_in(event, path))
}

fn said_in(event: Event, path: &VaultPath) -> Result<Option<Said>> {
    let write = crate::vault::version_said(&event, path.as_str());
    Ok(write.map(|write| Said { event, write }))
}

/// The latest closes as the file tells them, and the session of the newest.
fn closes(view: &View<'_>, leaves: &[EventId]) -> Result<(Vec<Closed>, EventId)> {
    let (mut closes, mut newest) = (Vec::new(), None);
    for id in leaves {
        let event = super::fold::event(view, id)?;
        let Some((session, work, recovered)) = close_of(view, &event)? else { continue };
        newest.get_or_insert(session);
        let device = name_of(view, &author(view, &event.chain())?)?;
        let agent = view.session(&session)?.map_or_else(String::new, |row| row.agent);
        let differences = match Body::read(&event) {
            Ok(Body::SessionClose(close)) => close.repo.map_or(Vec::new(), |r| r.differences),
            _ => Vec::new(),
        };
        closes.push(Closed {
            by: format!("{agent} on {device}"),
            work,
            recovered,
            differences: differences.iter().map(repo::words).collect(),
        });
    }
    let newest = newest.ok_or_else(|| Error::integrity("a close that is none"))?;
    Ok((closes, newest))
}

/// Something is wrong with a file.
pub fn rejection(
    path: &VaultPath,
    expected: Option<BlobId>,
    found: Option<Hash>,
    content: &str,
    detail: &str,
) -> Rejection {
    Rejection {
        why: Why::Tampered,
        what: path.to_string(),
        source: None,
        expected,
        found: found.map(|hash| BlobId(hash.0)),
        content: content.to_owned(),
        detail: detail.to_owned(),
        repaired: true,
    }
}

fn checked_name(name: &str) -> String {
    name.chars().take(512).collect()
}
