//! What `verify` and `doctor` found.

use serde::{Deserialize, Serialize};

/// What `verify` recomputed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Verification {
    pub ok: bool,
    pub events: u32,
    pub chains: u32,
    pub bodies: u32,
    pub blobs: u32,
    pub first_bad: Option<BadRecord>,
}

/// The first record that is not what it should be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct BadRecord {
    /// `event`, `body`, `link`, `lamport`, `head`, `projection`, `database`, `blob`.
    pub what: String,
    pub id: String,
    pub reason: String,
}

/// The answer of `doctor`: each check with its finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Health {
    pub ok: bool,
    pub checks: Vec<HealthCheck>,
    pub findings: Vec<Finding>,
}

/// Something that `doctor` found, see `docs/DOCTOR.md`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Finding {
    /// Its name in the table.
    pub kind: String,
    /// `damage`, `trouble` or `advice`.
    pub weight: String,
    /// Where: an event, a chain, a file.
    pub what: String,
    pub detail: String,
    pub meaning: String,
    pub way_out: String,
    /// It is mended.
    pub repaired: bool,
}

/// One thing that `doctor` looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct HealthCheck {
    pub name: String,
    pub ok: bool,
    pub detail: String,
    /// What to do; empty when there is nothing to do.
    pub hint: String,
}
