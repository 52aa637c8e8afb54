//! The mesh as a picture.

use serde::{Deserialize, Serialize};

use super::SyncState;

/// The mesh as data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Map {
    pub head: String,
    pub nodes: Vec<MapNode>,
    pub edges: Vec<MapEdge>,
}

/// A thing on the map.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct MapNode {
    pub id: String,
    /// `device` today; agents and services join it.
    pub kind: String,
    pub name: String,
    pub state: SyncState,
    pub tier: Option<String>,
    pub place: Option<String>,
    /// In the unit square. Always finite, so not the `number | null` that a float would be in TypeScript.
    #[cfg_attr(feature = "types", specta(type = i32))]
    pub x: f32,
    #[cfg_attr(feature = "types", specta(type = i32))]
    pub y: f32,
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
    pub last_contact: Option<String>,
}
