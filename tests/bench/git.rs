//! The same notes in git, as commits whose messages they are: with a file each, every fetch walks all the trees.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mirror_domain::Body;

use crate::homes::Homes;
use crate::measure::time;
use crate::rows::NEW;

/// Two repositories with one history.
pub struct Repositories {
    sides: [PathBuf; 2],
}

impl Repositories {
    /// Copies of one that is made once for each size.
    pub fn of(homes: &Homes, place: &Path) -> Self {
        let kept = homes.beside("notes.git");
        if !kept.exists() {
            eprintln!("   making a git repository of {} commits", homes.size.events);
            let making = homes.beside("making.git");
            git(Path::new("."), &["init", "-q", "--bare", &making.display().to_string()]);
            import(&making, |out| {
                let mut number = 0;
                homes.events(|event| {
                    let text = match Body::read(event) {
                        Ok(Body::NoteAdd(add)) => add.text,
                        Ok(Body::NoteEdit(edit)) => edit.text,
                        _ => String::new(),
                    };
                    number += 1;
                    commit(out, "refs/heads/main", None, number, &text);
                });
            });
            std::fs::rename(making, &kept).expect("a repository can be kept");
        }
        let sides = ["left.git", "right.git"].map(|name| place.join(name));
        for side in &sides {
            let (from, to) = (kept.display().to_string(), side.display().to_string());
            git(place, &["clone", "-q", "--bare", "--no-hardlinks", &from, &to]);
            git(side, &["config", "gc.auto", "0"]);
            git(side, &["config", "maintenance.auto", "false"]);
            git(side, &["commit-graph", "write", "--reachable"]);
        }
        Self { sides }
    }

    /// New notes on each side, then a fetch in each direction; how long both took.
    pub fn fetch(&self, turn: usize) -> f64 {
        let branches = ["left", "right"];
        for (side, branch) in self.sides.iter().zip(branches) {
            let from = if turn == 0 || !has(side, branch) { "main" } else { branch };
            let name = format!("refs/heads/{branch}");
            import(side, |out| {
                for note in 0..NEW {
                    let text = format!("note {turn} {note} of {branch} {}", "x".repeat(270));
                    let from = (note == 0).then(|| format!("refs/heads/{from}^0"));
                    let number = 2_000_000 + turn * NEW + note;
                    commit(out, &name, from.as_deref(), number, &text);
                }
            });
        }
        let fetch = |to: usize, from: usize| {
            let (from, branch) = (self.sides[from].display().to_string(), branches[from]);
            let refs = format!("refs/heads/{branch}:refs/heads/{branch}");
            git(&self.sides[to], &["fetch", "-q", &from, &refs]);
        };
        time(|| {
            fetch(0, 1);
            fetch(1, 0);
        })
        .0
    }
}

fn commit(out: &mut dyn Write, branch: &str, from: Option<&str>, number: usize, text: &str) {
    let at = 1_780_000_000 + number;
    let from = from.map(|from| format!("from {from}\n")).unwrap_or_default();
    let head = format!("commit {branch}\ncommitter A <a@example.org> {at} +0000\n");
    let written = write!(out, "{head}data {}\n{text}\n{from}", text.len());
    written.expect("git takes it");
}

fn import(repository: &Path, write: impl FnOnce(&mut dyn Write)) {
    let mut command = Command::new("git");
    command.args(["fast-import", "--quiet"]).current_dir(repository).stdin(Stdio::piped());
    let mut git = command.spawn().expect("git");
    let mut out = std::io::BufWriter::new(git.stdin.take().expect("a pipe"));
    write(&mut out);
    drop(out);
    assert!(git.wait().expect("git ends").success());
}

fn has(repository: &Path, branch: &str) -> bool {
    let name = format!("refs/heads/{branch}");
    let mut command = Command::new("git");
    command.args(["show-ref", "-q", "--verify", &name]).current_dir(repository);
    command.status().expect("git").success()
}

fn git(within: &Path, args: &[&str]) {
    let status = Command::new("git").args(args).current_dir(within).status().expect("git");
    assert!(status.success(), "git {args:?}");
}
