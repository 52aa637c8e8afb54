//! The morning page.

use serde::{Deserialize, Serialize};

/// The morning page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Standup {
    /// The day it is written for, `YYYY-MM-DD`.
    pub date: String,
    pub zone: String,
    pub sections: Vec<StandupSection>,
    pub markdown: String,
}

/// A part of the morning page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct StandupSection {
    pub title: String,
    pub items: Vec<StandupItem>,
}

/// A line of the morning page; never without the event it comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct StandupItem {
    pub event: String,
    pub note: Option<String>,
    pub text: String,
    /// The author's own local time, `HH:MM`.
    pub time: String,
    pub at: String,
    pub device_name: String,
}
