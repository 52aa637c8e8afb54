//! A bundle: a session's messages of one direction, laid down in a file. Sealing it is the link's affair.

use std::io::{Read, Write};

use ed25519_dalek::{Signer, SigningKey};
use minicbor::{Decoder, Encode, Encoder};
use sha2::{Digest, Sha256};

use crate::blob::{self, BlobMessage};
use crate::head::{SignatureError, Tip, canonical_head, verify_signature};
use crate::id::{CanonicalHead, DeviceId, MeshId, PublicKey, hash};
use crate::limits::MAX_MESSAGE_BYTES;
use crate::message::{Message, MessageError, decode_tips};
use crate::run::Run;

/// The first bytes of a bundle; the last of them is the format.
pub const MAGIC: [u8; 8] = *b"MIRRORB1";

/// The number that a manifest's record begins with. Runs keep theirs from [`Message`].
const MANIFEST: u64 = 10;
/// The number that the end's record begins with.
const END: u64 = 11;
/// The number of a run's record.
const RUN: u64 = 3;

/// A record between the manifest and the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Events; all runs come before the first blob.
    Run(Run),
    /// A blob's chunk list, or a chunk behind its list.
    Blob(BlobMessage),
}

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The mesh.
    pub mesh: MeshId,
    /// Who wrote it.
    pub device: DeviceId,
    /// With which incarnation.
    pub key: PublicKey,
    /// The writer's canonical head.
    pub head: CanonicalHead,
    /// The head that the reader is expected to have.
    pub since: Option<CanonicalHead>,
    /// When, in milliseconds since 1970.
    pub unix_ms: i64,
    /// The writer's chain tips.
    pub tips: Vec<Tip>,
}

/// The end of a bundle: what was written, signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Events in all runs.
    pub events: u64,
    /// Ed25519 of the manifest's key over the SHA-256 of all bytes before the end's record, and the count.
    pub signature: [u8; 64],
}

/// Why a file is no whole bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Other first bytes.
    #[error("not a MirrorDNA bundle: it does not begin with MIRRORB1")]
    NotABundle,
    /// The file ends in the middle.
    #[error("record {record}: the bundle is cut off here")]
    Truncated {
        /// Counted from 0, the manifest.
        record: u64,
    },
    /// A record over its limit.
    #[error("record {record}: {found} bytes, the limit is {MAX_MESSAGE_BYTES}")]
    TooLong {
        /// Counted from 0.
        record: u64,
        /// The claimed length.
        found: u64,
    },
    /// A record that does not read.
    #[error("record {record}: {error}")]
    Record {
        /// Counted from 0.
        record: u64,
        /// What is wrong with it.
        error: MessageError,
    },
    /// A record of another kind than belongs here.
    #[error("record {record}: expected {expected}")]
    Misplaced {
        /// Counted from 0.
        record: u64,
        /// What belongs here.
        expected: &'static str,
    },
    /// A record of a type that this version does not know.
    #[error("record {record}: unknown type {found}")]
    Unknown {
        /// Counted from 0.
        record: u64,
        /// Its type.
        found: u64,
    },
    /// The end counts other events than the runs hold.
    #[error("record {record}: the bundle's end counts {claimed} events, its runs hold {found}")]
    Count {
        /// Counted from 0: the end's.
        record: u64,
        /// What the end says.
        claimed: u64,
        /// What was read.
        found: u64,
    },
    /// The manifest's tips do not hash to its head.
    #[error("record 0: the manifest's tips do not give the head that it names")]
    WrongTips,
    /// The end's signature does not hold: something before it was changed.
    #[error("record {record}: the bundle was changed after it was written: {error}")]
    Changed {
        /// Counted from 0: the end's.
        record: u64,
        /// What is wrong with the signature.
        error: SignatureError,
    },
    /// The file can't be read on, or its seal does not hold from here on.
    #[error("record {record}: {error}")]
    Io {
        /// Counted from 0.
        record: u64,
        /// What was met.
        error: std::io::Error,
    },
}

impl Manifest {
    fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        // Writing to a Vec can't fail.
        let _ = self.encode_into(&mut e);
        e.into_writer()
    }

    fn encode_into(
        &self,
        e: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.array(8)?.u64(MANIFEST)?.bytes(&self.mesh.0)?.bytes(&self.device.0)?;
        e.bytes(&self.key.0)?.bytes(&self.head.0)?;
        match &self.since {
            Some(since) => e.bytes(&since.0)?,
            None => e.null()?,
        };
        e.i64(self.unix_ms)?.array(self.tips.len() as u64)?;
        for tip in &self.tips {
            tip.encode(e, &mut ())?;
        }
        e.ok()
    }

    fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(8) || d.u64()? != MANIFEST {
            let reason = "a manifest is an array of 8 that begins with 10".to_owned();
            return Err(MessageError::Malformed { reason });
        }
        let manifest = Self {
            mesh: d.decode()?,
            device: d.decode()?,
            key: d.decode()?,
            head: d.decode()?,
            since: d.decode()?,
            unix_ms: d.i64()?,
            tips: decode_tips(&mut d)?,
        };
        if manifest.encode() != bytes {
            return Err(MessageError::NotDeterministic);
        }
        Ok(manifest)
    }
}

impl End {
    fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        // Writing to a Vec can't fail.
        let _ = self.encode_into(&mut e);
        e.into_writer()
    }

    fn encode_into(
        &self,
        e: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.array(3)?.u64(END)?.u64(self.events)?.bytes(&self.signature)?.ok()
    }

    fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let malformed = |reason: &str| MessageError::Malformed { reason: reason.to_owned() };
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(3) || d.u64()? != END {
            return Err(malformed("an end is an array of 3 that begins with 11"));
        }
        let events = d.u64()?;
        let signature = d.bytes()?.try_into().map_err(|_| malformed("signature of 64 bytes"))?;
        let end = Self { events, signature };
        if end.encode() != bytes {
            return Err(MessageError::NotDeterministic);
        }
        Ok(end)
    }
}

/// The number that a record begins with.
fn record_type(bytes: &[u8]) -> Result<u64, MessageError> {
    let mut d = Decoder::new(bytes);
    d.array()?;
    Ok(d.u64()?)
}

/// Writes a bundle, record by record.
pub struct BundleWriter<'k, W> {
    out: W,
    sha: Sha256,
    key: &'k SigningKey,
    events: u64,
}

impl<'k, W: Write> BundleWriter<'k, W> {
    /// Begins with the manifest.
    pub fn new(out: W, manifest: &Manifest, key: &'k SigningKey) -> std::io::Result<Self> {
        let mut writer = Self { out, sha: Sha256::new(), key, events: 0 };
        writer.bytes(&MAGIC)?;
        writer.record(&manifest.encode())?;
        Ok(writer)
    }

    /// Adds a run.
    pub fn run(&mut self, run: Run) -> std::io::Result<()> {
        self.events += run.events.len() as u64;
        self.record(&Message::Run(run).encode())
    }

    /// Adds a chunk list or a chunk, behind all runs.
    pub fn blob(&mut self, message: &BlobMessage) -> std::io::Result<()> {
        self.record(&message.encode())
    }

    /// Closes with the signed end; gives the number of events and the output back.
    pub fn finish(mut self) -> std::io::Result<(u64, W)> {
        let message = end_message(&self.sha, self.events);
        let end = End { events: self.events, signature: self.key.sign(&message).to_bytes() };
        self.record(&end.encode())?;
        self.out.flush()?;
        Ok((self.events, self.out))
    }

    fn record(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
        self.bytes(&length.to_be_bytes())?;
        self.bytes(bytes)
    }

    fn bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.sha.update(bytes);
        self.out.write_all(bytes)
    }
}

/// What the end signs: all bytes before its record, and the count in it.
fn end_message(sha: &Sha256, events: u64) -> [u8; 32] {
    let before: [u8; 32] = sha.clone().finalize().into();
    hash("mirrordna/bundle/1", &[&before, &events.to_be_bytes()])
}

/// Reads a bundle, record by record. A record that does not read is an error of its own; as long as the framing holds,
/// reading goes on behind it.
pub struct BundleReader<R> {
    input: R,
    sha: Sha256,
    manifest: Manifest,
    record: u64,
    events: u64,
    blobs: bool,
    over: bool,
}

impl<R: Read> BundleReader<R> {
    /// Reads up to the manifest.
    pub fn new(mut input: R) -> Result<Self, BundleError> {
        let mut magic = [0; 8];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Ok(()) => return Err(BundleError::NotABundle),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(BundleError::NotABundle);
            }
            Err(error) => return Err(BundleError::Io { record: 0, error }),
        }
        let mut sha = Sha256::new_with_prefix(magic);
        let bytes = read_record(&mut input, 0)?;
        hash_record(&mut sha, &bytes);
        let bad = |error| BundleError::Record { record: 0, error };
        match record_type(&bytes).map_err(bad)? {
            MANIFEST => {}
            RUN | END => {
                return Err(BundleError::Misplaced { record: 0, expected: "the manifest" });
            }
            found => return Err(BundleError::Unknown { record: 0, found }),
        }
        let manifest = Manifest::decode(&bytes).map_err(bad)?;
        if canonical_head(manifest.tips.iter().copied()) != manifest.head {
            return Err(BundleError::WrongTips);
        }
        Ok(Self { input, sha, manifest, record: 0, events: 0, blobs: false, over: false })
    }

    /// What the bundle says of itself; only true once the end was reached without an error.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The number of the record that was read last; the manifest's is 0.
    pub fn record(&self) -> u64 {
        self.record
    }

    /// Nothing more can be read: behind the end, or behind an error that leaves no place to go on from.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The next run, past the blobs; `None` behind a signed end that holds.
    pub fn next_run(&mut self) -> Option<Result<Run, BundleError>> {
        loop {
            match self.next_record()? {
                Ok(Record::Run(run)) => return Some(Ok(run)),
                Ok(Record::Blob(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The next record; `None` behind a signed end that holds.
    pub fn next_record(&mut self) -> Option<Result<Record, BundleError>> {
        if self.over {
            return None;
        }
        self.record += 1;
        let record = self.record;
        let bytes = match read_record(&mut self.input, record) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.over = true;
                return Some(Err(error));
            }
        };
        let kind = record_type(&bytes);
        if kind == Ok(END) {
            self.over = true;
            let checked = End::decode(&bytes)
                .map_err(|error| BundleError::Record { record, error })
                .and_then(|end| self.check_end(end));
            return checked.err().map(Err);
        }
        hash_record(&mut self.sha, &bytes);
        Some(self.read(kind, &bytes, record))
    }

    fn read(
        &mut self,
        kind: Result<u64, MessageError>,
        bytes: &[u8],
        record: u64,
    ) -> Result<Record, BundleError> {
        let misplaced = |expected| Err(BundleError::Misplaced { record, expected });
        let failed = |error| match error {
            MessageError::Unknown { found } => BundleError::Unknown { record, found },
            error => BundleError::Record { record, error },
        };
        if kind.as_ref().is_ok_and(|kind| blob::NUMBERS.contains(kind)) {
            self.blobs = true;
            return match BlobMessage::decode(bytes).map_err(failed)? {
                message @ (BlobMessage::List { .. } | BlobMessage::Chunk { .. }) => {
                    Ok(Record::Blob(message))
                }
                _ => misplaced("a chunk list, a chunk or the end"),
            };
        }
        match (kind, Message::decode(bytes)) {
            (_, Ok(Message::Run(_))) if self.blobs => misplaced("no run behind a blob"),
            (_, Ok(Message::Run(run))) => {
                self.events = self.events.saturating_add(run.events.len() as u64);
                Ok(Record::Run(run))
            }
            (Ok(MANIFEST), _) | (_, Ok(_)) => misplaced("a run or the end"),
            (_, Err(error)) => Err(failed(error)),
        }
    }

    fn check_end(&mut self, end: End) -> Result<(), BundleError> {
        let record = self.record;
        let message = end_message(&self.sha, end.events);
        verify_signature(&self.manifest.key, &message, &end.signature)
            .map_err(|error| BundleError::Changed { record, error })?;
        if end.events != self.events {
            return Err(BundleError::Count { record, claimed: end.events, found: self.events });
        }
        let record = record + 1;
        match self.input.read(&mut [0; 1]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(BundleError::Misplaced { record, expected: "nothing behind the end" }),
            Err(error) => Err(BundleError::Io { record, error }),
        }
    }
}

fn hash_record(sha: &mut Sha256, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    sha.update(length.to_be_bytes());
    sha.update(bytes);
}

/// Reads a length and as many bytes. The buffer grows with what really comes, not with what the length claims.
fn read_record(input: &mut impl Read, record: u64) -> Result<Vec<u8>, BundleError> {
    let truncated = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => BundleError::Truncated { record },
        _ => BundleError::Io { record, error },
    };
    let mut length = [0; 4];
    input.read_exact(&mut length).map_err(truncated)?;
    let length = u64::from(u32::from_be_bytes(length));
    if length > MAX_MESSAGE_BYTES as u64 {
        return Err(BundleError::TooLong { record, found: length });
    }
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes).map_err(truncated)?;
    if bytes.len() as u64 != length {
        return Err(BundleError::Truncated { record });
    }
    Ok(bytes)
}
