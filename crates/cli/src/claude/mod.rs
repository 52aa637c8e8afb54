//! Claude Code: what its hooks say and hear, and its settings. Nothing here reads or writes memory itself.

pub mod hook;
pub mod input;
pub mod plugin;
pub mod raw;
pub mod settings;

/// What sessions call it.
pub const AGENT: &str = "claude-code";

/// The events that we hear, each with the seconds that it may take. A session's end gets about a second and a half, whatever
/// stands here, unless it stands in a person's own settings.
pub const EVENTS: [(&str, u32); 6] = [
    ("SessionStart", 10),
    ("UserPromptSubmit", 10),
    ("PreCompact", 10),
    ("PostCompact", 10),
    ("Stop", 10),
    ("SessionEnd", 5),
];
