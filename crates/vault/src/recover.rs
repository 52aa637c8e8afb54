//! What was in flight when a process died.

use std::ops::ControlFlow;

use crate::durable::Syncs;
use crate::error::{Result, VaultError};
use crate::hash::Hash;
use crate::install::{Change, Seen, Temps};
use crate::intent::{self, Beside, DONE, Intent, MEANT};
use crate::path::VaultPath;
use crate::place::Place;
use crate::sidecar::{self, PROVENANCE, SUM};
use crate::swap::{Swapped, look};
use crate::vault::Locked;
use crate::versions::{self, hash_file};
use crate::walk::Found;
use crate::write::ChangeId;

/// How the name of a change ends that writes a recovered file again.
const AGAIN: &str = "-a";

/// What became of a change that was in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// It came to pass, and its record may be missing: commit that, then call `finish`.
    Finished(InFlight),
    /// It did not. What was to be written is kept as a version, when it was whole.
    RolledBack(InFlight),
    /// Its intent can't be read; the files that it left behind are swept away, their bytes kept as these versions.
    Unreadable {
        /// The intent.
        id: ChangeId,
        /// What was found of it.
        kept: Vec<Hash>,
    },
}

/// A change as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// For `finish`.
    pub id: ChangeId,
    /// The file.
    pub path: VaultPath,
    /// What stood there.
    pub from: Option<Hash>,
    /// What was to stand there: nothing for a removal.
    pub to: Option<Hash>,
    /// The size of what was to stand there; of a removal, of what stood there.
    pub bytes: u64,
    /// What stands there now.
    pub now: Option<Hash>,
    /// The caller's note.
    pub note: Vec<u8>,
}

impl Locked<'_> {
    /// Finishes or rolls back what was in flight. Call it once after each start, before anything is written.
    ///
    /// What is given back as finished comes again until `finish` was called for it.
    pub fn recover(&self) -> Result<Vec<Recovered>> {
        let mut names = Vec::new();
        for entry in self.pending.names()? {
            names.extend(entry?.0.into_string());
        }
        names.sort();
        let mut recovered = Vec::new();
        for name in &names {
            let id = [MEANT, DONE].into_iter().find_map(|ending| name.strip_suffix(ending));
            let Some(id) = id.filter(|id| intent::is_id(id)) else { continue };
            let Some(intent) = Intent::read(&self.pending, name)? else {
                recovered.push(self.recover_unreadable(id, name)?);
                continue;
            };
            let one = self.recover_one(id, intent, name.ends_with(DONE))?;
            if id.ends_with(AGAIN) {
                // Of an earlier recovery, whose own change comes next: nobody else knows of it.
                self.pending.unlink(name)?;
                self.pending.unlink(&format!("{id}{DONE}"))?;
            } else {
                recovered.push(one);
            }
        }
        // Contents that never became versions, and intents that were being renewed.
        for name in names.iter().filter(|name| !name.ends_with(MEANT) && !name.ends_with(DONE)) {
            self.pending.unlink(name)?;
        }
        Ok(recovered)
    }

    fn recover_one(&self, id: &str, intent: Intent, done: bool) -> Result<Recovered> {
        self.rescue_part(id, &intent)?;
        let place = match Place::find(self.root.again()?, &intent.path) {
            // Another program has put something else on the way to it, which we don't follow.
            Err(VaultError::Link { .. } | VaultError::NotAFolder { .. }) => None,
            place => place?,
        };
        let Some(place) = place else {
            // Its folder was never durable, or another program removed it.
            let finished = done || intent.to.is_none();
            let from = intent.from;
            return self.close(id, &intent, from, None, finished);
        };
        let temps = Temps::of(id);
        let temp = look(&place.folder, &temps.file)?;
        let now = file_at(&place)?;
        let outcome = Outcome::of(&intent, now, temp, done);
        let change = Change { id, place: &place, intent, looked: None };
        if let Outcome::PutBack(swapped) = outcome {
            self.put_back(&change, &temps.file, swapped)?;
        }
        // What the change displaced, which may not be what the last look saw.
        let displaced = temp.filter(|temp| Some(*temp) != change.intent.to);
        if displaced.is_some() {
            self.keep_bytes(id, &place.folder, &temps.file)?;
        }
        temps.remove(&place.folder)?;
        let finished = matches!(outcome, Outcome::Finished);
        match finished {
            true if id.ends_with(AGAIN) => {}
            true => self.make_again(&change, now)?,
            false => self.restore_beside(&change)?,
        }
        let mut syncs = Syncs::default();
        syncs.add(&place.folder, place.folder.path());
        syncs.run()?;
        let displaced = displaced.or(change.intent.from);
        self.close(id, &change.intent, displaced, file_at(&place)?, finished)
    }

    /// Bytes that were whole when the process died, and not yet a version.
    fn rescue_part(&self, id: &str, intent: &Intent) -> Result<()> {
        let Some(file) = self.pending.file(&format!("{id}.part"))? else { return Ok(()) };
        match intent.to {
            Some(to) if hash_file(&file).is_ok_and(|(hash, _)| hash == to) => {
                self.ensure_version(id, &file, &to)
            }
            _ => Ok(()),
        }
    }

    /// Writes the file again, and what stands beside it, from bytes that verify: a sync that failed may have told the truth
    /// only once, and what was not synced may be gone.
    fn make_again(&self, change: &Change<'_>, now: Option<Hash>) -> Result<()> {
        let Change { id, place, intent, .. } = change;
        let Some(to) = intent.to else { return self.restore_beside(change) };
        if now != Some(to) {
            // Edited since: what stands beside it is renewed when that edit is recorded.
            return Ok(());
        }
        if let Some(file) = place.folder.file(&place.name)? {
            self.ensure_version(id, &file, &to)?;
        }
        let Some(source) = versions::open(&self.versions, &to)? else {
            return Err(VaultError::NoVersion { hash: to });
        };
        let again = format!("{id}{AGAIN}");
        let looked = Seen::look(place)?;
        let intent = Intent { from: Some(to), anything: false, ..intent.clone() };
        let change = Change { id: &again, place, intent, looked };
        // `None`: another program writes it at this moment; its edit will be recorded.
        self.install(&change, &source, None)?;
        self.pending.unlink(&format!("{again}{DONE}")).map(|_| ())
    }

    /// What stood beside the file before, when the file is what it was before.
    fn restore_beside(&self, change: &Change<'_>) -> Result<()> {
        let Change { id, place: Place { folder, name, .. }, intent, .. } = change;
        let now = sidecar::beside_of(folder, name)?;
        let before = match file_at(change.place)? {
            None => Beside::default(),
            found if found == intent.from => intent.beside_before.clone(),
            // Another's edit: what stands beside it is renewed when that is recorded.
            Some(_) => return Ok(()),
        };
        let put = |before: &Option<String>, now: &Option<String>| {
            before.clone().filter(|_| before != now)
        };
        let (sum, provenance) =
            (put(&before.sum, &now.sum), put(&before.provenance, &now.provenance));
        if sum.is_some() || provenance.is_some() {
            self.put_beside(id, change.place, sum.as_deref(), provenance.as_deref())?;
        }
        // Only what this change would have put there goes again.
        let ours = |before: &Option<String>, now: &Option<String>, new: &Option<String>| {
            before.is_none() && now.is_some() && (now == new || intent.to.is_none())
        };
        if ours(&before.sum, &now.sum, &intent.beside.sum) {
            folder.unlink(&format!("{name}{SUM}"))?;
        }
        if ours(&before.provenance, &now.provenance, &intent.beside.provenance) {
            folder.unlink(&format!("{name}{PROVENANCE}"))?;
        }
        Ok(())
    }

    /// Writes down what came of it.
    fn close(
        &self,
        id: &str,
        intent: &Intent,
        displaced: Option<Hash>,
        now: Option<Hash>,
        finished: bool,
    ) -> Result<Recovered> {
        let Intent { path, to, bytes, note, .. } = intent.clone();
        let from = if finished { displaced } else { intent.from };
        let flight = InFlight { id: ChangeId(id.to_owned()), path, from, to, bytes, now, note };
        if finished {
            if self.pending.stat(&format!("{id}{MEANT}"))?.is_some() {
                intent.done(&self.pending, id, displaced)?;
            }
            return Ok(Recovered::Finished(flight));
        }
        self.pending.unlink(&format!("{id}{MEANT}"))?;
        Ok(Recovered::RolledBack(flight))
    }

    /// A torn intent: it was never relied on, but for what an earlier start or another program did to it.
    fn recover_unreadable(&self, id: &str, name: &str) -> Result<Recovered> {
        let mut strays = Vec::new();
        self.vault().walk(&mut |found| {
            match found {
                Found::Stray(stray) if stray.id() == Some(id) => strays.push(stray),
                _ => {}
            }
            ControlFlow::Continue(())
        })?;
        let mut kept = Vec::new();
        for stray in strays {
            kept.extend(self.sweep(&stray)?);
        }
        self.pending.unlink(name)?;
        Ok(Recovered::Unreadable { id: ChangeId(id.to_owned()), kept })
    }
}

/// What stands at a place: a link or a folder that another program put there is no file of ours.
fn file_at(place: &Place) -> Result<Option<Hash>> {
    match look(&place.folder, &place.name) {
        Err(VaultError::Link { .. } | VaultError::NotAFile { .. }) => Ok(None),
        found => found,
    }
}

/// What the files tell of a change.
enum Outcome {
    Finished,
    NotBegun,
    /// It displaced what it may not displace, and the process died before it saw that.
    PutBack(Swapped),
}

impl Outcome {
    /// `now` stands at the name, `temp` at the passing name.
    fn of(intent: &Intent, now: Option<Hash>, temp: Option<Hash>, done: bool) -> Self {
        if done {
            return Self::Finished;
        }
        let raced = temp.is_some() && temp != intent.from && !intent.anything;
        match intent.to {
            // Removal: the old file has the passing name until it is gone.
            None => match (now, temp) {
                (None, Some(_)) if raced => Self::PutBack(Swapped::Fresh),
                (_, Some(_)) | (None, None) => Self::Finished,
                (Some(_), None) => Self::NotBegun,
            },
            Some(to) if now == Some(to) => {
                if raced && temp != Some(to) {
                    Self::PutBack(Swapped::Exchanged)
                } else {
                    Self::Finished
                }
            }
            // Exchanged, and edited by another program since.
            Some(to) if temp.is_some() && temp == intent.from && temp != Some(to) => Self::Finished,
            Some(_) => Self::NotBegun,
        }
    }
}
