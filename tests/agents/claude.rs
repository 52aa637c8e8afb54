//! The real Claude Code in a home of its own, with nothing but a stand-in for the model service to talk to.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use world::{Home, World, binary};

use crate::model::Model;

/// How every quoted line begins.
pub const MARK: &str = "⟦m⟧";
/// Only a hang takes so long.
const LIMIT: Duration = Duration::from_secs(90);

pub struct Claude {
    folder: PathBuf,
    project: PathBuf,
    pub model: Model,
}

impl Claude {
    /// Claude Code with our hooks installed, for a device's home.
    pub fn with_hooks(world: &World, home: &Home) -> Self {
        let claude = Self::bare(world);
        claude.mirror(home, &["agent", "install", "claude-code"]);
        claude
    }

    /// Claude Code as it comes.
    pub fn bare(world: &World) -> Self {
        let (folder, project) = (world.path("person"), world.path("mirror"));
        fs::create_dir_all(folder.join(".claude")).unwrap();
        fs::create_dir_all(&project).unwrap();
        Self { folder, project, model: Model::new() }
    }

    /// Where the person's settings are.
    pub fn settings(&self) -> PathBuf {
        self.folder.join(".claude/settings.json")
    }

    /// `mirror` as this person runs it.
    #[track_caller]
    pub fn mirror(&self, home: &Home, args: &[&str]) -> String {
        let mut command = self.command(binary());
        let output = command.arg("--home").arg(home.folder()).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A program in this person's surroundings, and no others.
    fn command(&self, program: impl Into<PathBuf>) -> Command {
        let mut command = Command::new(program.into());
        command.env_clear().env("HOME", &self.folder);
        // The plugin calls `mirror` by its name.
        let mut path = binary().parent().unwrap().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.env("PATH", path);
        command.env("MIRROR_KEYS", "file").current_dir(&self.project);
        command.env("ANTHROPIC_BASE_URL", self.model.url()).env("ANTHROPIC_API_KEY", "dummy");
        command
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_AUTOUPDATER", "1");
        command
    }

    /// Runs `claude` to its end.
    pub fn runs(&self, args: &[&str]) -> Output {
        let program = std::env::var_os("MIRROR_CLAUDE").expect("MIRROR_CLAUDE names the binary");
        let mut command = self.command(program);
        let child =
            command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.spawn().expect("claude starts");
        let id = child.id();
        let (tell, told) = channel();
        thread::spawn(move || tell.send(child.wait_with_output()));
        match told.recv_timeout(LIMIT) {
            Ok(output) => output.unwrap(),
            Err(_) => {
                let _ = Command::new("kill").arg("-9").arg(id.to_string()).status();
                panic!("claude {args:?} did not end within {LIMIT:?}");
            }
        }
    }

    /// One prompt in a session of its own; what the model was asked.
    #[track_caller]
    pub fn is_asked(&self, prompt: &str) -> Vec<Value> {
        let output = self.runs(&["-p", prompt]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let requests = self.model.requests();
        assert!(output.status.success() && !requests.is_empty(), "{said} {output:?}");
        requests
    }

    /// A session of several turns.
    pub fn talks(&self, more: &[&str]) -> Talk {
        let program = std::env::var_os("MIRROR_CLAUDE").expect("MIRROR_CLAUDE names the binary");
        let mut command = self.command(program);
        command.args([
            "-p",
            "--input-format",
            "stream-json",
            "--output-format",
            "stream-json",
            "--verbose",
        ]);
        command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("claude starts");
        let (tell, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Ok(value) = serde_json::from_str(&line) {
                    let _ = tell.send(value);
                }
            }
        });
        Talk { input: child.stdin.take(), child, lines }
    }
}

pub struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
}

impl Talk {
    /// Says something and waits for the end of the turn.
    #[track_caller]
    pub fn say(&mut self, text: &str) -> Value {
        let line = json!({"type": "user", "message": {"role": "user", "content": text}});
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        loop {
            let line = self.lines.recv_timeout(LIMIT).expect("an answer in time");
            if line["type"] == "result" {
                return line;
            }
        }
    }

    /// The session ends as a person ends it.
    pub fn ends(mut self) {
        drop(self.input.take());
        self.child.wait().unwrap();
    }

    /// Nothing is said any more: the process is gone.
    pub fn dies(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// All lines of text in what a model was asked.
pub fn lines(request: &Value) -> Vec<String> {
    match request {
        Value::String(text) => {
            text.split(['\n', '\r', '\u{2028}', '\u{85}']).map(str::to_owned).collect()
        }
        Value::Array(items) => items.iter().flat_map(lines).collect(),
        Value::Object(entries) => entries.values().flat_map(lines).collect(),
        _ => Vec::new(),
    }
}

/// What of it is quoted memory.
pub fn quoted(requests: &[Value]) -> Vec<String> {
    let all = requests.iter().flat_map(lines);
    all.filter(|line| line.starts_with(MARK)).collect()
}

/// Whether it holds this text.
pub fn holds(requests: &[Value], text: &str) -> bool {
    requests.iter().flat_map(lines).any(|line| line.contains(text))
}
