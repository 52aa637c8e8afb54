//! What other programs did in the vault: noticed by size, time and inode, read, and recorded with its author unknown.

use std::ops::ControlFlow;

use mirror_domain::Body;
use mirror_domain::body::{Adopted, MAX_ADOPTED, VaultAdopt};
use mirror_store::{Tx, VaultFileRow};
use mirror_vault::{Found, Hash, Locked, Stamp, Vault, VaultError, VaultPath};

use super::write::outside;
use super::{checked_path, content};
use crate::error::{Error, Result};
use crate::node::Node;
use crate::view::{VaultFinding, VaultNoticed};
use crate::{clock, commit, convert};

/// Bytes of paths that one event adopts at most; the rest goes into the next.
const ADOPT_BYTES: usize = 32 * 1024;
/// A file that was changed so shortly before it was read may change again without its time telling.
const TICK_NS: i64 = 50_000_000;
/// Changes that are recorded in one transaction.
const BATCH: usize = 256;

/// A file whose record is out of date.
struct Seen {
    path: VaultPath,
    /// What it holds; none when it is gone.
    hash: Option<Hash>,
    bytes: u64,
    mtime_ns: i64,
    inode: u64,
}

impl Seen {
    fn gone(path: VaultPath) -> Self {
        Self { path, hash: None, bytes: 0, mtime_ns: 0, inode: 0 }
    }
}

impl Node {
    /// Looks through the vault for what other programs changed, and records it.
    pub fn vault_scan(&self) -> Result<VaultNoticed> {
        self.locked(|vault, locked| {
            let mut noticed = VaultNoticed::default();
            let mut seen = Vec::new();
            let mut failed = None;
            vault.walk(&mut |found| {
                let taken = self.take_found(locked, found, &mut seen, &mut noticed);
                failed = taken.err();
                if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            seen.extend(self.gone(vault)?.into_iter().map(Seen::gone));
            self.record_seen(&mut seen, &mut noticed)?;
            Ok(noticed)
        })
    }

    fn take_found(
        &self,
        locked: &Locked<'_>,
        found: Found,
        seen: &mut Vec<Seen>,
        noticed: &mut VaultNoticed,
    ) -> Result<()> {
        match found {
            Found::File(file) => {
                noticed.files += 1;
                seen.extend(self.look(locked, &file.path, file.stamp, noticed)?);
            }
            Found::Skipped { path, why } => {
                noticed.left.push(left(path.display().to_string(), why.to_string()));
            }
            // What a dead process left behind is for the scrub.
            _ => {}
        }
        if seen.len() < BATCH { Ok(()) } else { self.record_seen(seen, noticed) }
    }

    /// Records what another program put at a path, if anything.
    pub(crate) fn notice_one(&self, path: &VaultPath) -> Result<()> {
        if !self.is_changed(&*self.vault()?, path)? {
            return Ok(());
        }
        self.locked(|vault, locked| {
            let mut noticed = VaultNoticed::default();
            let mut seen = match vault.stamp(path)? {
                Some(stamp) => Vec::from_iter(self.look(locked, path, stamp, &mut noticed)?),
                None => vec![Seen::gone(path.clone())],
            };
            self.record_seen(&mut seen, &mut noticed)
        })
    }

    fn is_changed(&self, vault: &Vault, path: &VaultPath) -> Result<bool> {
        let recorded = self.read(|view| Ok(view.vault_file(path.as_str())?))?;
        Ok(match (vault.stamp(path)?, recorded) {
            (None, None) => false,
            (Some(stamp), Some(row)) => !lies_as(stamp, &row),
            _ => true,
        })
    }

    /// Reads a file that lies otherwise than it was recorded, and keeps its bytes as a version.
    fn look(
        &self,
        locked: &Locked<'_>,
        path: &VaultPath,
        stamp: Stamp,
        noticed: &mut VaultNoticed,
    ) -> Result<Option<Seen>> {
        let recorded = self.read(|view| Ok(view.vault_file(path.as_str())?))?;
        if recorded.is_some_and(|row| lies_as(stamp, &row)) {
            return Ok(None);
        }
        let kept = match locked.keep(path, &outside()) {
            Ok(kept) => kept,
            // It was removed since: the next look records that.
            Err(VaultError::NoFile { .. }) => return Ok(None),
            // One file that can't be read does not keep the others from being seen.
            Err(error) => {
                noticed.left.push(left(path.to_string(), error.to_string()));
                return Ok(None);
            }
        };
        let mtime_ns = nanoseconds(kept.stamp);
        let settled = clock::now_ms().saturating_mul(1_000_000).saturating_sub(mtime_ns) > TICK_NS;
        Ok(Some(Seen {
            path: path.clone(),
            hash: Some(kept.hash),
            bytes: kept.bytes,
            mtime_ns: if settled { mtime_ns } else { 0 },
            inode: kept.stamp.inode,
        }))
    }

    /// Files that are recorded and not there.
    fn gone(&self, vault: &Vault) -> Result<Vec<VaultPath>> {
        let mut paths = Vec::new();
        self.read(|view| {
            Ok(view.vault_files(|row| {
                paths.push(row.path);
                Ok(())
            })?)
        })?;
        let mut gone = Vec::new();
        for path in paths {
            let path = checked_path(&path)?;
            if vault.stamp(&path)?.is_none() {
                gone.push(path);
            }
        }
        Ok(gone)
    }

    /// Records what was seen: files seen for the first time together, a change of each other by itself.
    fn record_seen(&self, seen: &mut Vec<Seen>, noticed: &mut VaultNoticed) -> Result<()> {
        if seen.is_empty() {
            return Ok(());
        }
        self.write(|tx| {
            let mut fresh = Vec::new();
            for one in seen.iter() {
                let before = tx.vault_file(one.path.as_str())?;
                match (&before, &one.hash) {
                    (None, Some(_)) => fresh.push(one),
                    (Some(_), None) => noticed.gone += 1,
                    (Some(row), Some(hash)) if row.content != content(*hash) => {
                        noticed.changed += 1
                    }
                    _ => {}
                }
                if before.is_some() {
                    self.unseen(tx, one.path.as_str(), one.hash)?;
                    relay(tx, one)?;
                }
            }
            noticed.adopted += convert::count(fresh.len());
            self.adopt(tx, &fresh)
        })?;
        seen.clear();
        Ok(())
    }

    fn adopt(&self, tx: &Tx<'_>, files: &[&Seen]) -> Result<()> {
        let mut rest = files;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |one: &&&Seen| {
                bytes += one.path.as_str().len();
                bytes <= ADOPT_BYTES
            };
            let count = rest.iter().take(MAX_ADOPTED).take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count.min(rest.len()));
            rest = later;
            let adopted = |one: &&Seen| {
                let content = content(one.hash?);
                Some(Adopted { path: one.path.to_string(), content, bytes: one.bytes })
            };
            let files = now.iter().filter_map(adopted).collect();
            let body = Body::VaultAdopt(VaultAdopt { files });
            let event = commit::append(&self.inner, tx, &body, clock::now())?;
            let pos = tx.pos(&event.id)?;
            let pos =
                pos.ok_or_else(|| Error::integrity("an event that was just stored is gone"))?;
            for one in now {
                let Some(hash) = one.hash else { continue };
                tx.put_vault_file(&VaultFileRow {
                    path: one.path.to_string(),
                    pos,
                    content: content(hash),
                    bytes: one.bytes,
                    mtime_ns: one.mtime_ns,
                    inode: one.inode,
                })?;
            }
        }
        Ok(())
    }
}

/// Records how a file lies, whose content is recorded.
fn relay(tx: &Tx<'_>, seen: &Seen) -> Result<()> {
    if let Some(mut row) = tx.vault_file(seen.path.as_str())? {
        (row.mtime_ns, row.inode) = (seen.mtime_ns, seen.inode);
        tx.put_vault_file(&row)?;
    }
    Ok(())
}

/// Whether a file lies as it was recorded, so that it need not be read.
fn lies_as(stamp: Stamp, row: &VaultFileRow) -> bool {
    let found = (nanoseconds(stamp), stamp.inode, stamp.bytes);
    row.mtime_ns != 0 && found == (row.mtime_ns, row.inode, row.bytes)
}

/// Good until the year 2262; later, files are read to be sure.
fn nanoseconds(stamp: Stamp) -> i64 {
    i64::try_from(stamp.mtime_ns).unwrap_or(0)
}

fn left(what: String, finding: String) -> VaultFinding {
    VaultFinding { what, finding, repaired: false }
}
