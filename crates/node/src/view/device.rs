//! Devices and how they stand to this one.

use serde::{Deserialize, Serialize};

/// The first question of every screen: what is my state, what needs me.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Status {
    /// `None` until the home has been initialised or has joined a mesh.
    pub identity: Option<Identity>,
    pub head: String,
    pub events: u32,
    pub notes: u32,
    pub state: SyncState,
    /// Notes with more than one latest revision.
    pub conflicts: u32,
    /// Own events that no peer has acknowledged.
    pub unreconciled: u32,
    /// RFC 3339; the newest checkpoint with any peer.
    pub last_reconcile: Option<String>,
    pub devices: Vec<Device>,
}

/// The answer of `init` and `join`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Identity {
    pub device: String,
    pub mesh: String,
    pub name: String,
    pub role: Role,
    pub home: String,
    /// Where the secret keys are kept: `keychain`, `keystore` or `file`.
    pub keys: String,
}

/// A device's job in the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Admits and revokes devices.
    Anchor,
    /// Reads and writes everything.
    Node,
    /// A phone: captures, reads, reconciles; can't change the membership.
    Capture,
}

/// A device's relation to this one, as far as this one really knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// At the last contact both had one canonical head, and neither has moved since as far as we know.
    Synced,
    /// The peer is known to hold events that we lack.
    Behind,
    /// We hold events that the peer has not acknowledged.
    Ahead,
    /// Notes wait for a person.
    Conflict,
    /// In step when last heard of, but that was longer than a day ago.
    Stale,
    /// The last attempt to reach it failed.
    Offline,
    /// Never spoken to.
    Unknown,
    /// Removed from the mesh.
    Revoked,
    /// Two branches of one chain exist.
    Forked,
}

/// A member of the mesh.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Device {
    pub device: String,
    pub name: String,
    pub role: Role,
    pub state: SyncState,
    pub last_contact: Option<String>,
    /// One of its chains has several branches.
    pub forked: bool,
    /// Where its chains fork, with the signatures that prove it.
    pub forks: Vec<Fork>,
    /// Events that it wrote beyond its revocation: kept, and of no effect.
    pub late: u32,
    /// This very device.
    pub this: bool,
    /// Events that we hold and it has not acknowledged.
    pub ahead: u32,
    /// Events that it told us of and we don't hold.
    pub behind: u32,
    pub addresses: Vec<String>,
    /// Why the last attempt failed, in words.
    pub last_error: Option<String>,
    pub chains: Vec<Chain>,
}

/// A chain and its newest event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Chain {
    pub chain: String,
    pub device: String,
    pub seq: u32,
    pub tip: String,
}

/// A place where a chain forks: its author signed for both sides.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Fork {
    pub chain: String,
    /// The position of the last event that the branches share.
    pub base: u32,
    pub branches: Vec<Branch>,
}

/// One side of a fork.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Branch {
    /// Its first event.
    pub first: String,
    pub seq: u32,
    /// Its newest event, and the author's signature over it.
    pub tip: String,
    pub signature: String,
}

/// A ticket for one new device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Invite {
    pub ticket: String,
    pub expires: String,
    pub digits: String,
    pub role: Role,
}

/// What a ticket says before it is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct TicketFacts {
    /// To be compared with the inviter's screen.
    pub digits: String,
    pub expires: String,
}
