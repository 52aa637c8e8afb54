//! The history as events.

use serde::{Deserialize, Serialize};

use super::Chain;

/// Where this home's history stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Head {
    pub head: String,
    /// `FOLD_VERSION:DIGEST`: equal on two devices that fold one history alike.
    pub state: String,
    pub events: u32,
    pub chains: Vec<Chain>,
}

/// An event in canonical order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct LogEntry {
    pub id: String,
    pub chain: String,
    pub device: String,
    pub device_name: String,
    pub seq: u32,
    pub prev: Option<String>,
    pub deps: Vec<String>,
    pub lamport: u32,
    pub at: String,
    pub kind: String,
    /// In a forked chain, behind the fork: the first event of the branch.
    pub branch: Option<String>,
    /// Whether it has effect: what a device wrote beyond its revocation has none.
    pub counts: bool,
    /// Its body is no more: somebody who may has forgotten it.
    pub forgotten: bool,
    /// Of an event that forgets: why.
    pub reason: Option<String>,
    pub body_hash: String,
}

/// A page of the log, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct LogPage {
    pub entries: Vec<LogEntry>,
    pub next: Option<String>,
}
