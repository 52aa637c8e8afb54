//! The same hooks as a plugin of Claude Code's.

use serde_json::{Map, Value, json};

use super::EVENTS;

/// Its name, by which a folder is recognised as ours.
pub const NAME: &str = "mirrordna";

/// Its files: where each lies in the plugin's folder, and what it holds.
pub fn files(program: &str) -> Vec<(&'static str, String)> {
    let about =
        "Sessions begin with verified memory from MirrorDNA, and leave continuity.md for the next.";
    let manifest = json!({
        "name": NAME,
        "version": env!("CARGO_PKG_VERSION"),
        "description": about,
        "author": {"name": "MirrorDNA"},
        "license": "MIT OR Apache-2.0",
    });
    let hook = |(event, timeout): &(&str, u32)| {
        let command = format!("{program} hook claude-code {event}");
        let hooks =
            json!([{"hooks": [{"type": "command", "command": command, "timeout": timeout}]}]);
        ((*event).to_owned(), hooks)
    };
    let hooks: Map<String, Value> = EVENTS.iter().map(hook).collect();
    let hooks = json!({"description": about, "hooks": hooks});
    let readme = format!(
        "# MirrorDNA for Claude Code\n\n{about}\n\nTry it with `claude --plugin-dir FOLDER`. A plugin's hook gets about 1.5 seconds at a \
         session's end; `mirror agent install claude-code` puts the hooks into your settings instead, where the longer limit counts. Use one of both.\n"
    );
    vec![
        (".claude-plugin/plugin.json", format!("{manifest:#}\n")),
        ("hooks/hooks.json", format!("{hooks:#}\n")),
        ("README.md", readme),
    ]
}
