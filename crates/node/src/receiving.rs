//! Chunks become files: written as they come, made durable every few of them, put into place when they are whole.

use std::collections::BTreeSet;

use mirror_protocol::blob::{BlobError, Wanted};
use mirror_protocol::limits::{MAX_RANGES, MAX_WANTED_CHUNKS, MAX_WANTS};
use mirror_protocol::session::Refused;
use mirror_protocol::{BlobRef, ChunkList, ChunkSet};
use mirror_store::{BlobState, Completed, Part};

use crate::blobs::{Allowance, list_of};
use crate::error::{Error, Result};
use crate::node::Node;

/// Chunks from one sync to the next. What was written since is found again by its hashes if the process dies.
const SYNC_CHUNKS: u32 = 16;

/// Takes the chunks of one blob after another.
pub struct Receiving {
    node: Node,
    current: Option<Current>,
    /// A list of one chunk is not worth a commit of its own.
    list: Option<(BlobRef, ChunkList)>,
    /// Blobs that became whole.
    pub blobs: u64,
    /// Bytes of chunks that came.
    pub bytes: u64,
}

struct Current {
    blob: BlobRef,
    list: ChunkList,
    part: Part,
    here: ChunkSet,
    unsynced: u32,
}

impl Receiving {
    pub fn new(node: &Node) -> Self {
        Self { node: node.clone(), current: None, list: None, blobs: 0, bytes: 0 }
    }

    /// What to ask for next: what a person asked for, then the newest, under the cap; without what is of no use.
    pub fn wants(&mut self, without: &BTreeSet<BlobRef>) -> Result<Vec<Wanted>> {
        let mut rows = Vec::new();
        self.node.read(|view| {
            let mut allowance = Allowance::of(&self.node, view)?;
            let mut chunks = 0;
            view.missing_blobs(|row| {
                if !without.contains(&row.blob) && allowance.takes(&row) {
                    chunks += row.blob.count() as usize;
                    if chunks > MAX_WANTED_CHUNKS {
                        return Ok(false);
                    }
                    rows.push(row);
                }
                Ok::<_, Error>(rows.len() < MAX_WANTS)
            })
        })?;
        let mut wants = Vec::new();
        for row in rows {
            let (blob, mut here, mut list) = (row.blob, row.have, None);
            if row.state == BlobState::Partial {
                let known = self.node.read(|view| list_of(view, &blob))?;
                here = self.node.blob_files().part(&blob)?.recover(&known, &here)?;
                if here.is_whole() {
                    self.blobs += u64::from(complete(&self.node, &blob, &known)?);
                    continue;
                }
                list = Some(known);
            }
            wants.push(Wanted { blob, list, ranges: here.missing(MAX_RANGES) });
        }
        Ok(wants)
    }

    /// A checked list came.
    pub fn list(&mut self, blob: BlobRef, list: ChunkList) -> Result<()> {
        if list.count() > 1 {
            self.node.write(|tx| Ok(tx.begin_blob(&blob, &list.encode())?))?;
        }
        self.list = Some((blob, list));
        Ok(())
    }

    /// A checked chunk came. A blob that it makes whole is to be put into place with [`complete`].
    pub fn chunk(
        &mut self,
        blob: BlobRef,
        index: u32,
        bytes: &[u8],
    ) -> Result<Option<(BlobRef, ChunkList)>> {
        if self.current.as_ref().is_none_or(|current| current.blob != blob) {
            self.sync()?;
            self.current = Some(self.open(blob)?);
        }
        let Some(current) = &mut self.current else { return Ok(None) };
        current.part.write(index, bytes)?;
        current.here.insert(index);
        current.unsynced += 1;
        self.bytes += bytes.len() as u64;
        if current.here.is_whole() {
            return Ok(self.current.take().map(|whole| (whole.blob, whole.list)));
        }
        if current.unsynced >= SYNC_CHUNKS {
            self.sync()?;
        }
        Ok(None)
    }

    fn open(&mut self, blob: BlobRef) -> Result<Current> {
        let list = match self.list.take() {
            Some((of, list)) if of == blob => list,
            _ => self.node.read(|view| list_of(view, &blob))?,
        };
        let known = self.node.read(|view| Ok(view.blob(&blob)?))?;
        let known = known.map_or_else(|| ChunkSet::none(blob.count()), |row| row.have);
        let part = self.node.blob_files().part(&blob)?;
        let here = part.recover(&list, &known)?;
        Ok(Current { blob, list, part, here, unsynced: 0 })
    }

    /// Makes what came durable, and then known.
    pub fn sync(&mut self) -> Result<()> {
        let Some(current) = self.current.as_mut().filter(|current| current.unsynced > 0) else {
            return Ok(());
        };
        current.part.sync()?;
        current.unsynced = 0;
        self.node.quiet_write(|tx| Ok(tx.add_chunks(&current.blob, &current.here)?))
    }
}

/// Puts a blob into place whose chunks are all here; whether it is whole now.
pub fn complete(node: &Node, blob: &BlobRef, list: &ChunkList) -> Result<bool> {
    let completed = node.blob_files().complete(blob, list)?;
    node.write(|tx| match &completed {
        // Nothing names it any more: it was forgotten while it came.
        Completed::Whole if tx.blob(blob)?.is_none() => Ok(tx.let_blob_go(blob)?),
        Completed::Whole => {
            tx.own_blob(blob, &list.encode())?;
            crate::vault::shared::content_came(tx, blob)
        }
        other => {
            let Some(mut row) = tx.blob(blob)? else { return Ok(()) };
            (row.state, row.have) = match other {
                Completed::Damaged(good) => (BlobState::Partial, good.clone()),
                _ => (BlobState::False, ChunkSet::none(blob.count())),
            };
            tracing::warn!(blob = %blob.id, state = ?row.state, "a blob came and is not whole");
            tx.begin_blob(blob, &list.encode())?;
            Ok(tx.put_blob(&row)?)
        }
    })?;
    Ok(completed == Completed::Whole)
}

/// What a report calls a blob that was refused.
pub fn refused(blob: &BlobRef, error: &BlobError) -> Refused {
    Refused { what: format!("blob {}", blob.id), reason: error.to_string() }
}
