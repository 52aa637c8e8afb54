//! The vault's files, their versions, and what was done with them.

use serde::{Deserialize, Serialize};

use super::DiffSpan;

/// A file that was written; durable when this is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct VaultWritten {
    pub path: String,
    /// The event that records it.
    pub version: String,
    /// SHA-256 of what stands there now.
    pub hash: String,
    /// SHA-256 of what stood there before.
    pub previous: Option<String>,
    /// The version that keeps what stood there before.
    pub backup: Option<String>,
    pub bytes: u32,
}

/// Why a file's content changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum VaultAct {
    /// Written through us.
    Write,
    /// An earlier version, written anew.
    Rollback,
    /// Changed by another program.
    Outside,
    /// Two versions, joined.
    Merge,
    /// There when it was first seen.
    Adopt,
    /// A write that was refused; what it offered is kept.
    Refuse,
    /// The vault was read and compared.
    Scrub,
    /// Old versions are no longer kept.
    Prune,
}

/// A version of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct FileVersion {
    pub path: String,
    /// The event that records it.
    pub version: String,
    /// SHA-256 of the content; none when the file was gone.
    pub hash: Option<String>,
    /// SHA-256 of what stood there before.
    pub previous: Option<String>,
    pub bytes: u32,
    pub at: String,
    pub device: String,
    pub device_name: String,
    pub act: VaultAct,
    /// The tool or agent; nobody knows who wrote what came from outside.
    pub by: Option<String>,
    pub reason: Option<String>,
    /// The events that it was made of.
    pub sources: Vec<String>,
    /// Its bytes are kept.
    pub kept: bool,
    /// It stands there now.
    pub current: bool,
}

/// What was done with the vault, and by whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct AuditEntry {
    pub id: String,
    pub at: String,
    pub device: String,
    pub device_name: String,
    pub act: VaultAct,
    /// The file; none for what concerns many.
    pub path: Option<String>,
    /// SHA-256 of what stood there before; of a refusal, of what the writer expected.
    pub from: Option<String>,
    /// SHA-256 of what stands there from then on; of a refusal, of what was offered.
    pub to: Option<String>,
    pub bytes: u32,
    pub by: Option<String>,
    pub reason: Option<String>,
    /// What else there is to say.
    pub detail: String,
}

/// A page of the audit trail, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    /// Give this to get the next page.
    pub next: Option<String>,
}

/// Two versions of a file, compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct VaultDiff {
    pub path: String,
    pub from: Option<String>,
    pub to: Option<String>,
    /// Not text, or too long to compare: only whether they are equal is known.
    pub binary: bool,
    pub spans: Vec<DiffSpan>,
}

/// What other programs changed in the vault since it was last looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct VaultNoticed {
    pub files: u32,
    pub adopted: u32,
    pub changed: u32,
    pub gone: u32,
    /// Files that can't be taken in, with the reason.
    pub left: Vec<VaultFinding>,
}

/// Something found in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct VaultFinding {
    /// The file, or the version's hash.
    pub what: String,
    /// What is wrong with it.
    pub finding: String,
    /// It was mended.
    pub repaired: bool,
}

/// What a scrub found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct VaultScrubbed {
    pub ok: bool,
    pub files: u32,
    pub versions: u32,
    /// Bytes read, in MiB.
    pub mib: u32,
    pub findings: Vec<VaultFinding>,
}

/// Old versions that are no longer kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct VaultPruned {
    pub removed: u32,
    /// Their bytes, in MiB.
    pub mib: u32,
    /// Versions that stay.
    pub stay: u32,
}
