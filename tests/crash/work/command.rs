//! The real `mirror`, a process a command.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mirror_node::view::Code;
use mirror_node::{Error, NewNote, Node, Result, view::Role};

use super::found::{content, survey, text};
use super::{Place, Workload, promise};

/// What scripts do: capture, attach, edit, forget, export.
pub const COMMAND: Workload = Workload {
    name: "command",
    in_order: false,
    before: &["old"],
    faults: true,
    prepare,
    work,
    check: |place| survey(&place.dir.join("home")),
};

fn prepare(place: &Place) -> Result<()> {
    let node = Node::init(&place.dir.join("home"), "Mac", Role::Anchor)?;
    node.capture(NewNote { text: text("old"), ..NewNote::default() })?;
    std::fs::write(place.aside.join("file.bin"), content("file.bin", 300_000))?;
    Ok(())
}

fn work(place: &Place) -> Result<()> {
    let home = place.dir.join("home");
    let mirror = |args: &[&str]| mirror(&home, &place.aside, args);
    let file = place.aside.join("file.bin").display().to_string();
    promise("first", || mirror(&["note", "add", &text("first")]))?;
    let second = promise("second", || mirror(&["note", "add", &text("second"), "--file", &file]))?;
    promise("second anew", || mirror(&["note", "edit", &second, &text("second anew")]))?;
    let third = promise("third", || mirror(&["note", "add", &text("third"), "--tag", "work"]))?;
    promise("forget third", || mirror(&["forget", &third, "--reason", "forget third"]))?;
    mirror(&["export", "-o", &place.dir.join("out.bundle").display().to_string()])?;
    promise("last", || mirror(&["note", "add", &text("last")])).map(drop)
}

/// Runs a command; the error is its own.
fn mirror(home: &Path, aside: &Path, args: &[&str]) -> Result<String> {
    let mut command = Command::new(binary());
    command.arg("--home").arg(home).args(args).env_remove("MIRROR_HOME");
    // Files, not pipes: where reading is made to fail, it fails here too.
    let named = |what| aside.join(format!("{what}-{}", std::process::id()));
    let (out, err) = (named("stdout"), named("stderr"));
    command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
    let status = command.status()?;
    let said = |path: &Path| Ok::<_, Error>(fs::read_to_string(path)?.trim().to_owned());
    if status.success() {
        return said(&out);
    }
    let told = said(&err)?;
    // Warnings may stand before it.
    let mut lines = told.lines().skip_while(|line| !line.starts_with("error["));
    match (lines.next(), lines.next()) {
        (Some(detail), Some(hint)) if status.code().is_some_and(|code| code <= 5) => {
            Err(Error::new(Code::Io, detail, hint.trim()))
        }
        _ => {
            // No answer of ours: the driver sees a panic.
            eprintln!("mirror {}: {}: {told}", args.first().unwrap_or(&""), status);
            std::process::exit(101)
        }
    }
}

/// `mirror`, built beside this program.
fn binary() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    here.with_file_name("mirror")
}
