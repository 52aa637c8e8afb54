//! The mesh as a picture, now and as it was.

use serde::{Deserialize, Serialize};

use super::{Chain, Problem, SyncState};

/// The mesh as data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Map {
    pub head: String,
    pub nodes: Vec<MapNode>,
    pub edges: Vec<MapEdge>,
    /// Runs that wait for their causes, of chains whose device is not known here.
    pub quarantined: u32,
    /// Why `services.toml` can't be read.
    pub services_problem: Option<Problem>,
}

/// A thing on the map.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct MapNode {
    /// A device's id, or `service:NAME`.
    pub id: String,
    /// `device` or `service`.
    pub kind: String,
    pub name: String,
    pub state: SyncState,
    pub tier: Option<String>,
    /// Such as "Home".
    pub place: Option<String>,
    /// In the unit square. Always finite, so not the `number | null` that a float would be in TypeScript.
    #[cfg_attr(feature = "types", specta(type = i32))]
    pub x: f32,
    #[cfg_attr(feature = "types", specta(type = i32))]
    pub y: f32,
    /// A person put it there; otherwise it may stand wherever there is room near by.
    pub placed: bool,
    /// Its runs that wait for their causes.
    pub quarantined: u32,
    pub service: Option<Service>,
}

/// A service of `services.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Service {
    /// What it is, in the person's words.
    pub what: String,
    /// The device that it runs on.
    pub device: String,
    /// What is asked: an address or a command.
    pub probe: String,
    /// When it was asked last; `None` until it has been.
    pub probed: Option<String>,
    pub took_ms: Option<u32>,
    /// Why it is not well.
    pub error: Option<String>,
}

/// How well a link is known to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// The last attempt worked, less than a day ago.
    Good,
    /// The last attempt worked, longer ago.
    Old,
    /// The last attempt failed.
    Failing,
    /// Nothing ever went over it.
    Unused,
}

/// A link on the map.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct MapEdge {
    pub from: String,
    pub to: String,
    pub link: String,
    pub state: SyncState,
    pub lag_events: u32,
    /// Events that wait to go from `from` to `to`.
    pub to_send: u32,
    /// Events that wait to come from `to`.
    pub to_fetch: u32,
    pub last_contact: Option<String>,
    pub quality: Quality,
    /// Reconciles that ended in one head within the last seven days.
    pub exchanges: u32,
}

/// The causal past: a lane a branch of a chain. Clocks are Lamport times; whatever has a clock up to some number is closed
/// under causes, so each clock is a cut.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Timeline {
    /// The newest clock.
    pub last: u32,
    /// Clocks that one tick stands for.
    pub step: u32,
    pub lanes: Vec<Lane>,
    /// Chains that are not among the lanes, because there are too many.
    pub left_out: u32,
    pub marks: Vec<Mark>,
    /// Reconciles of which it is not known where they stand.
    pub unplaced_marks: u32,
}

/// A chain, or one branch of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Lane {
    pub chain: String,
    pub device: String,
    pub device_name: String,
    /// The lane that it leaves, by its place among the lanes.
    pub parent: Option<u32>,
    /// The clock of its first event.
    pub from: u32,
    pub ticks: Vec<Tick>,
}

/// Events of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Tick {
    /// The clock of the first of them.
    pub at: u32,
    pub events: u32,
}

/// A reconcile of this device that ended in one head.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Mark {
    pub at: u32,
    pub device: String,
    pub device_name: String,
    pub when: String,
}

/// The mesh at a cut of the causal past.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct MapCut {
    pub at: u32,
    pub head: String,
    pub events: u32,
    pub devices: Vec<DeviceCut>,
}

/// A device as of a cut, by what the chains themselves prove.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct DeviceCut {
    pub device: String,
    pub name: String,
    /// Synced: its own chain names all of the cut. Behind: its next event shows that it did not have all of it. Unknown:
    /// neither can be told.
    pub state: SyncState,
    /// Events of the cut that it is known to have had.
    pub had: u32,
    /// Events of the cut that it surely had not; `None` where that can't be told.
    pub lacked: Option<u32>,
    pub chains: Vec<Chain>,
    /// The wall time of its newest event.
    pub last_event: Option<String>,
}
