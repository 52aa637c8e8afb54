//! Drives an exchange of blobs over a channel, after the session of the events.

use std::collections::BTreeSet;

use mirror_link::{Channel, LinkError};
use mirror_protocol::blob::{BlobEvent, BlobExchange, BlobMessage, ExchangeError, Want};
use mirror_protocol::limits::MAX_BLOB_MESSAGE_BYTES;
use mirror_protocol::session::Refused;
use mirror_protocol::{BlobRef, ChunkList};
use mirror_store::{BlobRow, BlobState, read_chunk};

use crate::blobs::list_of;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::receiving::{Receiving, complete};
use crate::view::{BlobProgress, Change, Code};
use crate::{convert, intake};

/// What an exchange of blobs did.
#[derive(Debug, Default)]
pub struct Exchanged {
    /// Blobs that became whole here.
    pub received: u64,
    /// Blobs of which the peer was sent something.
    pub sent: u64,
    /// Bytes of chunks that came.
    pub bytes_in: u64,
    /// Bytes of chunks that were sent.
    pub bytes_out: u64,
    /// What was not taken.
    pub refused: Vec<Refused>,
    /// Why it ended early. What came before is kept.
    pub error: Option<Error>,
}

struct Driver<'a> {
    node: &'a Node,
    channel: &'a mut Channel,
    cancel: &'a CancelToken,
    name: &'a str,
    exchange: BlobExchange,
    receiving: Receiving,
    without: BTreeSet<BlobRef>,
    sent: BTreeSet<BlobRef>,
    bytes_out: u64,
    told: u64,
    finished: bool,
}

/// Exchanges blobs to the end, or as far as it goes. A peer of an older version says nothing: then nothing happens.
pub async fn run(
    node: &Node,
    channel: &mut Channel,
    initiator: bool,
    name: &str,
    cancel: &CancelToken,
) -> Exchanged {
    let mut driver = Driver {
        node,
        channel,
        cancel,
        name,
        exchange: BlobExchange::new(initiator),
        receiving: Receiving::new(node),
        without: BTreeSet::new(),
        sent: BTreeSet::new(),
        bytes_out: 0,
        told: 0,
        finished: false,
    };
    let ended = driver.run().await;
    // Also what came before a cut is made known.
    let synced = driver.receiving.sync();
    let mut done = Exchanged {
        received: driver.receiving.blobs,
        sent: driver.sent.len() as u64,
        bytes_in: driver.receiving.bytes,
        bytes_out: driver.bytes_out,
        ..Exchanged::default()
    };
    match ended.and(synced.map_err(Ended::Failed)) {
        Ok(()) => {}
        Err(Ended::Failed(error)) => done.error = Some(error),
        Err(Ended::Refused(error)) => {
            let reason = error.to_string();
            let hint = "the other device is broken or hostile; what came before is kept";
            done.error = Some(Error::new(Code::Integrity, &reason, hint));
            done.refused.push(Refused { what: "blobs".to_owned(), reason });
            if let Err(error) = intake::record_refusals(node, name, &done.refused) {
                done.error = Some(error);
            }
        }
    }
    done
}

enum Ended {
    Failed(Error),
    Refused(ExchangeError),
}

impl<E: Into<Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Driver<'_> {
    async fn run(&mut self) -> std::result::Result<(), Ended> {
        let mut heard = false;
        loop {
            while let Some(event) = self.exchange.poll_event() {
                self.on_event(event).await?;
            }
            self.transmit().await?;
            if self.finished {
                return Ok(());
            }
            let received = tokio::select! {
                received = self.channel.recv(MAX_BLOB_MESSAGE_BYTES) => received?,
                () = self.cancel.cancelled() => return Err(Error::cancelled().into()),
            };
            let Some(bytes) = received else {
                if !heard {
                    return Ok(());
                }
                let reason = "the peer ended early".to_owned();
                return Err(LinkError::Lost { reason }.into());
            };
            heard = true;
            let message = BlobMessage::decode(&bytes)
                .map_err(|error| Error::integrity(format!("from the peer: {error}")))?;
            if let Err(error) = self.exchange.handle_message(message) {
                // A refusal still has to be said; the peer may be gone already.
                let _ = self.transmit().await;
                return Err(Ended::Refused(error));
            }
        }
    }

    async fn transmit(&mut self) -> Result<()> {
        while let Some(message) = self.exchange.poll_transmit() {
            self.channel.send(&message.encode()).await?;
        }
        Ok(())
    }

    async fn on_event(&mut self, event: BlobEvent) -> Result<()> {
        match event {
            BlobEvent::Ask { short } => {
                self.receiving.sync()?;
                self.without.extend(short);
                let wants = self.receiving.wants(&self.without)?;
                self.exchange.want(wants);
            }
            BlobEvent::List { blob, list } => self.receiving.list(blob, list)?,
            BlobEvent::Chunk { blob, index, bytes } => {
                if let Some(whole) = self.receiving.chunk(blob, index, &bytes)? {
                    self.complete(whole).await?;
                }
                self.tell(false);
            }
            BlobEvent::Serve(wants) => {
                for want in wants {
                    self.serve(&want).await?;
                }
                self.exchange.sent();
            }
            BlobEvent::Finished => {
                self.finished = true;
                self.tell(true);
            }
        }
        Ok(())
    }

    /// Reading a large blob through takes its time: elsewhere, so that the connection lives on.
    async fn complete(&mut self, whole: (BlobRef, ChunkList)) -> Result<()> {
        let node = self.node.clone();
        let done = tokio::task::spawn_blocking(move || complete(&node, &whole.0, &whole.1)).await;
        let done = done.map_err(|error| Error::integrity(format!("a blob's check: {error}")))??;
        self.receiving.blobs += u64::from(done);
        Ok(())
    }

    /// Sends what is here of a blob, each chunk read and checked when its turn comes.
    async fn serve(&mut self, want: &Want) -> Result<()> {
        let Want { blob, list: with_list, ranges } = want;
        let here = self.node.read(|view| {
            let row = view.blob(blob)?;
            let begun =
                |row: &BlobRow| matches!(row.state, BlobState::Partial | BlobState::Present);
            row.filter(begun).map(|row| Ok((list_of(view, blob)?, row))).transpose()
        })?;
        let Some((list, row)) = here else { return Ok(()) };
        if *with_list {
            self.exchange.send_list(*blob, list.encode());
        }
        for index in ranges.iter().flat_map(|range| range.first..=range.first + (range.count - 1)) {
            if !row.have.contains(index) {
                continue;
            }
            let chunk = match row.state {
                BlobState::Present => self.node.checked_chunk(blob, &list, index)?,
                _ => self.part_chunk(blob, &list, index),
            };
            let Some(chunk) = chunk else {
                if row.state == BlobState::Present {
                    self.node.damaged(blob)?;
                }
                return Ok(());
            };
            if self.cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            self.bytes_out += chunk.len() as u64;
            self.sent.insert(*blob);
            self.exchange.send_chunk(*blob, index, chunk);
            self.transmit().await?;
            self.tell(false);
        }
        Ok(())
    }

    /// A chunk of a part; it may have become whole meanwhile, then the peer asks again.
    fn part_chunk(&self, blob: &BlobRef, list: &ChunkList, index: u32) -> Option<Vec<u8>> {
        let file = self.node.blob_files().open_part(blob).ok()?;
        let chunk = read_chunk(&file, blob, index).ok()?;
        list.check(index, &chunk).is_ok().then_some(chunk)
    }

    /// Tells of the progress every few MiB.
    fn tell(&mut self, ended: bool) {
        let done = self.receiving.bytes + self.bytes_out;
        if done - self.told < 4_000_000 && !(ended && done > 0) {
            return;
        }
        self.told = done;
        self.node.tell(Change::Blobs(BlobProgress {
            name: self.name.to_owned(),
            received: convert::count(self.receiving.blobs),
            bytes_in: convert::count(self.receiving.bytes),
            bytes_out: convert::count(self.bytes_out),
        }));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use mirror_link::{Endpoint, RECONCILE};
    use mirror_protocol::{SigningKey, public_key};

    use super::*;
    use crate::blobs::NewFile;
    use crate::view::{BlobState as Shown, Role};
    use crate::{NewNote, view};

    /// A device that names a content and has lost it, and the content.
    fn bereft(folder: &std::path::Path) -> (Node, BlobRef, ChunkList, Vec<u8>) {
        let node = Node::init(&folder.join("home"), "Mac", Role::Anchor).unwrap();
        let content: Vec<u8> = (0..600_000usize).map(|n| (n / 3) as u8).collect();
        let path = folder.join("memo.m4a");
        std::fs::write(&path, &content).unwrap();
        let files = vec![NewFile { path, audio: true }];
        node.capture(NewNote { files, ..NewNote::default() }).unwrap();
        let list = ChunkList::of(&content).unwrap();
        let blob = list.name();
        std::fs::remove_file(node.blob_files().path(&blob.id)).unwrap();
        node.damaged(&blob).unwrap();
        (node, blob, list, content)
    }

    /// What the exchange did with a peer that answers the first wants with these messages.
    async fn met_by(node: &Node, says: Vec<BlobMessage>) -> (Exchanged, Option<BlobMessage>) {
        let (here, there) = ([7; 32], [8; 32]);
        let at: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let (listening, calling) = (
            Endpoint::bind(&there, &[at]).await.unwrap(),
            Endpoint::bind(&here, &[]).await.unwrap(),
        );
        listening.listen();
        let key = public_key(&SigningKey::from_bytes(&there));
        let peer = listening.clone();
        let hostile = tokio::spawn(async move {
            let caller = peer.accept().await.unwrap().answer().await.unwrap();
            let mut channel = caller.channel().await.unwrap();
            let wants = channel.recv(MAX_BLOB_MESSAGE_BYTES).await.unwrap().unwrap();
            assert!(matches!(BlobMessage::decode(&wants), Ok(BlobMessage::Wants(_))));
            for message in says {
                channel.send(&message.encode()).await.unwrap();
            }
            let answer = channel.recv(MAX_BLOB_MESSAGE_BYTES).await.ok().flatten();
            channel.finish().await;
            answer.and_then(|bytes| BlobMessage::decode(&bytes).ok())
        });
        let mut channel = calling.connect(key, &listening.addresses(), RECONCILE).await.unwrap();
        let done = run(node, &mut channel, true, "Pixel", &CancelToken::default()).await;
        channel.finish().await;
        (done, hostile.await.unwrap())
    }

    fn shown(node: &Node) -> view::Blob {
        node.blobs().unwrap().remove(0)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_peer_that_sends_other_bytes_is_refused_reported_and_what_came_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (node, blob, list, content) = bereft(folder.path());
        let chunk = |index: u32| content.chunks(256 * 1024).nth(index as usize).unwrap().to_vec();
        let send = |index, bytes| BlobMessage::Chunk { blob, index, bytes };
        let named = BlobMessage::List { blob, list: list.encode() };

        let says = vec![named, send(0, chunk(0)), send(1, chunk(0))];
        let (done, answer) = met_by(&node, says).await;

        assert_eq!(answer, Some(BlobMessage::Refuse), "it is told");
        assert!(done.refused[0].reason.contains("chunk 1"), "{done:?}");
        assert_eq!(done.error.map(|error| error.code), Some(Code::Integrity));
        let kept = shown(&node);
        assert_eq!((kept.state, kept.chunks_here, kept.wanted), (Shown::Partial, 1, true));

        // What is here is not asked for, so it is refused when it comes all the same.
        let (done, _) = met_by(&node, vec![send(0, chunk(0))]).await;
        assert!(done.refused[0].reason.contains("not asked for"), "{done:?}");

        // Garbage, and a message over the limit.
        let (done, _) = met_by(&node, vec![send(1, vec![0; 256 * 1024 + 1])]).await;
        assert_eq!(done.error.map(|error| error.code), Some(Code::Integrity));

        let says = vec![send(1, chunk(1)), send(2, chunk(2)), BlobMessage::Sent, BlobMessage::Done];
        let (done, _) = met_by(&node, says).await;
        assert!(done.error.is_none() && done.received == 1, "{done:?}");
        assert_eq!(std::fs::read(node.blob_path(&blob.id.to_string()).unwrap()).unwrap(), content);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_list_of_another_content_never_makes_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let (node, blob, ..) = bereft(folder.path());
        let list = ChunkList::of(b"other").unwrap().encode();
        let (done, answer) = met_by(&node, vec![BlobMessage::List { blob, list }]).await;
        assert_eq!(answer, Some(BlobMessage::Refuse));
        assert!(done.refused[0].reason.contains("chunk list"), "{done:?}");
        assert_eq!(shown(&node).state, Shown::Wanted);
    }
}
