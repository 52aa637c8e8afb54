//! A session opened by a process that has just begun, in a home of 50,000 notes and 1,000 distillates; beside a bare read of
//! the bytes that it hands out: the same rows of the same database, the same files.

use std::fs;
use std::path::{Path, PathBuf};

use mirror_node::{Claim, NewDistillate, Node, OpenSession};

use super::{Print, Row};
use crate::bare;
use crate::homes::{Homes, scratch};
use crate::measure::{Sample, alternate, child as process, time};
use crate::mesh::Size;

const NOTES: usize = 50_000;
const DISTILLATES: usize = 1_000;
const PROJECT: &str = "mirror";

pub fn rows(_full: bool, print: Print<'_>) {
    // Of a hundred events 94 are new notes, and one note in a hundred is put away.
    let homes = Homes::of(Size { events: NOTES * 100 / 93, chains: 50 });
    let kept = worked_in(&homes);
    // A session is an event: each is opened in a copy.
    let run = |operation: &'static str| {
        let copy = scratch();
        copy_all(&kept, copy.path());
        process("session", &[&operation, &copy.path().display()])
    };
    let (ours, bare) = alternate(9, || run("ours"), || run("bare"));
    let row = Row::ms("session open, 1,000 distillates", NOTES, &ours, Some(&bare));
    print(row.to("<= 60 ms", |row| row.ours <= 60.0));
    let again = alternate(9, || run("again"), || run("bare")).0;
    let row = Row::ms("the same, the second time", NOTES, &again, Some(&bare));
    print(row.to("<= 60 ms", |row| row.ours <= 60.0));
}

/// A home in which an agent has worked.
fn worked_in(homes: &Homes) -> PathBuf {
    let home = homes.beside("worked-in");
    if !home.exists() {
        let making = scratch();
        homes.copy(0, making.path());
        let node = Node::open(making.path()).expect("a home");
        while node.index_pending().expect("the index can be made") > 0 {}
        for n in 0..DISTILLATES {
            let text = format!(
                "# Distillate {n}\n\n{}",
                "What was learnt, in a line of its own.\n".repeat(50)
            );
            let new = NewDistillate {
                name: format!("d{n}.md"),
                text,
                project: PROJECT.into(),
                ..Default::default()
            };
            node.distill(new).expect("a distillate");
        }
        let opened = node.session_open(&asked_by("builder")).expect("a session");
        let list = || Some(vec!["one line of it".to_owned()]);
        let claim = Claim {
            now: Some("the work stands".into()),
            open_loops: list(),
            files: list(),
            commits: Some(Vec::new()),
            decisions: list(),
            errors: Some(Vec::new()),
            ..Claim::default()
        };
        node.session_close(opened.session.as_deref(), &claim, None).expect("a close");
        drop(node);
        drop(Node::open(making.path()).expect("a home"));
        fs::rename(making.keep(), &home).expect("a home can be kept");
    }
    home
}

fn ask() -> OpenSession {
    // An agent that was not here before: everything is new to it.
    asked_by("bench")
}

fn asked_by(agent: &str) -> OpenSession {
    OpenSession { agent: agent.into(), project: PROJECT.into(), ..OpenSession::default() }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

pub fn child(args: &[&str]) -> Sample {
    let [which, home] = args else { panic!("{args:?}") };
    let home = Path::new(home);
    if *which == "bare" {
        let node = Node::open(home).expect("a home");
        let opened = node.session_open(&ask()).expect("a session");
        drop(node);
        let ids: Vec<Vec<u8>> = opened
            .items
            .iter()
            .map(|item| {
                (0..32)
                    .map(|n| u8::from_str_radix(&item.id[2 * n..2 * n + 2], 16).expect("hex"))
                    .collect()
            })
            .collect();
        let files = opened.items.iter().filter(|item| !item.title.is_empty());
        let files: Vec<PathBuf> = files.map(|item| home.join("vault").join(&item.title)).collect();
        let (ms, bytes) = time(|| {
            let conn = bare::open(&home.join("mirror.db"));
            let mut read =
                conn.prepare("SELECT header, body FROM events WHERE id = ?1").expect("a query");
            let mut bytes = 0;
            for id in &ids {
                let row = read.query_row([id], |row| {
                    Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
                });
                let (header, body) = row.expect("an event");
                bytes += header.len() + body.len();
            }
            for file in &files {
                bytes += fs::read(file).map_or(0, |bytes| bytes.len());
            }
            bytes
        });
        assert!(bytes > 0);
        return Sample::new(ms, vec![0.0]);
    }
    if *which == "again" {
        let node = Node::open(home).expect("a home");
        node.session_open(&ask()).expect("a session");
    }
    let (ms, opened) = time(|| {
        let node = Node::open(home).expect("a home");
        node.session_open(&ask()).expect("a session")
    });
    assert!(opened.error.is_none() && opened.items.len() >= 4, "{:?}", opened.error);
    Sample::new(ms, vec![opened.items.len() as f64])
}
