//! Our hooks in the real settings, and as a plugin.

use std::fs;

use serde_json::Value;
use world::World;

use crate::claude::{Claude, quoted};

#[test]
#[ignore = "needs the claude binary"]
fn taken_out_again_nothing_of_ours_is_told() {
    let world = World::new();
    let home = world.first("Mac");
    home.captures("ask Meera about the key rotation");
    let claude = Claude::bare(&world);
    let before = r#"{"env": {"THEIRS": "1"}, "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}}"#;
    fs::write(claude.settings(), before).unwrap();
    claude.mirror(&home, &["agent", "install", "claude-code"]);
    let asked = claude.is_asked("go on");
    assert!(quoted(&asked).iter().any(|line| line.contains("ask Meera")), "{asked:?}");

    claude.mirror(&home, &["agent", "uninstall", "claude-code"]);

    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&fs::read_to_string(claude.settings()).unwrap()), value(before));
    home.captures("a second note");
    let asked = claude.is_asked("go on");
    assert_eq!(quoted(&asked), Vec::<String>::new());
}

#[test]
#[ignore = "needs the claude binary"]
fn the_plugin_passes_the_tools_own_validator_and_works() {
    let world = World::new();
    let home = world.first("Mac");
    home.captures("ask Meera about the key rotation");
    let claude = Claude::bare(&world);
    let folder = world.path("plugin");
    let folder = folder.to_str().unwrap();
    claude.mirror(&home, &["agent", "install", "claude-code", "--plugin", folder]);

    let output = claude.runs(&["plugin", "validate", "--strict", "--json", folder]);

    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said} {output:?}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["success"], true, "{said}");
    claude.runs(&["--plugin-dir", folder, "-p", "go on"]);
    let asked = claude.model.requests();
    assert!(quoted(&asked).iter().any(|line| line.contains("ask Meera")), "{asked:?}");
}
