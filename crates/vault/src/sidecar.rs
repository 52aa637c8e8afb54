//! The files beside a file: its hash for `sha256sum -c`, and where it came from.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;

/// The ending of the file that holds the hash.
pub const SUM: &str = ".sha256";
/// The ending of the file that says where the content came from.
pub const PROVENANCE: &str = ".prov.json";

/// Where a content came from. Written to `NAME.prov.json` with the file's name and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The events that it was made from.
    pub events: Vec<String>,
    /// What wrote it.
    pub tool: String,
    /// When, as RFC 3339.
    pub time: String,
}

/// What `NAME.prov.json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProvenanceFile {
    pub file: String,
    pub sha256: Hash,
    #[serde(flatten)]
    pub from: Provenance,
}
