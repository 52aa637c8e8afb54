//! A Mac with a project on it, as an agent finds it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use world::{Home, World, text};

/// How every quoted line begins.
pub const MARK: &str = "⟦m⟧";

pub struct Desk {
    pub home: Home,
}

impl Desk {
    pub fn new(world: &World) -> Self {
        Self { home: world.first("Mac") }
    }

    pub fn vault(&self, path: &str) -> PathBuf {
        self.home.folder().join("vault").join(path)
    }

    /// Opens a session of an agent on the project.
    #[track_caller]
    pub fn opens(&self, agent: &str) -> Value {
        self.home.json(&["session", "open", "--agent", agent, "--project", "mirror"])
    }

    /// The same, whatever comes of it: the exit code and the answer.
    pub fn tries_to_open(&self, agent: &str) -> (Option<i32>, Value) {
        let args = ["--json", "session", "open", "--agent", agent, "--project", "mirror"];
        let ran = self.home.run(&args);
        (ran.code, serde_json::from_str(&ran.stdout).expect("JSON"))
    }

    /// Closes the open session with these open loops, standing there.
    #[track_caller]
    pub fn closes(&self, now: &str, loops: &[&str]) -> Value {
        let claim = json!({
            "now": now, "next": [], "open_loops": loops,
            "files": [], "commits": [], "decisions": [], "errors": [],
        });
        self.closes_with(&claim)
    }

    #[track_caller]
    pub fn closes_with(&self, claim: &Value) -> Value {
        let args = ["--json", "session", "close", "--from", "-"];
        self.home.run_with(&args, claim.to_string()).exits(0).json()
    }

    /// Seals a distillate.
    #[track_caller]
    pub fn seals(&self, world: &World, name: &str, says: &str, sources: &[&str]) -> Value {
        let file = world.write(name, says);
        let mut args = vec!["distill", "seal", file.to_str().unwrap(), "--project", "mirror"];
        sources.iter().for_each(|source| args.extend(["--from", source]));
        self.home.json(&args)
    }

    #[track_caller]
    pub fn rejections(&self, opened: &Value) -> Vec<Value> {
        self.home.list(&["session", "rejections", text(&opened["session"])])
    }

    pub fn continuity(&self) -> String {
        fs::read_to_string(self.vault("projects/mirror/continuity.md")).expect("continuity.md")
    }

    /// The file is as it was written: its front matter holds the hash of its body.
    #[track_caller]
    pub fn continuity_is_whole(&self) {
        is_whole(&self.continuity());
    }
}

#[track_caller]
pub fn is_whole(file: &str) {
    use sha2::{Digest, Sha256};
    let (front, body) = file.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
    let sum = front.lines().find_map(|line| line.strip_prefix("sha256: ")).unwrap();
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(body));
    assert_eq!(sum, hash, "{file}");
    for section in ["## Now", "## Next", "## Open loops", "## Since last time"] {
        assert!(body.contains(section), "{file}");
    }
}

/// What a context quotes.
pub fn quoted(context: &Value) -> BTreeSet<String> {
    let lines = text(context).lines().filter(|line| line.starts_with(MARK));
    lines.map(str::to_owned).collect()
}
