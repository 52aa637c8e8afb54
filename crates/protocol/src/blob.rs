//! Blobs: content too large for a body, named by its hash and by a list of chunk hashes, so that each chunk verifies as
//! it comes and a transfer goes on where it was cut.

mod exchange;
mod message;
mod set;

use minicbor::{Decoder, Encode, Encoder};
use sha2::{Digest, Sha256};

pub use exchange::{BlobEvent, BlobExchange, ExchangeError, Wanted};
pub(crate) use message::NUMBERS;
pub use message::{BlobMessage, Want};
pub use set::{ChunkRange, ChunkSet};

use crate::array::decode_array;
use crate::id::{BlobId, ChunkListHash, hash};
use crate::limits::{CHUNK_BYTES, MAX_BLOB_BYTES};

/// What an event names: the content, its size, and the list that its chunks are checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode)]
pub struct BlobRef {
    /// SHA-256 of the content.
    #[n(0)]
    pub id: BlobId,
    /// Its size, 1 to [`MAX_BLOB_BYTES`].
    #[n(1)]
    pub bytes: u64,
    /// The hash of its chunk list.
    #[n(2)]
    pub chunks: ChunkListHash,
}

decode_array!(BlobRef, 3: id, bytes, chunks);

/// Why content is not what its name says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Empty, or too large.
    #[error("a blob of {found} bytes; it may have 1 to {MAX_BLOB_BYTES}")]
    Size {
        /// Its size, as far as it was read.
        found: u64,
    },
    /// Another list than the one named.
    #[error("the chunk list of {blob} is another than the one named")]
    OtherList {
        /// The blob.
        blob: BlobId,
    },
    /// The list is no list, or one of another size than the one named.
    #[error("the chunk list of {blob} is none: {reason}")]
    BadList {
        /// The blob.
        blob: BlobId,
        /// What is wrong with it.
        reason: String,
    },
    /// Other bytes than the list's.
    #[error("chunk {index} of {blob} has other bytes than the ones named")]
    OtherChunk {
        /// The blob.
        blob: BlobId,
        /// The chunk.
        index: u32,
    },
    /// Not the length that a chunk has there.
    #[error("chunk {index} of {blob} has {found} bytes, expected {expected}")]
    ChunkLength {
        /// The blob.
        blob: BlobId,
        /// The chunk.
        index: u32,
        /// Its bytes.
        found: usize,
        /// What it should have; 0 where no chunk is.
        expected: usize,
    },
}

impl BlobRef {
    /// Checks the size.
    pub fn check(&self) -> Result<(), BlobError> {
        match self.bytes {
            1..=MAX_BLOB_BYTES => Ok(()),
            found => Err(BlobError::Size { found }),
        }
    }

    /// How many chunks it has.
    pub fn count(&self) -> u32 {
        // MAX_BLOB_BYTES has far fewer.
        u32::try_from(self.bytes.div_ceil(CHUNK_BYTES as u64)).unwrap_or(u32::MAX)
    }

    /// Where a chunk begins, and its bytes; `None` behind the last.
    pub fn chunk(&self, index: u32) -> Option<(u64, usize)> {
        let start = u64::from(index) * CHUNK_BYTES as u64;
        let left = self.bytes.checked_sub(start).filter(|left| *left > 0)?;
        Some((start, usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))))
    }
}

/// The hashes of a blob's chunks, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkList {
    blob: BlobId,
    bytes: u64,
    hashes: Vec<[u8; 32]>,
}

impl ChunkList {
    /// Lists a content that is at hand.
    pub fn of(content: &[u8]) -> Result<Self, BlobError> {
        let mut hasher = BlobHasher::default();
        hasher.update(content)?;
        hasher.finish()
    }

    /// Reads the list that a name binds: its hash, its form and its size.
    pub fn read(blob: &BlobRef, encoded: &[u8]) -> Result<Self, BlobError> {
        if list_hash(encoded) != blob.chunks {
            return Err(BlobError::OtherList { blob: blob.id });
        }
        let bad = |reason: String| BlobError::BadList { blob: blob.id, reason };
        let list = Self::decode(blob.id, encoded).map_err(|error| bad(error.to_string()))?;
        if list.bytes != blob.bytes {
            return Err(bad(format!("it is of {} bytes, named were {}", list.bytes, blob.bytes)));
        }
        if list.encode() != encoded {
            return Err(bad("not in deterministic encoding".to_owned()));
        }
        Ok(list)
    }

    fn decode(blob: BlobId, encoded: &[u8]) -> Result<Self, minicbor::decode::Error> {
        let wrong = |what| Err(minicbor::decode::Error::message(what));
        let mut d = Decoder::new(encoded);
        if d.array()? != Some(2) {
            return wrong("an array of 2");
        }
        let bytes = d.u64()?;
        let count = bytes.div_ceil(CHUNK_BYTES as u64);
        if !(1..=MAX_BLOB_BYTES).contains(&bytes) || d.array()? != Some(count) {
            return wrong("as many hashes as its size has chunks");
        }
        let mut hashes = Vec::new();
        for _ in 0..count {
            match d.bytes()?.try_into() {
                Ok(hash) => hashes.push(hash),
                Err(_) => return wrong("hashes of 32 bytes"),
            }
        }
        if d.position() != encoded.len() {
            return wrong("nothing behind it");
        }
        Ok(Self { blob, bytes, hashes })
    }

    /// The deterministic encoding: `[bytes, [* hash]]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        // Writing to a Vec can't fail.
        let _ = e.array(2).and_then(|e| e.u64(self.bytes));
        let _ = e.array(self.hashes.len() as u64);
        for hash in &self.hashes {
            let _ = e.bytes(hash);
        }
        e.into_writer()
    }

    /// What names the content that has this list.
    pub fn name(&self) -> BlobRef {
        BlobRef { id: self.blob, bytes: self.bytes, chunks: list_hash(&self.encode()) }
    }

    /// How many chunks it lists.
    pub fn count(&self) -> usize {
        self.hashes.len()
    }

    /// Checks a chunk: it exists, its length, its hash.
    pub fn check(&self, index: u32, chunk: &[u8]) -> Result<(), BlobError> {
        let blob = self.blob;
        let name = BlobRef { id: blob, bytes: self.bytes, chunks: ChunkListHash([0; 32]) };
        let expected = name.chunk(index).map_or(0, |(_, bytes)| bytes);
        if expected == 0 || chunk.len() != expected {
            return Err(BlobError::ChunkLength { blob, index, found: chunk.len(), expected });
        }
        let listed = usize::try_from(index).ok().and_then(|index| self.hashes.get(index));
        match listed {
            Some(listed) if *listed == hash("", &[chunk]) => Ok(()),
            _ => Err(BlobError::OtherChunk { blob, index }),
        }
    }
}

fn list_hash(encoded: &[u8]) -> ChunkListHash {
    ChunkListHash(hash("mirrordna/chunks/1", &[encoded]))
}

/// Names content while it is read, in pieces of any length.
#[derive(Debug, Clone, Default)]
pub struct BlobHasher {
    whole: Sha256,
    chunk: Sha256,
    bytes: u64,
    hashes: Vec<[u8; 32]>,
}

impl BlobHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        let found = self.bytes.saturating_add(bytes.len() as u64);
        if found > MAX_BLOB_BYTES {
            return Err(BlobError::Size { found });
        }
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let room = CHUNK_BYTES - (self.bytes % CHUNK_BYTES as u64) as usize;
            let (piece, rest) = bytes.split_at(bytes.len().min(room));
            self.chunk.update(piece);
            self.bytes += piece.len() as u64;
            if piece.len() == room {
                self.hashes.push(std::mem::take(&mut self.chunk).finalize().into());
            }
            bytes = rest;
        }
        Ok(())
    }

    /// The list, which gives the name.
    pub fn finish(mut self) -> Result<ChunkList, BlobError> {
        if self.bytes == 0 {
            return Err(BlobError::Size { found: 0 });
        }
        if !self.bytes.is_multiple_of(CHUNK_BYTES as u64) {
            self.hashes.push(self.chunk.finalize().into());
        }
        let blob = BlobId(self.whole.finalize().into());
        Ok(ChunkList { blob, bytes: self.bytes, hashes: self.hashes })
    }
}
