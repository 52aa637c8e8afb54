//! A world of homes, each used as a person or a script would: through the command line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Ran, Running, binary};

/// A place that vanishes with the story.
pub struct World {
    folder: TempDir,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty world.
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    /// A device that belongs to no mesh yet.
    pub fn stranger(&self, name: &str) -> Home {
        Home { name: name.into(), folder: self.path(name), zone: "UTC".into() }
    }

    /// The first device of a new mesh.
    pub fn first(&self, name: &str) -> Home {
        let home = self.stranger(name);
        home.json(&["init", "--name", name]);
        home
    }

    /// A device that joins the mesh of another one.
    pub fn joins(&self, name: &str, role: &str, through: &Home) -> Home {
        let home = self.stranger(name);
        let _serve = through.serve();
        let invite = through.json(&["invite", "--role", role]);
        home.json(&["join", text(&invite["ticket"]), "--name", name]);
        home
    }

    /// A path in this world.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in this world.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file can be written");
        path
    }
}

/// One device.
pub struct Home {
    name: String,
    folder: PathBuf,
    zone: String,
}

impl Home {
    /// The same device in another time zone.
    pub fn in_zone(mut self, zone: &str) -> Self {
        self.zone = zone.into();
        self
    }

    /// Puts a copy of all its files away, as a backup program would that knows nothing of them.
    pub fn is_copied_to(&self, place: &Path) {
        copy(&self.folder, place);
    }

    /// Puts its files back as they were copied.
    pub fn is_restored_from(&self, place: &Path) {
        std::fs::remove_dir_all(&self.folder).unwrap();
        copy(place, &self.folder);
    }

    /// A second device of the same files: somebody else's machine, started from a stolen copy.
    pub fn clone_as(&self, name: &str, place: PathBuf) -> Home {
        copy(&self.folder, &place);
        Home { name: name.to_owned(), folder: place, zone: self.zone.clone() }
    }

    /// The same device in another folder.
    pub fn at(mut self, folder: &Path) -> Self {
        self.folder = folder.into();
        self
    }

    /// Where it keeps everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The zone its clock shows.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// What the other devices call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("--home").arg(&self.folder).args(args);
        command.env("TZ", &self.zone).env("MIRROR_KEYS", "file").env_remove("MIRROR_HOME");
        command
    }

    /// Starts `mirror` and leaves it running.
    pub fn start(&self, args: &[&str]) -> Running {
        let words = format!("[{}] mirror {}", self.name, args.join(" "));
        Running::start(self.command(args), words)
    }

    /// Runs `mirror` to its good end; what it printed, byte for byte.
    #[track_caller]
    pub fn bytes(&self, args: &[&str]) -> Vec<u8> {
        let out = self.command(args).output().expect("mirror runs");
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        out.stdout
    }

    /// Runs `mirror` to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.start(args).finish()
    }

    /// Runs `mirror` to its end with this on standard input.
    pub fn run_with(&self, args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
        let mut running = self.start(args);
        running.feed(input.into());
        running.finish()
    }

    /// Asks in JSON; it must succeed with one document.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        self.run(&with_json(args)).exits(0).json()
    }

    /// Asks in JSON; it must succeed with a line for each.
    #[track_caller]
    pub fn list(&self, args: &[&str]) -> Vec<Value> {
        self.run(&with_json(args)).exits(0).lines()
    }

    /// Asks in JSON; it must fail with this exit code and this error code. Gives the error.
    #[track_caller]
    pub fn fails(&self, args: &[&str], exit: i32, code: &str) -> Value {
        let error = self.run(&with_json(args)).exits(exit).error();
        assert_eq!(error["code"], code, "{error}");
        error
    }

    /// Captures one note; its event and note.
    #[track_caller]
    pub fn captures(&self, note: &str) -> Value {
        self.json(&["note", "add", note])
    }

    /// Captures a note of several lines.
    #[track_caller]
    pub fn captures_lines(&self, text: &str) -> Value {
        self.run_with(&["note", "add", "-", "--json"], text).exits(0).json()
    }

    /// Captures a note for each of these in one process; the events' ids.
    #[track_caller]
    pub fn captures_all(&self, notes: &[String]) -> Vec<String> {
        let ran = self.run_with(&["note", "add", "--lines"], notes.join("\n")).exits(0);
        ran.stdout.lines().map(str::to_owned).collect()
    }

    /// Serves on a free port of this machine until dropped.
    #[track_caller]
    pub fn serve(&self) -> Serve {
        let mut running = self.start(&["serve", "--listen", "127.0.0.1:0"]);
        match running.next_line() {
            Some(line) => Serve { hello: serde_json::from_str(&line).expect("JSON"), running },
            None => panic!("serve did not start: {:#?}", running.finish()),
        }
    }

    /// Reconciles with a serving device; the run as it ended.
    #[track_caller]
    pub fn reconciles(&self, with: &Serve) -> Ran {
        self.reconciles_at(with.address())
    }

    /// Reconciles with whoever answers at an address.
    #[track_caller]
    pub fn reconciles_at(&self, address: &str) -> Ran {
        self.run(&["reconcile", "--with", address, "--json"])
    }

    /// Where its history stands.
    #[track_caller]
    pub fn head(&self) -> String {
        text(&self.json(&["head"])["head"]).to_owned()
    }

    /// The ids of all its events.
    #[track_caller]
    pub fn events(&self) -> BTreeSet<String> {
        let log = self.list(&["log", "--limit", "1000000"]);
        log.iter().map(|event| text(&event["id"]).to_owned()).collect()
    }

    /// The texts of all its notes.
    #[track_caller]
    pub fn texts(&self) -> BTreeSet<String> {
        let notes = self.list(&["note", "list", "--limit", "1000000", "--archived"]);
        notes.iter().map(|note| text(&note["text"]).to_owned()).collect()
    }

    /// Everything that a person can see of it: to tell that nothing changed.
    #[track_caller]
    pub fn all_that_shows(&self) -> String {
        let parts: [&[&str]; 5] = [
            &["head", "--json"],
            &["log", "--limit", "1000000", "--json"],
            &["note", "list", "--limit", "1000000", "--archived", "--json"],
            &["conflicts", "--json"],
            &["device", "list", "--json"],
        ];
        parts.map(|args| self.run(args).exits(0).stdout).concat()
    }

    /// Recomputes everything and finds nothing wrong.
    #[track_caller]
    pub fn verifies(&self) -> Value {
        let found = self.json(&["verify", "--deep"]);
        assert_eq!(found["ok"], true, "{found}");
        found
    }
}

/// A device that others can reach. Killed when dropped.
pub struct Serve {
    hello: Value,
    running: Running,
}

impl Serve {
    /// The first line it printed.
    pub fn hello(&self) -> &Value {
        &self.hello
    }

    /// Where others reach it.
    pub fn address(&self) -> &str {
        text(&self.hello["address"])
    }

    /// The process itself.
    pub fn into_running(self) -> Running {
        self.running
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The text of a JSON value.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn with_json<'a>(args: &[&'a str]) -> Vec<&'a str> {
    // Before anything else, so that `--` in the arguments does not make it text.
    let mut all = vec!["--json"];
    all.extend(args);
    all
}
