//! Writing and removing.

use std::fmt;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::error::{Result, VaultError};
use crate::hash::Hash;
use crate::install::{Change, Seen};
use crate::intent::{self, DONE, Intent, LONGEST_NOTE_BYTES, MEANT};
use crate::path::VaultPath;
use crate::place::Place;
use crate::sidecar::{self, Provenance};
use crate::swap::ROUNDS;
use crate::vault::{Locked, Stamp};
use crate::versions::Part;

/// What has to stand at a path for a change to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// Whatever stands there; it is kept as a version.
    Anything,
    /// No file.
    Absent,
    /// A file of this content.
    Is(Hash),
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => f.write_str("anything"),
            Self::Absent => f.write_str("no file"),
            Self::Is(hash) => hash.fmt(f),
        }
    }
}

/// Names a change that is in flight, until `finish`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChangeId(pub(crate) String);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A write that is durable and visible, and not yet finished.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "commit what records it, then call finish"]
pub struct Written {
    /// For `finish`.
    pub id: ChangeId,
    /// The file.
    pub path: VaultPath,
    /// Its content, which is a version too.
    pub hash: Hash,
    /// Its size.
    pub bytes: u64,
    /// What stood there before, which is a version too.
    pub previous: Option<Hash>,
    /// The file as `walk` will show it.
    pub stamp: Stamp,
}

/// A removal that is durable and visible, and not yet finished.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "commit what records it, then call finish"]
pub struct Removed {
    /// For `finish`.
    pub id: ChangeId,
    /// The file.
    pub path: VaultPath,
    /// What stood there, which is a version.
    pub previous: Hash,
    /// Its size.
    pub bytes: u64,
}

/// The bytes of a file that another program wrote, kept as a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The content.
    pub hash: Hash,
    /// Its size.
    pub bytes: u64,
    /// The file as it was when it held that.
    pub stamp: Stamp,
}

impl Expect {
    /// Whether what stands there is what the caller expects.
    pub(crate) fn fits(self, found: Option<Hash>) -> bool {
        match self {
            Self::Anything => true,
            Self::Absent => found.is_none(),
            Self::Is(hash) => found == Some(hash),
        }
    }
}

impl Locked<'_> {
    /// Writes a file: durable, visible and with its sidecars when it returns. The old content and the new one are versions.
    ///
    /// `note` is the caller's, at most 64 KiB: `recover` gives it back when the process dies before `finish`.
    /// When what stands there is not `expect`, nothing of it changes, and the error names the version that keeps the new bytes.
    pub fn write(
        &self,
        path: &VaultPath,
        content: &mut dyn Read,
        expect: Expect,
        provenance: &Provenance,
        note: &[u8],
    ) -> Result<Written> {
        check_note(note)?;
        let id = intent::fresh_id(&self.pending)?;
        let place = Place::make(self.root.again()?, path)?;
        let written = Part::take(&self.pending, &id, content).and_then(|part| {
            let beside = sidecar::beside(&place.name, part.hash, provenance)?;
            for _ in 0..ROUNDS {
                let looked = Seen::look(&place)?;
                let found = looked.as_ref().map(|seen| seen.hash);
                if !expect.fits(found) {
                    self.make_version(&part)?;
                    return Err(conflict(path, expect, found, part.hash, part.bytes));
                }
                let intent = Intent {
                    path: path.clone(),
                    from: found,
                    to: Some(part.hash),
                    bytes: part.bytes,
                    anything: expect == Expect::Anything,
                    beside_before: sidecar::beside_of(&place.folder, &place.name)?,
                    beside: beside.clone(),
                    note: note.to_owned(),
                };
                let change = Change { id: &id, place: &place, intent, looked };
                if let Some((previous, stamp)) = self.install(&change, &part.file, Some(&part))? {
                    let (hash, bytes, path) = (part.hash, part.bytes, path.clone());
                    return Ok(Written {
                        id: ChangeId(id.clone()),
                        path,
                        hash,
                        bytes,
                        previous,
                        stamp,
                    });
                }
            }
            Err(VaultError::Busy { path: path.clone() })
        });
        written.inspect_err(|error| unmake_unless_unsettled(&place, error))
    }

    /// Removes a file and its sidecars; its content stays as a version.
    pub fn remove(&self, path: &VaultPath, expect: Expect, note: &[u8]) -> Result<Removed> {
        check_note(note)?;
        let id = intent::fresh_id(&self.pending)?;
        let none = || VaultError::NoFile { path: path.clone() };
        let Some(place) = Place::find(self.root.again()?, path)? else {
            return Err(none());
        };
        for _ in 0..ROUNDS {
            let seen = Seen::look(&place)?.ok_or_else(none)?;
            let (hash, bytes) = (seen.hash, seen.bytes());
            match self.ensure_version(&id, &seen.file, &hash) {
                // It changed while it was copied.
                Err(VaultError::ReadBack { .. }) => continue,
                done => done?,
            }
            if !expect.fits(Some(hash)) {
                return Err(conflict(path, expect, Some(hash), hash, bytes));
            }
            let intent = Intent {
                path: path.clone(),
                from: Some(hash),
                to: None,
                bytes,
                anything: expect == Expect::Anything,
                beside_before: sidecar::beside_of(&place.folder, &place.name)?,
                beside: intent::Beside::default(),
                note: note.to_owned(),
            };
            let change = Change { id: &id, place: &place, intent, looked: Some(seen) };
            if let Some(previous) = self.take_away(&change)? {
                return Ok(Removed { id: ChangeId(id), path: path.clone(), previous, bytes });
            }
        }
        Err(VaultError::Busy { path: path.clone() })
    }

    /// Forgets that a change was in flight: to be called after what records it is durable.
    ///
    /// After a power cut a finished change can come back from `recover` once more: know it by its id or its note.
    pub fn finish(&self, id: &ChangeId) -> Result<()> {
        if intent::is_id(&id.0) {
            self.pending.unlink(&format!("{id}{DONE}"))?;
            self.pending.unlink(&format!("{id}{MEANT}"))?;
        }
        Ok(())
    }
}

fn check_note(note: &[u8]) -> Result<()> {
    if note.len() > LONGEST_NOTE_BYTES {
        let limit = LONGEST_NOTE_BYTES as u64;
        return Err(VaultError::TooLarge { what: "the note of a change".to_owned(), limit });
    }
    Ok(())
}

fn conflict(
    path: &VaultPath,
    expected: Expect,
    found: Option<Hash>,
    kept: Hash,
    bytes: u64,
) -> VaultError {
    VaultError::Conflict { path: path.clone(), expected, found, kept, bytes }
}

fn unmake_unless_unsettled(place: &Place, error: &VaultError) {
    if !matches!(error, VaultError::Unsettled { .. }) {
        place.unmake();
    }
}
