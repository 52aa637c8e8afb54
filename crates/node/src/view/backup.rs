//! What was backed up and restored.

use serde::{Deserialize, Serialize};

use super::Role;

/// What `backup create` wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackedUp {
    pub file: String,
    pub device: String,
    pub mesh: String,
    pub name: String,
    pub head: String,
    pub events: u32,
    pub notes: u32,
    pub blobs: u32,
    pub bytes: u64,
    /// Blobs that turned out damaged here.
    pub left_out: Vec<String>,
    /// What of the vault could not be taken.
    pub vault_left_out: Vec<String>,
}

/// What `backup restore` laid down, or `backup verify` would have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Restored {
    pub device: String,
    pub mesh: String,
    pub name: String,
    pub role: Role,
    /// Empty when none was made.
    pub home: String,
    /// `keychain`, `keystore` or `file`; empty when no home was made.
    pub keys: String,
    /// When the backup was made.
    pub made: String,
    pub head: String,
    pub events: u32,
    pub notes: u32,
    pub blobs: u32,
    /// Files of the vault.
    pub files: u32,
    /// What was missing already, or not as it was recorded, when the backup was made.
    pub missing: Option<String>,
}
