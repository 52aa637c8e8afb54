//! A session of Claude Code's, as its hooks see it.

use std::time::Instant;

use serde_json::{Value, json};
use world::{Home, Ran, text};

pub struct Session<'a> {
    pub home: &'a Home,
    pub id: &'a str,
    /// Claude Code's process.
    pub pid: u32,
}

impl<'a> Session<'a> {
    /// In a process that lives as long as this test.
    pub fn of(home: &'a Home, id: &'a str) -> Self {
        Self { home, id, pid: std::process::id() }
    }

    /// An event with fields of its own; what came of it. The exit code is 0 whatever happened.
    #[track_caller]
    pub fn hears(&self, event: &str, more: Value) -> Ran {
        let mut input = json!({
            "session_id": self.id, "cwd": "/src/mirror", "hook_event_name": event,
            "transcript_path": "/src/t.jsonl", "permission_mode": "default",
        });
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.hears_bytes(event, input.to_string().into_bytes())
    }

    #[track_caller]
    pub fn hears_bytes(&self, event: &str, input: Vec<u8>) -> Ran {
        let pid = self.pid.to_string();
        let variables = [("CLAUDE_PID", pid.as_str()), ("CLAUDE_PROJECT_DIR", "/src/mirror")];
        let begun = Instant::now();
        let mut running = self.home.start_with(&["hook", "claude-code", event], &variables);
        running.feed(input);
        let ran = running.finish().exits(0);
        assert!(begun.elapsed().as_secs() < 30, "{ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        ran
    }

    /// The context that a start answers with.
    #[track_caller]
    pub fn starts(&self, source: &str) -> String {
        let said = self.hears("SessionStart", json!({"source": source})).json();
        assert_eq!(said["hookSpecificOutput"]["hookEventName"], "SessionStart");
        text(&said["hookSpecificOutput"]["additionalContext"]).to_owned()
    }

    /// A prompt that nothing is said to.
    #[track_caller]
    pub fn prompts(&self) {
        let ran = self.hears("UserPromptSubmit", json!({"prompt": "go on"}));
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }

    /// The agent has answered.
    #[track_caller]
    pub fn stops(&self, said: &str) {
        let ran =
            self.hears("Stop", json!({"last_assistant_message": said, "stop_hook_active": false}));
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }

    #[track_caller]
    pub fn ends(&self) {
        let ran = self.hears("SessionEnd", json!({"reason": "other"}));
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }
}

/// The states of a home's sessions, newest first.
pub fn states(home: &Home) -> Vec<String> {
    let sessions = home.list(&["session", "show"]);
    sessions.iter().map(|session| text(&session["state"]).to_owned()).collect()
}
