//! What the window is shown of a recording.

use mirror_node::view::Problem;
use serde::Serialize;
use specta::Type;

/// How far a recording is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// There is none.
    #[default]
    Idle,
    Recording,
    /// Held back by the person.
    Paused,
}

/// The recording that is being made.
#[derive(Debug, Clone, Default, Serialize, Type)]
pub struct Recording {
    pub stage: Stage,
    /// How much is kept; durable within a second.
    pub ms: u32,
    /// The meter, from 0 to 1. Always finite, so not the `number | null` that a float would be in TypeScript.
    #[specta(type = i32)]
    pub loudness: f32,
    /// Nothing but zeros has come for a while.
    pub mute: bool,
    /// Why the last one ended otherwise than by a note.
    pub problem: Option<Problem>,
}
