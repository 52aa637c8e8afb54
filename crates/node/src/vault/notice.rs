//! What other programs did in the vault: noticed by size, time and inode, read, and recorded with its author unknown.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use mirror_domain::Body;
use mirror_domain::body::{Adopted, MAX_ADOPTED, VaultAdopt};
use mirror_store::{Tx, VaultFileRow};
use mirror_vault::{Found, Hash, Kept, Locked, Stamp, Vault, VaultError, VaultPath};

use super::shared::{Blobs, shares};
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

/// Size, time and inode by which a file is known to be unchanged.
type Lies = (i64, u64, u64);

/// A look through the whole vault.
#[derive(Default)]
struct Scan {
    /// Of the recorded files, those that were not found yet.
    recorded: BTreeMap<String, Lies>,
    /// Found, and not as recorded.
    changed: Vec<VaultPath>,
    noticed: VaultNoticed,
}

impl Scan {
    fn add(&mut self, found: Found) {
        match found {
            Found::File(file) => {
                self.noticed.files += 1;
                let recorded = self.recorded.remove(file.path.as_str());
                if !recorded.is_some_and(|lies| lies_as(file.stamp, lies)) {
                    self.changed.push(file.path);
                }
            }
            Found::Skipped { path, why } => {
                self.noticed.left.push(left(path.display().to_string(), why.to_string()));
            }
            // What a dead process left behind is for the scrub.
            Found::Stray(_) => {}
        }
    }
}

impl Node {
    /// Looks through the vault for what other programs changed, and records it.
    pub fn vault_scan(&self) -> Result<VaultNoticed> {
        // What was in the way of a shared file may be so no more.
        self.reopen()?;
        let noticed = self.locked(|vault, locked| {
            let mut scan = Scan { recorded: self.stamps()?, ..Scan::default() };
            let mut failed = None;
            vault.walk(&mut |found| {
                scan.add(found);
                if scan.changed.len() >= BATCH {
                    failed = self.take_changed(locked, &mut scan).err();
                }
                if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            self.take_changed(locked, &mut scan)?;
            self.take_gone(vault, scan)
        })?;
        self.settle()?;
        Ok(noticed)
    }

    /// By what each recorded file is known to be unchanged.
    fn stamps(&self) -> Result<BTreeMap<String, Lies>> {
        let mut stamps = BTreeMap::new();
        self.read(|view| {
            Ok(view.vault_files(|row| {
                stamps.insert(row.path, (row.mtime_ns, row.inode, row.bytes));
                Ok(())
            })?)
        })?;
        Ok(stamps)
    }

    /// Keeps and records the files that were found changed.
    fn take_changed(&self, locked: &Locked<'_>, scan: &mut Scan) -> Result<()> {
        let paths = std::mem::take(&mut scan.changed);
        let mut seen = Vec::new();
        for (path, kept) in paths.iter().zip(locked.keep_all(&paths, &outside())?) {
            seen.extend(kept_as(path, kept, &mut scan.noticed));
        }
        self.record_seen(&mut seen, &mut scan.noticed)
    }

    /// Records which of the files that were not found are gone.
    fn take_gone(&self, vault: &Vault, mut scan: Scan) -> Result<VaultNoticed> {
        // A disk that is not connected, or a folder that another program is about to fill.
        if scan.noticed.files == 0 && scan.recorded.len() > 1 {
            let finding = format!(
                "it is empty; the {} files that were recorded are not taken for deleted",
                scan.recorded.len()
            );
            scan.noticed.left.push(left(vault.root().display().to_string(), finding));
            return Ok(scan.noticed);
        }
        let mut gone = Vec::new();
        for path in scan.recorded.keys() {
            let path = checked_path(path)?;
            // One that can't be looked at is not gone.
            if vault.stamp(&path)?.is_none() {
                gone.push(Seen::gone(path));
            }
        }
        self.record_seen(&mut gone, &mut scan.noticed)?;
        Ok(scan.noticed)
    }

    /// Records what another program put at a path, if anything.
    pub(crate) fn notice_one(&self, path: &VaultPath) -> Result<()> {
        if !self.is_changed(&*self.vault()?, path)? {
            return Ok(());
        }
        self.locked(|vault, locked| self.notice_locked(vault, locked, path).map(drop))
    }

    /// The same under the vault's lock.
    pub(super) fn notice_locked(
        &self,
        vault: &Vault,
        locked: &Locked<'_>,
        path: &VaultPath,
    ) -> Result<VaultNoticed> {
        let mut noticed = VaultNoticed::default();
        let mut seen = match vault.stamp(path)? {
            Some(stamp) => Vec::from_iter(self.look(locked, path, stamp, &mut noticed)?),
            None => vec![Seen::gone(path.clone())],
        };
        self.record_seen(&mut seen, &mut noticed)?;
        Ok(noticed)
    }

    fn is_changed(&self, vault: &Vault, path: &VaultPath) -> Result<bool> {
        let recorded = self.read(|view| Ok(view.vault_file(path.as_str())?))?;
        Ok(match (vault.stamp(path)?, recorded) {
            (None, None) => false,
            (Some(stamp), Some(row)) => !lies_as(stamp, lies(&row)),
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
        if recorded.is_some_and(|row| lies_as(stamp, lies(&row))) {
            return Ok(None);
        }
        Ok(kept_as(path, locked.keep(path, &outside()), noticed))
    }

    /// Records what was seen: files seen for the first time together, a change of each other by itself.
    fn record_seen(&self, seen: &mut Vec<Seen>, noticed: &mut VaultNoticed) -> Result<()> {
        if seen.is_empty() {
            return Ok(());
        }
        let blobs = self.take_in_seen(seen)?;
        self.write(|tx| {
            let shares = shares(tx)?;
            let mut fresh = Vec::new();
            for one in seen.iter() {
                let before = tx.vault_file(one.path.as_str())?;
                match (&before, &one.hash) {
                    (None, Some(_)) if shares.hold(one.path.as_str()) => {
                        noticed.adopted += 1;
                        self.greet(tx, one, &blobs)?;
                        relay(tx, one)?;
                    }
                    (None, Some(_)) => fresh.push(one),
                    (Some(_), None) => noticed.gone += 1,
                    (Some(row), Some(hash)) if row.content != content(*hash) => {
                        noticed.changed += 1
                    }
                    _ => {}
                }
                if before.is_some() {
                    self.unseen(tx, one.path.as_str(), one.hash, &blobs)?;
                    relay(tx, one)?;
                }
            }
            noticed.adopted += convert::count(fresh.len());
            self.adopt(tx, &fresh)
        })?;
        seen.clear();
        Ok(())
    }

    /// Makes blobs of what was seen in shared folders.
    fn take_in_seen(&self, seen: &[Seen]) -> Result<Blobs> {
        let mut blobs = Blobs::default();
        for one in seen.iter().filter(|one| one.bytes > 0) {
            let path = one.path.as_str();
            let recorded = self.read(|view| Ok(view.vault_file(path)?))?.map(|row| row.content);
            let news = one.hash.filter(|hash| recorded != Some(content(*hash)));
            blobs.extend(self.take_in_versions(path, news)?);
        }
        Ok(blobs)
    }

    /// A file that is new in a shared folder: where another device has said the same of it, it stands for that.
    fn greet(&self, tx: &Tx<'_>, seen: &Seen, blobs: &Blobs) -> Result<()> {
        let (path, found) = (seen.path.as_str(), seen.hash.map(content));
        let leaves = tx.shared_leaves(path)?;
        let gone = leaves.iter().any(|leaf| leaf.content.is_none());
        match (leaves.iter().find(|leaf| leaf.content == found), found) {
            (Some(leaf), Some(content)) if !gone => Ok(tx.put_vault_file(&VaultFileRow {
                path: path.to_owned(),
                pos: leaf.pos,
                content,
                bytes: seen.bytes,
                mtime_ns: 0,
                inode: 0,
            })?),
            _ => self.unseen(tx, path, seen.hash, blobs).map(drop),
        }
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

/// What a file is recorded as whose bytes were kept; `None` when there is nothing to record.
fn kept_as(
    path: &VaultPath,
    kept: std::result::Result<Kept, VaultError>,
    noticed: &mut VaultNoticed,
) -> Option<Seen> {
    let kept = match kept {
        Ok(kept) => kept,
        // It was removed since: the next look records that.
        Err(VaultError::NoFile { .. }) => return None,
        // One file that can't be read does not keep the others from being seen.
        Err(error) => {
            noticed.left.push(left(path.to_string(), error.to_string()));
            return None;
        }
    };
    let mtime_ns = nanoseconds(kept.stamp);
    let settled = clock::now_ms().saturating_mul(1_000_000).saturating_sub(mtime_ns) > TICK_NS;
    Some(Seen {
        path: path.clone(),
        hash: Some(kept.hash),
        bytes: kept.bytes,
        mtime_ns: if settled { mtime_ns } else { 0 },
        inode: kept.stamp.inode,
    })
}

/// Whether a file lies as it was recorded, so that it need not be read.
fn lies_as(stamp: Stamp, lies: Lies) -> bool {
    lies.0 != 0 && (nanoseconds(stamp), stamp.inode, stamp.bytes) == lies
}

/// As a row records it.
fn lies(row: &VaultFileRow) -> Lies {
    (row.mtime_ns, row.inode, row.bytes)
}

/// Good until the year 2262; later, files are read to be sure.
fn nanoseconds(stamp: Stamp) -> i64 {
    i64::try_from(stamp.mtime_ns).unwrap_or(0)
}

fn left(what: String, finding: String) -> VaultFinding {
    VaultFinding { what, finding, repaired: false }
}
