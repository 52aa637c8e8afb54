//! Bundles, read and written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mirror_node::view::Code;
use mirror_node::{Error, NewFile, NewNote, Node, Result, view::Role};

use super::found::{content, in_words, survey, text};
use super::{Checked, Place, Workload, promise, say};
use crate::tree::Tree;

/// `mirror import`, twice: a bundle with files, and one that has it all again and more.
pub const IMPORT: Workload = Workload {
    name: "import",
    in_order: false,
    before: &[],
    faults: true,
    prepare: prepare_import,
    work: import,
    check: |place| survey(&place.dir.join("home")),
};
/// `mirror export`, to a new file and over an old one.
pub const EXPORT: Workload = Workload {
    name: "export",
    in_order: true,
    before: &[],
    faults: true,
    prepare: prepare_export,
    work: export,
    check: check_export,
};

const FIRST: usize = 6;
const ALL: usize = 10;

fn name(number: usize) -> String {
    format!("carried {number}")
}

/// One device with another home of the same folder copied before: what one writes, the other may import.
fn prepare_import(place: &Place) -> Result<()> {
    let (home, other) = (place.dir.join("home"), place.aside.join("other"));
    two_devices(&home, &other)?;
    let node = Node::open(&other)?;
    for number in 0..ALL {
        let mut new = NewNote { text: text(&name(number)), ..NewNote::default() };
        if number % 3 == 0 {
            let path = place.aside.join(format!("{number}.bin"));
            std::fs::write(&path, content(&format!("{number}.bin"), 40_000 * (number + 1)))?;
            new.files.push(NewFile { path, audio: false });
        }
        node.capture(new)?;
        if number + 1 == FIRST {
            node.export(&place.aside.join("first.bundle"), None, None)?;
        }
    }
    node.export(&place.aside.join("all.bundle"), None, None).map(drop)
}

/// Two homes of one mesh that know each other.
pub fn two_devices(one: &Path, other: &Path) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let first = Node::init(one, "Mac", Role::Anchor)?;
        let serving = first.serve(Some(super::two::LOOPBACK)).await?;
        let invite = first.invite(Role::Anchor)?;
        Node::join(other, &invite.ticket, Some("Pixel")).await?;
        serving.stop().await;
        Ok(())
    })
}

fn import(place: &Place) -> Result<()> {
    let node = Node::open(&place.dir.join("home"))?;
    for (bundle, notes) in [("first.bundle", 0..FIRST), ("all.bundle", FIRST..ALL)] {
        for number in notes.clone() {
            say("attempt", &name(number))?;
        }
        let imported = node.import(&place.aside.join(bundle))?;
        if !imported.refused.is_empty() || imported.quarantined > 0 {
            let detail = format!("the bundle was not taken whole: {imported:?}");
            return Err(Error::new(Code::Integrity, detail, ""));
        }
        for number in notes {
            say("acked", &name(number))?;
        }
    }
    Ok(())
}

fn prepare_export(place: &Place) -> Result<()> {
    two_devices(&place.dir.join("home"), &place.aside.join("other"))
}

fn export(place: &Place) -> Result<()> {
    let node = Node::open(&place.dir.join("home"))?;
    for number in 0..3 {
        // It grows from one to the next.
        for part in 0..=number {
            node.capture(NewNote {
                text: text(&format!("{number}.{part}")),
                ..NewNote::default()
            })?;
        }
        let file = place.dir.join("out.bundle");
        promise(&format!("bundle {number}"), || node.export(&file, None, None))?;
    }
    Ok(())
}

/// Whatever bundle stands there is whole: another device takes it in, and has then what it was written for.
fn check_export(place: &Place) -> Checked {
    let home = place.dir.join("home");
    let bundle = place.dir.join("out.bundle");
    let mut found = BTreeSet::new();
    if bundle.exists() {
        let other = Copy::of(&place.aside.join("other"))?;
        let node = Node::open(&other.0).map_err(in_words("the other home"))?;
        let imported = node.import(&bundle).map_err(in_words("a bundle that is not whole"))?;
        if !imported.refused.is_empty() || imported.quarantined > 0 {
            return Err(format!("a bundle that is not taken: {imported:?}"));
        }
        drop(node);
        let texts = survey(&other.0)?;
        let last = (0..3).filter(|number| texts.contains(&format!("{number}.{number}"))).max();
        found.extend((0..=last.unwrap_or(0)).map(|number| format!("bundle {number}")));
    }
    survey(&home)?;
    Ok(found)
}

/// A copy of a folder that vanishes.
struct Copy(PathBuf);

impl Copy {
    fn of(folder: &Path) -> std::result::Result<Self, String> {
        static COPIES: AtomicU64 = AtomicU64::new(0);
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let to = folder.with_extension(format!("copy-{}-{number}", std::process::id()));
        let copied = Tree::import(folder, &mut 10).and_then(|tree| tree.export(&to));
        copied.map_err(|error| format!("harness: {error}"))?;
        Ok(Self(to))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
