//! What stands in a home, and whether it is whole.

use std::collections::BTreeSet;
use std::path::Path;

use mirror_node::view::{BlobState, LogEntry};
use mirror_node::{Error, LogQuery, NewNote, Node};
use sha2::{Digest, Sha256};

use super::Checked;

/// A note's text: its name, and so many bytes that follow from it.
pub fn text(name: &str) -> String {
    let bytes = content(name, 100 + size(name) % 3000);
    let filler: String = bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    format!("{name}\n{filler}")
}

/// A file's content, which follows from its name.
pub fn content(name: &str, bytes: usize) -> Vec<u8> {
    let mut content = Vec::new();
    for block in 0_u64.. {
        if content.len() >= bytes {
            break;
        }
        let seed = Sha256::new().chain_update(name).chain_update(block.to_be_bytes());
        content.extend_from_slice(&seed.finalize());
    }
    content.truncate(bytes);
    content
}

fn size(name: &str) -> usize {
    name.bytes().fold(7, |sum, byte| sum * 31 % 9973 + usize::from(byte))
}

/// The name of a text that is whole.
pub fn name_of(text_found: &str) -> Result<String, String> {
    let name = text_found.lines().next().unwrap_or_default();
    if text(name) == text_found {
        Ok(name.to_owned())
    } else {
        Err(format!("the note {name:?} has another text than was written"))
    }
}

/// What is captured to see that a home goes on.
const PROBE: &str = "after the cut";

/// Opens a home as a restart does: everything verifies, every note is whole, what was forgotten is gone, and it goes on.
pub fn survey(home: &Path) -> Checked {
    let node = Node::open(home).map_err(|error| format!("it does not open: {error}"))?;
    let found = read(&node, home);
    // The home has to be of use, not only readable.
    let found = found.and_then(|found| {
        let new = NewNote { text: text(PROBE), ..NewNote::default() };
        node.capture(new).map_err(in_words("nothing can be captured any more"))?;
        Ok(found)
    })?;
    verified(&node)?;
    Ok(found)
}

fn verified(node: &Node) -> Result<(), String> {
    let verified = node.verify(true).map_err(in_words("it does not verify"))?;
    match verified.first_bad {
        Some(bad) => Err(format!("{} is bad: {}", bad.what, bad.reason)),
        None => Ok(()),
    }
}

fn read(node: &Node, home: &Path) -> Checked {
    verified(node)?;
    while node.index_pending().map_err(in_words("the index does not follow"))? > 0 {}
    let mut found = BTreeSet::new();
    let mut query = LogQuery { limit: 500, ..LogQuery::default() };
    loop {
        let page = node.log(query.clone()).map_err(in_words("the log does not read"))?;
        for entry in &page.entries {
            found.extend(of_entry(node, home, entry)?);
        }
        if page.next.is_none() {
            return Ok(found);
        }
        query.cursor = page.next;
    }
}

/// What an event says: a note with its revisions, or that one was forgotten, with the reason as its name.
fn of_entry(node: &Node, home: &Path, entry: &LogEntry) -> Result<Vec<String>, String> {
    if let Some(reason) = &entry.reason {
        let note = reason.strip_prefix("forget ").unwrap_or_default();
        gone(home, note)?;
        return Ok(vec![reason.clone(), note.to_owned()]);
    }
    if entry.kind != "note.add" || entry.forgotten {
        return Ok(Vec::new());
    }
    let note = node.note(&entry.id).map_err(in_words("a note does not read"))?;
    for file in &note.attachments {
        if file.state != BlobState::Present {
            let own = node.identity().is_ok_and(|own| own.device == note.device);
            // What another device wrote comes before its files do, and is not all here until then.
            return if own { Err(format!("{} lost its file", note.id)) } else { Ok(Vec::new()) };
        }
        let path = node.blob_path(&file.blob).map_err(in_words("a file is not here"))?;
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", file.name))?;
        if bytes != content(&file.name, bytes.len()) || bytes.len() != file.size as usize {
            return Err(format!("the file {} has other bytes", file.name));
        }
    }
    let history = node.history(&entry.id).map_err(in_words("a history does not read"))?;
    let names = history.iter().map(|revision| name_of(&revision.text));
    // A wrong text goes on as what is wrong.
    names.filter(|name| name.as_deref() != Ok(PROBE)).collect()
}

/// No file of the home holds a text that was forgotten.
fn gone(folder: &Path, note: &str) -> Result<(), String> {
    let text = text(note);
    let Some(secret) = text.as_bytes().get(note.len() + 1..note.len() + 65) else { return Ok(()) };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gone(&path, note)?;
        } else if std::fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(secret.len()).any(|window| window == secret))
        {
            return Err(format!("{note} was forgotten and stands in {}", path.display()));
        }
    }
    Ok(())
}

/// What failed, as a reason.
pub fn in_words(what: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("{what}: {error}")
}
