//! What a person does with notes in one home.

use std::fs;
use std::path::PathBuf;

use mirror_node::{NewFile, NewNote, Node, Result, Treatment, doctor, view::Role};

use super::found::{content, survey, text};
use super::{Checked, Place, Workload, promise, say};

/// Notes that are there before the work begins.
const BASE: [&str; 4] = ["base 0", "base 1", "base 2", "base 3"];

/// `mirror note add`, several times.
pub const CAPTURE: Workload = Workload { name: "capture", work: capture, ..WORKLOAD };
/// `mirror note add --file`, with files of one chunk and of several.
pub const FILES: Workload = Workload { name: "files", work: files, ..WORKLOAD };
/// `mirror note edit`
pub const EDIT: Workload = Workload { name: "edit", work: edit, ..WORKLOAD };
/// `mirror forget`, of notes with a file, with revisions, and with nothing.
pub const FORGET: Workload = Workload { name: "forget", in_order: false, work: forget, ..WORKLOAD };
/// `mirror doctor --rebuild`
pub const REBUILD: Workload = Workload { name: "rebuild", work: rebuild, ..WORKLOAD };

const WORKLOAD: Workload = Workload {
    name: "",
    in_order: true,
    before: &BASE,
    faults: true,
    prepare,
    work: capture,
    check,
};

fn home(place: &Place) -> PathBuf {
    place.dir.join("home")
}

fn prepare(place: &Place) -> Result<()> {
    let node = Node::init(&home(place), "Mac", Role::Anchor)?;
    for (number, name) in BASE.iter().enumerate() {
        let files = if number == 0 { vec![file(place, "base.bin", 9000)?] } else { Vec::new() };
        node.capture(NewNote { text: text(name), files, ..NewNote::default() })?;
    }
    for (name, bytes) in FILE_SIZES {
        file(place, name, bytes)?;
    }
    Ok(())
}

const FILE_SIZES: [(&str, usize); 3] = [("a.bin", 1), ("b.bin", 70_000), ("c.bin", 600_000)];

/// A file to be attached; it lies where no power is cut.
fn file(place: &Place, name: &str, bytes: usize) -> Result<NewFile> {
    let path = place.aside.join(name);
    fs::write(&path, content(name, bytes))?;
    Ok(NewFile { path, audio: false })
}

fn open(place: &Place) -> Result<Node> {
    Node::open(&home(place))
}

fn check(place: &Place) -> Checked {
    survey(&home(place))
}

fn add(node: &Node, name: &str, files: Vec<NewFile>) -> Result<String> {
    let new = NewNote { text: text(name), tags: vec!["work".into()], files, ..NewNote::default() };
    promise(name, || node.capture(new)).map(|captured| captured.id)
}

fn capture(place: &Place) -> Result<()> {
    let node = open(place)?;
    for number in 0..12 {
        add(&node, &format!("note {number}"), Vec::new())?;
    }
    Ok(())
}

fn files(place: &Place) -> Result<()> {
    let node = open(place)?;
    for (name, _) in FILE_SIZES {
        let path = place.aside.join(name);
        add(&node, &format!("with {name}"), vec![NewFile { path, audio: false }])?;
    }
    // The same content again, and two at once.
    let both =
        ["a.bin", "b.bin"].map(|name| NewFile { path: place.aside.join(name), audio: false });
    add(&node, "with two", both.into()).map(drop)
}

/// The notes that were there before, oldest first.
fn notes(node: &Node) -> Result<Vec<String>> {
    let page = node.notes(mirror_node::NoteQuery::default())?;
    Ok(page.notes.into_iter().rev().map(|note| note.note).collect())
}

fn edit(place: &Place) -> Result<()> {
    let node = open(place)?;
    let notes = notes(&node)?;
    for round in 0..3 {
        for (number, note) in notes.iter().enumerate() {
            let name = format!("base {number} revision {round}");
            promise(&name, || node.edit(note, None, &text(&name), None))?;
        }
    }
    Ok(())
}

fn forget(place: &Place) -> Result<()> {
    let node = open(place)?;
    for (name, note) in BASE.iter().zip(&notes(&node)?).take(3) {
        if *name == "base 1" {
            // It goes with the note, and so is not promised.
            say("attempt", "revision")?;
            node.edit(note, None, &text("revision"), None)?;
        }
        let reason = format!("forget {name}");
        promise(&reason, || node.forget(note, &reason))?;
    }
    add(&node, "behind", Vec::new()).map(drop)
}

fn rebuild(place: &Place) -> Result<()> {
    let node = open(place)?;
    let rebuild = Treatment { rebuild: true, ..Treatment::default() };
    for number in 0..2 {
        doctor(&home(place), &rebuild)?;
        add(&node, &format!("rebuilt {number}"), Vec::new())?;
    }
    Ok(())
}
