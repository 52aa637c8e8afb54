//! What is said of the vault's files. A file is named by its path in the vault, its content by its SHA-256.

use minicbor::{Decode, Encode};
use mirror_protocol::{BlobId, BlobRef, ChunkListHash, EventId};

use super::MAX_REPLACES;
use crate::text::{TextError, check_reason};

/// Bytes of a path in the vault.
pub const MAX_PATH_BYTES: usize = 1024;
/// Bytes of the name of a tool or an agent.
pub const MAX_BY_BYTES: usize = 64;
/// Files that one event may adopt.
pub const MAX_ADOPTED: usize = 256;
/// Findings that one event tells in full.
pub const MAX_FINDINGS: usize = 32;
/// Bytes of what a finding says.
pub const MAX_FINDING_BYTES: usize = 512;
/// Sources that one version may name.
pub const MAX_SOURCES: usize = 64;

/// Why a file's content changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Cause {
    /// Written through us.
    #[n(0)]
    Write,
    /// An earlier version, written anew.
    #[n(1)]
    Rollback,
    /// Changed by another program, and noticed.
    #[n(2)]
    Outside,
    /// Two versions, joined.
    #[n(3)]
    Merge,
}

/// `vault.write`: a version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultWrite {
    /// The file.
    #[n(0)]
    pub path: String,
    /// The versions that it replaces, as events; none when the file was not there.
    #[n(1)]
    pub replaces: Vec<EventId>,
    /// The content that stood there before.
    #[n(2)]
    pub from: Option<BlobId>,
    /// The content from now on; none when the file is gone.
    #[n(3)]
    pub to: Option<BlobId>,
    /// The content's size.
    #[n(4)]
    pub bytes: u64,
    /// Why.
    #[n(5)]
    pub cause: Cause,
    /// The tool or agent; nobody knows who wrote what came from outside.
    #[n(6)]
    pub by: Option<String>,
    /// Why, in words.
    #[n(7)]
    pub reason: Option<String>,
    /// The events that the content was made of.
    #[cbor(n(8), default, skip_if = "Vec::is_empty")]
    pub sources: Vec<EventId>,
    /// The file lies in a shared folder: the other devices take the version over.
    #[cbor(n(9), default, skip_if = "is_false")]
    pub shared: bool,
    /// Of a shared file that is not empty: the hash of its content's chunk list.
    #[n(10)]
    pub chunks: Option<ChunkListHash>,
}

/// `vault.refuse`: a write that was refused. What it offered is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultRefuse {
    /// The file.
    #[n(0)]
    pub path: String,
    /// The content that the writer expected there; none for no file.
    #[n(1)]
    pub expected: Option<BlobId>,
    /// The content that stood there.
    #[n(2)]
    pub found: Option<BlobId>,
    /// The content that was offered; none for a removal.
    #[n(3)]
    pub offered: Option<BlobId>,
    /// Its size.
    #[n(4)]
    pub bytes: u64,
    /// The tool or agent.
    #[n(5)]
    pub by: Option<String>,
    /// Why it was to be written, in words.
    #[n(6)]
    pub reason: Option<String>,
}

/// Something that a scrub found.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultFinding {
    /// The file, or the version's hash.
    #[n(0)]
    pub what: String,
    /// What is wrong with it, and what was done.
    #[n(1)]
    pub finding: String,
}

/// `vault.scrub`: everything was read and compared.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultScrub {
    /// Files read.
    #[n(0)]
    pub files: u64,
    /// Versions read.
    #[n(1)]
    pub versions: u64,
    /// Bytes read.
    #[n(2)]
    pub bytes: u64,
    /// The first findings.
    #[n(3)]
    pub findings: Vec<VaultFinding>,
    /// Findings in all.
    #[n(4)]
    pub found: u64,
}

/// `vault.prune`: of the versions before it, the bytes of old ones need no longer be kept on its device.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultPrune {
    /// As many of each file stay, the newest.
    #[n(0)]
    pub newest: u64,
    /// And all that are younger than so many days.
    #[n(1)]
    pub days: u64,
}

/// A file that was there when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Adopted {
    /// The file.
    #[n(0)]
    pub path: String,
    /// Its content.
    #[n(1)]
    pub content: BlobId,
    /// The content's size.
    #[n(2)]
    pub bytes: u64,
}

/// `vault.adopt`: files that were there when they were first seen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultAdopt {
    /// The files.
    #[n(0)]
    pub files: Vec<Adopted>,
}

fn is_false(shared: &bool) -> bool {
    !shared
}

/// What is said of the vault is outside its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultBodyError {
    /// A path that leads elsewhere, or is too long.
    #[error(
        "{found:?} is no path in a vault: 1 to {MAX_PATH_BYTES} bytes, relative, without control signs"
    )]
    BadPath {
        /// The path, cut.
        found: String,
    },
    /// A tool's name outside its limits.
    #[error("{found:?} is no name of a tool: 1 to {MAX_BY_BYTES} bytes without control signs")]
    BadBy {
        /// The name, cut.
        found: String,
    },
    /// A reason outside its limits.
    #[error(transparent)]
    Reason(#[from] TextError),
    /// More of something than one event holds.
    #[error("{found} {what}, the limit is {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// No such content.
    #[error("the content of {path} is not what its size says")]
    Content {
        /// The file.
        path: String,
    },
}

type Checked = Result<(), VaultBodyError>;

/// Checks a path as far as every device can: what a file system makes of it is for the vault to say.
pub fn check_path(path: &str) -> Checked {
    let part = |part: &str| !matches!(part, "" | "." | "..");
    let fits = (1..=MAX_PATH_BYTES).contains(&path.len());
    if fits && path.split('/').all(part) && !path.chars().any(char::is_control) {
        return Ok(());
    }
    Err(VaultBodyError::BadPath { found: path.chars().take(80).collect() })
}

fn check_by(by: Option<&str>) -> Checked {
    let Some(by) = by else { return Ok(()) };
    if (1..=MAX_BY_BYTES).contains(&by.len()) && !by.chars().any(char::is_control) {
        return Ok(());
    }
    Err(VaultBodyError::BadBy { found: by.chars().take(80).collect() })
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Checked {
    if found <= limit { Ok(()) } else { Err(VaultBodyError::TooMany { what, found, limit }) }
}

impl VaultWrite {
    /// The content as a blob, when the file is shared and holds something.
    pub fn content(&self) -> Option<BlobRef> {
        let (id, chunks) = self.to.filter(|_| self.shared).zip(self.chunks)?;
        Some(BlobRef { id, bytes: self.bytes, chunks })
    }

    /// Checks its limits.
    pub fn check(&self) -> Result<(), VaultBodyError> {
        check_path(&self.path)?;
        check_by(self.by.as_deref())?;
        self.reason.as_deref().map_or(Ok(()), check_reason)?;
        at_most("replaced versions", self.replaces.len(), MAX_REPLACES)?;
        at_most("sources", self.sources.len(), MAX_SOURCES)?;
        let needs_list = self.shared && self.to.is_some() && self.bytes > 0;
        let right = needs_list == self.chunks.is_some()
            && (self.to.is_some() || self.bytes == 0)
            && self.content().is_none_or(|content| content.check().is_ok());
        if right { Ok(()) } else { Err(VaultBodyError::Content { path: self.path.clone() }) }
    }
}

impl VaultRefuse {
    pub(super) fn check(&self) -> Checked {
        check_path(&self.path)?;
        check_by(self.by.as_deref())?;
        self.reason.as_deref().map_or(Ok(()), |reason| Ok(check_reason(reason)?))
    }
}

impl VaultScrub {
    pub(super) fn check(&self) -> Checked {
        at_most("findings", self.findings.len(), MAX_FINDINGS)?;
        let long = self.findings.iter().flat_map(|finding| [&finding.what, &finding.finding]);
        long.map(String::len).try_for_each(|bytes| {
            at_most("bytes in a finding", bytes, MAX_FINDING_BYTES + MAX_PATH_BYTES)
        })
    }
}

impl VaultAdopt {
    pub(super) fn check(&self) -> Checked {
        at_most("adopted files", self.files.len(), MAX_ADOPTED)?;
        self.files.iter().try_for_each(|file| check_path(&file.path))
    }
}
