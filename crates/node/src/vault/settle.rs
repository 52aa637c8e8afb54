//! Shared files come onto this disk: one version with nothing beside it is taken over, what lies here unsaid is said, and
//! between two versions nothing is chosen.

use std::fs::File;

use mirror_domain::Step;
use mirror_domain::body::{Cause, VaultWrite};
use mirror_domain::share::{Here, step};
use mirror_protocol::{BlobId, Event, EventId, Lamport};
use mirror_store::{BlobState, Pos, VaultFileRow, View};
use mirror_vault::{
    Expect, Hash, InFlight, Locked, Provenance, Vault, VaultError, VaultPath, Version,
};

use super::shared::{Blobs, path_of, shares, stand, version_at};
use super::{content, shared};
use crate::clock;
use crate::error::{Error, Result};
use crate::fold;
use crate::names::Names;
use crate::node::Node;

/// Files that are looked at before the vault's lock is given up to others.
const BATCH: u32 = 64;
/// Another program can come between as often.
const TRIES: u32 = 4;
/// How the note of a version that is taken over begins; its event's id follows.
const TAKE: &[u8] = b"take";

/// Why a file waits.
type Waits = Option<String>;

/// A shared file that was looked at, and how often something had moved of it until then.
struct Looked {
    path: String,
    moves: i64,
    waits: Waits,
}

impl Node {
    /// Brings the shared files that moved onto this disk, as far as that can be done; the others say why they wait.
    pub fn settle(&self) -> Result<()> {
        let mut after = String::new();
        loop {
            let due = self.read(|view| Ok(view.shared_due(&after, BATCH)?))?;
            let Some(last) = due.last() else { return Ok(()) };
            after = last.clone();
            let shares = self.read(shares)?;
            let (held, others): (Vec<_>, Vec<_>) =
                due.into_iter().partition(|path| shares.hold(path));
            self.close(others.iter().map(|path| self.unheld(path)))?;
            if !held.is_empty() {
                self.locked(|vault, locked| {
                    if let Err(error) = self.announce_many(&held) {
                        // One by one it shows which file is in the way.
                        tracing::warn!(%error, "shared files could not be said together");
                    }
                    self.close(held.iter().map(|path| self.look_at(vault, locked, path)))
                })?;
            }
        }
    }

    fn close(&self, looked: impl Iterator<Item = Result<Looked>>) -> Result<()> {
        let looked: Vec<Looked> = looked.collect::<Result<_>>()?;
        if looked.is_empty() {
            return Ok(());
        }
        self.quiet_write(|tx| {
            for Looked { path, moves, waits } in &looked {
                tx.close_shared(path, *moves, waits.as_deref())?;
            }
            Ok(())
        })
    }

    fn unheld(&self, path: &str) -> Result<Looked> {
        let moves = self.read(|view| Ok(view.shared_moves(path)?))?;
        Ok(Looked { path: path.to_owned(), moves, waits: None })
    }

    /// Settles, and tells in the log when that fails: whoever called has done its own work.
    pub(crate) fn settle_or_warn(&self) {
        if let Err(error) = self.settle() {
            tracing::warn!(%error, "the shared files could not be brought onto this disk");
        }
    }

    /// Looks for what other programs changed, so that it goes along with what is about to be said; nothing when no
    /// folder is shared.
    pub(crate) fn look_or_warn(&self) {
        let looked = self.read(|view| Ok(shares(view)?.any()));
        let looked = looked.and_then(|any| if any { self.vault_scan().map(drop) } else { Ok(()) });
        if let Err(error) = looked {
            tracing::warn!(%error, "the vault could not be looked through");
        }
    }

    /// What waits is to be looked at again.
    pub(super) fn reopen(&self) -> Result<()> {
        if self.read(|view| Ok(view.shared_waiting()?.is_empty()))? {
            return Ok(());
        }
        self.quiet_write(|tx| Ok(tx.open_waiting()?))
    }

    /// Whether some shared file is to be looked at.
    pub(super) fn has_due(&self) -> Result<bool> {
        self.read(|view| Ok(!view.shared_due("", 1)?.is_empty()))
    }

    fn look_at(&self, vault: &Vault, locked: &Locked<'_>, text: &str) -> Result<Looked> {
        let mut looked = self.unheld(text)?;
        looked.waits = match path_of(text) {
            Err(reason) => Some(reason),
            // One file in the way keeps the others from nothing.
            Ok(path) => match self.bring(vault, locked, &path, &mut looked.moves) {
                Ok(waits) => waits,
                Err(error) => Some(error.to_string()),
            },
        };
        Ok(looked)
    }

    fn bring(
        &self,
        vault: &Vault,
        locked: &Locked<'_>,
        path: &VaultPath,
        moves: &mut i64,
    ) -> Result<Waits> {
        let mut said = false;
        for _ in 0..TRIES {
            if let Some(left) = self.notice_locked(vault, locked, path)?.left.pop() {
                return Ok(Some(left.finding));
            }
            let step = self.read(|view| {
                *moves = view.shared_moves(path.as_str())?;
                next(view, path)
            })?;
            match step {
                Step::Rest => return Ok(None),
                Step::Announce if said => {
                    return Ok(Some("it is too large to be shared".to_owned()));
                }
                Step::Announce => {
                    self.announce(std::slice::from_ref(path))?;
                    said = true;
                }
                Step::Take(id) => match self.take(vault, locked, path, &id) {
                    Err(Stopped::Raced) => {}
                    Err(Stopped::Failed(error)) => return Err(error),
                    Ok(waits) => return Ok(waits),
                },
            }
        }
        Ok(Some("another program keeps changing it".to_owned()))
    }

    /// Says what lies here to the other devices, of many files in one transaction.
    fn announce(&self, paths: &[VaultPath]) -> Result<()> {
        let (mut rows, mut blobs) = (Vec::new(), Blobs::default());
        for path in paths {
            let row = self.read(|view| Ok(view.vault_file(path.as_str())?))?;
            let Some(row) = row else { continue };
            let hash = Some(Hash(row.content.0)).filter(|_| row.bytes > 0);
            blobs.extend(self.take_in_versions(path.as_str(), hash)?);
            rows.push(row);
        }
        self.write(|tx| {
            for row in rows {
                let said = unsaid(&row);
                let mut shared = said.clone();
                shared::make_shared(tx, &mut shared, &blobs)?;
                if shared.shared {
                    let event = self.append_version(tx, &said, &blobs, clock::now())?;
                    // It lies as it lay.
                    let pos = tx.pos(&event.id)?.unwrap_or(row.pos);
                    tx.put_vault_file(&VaultFileRow { pos, ..row })?;
                }
            }
            Ok(())
        })
    }

    /// Of many files those that are to be said, so that they need not be said one by one.
    fn announce_many(&self, held: &[String]) -> Result<()> {
        let mut paths: Vec<VaultPath> = held.iter().filter_map(|path| path_of(path).ok()).collect();
        let mut failed = None;
        paths.retain(|path| match self.read(|view| next(view, path)) {
            Ok(step) => step == Step::Announce,
            Err(error) => {
                failed.get_or_insert(error);
                false
            }
        });
        match failed {
            Some(error) => Err(error),
            None if paths.len() < 2 => Ok(()),
            None => self.announce(&paths),
        }
    }

    /// Makes the disk stand for a version; the reason when it can't yet.
    fn take(
        &self,
        vault: &Vault,
        locked: &Locked<'_>,
        path: &VaultPath,
        id: &EventId,
    ) -> std::result::Result<Waits, Stopped> {
        let (pos, version, row, provenance) = self.read(|view| {
            let gone = || Error::integrity(format!("the version {id} is gone"));
            let pos = view.pos(id)?.ok_or_else(gone)?;
            let version = version_at(view, pos)?.ok_or_else(gone)?;
            let event = view.event(id)?.ok_or_else(gone)?;
            let provenance = taken_provenance(view, &event, &version)?;
            Ok((pos, version, view.vault_file(path.as_str())?, provenance))
        })?;
        if let Some(row) = row.as_ref().filter(|row| Some(row.content) == version.to) {
            self.quiet_write(|tx| Ok(tx.put_vault_file(&VaultFileRow { pos, ..row.clone() })?))?;
            return Ok(None);
        }
        let found = row.as_ref().map(|row| Hash(row.content.0));
        let expect = found.map_or(Expect::Absent, Expect::Is);
        let note = [TAKE, &id.0].concat();
        let change = match version.to {
            None => locked.remove(path, expect, &note)?.id,
            Some(to) => match self.version_here(vault, locked, &to, version.bytes)? {
                Err(reason) => return Ok(Some(reason)),
                Ok(mut bytes) => locked.write(path, &mut bytes, expect, &provenance, &note)?.id,
            },
        };
        self.record_taken(path, pos, &version)?;
        locked.finish(&change)?;
        Ok(None)
    }

    fn record_taken(&self, path: &VaultPath, pos: Pos, version: &VaultWrite) -> Result<()> {
        self.write(|tx| {
            let event = tx.event_at(pos)?;
            let lamport = event.map_or(Lamport(0), |event| event.header.lamport);
            tx.add_taken(path.as_str(), lamport, pos)?;
            let Some(content) = version.to else {
                return Ok(tx.remove_vault_file(path.as_str())?);
            };
            let (path, bytes) = (path.to_string(), version.bytes);
            Ok(tx.put_vault_file(&VaultFileRow {
                path,
                pos,
                content,
                bytes,
                mtime_ns: 0,
                inode: 0,
            })?)
        })
    }

    /// A content as a version of this vault, which it becomes when it is here as a blob; else the reason why not.
    pub(super) fn version_here(
        &self,
        vault: &Vault,
        locked: &Locked<'_>,
        content: &BlobId,
        bytes: u64,
    ) -> Result<std::result::Result<Version, String>> {
        let hash = Hash(content.0);
        if vault.has_version(&hash)? {
            return Ok(Ok(vault.version(&hash)?));
        }
        let blob = self.read(|view| Ok(view.blobs_of(content)?.into_iter().next()))?;
        let blob = match blob {
            _ if bytes == 0 => None,
            Some(row) if row.state == BlobState::Present => Some(row.blob),
            _ => return Ok(Err(self.read(|view| missing(self, view, content))?)),
        };
        let stored = match &blob {
            None => locked.store(&mut &[][..])?.0,
            Some(_) => match self.blob_files().open(content) {
                Ok(mut file) => locked.store(&mut file)?.0,
                Err(_) => Hash::of(&[]),
            },
        };
        if let Some(blob) = blob.filter(|_| stored != hash) {
            self.damaged(&blob)?;
            return Ok(Err("its content was damaged on this disk and comes again".to_owned()));
        }
        Ok(Ok(vault.version(&hash)?))
    }

    /// Records a version that was taken over when a crash came; `false` when the note is of something else.
    pub(super) fn finish_taking(&self, change: &InFlight) -> Result<bool> {
        let id = change.note.strip_prefix(TAKE).and_then(|id| <[u8; 32]>::try_from(id).ok());
        let Some(id) = id.map(EventId) else { return Ok(false) };
        let found = self.read(|view| {
            let pos = view.pos(&id)?;
            let version = pos.map(|pos| version_at(view, pos)).transpose()?.flatten();
            Ok(pos.zip(version))
        })?;
        match found {
            Some((pos, version)) if version.to == change.to.map(content) => {
                self.record_taken(&change.path, pos, &version)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A content that a blob or a version of the vault holds, to be looked at; none when it is not here.
    pub(super) fn small_content(&self, content: &BlobId, limit: u64) -> Result<Option<Vec<u8>>> {
        let hash = Hash(content.0);
        if let Ok(vault) = self.vault()
            && vault.has_version(&hash)?
        {
            return Ok(Some(vault.version_bytes(&hash, limit)?));
        }
        let Ok(mut file) = File::open(self.blob_files().path(content)) else { return Ok(None) };
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(&mut file, limit + 1), &mut bytes)?;
        Ok(Some(bytes).filter(|bytes| Hash::of(bytes) == hash))
    }
}

/// What stands beside a version that was taken over from another device.
pub(crate) fn taken_provenance(
    view: &View<'_>,
    event: &Event,
    version: &VaultWrite,
) -> Result<Provenance> {
    let author = Names::of(view)?.name(&fold::author(view, &event.chain())?);
    let tool = version.by.clone().unwrap_or(author);
    let time = clock::rfc3339(event.header.at);
    Ok(Provenance { events: vec![event.id.to_string()], tool, time })
}

/// What is to be said of a file as it lies here.
fn unsaid(row: &VaultFileRow) -> VaultWrite {
    VaultWrite {
        path: row.path.clone(),
        replaces: Vec::new(),
        from: Some(row.content),
        to: Some(row.content),
        bytes: row.bytes,
        cause: Cause::Share,
        by: None,
        reason: None,
        sources: Vec::new(),
        shared: false,
        chunks: None,
    }
}

fn next(view: &View<'_>, path: &VaultPath) -> Result<Step> {
    let row = view.vault_file(path.as_str())?;
    let (stand, versions) = stand(view, path.as_str())?;
    let here = Here { content: row.map(|row| row.content), stand, versions };
    Ok(step(&shared::leaves(view, path.as_str())?, &here))
}

/// Why a content is not here.
pub(super) fn missing(node: &Node, view: &View<'_>, content: &BlobId) -> Result<String> {
    let rows = view.blobs_of(content)?;
    let missing = rows.iter().find(|row| row.state != BlobState::False);
    let Some(row) = missing else {
        return Ok("no content is what its version says".to_owned());
    };
    let (bytes, blob) = (row.blob.bytes, row.blob.id);
    if row.state == BlobState::Partial {
        let (here, all) = (row.have.count(), row.blob.count());
        return Ok(format!("{here} of {all} parts are here; the rest comes with a reconcile"));
    }
    let mut allowance = crate::blobs::Allowance::of(node, view)?;
    Ok(if allowance.takes(row) {
        format!("its {bytes} bytes come with a reconcile")
    } else {
        format!("its {bytes} bytes are over this device's cap; ask with `mirror blob want {blob}`")
    })
}

enum Stopped {
    /// Another program was faster: it is seen first.
    Raced,
    Failed(Error),
}

impl From<VaultError> for Stopped {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Conflict { .. } | VaultError::NoFile { .. } => Self::Raced,
            error => Self::Failed(error.into()),
        }
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
mod tests;
