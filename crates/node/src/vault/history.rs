//! Reading: what stands there, what stood there, who changed it.

use std::io::Read;

use mirror_domain::Body;
use mirror_domain::body::{Cause, VaultAdopt, VaultRefuse, VaultScrub, VaultWrite};
use mirror_domain::conflict::diff;
use mirror_protocol::{BlobId, Event, EventId};
use mirror_store::{VaultCursor, View};
use mirror_vault::{Hash, VaultError, VaultPath};

use super::checked_path;
use super::write::parse;
use crate::error::{Error, Result};
use crate::names::Names;
use crate::node::Node;
use crate::view::{self, Code, VaultAct};
use crate::{clock, convert, fold};

/// Above this a comparison would take too long to be of use.
const MAX_DIFF_BYTES: u64 = 4 * 1024 * 1024;
/// The longest page.
const MAX_PAGE: u32 = 500;

/// What of the audit trail to show.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Only of this file.
    pub path: Option<String>,
    /// Entries in a page, 500 at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Node {
    /// A file's bytes: those that stand there now, or those of a version (its event, or its content's SHA-256; or the
    /// beginning of either), checked against their hash as they are read.
    pub fn vault_read(&self, path: &str, version: Option<&str>) -> Result<Box<dyn Read>> {
        let path = checked_path(path)?;
        let vault = self.vault()?;
        let Some(version) = version else { return Ok(Box::new(vault.stream(&path)?)) };
        let hash = self.content_of(&path, version)?;
        Ok(Box::new(vault.version(&hash)?))
    }

    /// A file's versions on this device, oldest first. What another program put there is recorded before.
    pub fn vault_history(&self, path: &str) -> Result<Vec<view::FileVersion>> {
        let path = checked_path(path)?;
        self.notice_one(&path)?;
        let vault = self.vault()?;
        self.read(|view| {
            let names = Names::of(view)?;
            let current = view.vault_file(path.as_str())?.map(|row| row.pos);
            let mut versions = Vec::new();
            for pos in view.vault_history(path.as_str(), &self.inner.device)? {
                let Some(event) = view.event_at(pos)? else { continue };
                let Some(said) = version_said(&event, path.as_str()) else { continue };
                let kept = match said.to {
                    Some(to) => vault.has_version(&Hash(to.0))?,
                    None => false,
                };
                let mut shown = version_view(view, &names, &event, said, kept)?;
                shown.current = Some(pos) == current;
                versions.push(shown);
            }
            Ok(versions)
        })
    }

    /// One version of a file, by its event or its content's SHA-256, or the beginning of either.
    pub(super) fn version_of(&self, path: &VaultPath, text: &str) -> Result<view::FileVersion> {
        let lower = text.trim().to_lowercase();
        let fits = |version: &view::FileVersion| {
            let begins = |id: &str| id.starts_with(&lower);
            begins(&version.version) || version.hash.as_deref().is_some_and(begins)
        };
        let mut found = self.vault_history(path.as_str())?;
        found.retain(|version| !lower.is_empty() && fits(version));
        let last = found.pop().ok_or_else(|| {
            Error::new(
                Code::NotFound,
                format!("{path} has no version {text:?}"),
                format!("see `mirror vault history {path}`"),
            )
        })?;
        if found.iter().any(|other| other.hash != last.hash) {
            let detail = format!("{text:?} fits several versions of {path}");
            return Err(Error::invalid(detail, "write more of its digits"));
        }
        Ok(last)
    }

    /// The content that a person means: of a version of the file, or of a write to it that was refused.
    fn content_of(&self, path: &VaultPath, text: &str) -> Result<Hash> {
        match self.version_of(path, text) {
            Ok(version) => {
                let gone = || {
                    let detail = format!("{path} was gone at {}", version.version);
                    Error::new(Code::NotFound, detail, "name another version")
                };
                parse(&version.hash.clone().ok_or_else(gone)?)
            }
            Err(error) if error.code == Code::NotFound => {
                let refused =
                    self.refused_for(path)?.into_iter().filter_map(|refuse| refuse.offered);
                let lower = text.trim().to_lowercase();
                let offered = refused.rev().find(|offered| offered.to_string().starts_with(&lower));
                offered.map(|offered| Hash(offered.0)).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    fn refused_for(&self, path: &VaultPath) -> Result<Vec<VaultRefuse>> {
        self.read(|view| {
            let mut refused = Vec::new();
            for pos in view.vault_history(path.as_str(), &self.inner.device)? {
                if let Some(event) = view.event_at(pos)?
                    && let Ok(Body::VaultRefuse(refuse)) = Body::read(&event)
                {
                    refused.push(refuse);
                }
            }
            Ok(refused)
        })
    }

    /// Compares two versions of a file; without `from` what stood there before, without `to` what stands there now.
    pub fn vault_diff(
        &self,
        path: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<view::VaultDiff> {
        let checked = checked_path(path)?;
        let history = self.vault_history(path)?;
        let newest = history.last().ok_or_else(|| {
            let detail = format!("nothing is recorded of {path}");
            Error::new(Code::NotFound, detail, "look for new files with `mirror vault scan`")
        })?;
        let named = |text: &str| self.content_of(&checked, text).map(Some);
        let recorded = |hash: &Option<String>| hash.as_deref().map(parse).transpose();
        let to_hash = to.map_or_else(|| recorded(&newest.hash), named)?;
        let from_hash = match (from, to) {
            (Some(from), _) => named(from)?,
            // What was refused is compared with what stands there.
            (None, Some(_)) => recorded(&newest.hash)?,
            (None, None) => recorded(&newest.previous)?,
        };
        let (before, after) = (self.text_of(from_hash)?, self.text_of(to_hash)?);
        let spans = before.zip(after).map(|(before, after)| convert::diff(diff(&before, &after)));
        Ok(view::VaultDiff {
            path: path.to_owned(),
            from: from_hash.map(|hash| hash.to_string()),
            to: to_hash.map(|hash| hash.to_string()),
            binary: spans.is_none(),
            spans: spans.unwrap_or_default(),
        })
    }

    /// A version as text; `None` when it is none, or too long to compare. No file reads as no text.
    fn text_of(&self, hash: Option<Hash>) -> Result<Option<String>> {
        let Some(hash) = hash else { return Ok(Some(String::new())) };
        let vault = self.vault()?;
        match vault.version_bytes(&hash, MAX_DIFF_BYTES) {
            Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
            Err(VaultError::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A page of what was done with the vault, on every device, newest first.
    pub fn vault_audit(&self, query: &AuditQuery) -> Result<view::AuditPage> {
        let path = query.path.as_deref().map(checked_path).transpose()?;
        if let Some(path) = &path {
            self.notice_one(path)?;
        }
        let before = query.cursor.as_deref().map(parse_cursor).transpose()?;
        let limit = query.limit.clamp(1, MAX_PAGE);
        self.read(|view| {
            let path = path.as_ref().map(VaultPath::as_str);
            let mut places = view.vault_audit(path, before, limit + 1)?;
            let more = places.len() > limit as usize;
            places.truncate(limit as usize);
            let next = places.last().filter(|_| more).map(|(cursor, _)| write_cursor(cursor));
            let names = Names::of(view)?;
            let mut entries = Vec::new();
            for (_, pos) in places {
                let Some(event) = view.event_at(pos)? else { continue };
                entries.extend(audit_view(view, &names, &event, path)?);
            }
            Ok(view::AuditPage { entries, next })
        })
    }
}

/// What an event says of a file's content, an adoption as a version that replaces nothing.
pub(crate) fn version_said(event: &Event, path: &str) -> Option<VaultWrite> {
    match Body::read(event).ok()? {
        Body::VaultWrite(write) => Some(write),
        Body::VaultAdopt(adopt) => adopted(&adopt, path),
        _ => None,
    }
}

fn adopted(adopt: &VaultAdopt, path: &str) -> Option<VaultWrite> {
    let file = adopt.files.iter().find(|file| file.path == path)?;
    Some(VaultWrite {
        path: file.path.clone(),
        replaces: Vec::new(),
        from: None,
        to: Some(file.content),
        bytes: file.bytes,
        cause: Cause::Outside,
        by: None,
        reason: None,
        sources: Vec::new(),
        shared: false,
        chunks: None,
    })
}

fn act(event: &Event, cause: Cause) -> VaultAct {
    match cause {
        _ if event.header.kind == "vault.adopt" => VaultAct::Adopt,
        Cause::Write => VaultAct::Write,
        Cause::Rollback => VaultAct::Rollback,
        Cause::Outside => VaultAct::Outside,
        Cause::Merge => VaultAct::Merge,
        Cause::Share => VaultAct::Share,
    }
}

fn version_view(
    view: &View<'_>,
    names: &Names<'_>,
    event: &Event,
    said: VaultWrite,
    kept: bool,
) -> Result<view::FileVersion> {
    let device = fold::author(view, &event.chain())?;
    Ok(view::FileVersion {
        path: said.path,
        version: event.id.to_string(),
        hash: said.to.map(|to| to.to_string()),
        previous: said.from.map(|from| from.to_string()),
        bytes: convert::count(said.bytes),
        at: clock::rfc3339(event.header.at),
        device: device.to_string(),
        device_name: names.name(&device),
        act: act(event, said.cause),
        by: said.by,
        reason: said.reason,
        sources: said.sources.iter().map(EventId::to_string).collect(),
        kept,
        current: false,
    })
}

/// An entry of the audit trail; of an adoption of many, with `path` only what concerns that file.
fn audit_view(
    view: &View<'_>,
    names: &Names<'_>,
    event: &Event,
    path: Option<&str>,
) -> Result<Option<view::AuditEntry>> {
    let device = fold::author(view, &event.chain())?;
    let text = |id: Option<BlobId>| id.map(|id| id.to_string());
    let mut entry = view::AuditEntry {
        id: event.id.to_string(),
        at: clock::rfc3339(event.header.at),
        device: device.to_string(),
        device_name: names.name(&device),
        act: VaultAct::Write,
        path: None,
        from: None,
        to: None,
        bytes: 0,
        by: None,
        reason: None,
        detail: String::new(),
    };
    let body = match (Body::read(event), path) {
        (Ok(Body::VaultAdopt(adopt)), Some(path)) => adopted(&adopt, path).map(Body::VaultWrite),
        (body, _) => body.ok(),
    };
    match body {
        Some(Body::VaultWrite(write)) => {
            entry.act = act(event, write.cause);
            (entry.path, entry.bytes) = (Some(write.path), convert::count(write.bytes));
            (entry.from, entry.to) = (text(write.from), text(write.to));
            (entry.by, entry.reason) = (write.by, write.reason);
        }
        Some(Body::VaultRefuse(refuse)) => {
            entry.act = VaultAct::Refuse;
            (entry.path, entry.bytes) = (Some(refuse.path), convert::count(refuse.bytes));
            (entry.from, entry.to) = (text(refuse.expected), text(refuse.offered));
            (entry.by, entry.reason) = (refuse.by, refuse.reason);
            let found = text(refuse.found).unwrap_or_else(|| "no file".to_owned());
            entry.detail = format!("found {found}");
        }
        Some(Body::VaultScrub(scrub)) => {
            entry.act = VaultAct::Scrub;
            entry.detail = found_by(&scrub);
        }
        Some(Body::VaultAdopt(adopt)) => {
            entry.act = VaultAct::Adopt;
            entry.detail = format!("{} files", adopt.files.len());
        }
        Some(Body::VaultShare(share)) => {
            entry.act = VaultAct::Share;
            entry.path = Some(share.folder).filter(|folder| !folder.is_empty());
            entry.detail = if share.shared { "shared" } else { "no longer shared" }.to_owned();
        }
        Some(Body::VaultPrune(prune)) => {
            entry.act = VaultAct::Prune;
            entry.detail = format!(
                "kept are the newest {} of each file and those of {} days",
                prune.newest, prune.days
            );
        }
        _ => return Ok(None),
    }
    Ok(Some(entry))
}

fn found_by(scrub: &VaultScrub) -> String {
    let VaultScrub { files, versions, bytes, found, findings } = scrub;
    let told = findings.iter().map(|one| format!("; {}: {}", one.what, one.finding));
    let told: String = told.collect();
    format!("{files} files, {versions} versions, {bytes} bytes, {found} findings{told}")
}

fn write_cursor(cursor: &VaultCursor) -> String {
    format!("{}.{}", cursor.lamport, cursor.pos)
}

fn parse_cursor(text: &str) -> Result<VaultCursor> {
    let parse = || {
        let (lamport, pos) = text.split_once('.')?;
        Some(VaultCursor { lamport: lamport.parse().ok()?, pos: pos.parse().ok()? })
    };
    parse().ok_or_else(|| Error::invalid(format!("{text:?} is no cursor"), "use `next` of a page"))
}
