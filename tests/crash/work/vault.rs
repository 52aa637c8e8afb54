//! The vault's files: written, replaced, rolled back, and several of them as a session's close does it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mirror_node::view::{FileVersion, VaultAct, VaultFinding, VaultWritten};
use mirror_node::{Author, CancelToken, Error, Expect, NewNote, Node, Result, view::Role};
use sha2::{Digest, Sha256};

use super::found::{in_words, name_of, survey, text};
use super::{Checked, Place, Workload, promise};

/// `mirror vault write`, of new files and over old ones, whatever is there or with `--expect`; then `rollback`.
pub const VAULT: Workload = Workload { name: "vault", work: write, ..WORKLOAD };
/// Several files and a note, as a session's close does it.
pub const CLOSE: Workload = Workload { name: "close", work: close, ..WORKLOAD };

const WORKLOAD: Workload = Workload {
    name: "",
    in_order: true,
    before: &["old.md 0", "old.md 1"],
    faults: true,
    prepare,
    work: write,
    check,
};

fn home(place: &Place) -> PathBuf {
    place.dir.join("home")
}

fn prepare(place: &Place) -> Result<()> {
    let node = Node::init(&home(place), "Mac", Role::Anchor)?;
    for number in 0..2 {
        put(&node, "old.md", number, Expect::Anything)?;
    }
    Ok(())
}

/// Writes a version of a file whose content tells which one it is.
fn put(node: &Node, path: &str, number: u32, expect: Expect) -> Result<VaultWritten> {
    let content = text(&format!("{path} {number}"));
    node.vault_write(path, &mut content.as_bytes(), expect, &Author::default())
}

fn promised(node: &Node, path: &str, number: u32, expect: Expect) -> Result<VaultWritten> {
    promise(&format!("{path} {number}"), || put(node, path, number, expect))
}

fn expected(path: &str, number: u32) -> Expect {
    Expect::Content(Sha256::digest(text(&format!("{path} {number}"))).into())
}

fn write(place: &Place) -> Result<()> {
    let node = Node::open(&home(place))?;
    promised(&node, "new.md", 0, Expect::Absent)?;
    promised(&node, "old.md", 2, expected("old.md", 1))?;
    promised(&node, "a/b/deep.md", 0, Expect::Anything)?;
    promised(&node, "old.md", 3, Expect::Anything)?;
    let history = node.vault_history("old.md")?;
    if let Some(first) = history.first() {
        let author = Author { reason: Some("the first was right".into()), ..Author::default() };
        promise("rollback of old.md 0", || node.vault_rollback("old.md", &first.version, &author))?;
    }
    promised(&node, "new.md", 1, expected("new.md", 0)).map(drop)
}

fn close(place: &Place) -> Result<()> {
    let node = Node::open(&home(place))?;
    for session in 0..2 {
        for name in ["distillate 1.md", "distillate 2.md"] {
            promised(&node, &format!("sessions/{session}/{name}"), 0, Expect::Absent)?;
        }
        promised(&node, "continuity.md", session, Expect::Anything)?;
        let closed = format!("session {session} is closed");
        promise(&closed, || node.capture(NewNote { text: text(&closed), ..NewNote::default() }))?;
    }
    Ok(())
}

fn check(place: &Place) -> Checked {
    let home = home(place);
    let mut found = survey(&home)?;
    let node = Node::open(&home).map_err(in_words("a home"))?;
    let vault = node.vault_folder().map_err(in_words("no vault"))?;
    // Finishes or undoes what was in flight.
    let noticed = node.vault_scan().map_err(in_words("the vault can't be looked through"))?;
    if !noticed.left.is_empty() || noticed.gone > 0 {
        return Err(format!("the vault has lost something: {noticed:?}"));
    }
    for path in files(&vault, "")? {
        found.extend(of_file(&node, &vault, &path)?);
    }
    let scrubbed = node.vault_scrub(&CancelToken::default(), &mut |_| {});
    let scrubbed = scrubbed.map_err(in_words("the vault can't be read through"))?;
    // Passing files that lost their intent with the power are swept away, which is no damage.
    let damage = |one: &&VaultFinding| !one.repaired && !one.what.contains(".mirror-");
    if let Some(first) = scrubbed.findings.iter().find(damage) {
        return Err(format!("{}: {}", first.what, first.finding));
    }
    Ok(found)
}

/// The files of the person, without what is ours.
fn files(folder: &Path, above: &str) -> std::result::Result<Vec<String>, String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{above}{name}");
        if name.starts_with('.') || name.ends_with(".sha256") || name.ends_with(".prov.json") {
            continue;
        }
        if entry.path().is_dir() {
            files.extend(self::files(&entry.path(), &format!("{path}/"))?);
        } else if name.ends_with(".md") {
            files.push(path);
        } else {
            return Err(format!("something half done was left: {path}"));
        }
    }
    Ok(files)
}

/// Every version of a file is whole, the newest one stands there, and its sidecar says so.
fn of_file(node: &Node, vault: &Path, path: &str) -> Checked {
    let history = node.vault_history(path).map_err(in_words("no history"))?;
    let mut found = BTreeSet::new();
    for version in &history {
        let mut content = String::new();
        let read = node.vault_read(path, Some(&version.version));
        let read = read.and_then(|mut from| {
            std::io::Read::read_to_string(&mut from, &mut content).map_err(Error::from)
        });
        read.map_err(|error| format!("a version of {path} is gone: {error}"))?;
        let name = name_of(&content)?;
        found.insert(match version.act {
            VaultAct::Rollback => format!("rollback of {name}"),
            _ => name,
        });
    }
    let here = std::fs::read(vault.join(path)).map_err(|error| format!("{path}: {error}"))?;
    let hash: String = Sha256::digest(&here).iter().map(|byte| format!("{byte:02x}")).collect();
    if history.last().and_then(|last: &FileVersion| last.hash.as_ref()) != Some(&hash) {
        return Err(format!("{path} is not what its history says"));
    }
    match std::fs::read_to_string(vault.join(format!("{path}.sha256"))) {
        Ok(sidecar) if !sidecar.starts_with(&hash) => Err(format!("{path}'s sidecar is false")),
        _ => Ok(found),
    }
}
