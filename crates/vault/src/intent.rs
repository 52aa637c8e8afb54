//! What is in flight: `.mirror/pending/ID.json` until the change came to pass, `ID.done` until it is recorded.
//!
//! The first line is the hash of the rest, so that a torn one is known.

use std::fs::File;
use std::io::{Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{Result, VaultError};
use crate::folder::{Folder, Rename, Writing};
use crate::hash::Hash;
use crate::path::VaultPath;

/// What is in flight.
pub(crate) const PENDING: &str = "pending";
/// The endings of its two states.
pub(crate) const MEANT: &str = ".json";
pub(crate) const DONE: &str = ".done";
/// Nothing of ours in the user's folders begins otherwise.
pub(crate) const TEMP: &str = ".mirror-";
/// The longest intent that is read, and with it the longest note.
const LONGEST_BYTES: u64 = 1024 * 1024;
/// The longest note of a caller.
pub(crate) const LONGEST_NOTE_BYTES: usize = 64 * 1024;

/// A change as it was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub path: VaultPath,
    /// What stood there.
    pub from: Option<Hash>,
    /// What is to stand there.
    pub to: Option<Hash>,
    pub bytes: u64,
    /// Whether whatever stands there may be replaced.
    pub anything: bool,
    /// What stands beside it, and what is to.
    pub beside_before: Beside,
    pub beside: Beside,
    pub note: Vec<u8>,
}

/// The files beside a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beside {
    pub sum: Option<String>,
    pub provenance: Option<String>,
}

/// A name for a change: the time, and the process.
pub(crate) fn fresh_id(pending: &Folder) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    // Under the lock one is enough, but for a clock that stands still.
    let mut number = now;
    loop {
        let id = format!("{number:024x}-{:x}", std::process::id());
        let taken = |ending| Ok::<_, VaultError>(pending.stat(&format!("{id}{ending}"))?.is_some());
        if !taken(MEANT)? && !taken(DONE)? && !taken(".part")? {
            return Ok(id);
        }
        number += 1;
    }
}

/// Whether it is a name that we give, and leads nowhere else.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() < 100 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

impl Intent {
    /// Writes it, whole or not at all; durable when the file and the folder are synced.
    pub fn write(&self, pending: &Folder, id: &str) -> Result<File> {
        let (name, new) = (&format!("{id}{MEANT}"), &format!("{id}.new"));
        // Of an earlier recovery that was killed.
        pending.unlink(new)?;
        let file = pending.create(new, 0o600)?;
        let fault = |error| VaultError::io("write", pending.path_of(name), error);
        let json = serde_json::to_vec(self).map_err(|error| fault(error.into()))?;
        let mut bytes = format!("{}\n", Hash::of(&json)).into_bytes();
        bytes.extend(json);
        let written = Writing(&file).write_all(&bytes);
        let renamed = written.and_then(|()| pending.rename(new, pending, name, Rename::Replace));
        if renamed.is_err() {
            let _ = pending.unlink(new);
        }
        renamed.map(|()| file).map_err(fault)
    }

    /// Reads one; `None` when it is not what was written.
    pub fn read(pending: &Folder, name: &str) -> Result<Option<Self>> {
        let Some(file) = pending.file(name)? else { return Ok(None) };
        let mut text = String::new();
        if file.take(LONGEST_BYTES).read_to_string(&mut text).is_err() {
            return Ok(None);
        }
        let whole = text.split_once('\n').filter(|(hash, json)| {
            hash.parse::<Hash>().is_ok_and(|hash| hash == Hash::of(json.as_bytes()))
        });
        Ok(whole.and_then(|(_, json)| serde_json::from_str(json).ok()))
    }

    /// Says that it came to pass. Not synced: after a power cut the file itself tells.
    pub fn done(&self, pending: &Folder, id: &str, displaced: Option<Hash>) -> Result<()> {
        let (meant, done) = (format!("{id}{MEANT}"), format!("{id}{DONE}"));
        let fault = |error| VaultError::io("write", pending.path_of(&done), error);
        if displaced != self.from {
            Self { from: displaced, ..self.clone() }.write(pending, id)?;
        }
        pending.rename(&meant, pending, &done, Rename::Replace).map_err(fault)
    }
}
