//! Claude Code's hooks, each a process of `mirror`, on a home with many notes and 1,000 distillates; in a git repository.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mirror_node::{NewDistillate, Node};

use super::{Print, Row, size};
use crate::homes::{Homes, scratch};
use crate::measure::{Sample, middle, time};

const EVENTS: [&str; 4] = ["SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"];
const DISTILLATES: usize = 1_000;
const TURNS: usize = 15;

pub fn rows(_full: bool, print: Print<'_>) {
    let homes = Homes::of(size(50_000));
    let folder = scratch();
    let (home, project) = (folder.path().join("home"), folder.path().join("bench"));
    homes.copy(0, &home);
    furnish(&home);
    std::fs::create_dir_all(&project).expect("a folder");
    let git = Command::new("git").args(["init", "-q"]).arg(&project).status();
    assert!(git.is_ok_and(|status| status.success()), "git init");
    let mut samples: [Vec<Sample>; EVENTS.len()] = Default::default();
    for turn in 0..=TURNS {
        for (event, samples) in EVENTS.iter().zip(&mut samples) {
            let (ms, ()) = time(|| hook(&home, &project, event, turn));
            // The first turn warms.
            if turn > 0 {
                samples.push(Sample { ms, ..Sample::default() });
            }
        }
    }
    for (event, samples) in EVENTS.iter().zip(samples) {
        let row = Row::ms(&format!("hook {event}"), size(50_000).events, &middle(samples), None);
        let limit = if *event == "SessionEnd" { 1_500.0 } else { 60.0 };
        let reach = if *event == "SessionEnd" { "<= 1,500 ms" } else { "<= 60 ms" };
        print(row.to(reach, |row| row.ours <= limit));
    }
}

fn furnish(home: &Path) {
    let node = Node::open(home).expect("a home");
    for n in 0..DISTILLATES {
        let text = format!("# Distillate {n}\n\n{}", "What was learnt, in a sentence. ".repeat(30));
        let name = format!("d{n}.md");
        let project = "bench".to_owned();
        node.distill(NewDistillate { name, text, project, ..Default::default() }).expect("a seal");
    }
}

fn hook(home: &Path, project: &Path, event: &str, turn: usize) {
    let mirror = std::env::current_exe().expect("this program").with_file_name("mirror");
    let mut command = Command::new(&mirror);
    command.arg("--home").arg(home).args(["hook", "claude-code", event]);
    command.env("CLAUDE_PID", std::process::id().to_string()).env("CLAUDE_PROJECT_DIR", project);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap_or_else(|error| {
        panic!("{}: {error}; build it: cargo build --release -p mirror-cli", mirror.display())
    });
    let input = serde_json::json!({
        "session_id": format!("turn-{turn}"), "cwd": project, "source": "startup", "prompt": "go on",
        "last_assistant_message": format!("turn {turn} is done"),
    });
    let mut stdin = child.stdin.take().expect("its input");
    write!(stdin, "{input}").expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout).contains("coherence=");
    assert_eq!(told, event == "SessionStart", "{event}: {output:?}");
}
