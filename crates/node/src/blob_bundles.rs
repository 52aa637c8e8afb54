//! Blobs in bundles: behind the runs, each with its chunk list first; taken in with the same checks as from a peer.

use std::io::{Read, Write};

use mirror_domain::membership::is_within;
use mirror_protocol::blob::BlobMessage;
use mirror_protocol::bundle::{BundleError, BundleReader, BundleWriter, Record};
use mirror_protocol::session::Refused;
use mirror_protocol::{BlobRef, ChunkList, Tip};
use mirror_store::{BlobState, View};

use crate::blobs::{Allowance, list_of};
use crate::error::Result;
use crate::intake::Refusals;
use crate::node::Node;
use crate::receiving::{Receiving, complete, refused};

/// The blobs that are here whole and are named by an event behind what the reader has, newest first.
pub fn named_since(view: &View<'_>, seen: &[Tip]) -> Result<Vec<BlobRef>> {
    let mut found = Vec::new();
    for row in view.blobs()? {
        let mut news = false;
        for pos in view.blob_refs(&row.blob)? {
            let event = view.event_at(pos)?;
            news |= event.is_some_and(|event| !is_within(&event.tip(), seen, view));
        }
        if news && row.state == BlobState::Present {
            found.push(row.blob);
        }
    }
    Ok(found)
}

/// Writes blobs behind the runs; how many. One that turns out damaged ends where the damage is.
pub fn write<W: Write>(
    node: &Node,
    writer: &mut BundleWriter<'_, W>,
    blobs: &[BlobRef],
) -> Result<u64> {
    let mut whole = 0;
    for blob in blobs {
        let list = node.read(|view| list_of(view, blob))?;
        writer.blob(&BlobMessage::List { blob: *blob, list: list.encode() })?;
        let mut complete = true;
        for index in 0..blob.count() {
            let Some(bytes) = node.checked_chunk(blob, &list, index)? else {
                node.damaged(blob)?;
                complete = false;
                break;
            };
            writer.blob(&BlobMessage::Chunk { blob: *blob, index, bytes })?;
        }
        whole += u64::from(complete);
    }
    Ok(whole)
}

/// What the blobs of a bundle became.
pub struct Taken {
    /// Blobs that became whole here.
    pub blobs: u64,
    /// What was not taken.
    pub refused: Refusals,
    /// The file is damaged from some place on.
    pub broken: Option<BundleError>,
}

/// Takes the blobs of a bundle in, from the first record of them to the end. What no event here names, what is here
/// already and what is over the cap is passed over.
pub fn read<R: Read>(
    node: &Node,
    first: BlobMessage,
    reader: &mut BundleReader<R>,
    refused: Refusals,
) -> Result<Taken> {
    let mut taking = Taking { receiving: Receiving::new(node), node, current: None, refused };
    let mut broken = None;
    taking.take(first, reader.record())?;
    while let Some(record) = reader.next_record() {
        match record {
            Ok(Record::Blob(message)) => taking.take(message, reader.record())?,
            // The reader itself refuses a run behind a blob.
            Ok(Record::Run(_)) => {}
            Err(error) if reader.is_over() => broken = Some(error),
            Err(error) => taking.refused.add("bundle", error),
        }
    }
    taking.receiving.sync()?;
    Ok(Taken { blobs: taking.receiving.blobs, refused: taking.refused, broken })
}

struct Taking<'a> {
    receiving: Receiving,
    node: &'a Node,
    /// The blob whose chunks are taken.
    current: Option<(BlobRef, ChunkList)>,
    refused: Refusals,
}

impl Taking<'_> {
    fn refuse(&mut self, one: &Refused, record: u64) {
        self.refused.add(format!("record {record}: {}", one.what), &one.reason);
    }

    fn take(&mut self, message: BlobMessage, record: u64) -> Result<()> {
        match message {
            BlobMessage::List { blob, list } => {
                self.current = None;
                let wanted = self.node.read(|view| {
                    let row = view.blob(&blob)?;
                    let mut allowance = Allowance::of(self.node, view)?;
                    Ok(row.is_some_and(|row| allowance.takes(&row)))
                })?;
                if !wanted {
                    return Ok(());
                }
                match ChunkList::read(&blob, &list) {
                    Ok(list) => {
                        self.receiving.list(blob, list.clone())?;
                        self.current = Some((blob, list));
                    }
                    Err(error) => self.refuse(&refused(&blob, &error), record),
                }
            }
            BlobMessage::Chunk { blob, index, bytes } => {
                let Some((_, list)) = self.current.as_ref().filter(|(of, _)| *of == blob) else {
                    return Ok(());
                };
                if let Err(error) = list.check(index, &bytes) {
                    self.refuse(&refused(&blob, &error), record);
                    self.current = None;
                } else if let Some((blob, list)) = self.receiving.chunk(blob, index, &bytes)? {
                    self.receiving.blobs += u64::from(complete(self.node, &blob, &list)?);
                    self.current = None;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
