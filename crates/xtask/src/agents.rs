//! Stories with real agents: their own binaries against a stand-in for the model service.

use std::fs;
use std::path::PathBuf;

use crate::sh::{Result, captured, cargo, command, step, target};

/// What the stories were told with.
const CLAUDE: &str = "@anthropic-ai/claude-code@2.1.331";

/// Fetches the agents and tells the stories; when they can't be had, says so, and that nothing was tested.
pub fn test() -> Result<(bool, String)> {
    let claude = match claude() {
        Ok(claude) => claude,
        Err(error) => {
            println!("── {CLAUDE} can't be had: {error}");
            println!("── STORIES WITH CLAUDE CODE: NOT RUN");
            return Ok((true, String::new()));
        }
    };
    let mut build = cargo();
    build.args(["build", "--package", "mirror-cli", "--package", "mirror-tests"]);
    step("build mirror", build.args(["--bins", "--tests"]))?;
    let mut stories = cargo();
    stories.args(["test", "--package", "mirror-tests", "--test", "agents", "--", "--ignored"]);
    // Each runs a process of 400 MB.
    stories.arg("--test-threads=3").env("MIRROR_KEYS", "file").env("MIRROR_CLAUDE", claude);
    captured("stories with Claude Code", &mut stories)
}

/// The binary, kept under `target/tools`: 381 MB, fetched once.
fn claude() -> Result<PathBuf> {
    let folder = target().join("tools/claude-code");
    let binary = folder.join("node_modules/.bin/claude");
    let marker = folder.join("ready");
    if fs::read_to_string(&marker).is_ok_and(|ready| ready == CLAUDE) {
        return Ok(binary);
    }
    let mut npm = command("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(CLAUDE);
    step(&format!("npm install {CLAUDE} (381 MB, once)"), &mut npm)?;
    step("claude --version", command(&binary).arg("--version"))?;
    fs::write(marker, CLAUDE).map_err(|error| error.to_string())?;
    Ok(binary)
}
