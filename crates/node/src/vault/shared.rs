//! Shared folders: which files are the same on all devices, and what a new version of one replaces.

use std::collections::{BTreeMap, BTreeSet};

use mirror_domain::body::{Cause, VaultWrite};
use mirror_domain::share::{may_share, replaced};
use mirror_domain::{
    Body, Entry, FileGraph, FileRevision, Role, Shares, Stand, StateDigest, decide,
};
use mirror_protocol::limits::MAX_BLOB_BYTES;
use mirror_protocol::{BlobId, BlobRef, ChunkList, Event, EventId};
use mirror_store::{BlobState, Pos, SharedLeaf, StoreError, Tx, View};
use mirror_vault::{Hash, VaultPath};

use crate::blobs::list_of;
use crate::error::{Error, Result};
use crate::names::Names;
use crate::node::Node;
use crate::view::{self, Code};
use crate::{clock, commit, convert, fold};

/// Events that are followed back to find which shared version a file goes back to.
const MAX_BACK: usize = 10_000;
/// Waiting files that are listed by name.
const MAX_LISTED: usize = 100;

/// Contents that are blobs of this home, with their chunk lists.
#[derive(Default)]
pub struct Blobs(BTreeMap<BlobId, ChunkList>);

impl Blobs {
    /// Adds others.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

/// A version of a shared file joins its graph.
pub fn fold_version(
    tx: &Tx<'_>,
    event: &Event,
    pos: Pos,
    write: &VaultWrite,
    sum: &mut StateDigest,
) -> Result<()> {
    let VaultWrite { path, to, replaces, .. } = write;
    let before = tx.shared_leaves(path)?;
    if !tx.add_shared_version(path, pos, &event.id, to.as_ref(), replaces)? {
        return Ok(());
    }
    let after = tx.shared_leaves(path)?;
    let entry = |leaves: &[SharedLeaf]| {
        let ids: Vec<EventId> = leaves.iter().map(|leaf| leaf.id).collect();
        (!ids.is_empty()).then(|| Entry::file(path, &ids))
    };
    entry(&before).into_iter().for_each(|entry| sum.remove(entry));
    entry(&after).into_iter().for_each(|entry| sum.add(entry));
    let contents: BTreeSet<_> = after.iter().map(|leaf| leaf.content).collect();
    tx.set_shared_conflict(path, contents.len() > 1)?;
    // What nobody needs any more but for comparing comes after all that is current.
    let left = before.iter().map(|leaf| leaf.content).chain([*to]).flatten();
    for content in left.filter(|content| !contents.contains(&Some(*content))) {
        if !tx.is_named_elsewhere(path, &content)? {
            tx.ask_last(&content)?;
        }
    }
    Ok(tx.open_shared(path)?)
}

/// The folders that are shared.
pub fn shares(view: &View<'_>) -> Result<Shares> {
    let mut said = Vec::new();
    for pos in view.shares()? {
        let Some(event) = view.event_at(pos)? else { continue };
        let member = view.member(&fold::author(view, &event.chain())?)?;
        let role = member.and_then(|member| Role::from_number(member.role));
        if may_share(role)
            && let Ok(Body::VaultShare(share)) = Body::read(&event)
        {
            said.push((event.order(), share));
        }
    }
    Ok(Shares::fold(said))
}

/// A content came: the files that wait for it are to be looked at.
pub fn content_came(tx: &Tx<'_>, blob: &BlobRef) -> Result<()> {
    for pos in tx.blob_refs(blob)? {
        if let Some(write) = version_at(tx, pos)? {
            tx.open_shared(&write.path)?;
        }
    }
    Ok(())
}

/// How many files wait for a person.
pub fn conflict_count(view: &View<'_>) -> Result<u64> {
    Ok(conflicted(view)?.len() as u64)
}

/// Shared files whose latest versions differ.
pub fn conflicted(view: &View<'_>) -> Result<Vec<String>> {
    let mut paths = view.shared_conflicts()?;
    if !paths.is_empty() {
        let shares = shares(view)?;
        paths.retain(|path| shares.hold(path));
    }
    Ok(paths)
}

/// A version of a shared file by its event.
pub fn version_at(view: &View<'_>, pos: Pos) -> Result<Option<VaultWrite>> {
    Ok(match view.event_at(pos)?.as_ref().map(Body::read) {
        Some(Ok(Body::VaultWrite(write))) if write.shared => Some(write),
        _ => None,
    })
}

/// All versions of a shared file.
pub fn graph(view: &View<'_>, path: &str) -> Result<FileGraph> {
    let mut revisions = Vec::new();
    for pos in view.shared_versions(path)? {
        let Some(event) = view.event_at(pos)? else { continue };
        if let Ok(Body::VaultWrite(write)) = Body::read(&event) {
            let device = fold::author(view, &event.chain())?;
            revisions.push(FileRevision::new(&write, device, event.header.at, event.order()));
        }
    }
    Ok(FileGraph::new(revisions))
}

/// The leaves of a graph as the domain asks for them.
pub fn leaves(view: &View<'_>, path: &str) -> Result<Vec<(EventId, Option<BlobId>)>> {
    Ok(view.shared_leaves(path)?.iter().map(|leaf| (leaf.id, leaf.content)).collect())
}

/// What the disk stands for at a path: how it is known to the graph, and by which of its versions.
pub fn stand(view: &View<'_>, path: &str) -> Result<(Stand, Vec<EventId>)> {
    let Some(row) = view.vault_file(path)? else {
        // No file is what a removal leaves.
        let gone = leaves(view, path)?.into_iter().filter(|(_, content)| content.is_none());
        return Ok((Stand::Known, gone.map(|(id, _)| id).collect()));
    };
    let event = view.event_at(row.pos)?;
    let event = event.ok_or_else(|| Error::integrity(format!("the event of {path} is gone")))?;
    if view.is_shared_version(path, row.pos)? {
        return Ok((Stand::Known, vec![event.id]));
    }
    let taken = view.is_taken_over(path, row.pos)?;
    let stand = if taken { Stand::Void } else { Stand::Own };
    Ok((stand, shared_before(view, path, event)?))
}

/// The shared versions that a version goes back to which is none itself: what was done while the folder was not shared.
fn shared_before(view: &View<'_>, path: &str, event: Event) -> Result<Vec<EventId>> {
    let (mut open, mut seen, mut found) = (vec![event], BTreeSet::new(), Vec::new());
    while let Some(event) = open.pop()
        && seen.len() < MAX_BACK
    {
        let Ok(Body::VaultWrite(write)) = Body::read(&event) else { continue };
        for id in write.replaces {
            let Some(pos) = view.pos(&id)?.filter(|_| seen.insert(id)) else { continue };
            if view.is_shared_version(path, pos)? {
                found.push(id);
            } else {
                open.extend(view.event_at(pos)?);
            }
        }
    }
    Ok(found)
}

/// Makes what is to be said of a file a version of a shared one, when its folder is shared and its content is a blob.
/// Whatever else is said of a file in a shared folder is to be looked at.
pub fn make_shared(tx: &Tx<'_>, said: &mut VaultWrite, blobs: &Blobs) -> Result<()> {
    if !shares(tx)?.hold(&said.path) {
        return Ok(());
    }
    let held = said.to.filter(|_| said.bytes > 0);
    let list = held.and_then(|content| blobs.0.get(&content));
    if held.is_some() && list.is_none() {
        return Ok(tx.open_shared(&said.path)?);
    }
    if let Some(list) = list {
        tx.own_blob(&list.name(), &list.encode())?;
    }
    (said.shared, said.chunks) = (true, list.map(|list| list.name().chunks));
    // A decision names what it decides between.
    if said.cause != Cause::Merge {
        said.replaces = replaced(leaves(tx, &said.path)?, &stand(tx, &said.path)?.1);
    }
    Ok(())
}

impl Node {
    /// Makes blobs of versions, before the transaction that names them; of what is too large for one, none.
    pub(super) fn take_in_versions(
        &self,
        path: &str,
        hashes: impl IntoIterator<Item = Hash>,
    ) -> Result<Blobs> {
        let mut blobs = Blobs::default();
        if !self.read(|view| Ok(shares(view)?.hold(path)))? {
            return Ok(blobs);
        }
        for hash in hashes {
            let id = super::content(hash);
            let here = self.read(|view| {
                let rows = view.blobs_of(&id)?;
                let here = rows.iter().find(|row| row.state == BlobState::Present);
                here.map(|row| list_of(view, &row.blob)).transpose()
            })?;
            // A file that is gone makes no difference between what is said to be here and what is not.
            let here = here.filter(|_| self.blob_files().path(&id).exists());
            let list = match here {
                Some(list) => list,
                None => {
                    let mut version = self.vault()?.version(&hash)?;
                    if version.bytes()? > MAX_BLOB_BYTES {
                        continue;
                    }
                    match self.blob_files().take_in(&mut version) {
                        Ok(list) => list,
                        // It is empty after all, or too large.
                        Err(StoreError::Blob(_)) => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
            };
            blobs.0.insert(id, list);
        }
        Ok(blobs)
    }

    /// Shares a folder of the vault with all devices, or ends that; `""` is the whole vault. What lies in it is said to
    /// the others.
    pub fn vault_share(&self, folder: &str, shared: bool) -> Result<view::SharedFolder> {
        let folder = match folder.trim_end_matches('/') {
            "" | "." => String::new(),
            named => super::checked_path(named)?.to_string(),
        };
        self.write(|tx| {
            let membership = fold::membership(tx, self.inner.mesh)?;
            let here = &self.inner.device;
            let body = decide::share(&membership, here, &shares(tx)?, &folder, shared)?;
            commit::append(&self.inner, tx, &body, clock::now())
        })?;
        // What lies there unseen is seen first.
        self.vault_scan()?;
        let folders = self.vault_shared()?;
        let found = folders.into_iter().find(|one| one.folder == folder);
        found.ok_or_else(|| Error::integrity("what was just said of a folder is gone"))
    }

    /// The folders that were shared, or are no longer, and what of them waits.
    pub fn vault_shared(&self) -> Result<Vec<view::SharedFolder>> {
        self.read(|view| {
            let (shares, names) = (shares(view)?, Names::of(view)?);
            let (waiting, conflicts) = (view.shared_waiting()?, conflicted(view)?);
            let below = |folder: &str, path: &str| {
                let rest = path.strip_prefix(folder);
                folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
            };
            let mut folders = Vec::new();
            for (folder, id, shared) in shares.folders() {
                let gone = || Error::integrity(format!("{id} is gone"));
                let event = view.event(&id)?.ok_or_else(gone)?;
                let device = fold::author(view, &event.chain())?;
                let waits = waiting.iter().filter(|file| below(folder, &file.path));
                let waits: Vec<_> = waits.filter(|file| shares.hold(&file.path)).collect();
                let listed = waits.iter().take(MAX_LISTED).map(|file| view::WaitingFile {
                    path: file.path.clone(),
                    reason: file.reason.clone(),
                });
                let conflicts = conflicts.iter().filter(|path| below(folder, path)).count();
                folders.push(view::SharedFolder {
                    folder: folder.to_owned(),
                    shared,
                    version: id.to_string(),
                    at: clock::rfc3339(event.header.at),
                    device: device.to_string(),
                    device_name: names.name(&device),
                    files: convert::count(view.shared_count(folder)?),
                    conflicts: convert::count(conflicts),
                    waiting: convert::count(waits.len()),
                    first_waiting: listed.collect(),
                });
            }
            Ok(folders)
        })
    }
}

/// A path that a peer named, checked before it touches the disk; the reason why it can't lie here.
pub fn path_of(text: &str) -> std::result::Result<VaultPath, String> {
    let path = VaultPath::new(text).map_err(|error| error.to_string())?;
    // Two names that are one on the disk would be two files of the mesh.
    if path.as_str() != text {
        return Err("its name is not in Unicode's composed form (NFC)".to_owned());
    }
    Ok(path)
}

/// What a person is told when something came between.
pub fn moved_on(path: &VaultPath) -> Error {
    Error::new(
        Code::Conflict,
        format!("another version of {path} has come since you looked"),
        "look at it again with `mirror conflicts`; nothing was changed",
    )
}
