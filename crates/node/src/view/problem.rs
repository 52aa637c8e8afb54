//! Errors as a face shows them.

use serde::{Deserialize, Serialize};

/// An error as a face shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    pub hint: String,
}

/// Only what a face branches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No mesh in this home yet.
    NotInitialised,
    /// The input is wrong: the detail names it.
    Invalid,
    /// No such note, device, event.
    NotFound,
    /// Waits for a person.
    Conflict,
    /// Bytes are not what their hash or signature says.
    Integrity,
    /// Policy, scope, a stranger.
    Refused,
    /// A peer can't be reached.
    Offline,
    /// The person stopped it.
    Cancelled,
    /// Written by a newer version.
    TooNew,
    /// Disk, permissions, database.
    Io,
}
