//! The steps of a change, once it is known what stands there.

use std::fs::File;
use std::io::ErrorKind;

use rustix::fs::{Mode, Stat};

use crate::attributes;
use crate::durable::Syncs;
use crate::error::{Result, VaultError};
use crate::folder::{Folder, Rename, stamp};
use crate::hash::Hash;
use crate::intent::{Intent, MEANT, TEMP};
use crate::place::Place;
use crate::sidecar::{self, PROVENANCE, SUM};
use crate::swap::{ROUNDS, Sidecars, Swapped, fresh, look, swap_in};
use crate::vault::{Locked, Stamp, stamp_of};
use crate::versions::{Part, Placed, hash_file, read_back};

/// What stands at a place.
pub(crate) struct Seen {
    pub hash: Hash,
    pub file: File,
    stat: Stat,
}

/// A change that is about to be made.
pub(crate) struct Change<'a> {
    pub id: &'a str,
    pub place: &'a Place,
    pub intent: Intent,
    pub looked: Option<Seen>,
}

/// The passing names of a change in the file's own folder.
pub(crate) struct Temps {
    pub file: String,
    pub sum: String,
    pub provenance: String,
}

/// The new files under their passing names.
struct Laid {
    file: File,
    sum: File,
    provenance: File,
    intent: File,
}

impl Seen {
    /// Looks at what stands there; `None` when nothing does.
    pub fn look(place: &Place) -> Result<Option<Self>> {
        let fault = |error| VaultError::io("read", place.folder.path_of(&place.name), error);
        let Some(file) = place.folder.file(&place.name)? else { return Ok(None) };
        let stat = rustix::fs::fstat(&file).map_err(|errno| fault(errno.into()))?;
        let (hash, _) = hash_file(&file).map_err(fault)?;
        Ok(Some(Self { hash, file, stat }))
    }

    pub fn bytes(&self) -> u64 {
        stamp(&self.stat).bytes
    }
}

impl Temps {
    pub fn of(id: &str) -> Self {
        let name = |ending| format!("{TEMP}{id}.{ending}");
        Self { file: name("tmp"), sum: name("sum"), provenance: name("prov") }
    }

    pub fn remove(&self, folder: &Folder) -> Result<()> {
        for name in [&self.file, &self.sum, &self.provenance] {
            folder.unlink(name)?;
        }
        Ok(())
    }
}

impl Change<'_> {
    fn found(&self) -> Option<Hash> {
        self.looked.as_ref().map(|seen| seen.hash)
    }

    /// An error after which only `recover` knows.
    pub(crate) fn unsettled(&self, source: VaultError) -> VaultError {
        VaultError::Unsettled { path: self.intent.path.clone(), source: Box::new(source) }
    }
}

impl Locked<'_> {
    /// Puts a content in a file's place: what it displaced, and the new file's stamp. `None`: another program was
    /// faster, and everything is as it was.
    ///
    /// `source` holds the bytes; `part` too, when they are no version yet.
    pub(crate) fn install(
        &self,
        change: &Change<'_>,
        source: &File,
        part: Option<&Part<'_>>,
    ) -> Result<Option<(Option<Hash>, Stamp)>> {
        let temps = Temps::of(change.id);
        let ready = self.prepare(change, &temps, source, part);
        let swapped = ready.and_then(|ready| {
            let swapped = swap_in(change.place, &temps.file, change.found())?;
            Ok((ready, swapped))
        });
        match swapped {
            Ok((_, Swapped::Raced)) => self.abandon(change, &temps).map(|()| None),
            Ok(((file, placed), swapped)) => {
                let displaced = self.settle(change, &temps, swapped)?;
                let Some(displaced) = displaced else { return Ok(None) };
                self.make_names_durable(change, placed.as_ref())?;
                // Without it `recover` looks at the file itself.
                let _ = change.intent.done(&self.pending, change.id, displaced);
                let path = change.place.folder.path_of(&change.place.name);
                let stamp = stamp_of(&file).map_err(|error| VaultError::io("read", path, error))?;
                Ok(Some((displaced, stamp)))
            }
            Err(error) => {
                // What is left of it is swept by `recover`; the first error is the one to tell.
                let _ = self.abandon(change, &temps);
                match error {
                    VaultError::Busy { .. } => Ok(None),
                    error => Err(error),
                }
            }
        }
    }

    /// Everything that can be done and made durable before the new file is seen.
    fn prepare(
        &self,
        change: &Change<'_>,
        temps: &Temps,
        source: &File,
        part: Option<&Part<'_>>,
    ) -> Result<(File, Option<Placed>)> {
        let Change { id, place, intent, looked } = change;
        let laid = self.lay(change, temps, source)?;
        let mut syncs = Syncs::default();
        if let Some(part) = part {
            part.sync_with(&mut syncs);
        }
        syncs.add(&laid.file, place.folder.path_of(&temps.file));
        syncs.add(&laid.sum, place.folder.path_of(&temps.sum));
        syncs.add(&laid.provenance, place.folder.path_of(&temps.provenance));
        syncs.add(&laid.intent, self.pending.path());
        syncs.add(&self.pending, self.pending.path());
        syncs.run()?;
        if let Some(part) = part {
            part.read_back()?;
        }
        if let Some(to) = intent.to {
            read_back(&laid.file, to, || place.folder.path_of(&temps.file))?;
        }
        if let Some(seen) = looked {
            match self.ensure_version(id, &seen.file, &seen.hash) {
                // It changed while it was copied.
                Err(VaultError::ReadBack { .. }) => {
                    return Err(VaultError::Busy { path: intent.path.clone() });
                }
                done => done?,
            }
        }
        let placed = part.map(|part| part.place(&self.ours, &self.versions)).transpose()?;
        Ok((laid.file, placed))
    }

    fn lay(&self, change: &Change<'_>, temps: &Temps, source: &File) -> Result<Laid> {
        let Change { id, place, intent, looked } = change;
        let folder = &place.folder;
        // First of all: a dead process must leave nothing in the folder that no intent tells of.
        let meant = intent.write(&self.pending, id)?;
        // Until it has the old file's rights nobody else may read it.
        let mode = if looked.is_some() { 0o600 } else { 0o666 };
        let file = folder.copy_of(source, &temps.file, mode)?;
        if let Some(seen) = looked {
            attributes::copy(&seen.file, &seen.stat, &file)
                .map_err(|error| VaultError::io("write", folder.path_of(&temps.file), error))?;
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let sum = sidecar::lay(folder, &temps.sum, &text(&intent.beside.sum))?;
        let provenance = text(&intent.beside.provenance);
        let provenance = sidecar::lay(folder, &temps.provenance, &provenance)?;
        if let Some(seen) = looked {
            // Who may not read the file learns nothing from what stands beside it.
            let mode = attributes::mode_of(&seen.stat) & Mode::from_raw_mode(0o666);
            for (file, name) in [(&sum, &temps.sum), (&provenance, &temps.provenance)] {
                let moded = rustix::fs::fchmod(file, mode);
                moded.map_err(|e| VaultError::io("write", folder.path_of(name), e.into()))?;
            }
        }
        Ok(Laid { file, sum, provenance, intent: meant })
    }

    /// Takes back what was laid; nothing was seen of it.
    pub(crate) fn abandon(&self, change: &Change<'_>, temps: &Temps) -> Result<()> {
        temps.remove(&change.place.folder)?;
        self.pending.unlink(&format!("{}{MEANT}", change.id)).map(|_| ())
    }

    /// After the swap: sees what was displaced, and puts the sidecars. `None`: it was put back.
    fn settle(
        &self,
        change: &Change<'_>,
        temps: &Temps,
        swapped: Swapped,
    ) -> Result<Option<Option<Hash>>> {
        let folder = &change.place.folder;
        let mut sidecars = Sidecars::default();
        let settled = self.take_displaced(change, temps, swapped).and_then(|displaced| {
            let Some((displaced, stat)) = displaced else { return Ok(None) };
            self.put_sidecars(change, temps, &mut sidecars)?;
            // A program that had the old file open may have written into it meanwhile.
            let now = folder.stat(&temps.file)?.as_ref().map(stamp);
            Ok((now == stat).then_some(displaced))
        });
        let displaced = match settled {
            Ok(Some(displaced)) => displaced,
            undone => {
                let undo = sidecars.undo(folder).then_some(());
                let undo =
                    undo.ok_or_else(|| VaultError::Busy { path: change.intent.path.clone() });
                let undo = undo.and_then(|()| self.put_back(change, &temps.file, swapped));
                undo.map_err(|error| change.unsettled(error))?;
                self.abandon(change, temps)?;
                return undone.map(|_| None);
            }
        };
        temps.remove(folder).map_err(|error| change.unsettled(error))?;
        Ok(Some(displaced))
    }

    /// What the new file displaced, kept as a version, with its stamp. `None`: it may not be displaced.
    fn take_displaced(
        &self,
        change: &Change<'_>,
        temps: &Temps,
        swapped: Swapped,
    ) -> Result<Option<(Option<Hash>, Option<Stamp>)>> {
        let folder = &change.place.folder;
        match swapped {
            Swapped::Fresh => return Ok(Some((None, None))),
            Swapped::Replaced => return Ok(Some((change.found(), None))),
            Swapped::Exchanged | Swapped::Raced => {}
        }
        let stat = folder.stat(&temps.file)?.as_ref().map(stamp);
        let displaced = look(folder, &temps.file)?;
        if displaced == change.found() {
            return Ok(Some((displaced, stat)));
        }
        // Kept even when it is put back: the other program may have seen ours in its place, and go on from there.
        let kept = self.keep_bytes(change.id, folder, &temps.file);
        if !change.intent.anything {
            return Ok(None);
        }
        Ok(kept?.map(|(hash, stamp)| (Some(hash), Some(stamp))))
    }

    /// Stores what stands at a name as a version; `None` when nothing does. Tries again while another program writes into it.
    pub(crate) fn keep_bytes(
        &self,
        id: &str,
        folder: &Folder,
        name: &str,
    ) -> Result<Option<(Hash, Stamp)>> {
        let fault = |error| VaultError::io("read", folder.path_of(name), error);
        for _ in 0..ROUNDS {
            let Some(file) = folder.file(name)? else { return Ok(None) };
            let before = stamp_of(&file).map_err(fault)?;
            let (hash, _) = hash_file(&file).map_err(fault)?;
            match self.ensure_version(id, &file, &hash) {
                Err(VaultError::ReadBack { .. }) => continue,
                done => done?,
            }
            if stamp_of(&file).map_err(fault)? == before {
                return Ok(Some((hash, before)));
            }
        }
        let action = "read, while another program kept writing it,";
        Err(VaultError::io(action, folder.path_of(name), ErrorKind::ResourceBusy.into()))
    }

    fn put_sidecars(
        &self,
        change: &Change<'_>,
        temps: &Temps,
        sidecars: &mut Sidecars,
    ) -> Result<()> {
        let Change { id, place: Place { folder, name, .. }, intent, .. } = change;
        let (sum, provenance) = (format!("{name}{SUM}"), format!("{name}{PROVENANCE}"));
        // A file of that name that is not ours: its bytes are kept before ours take its place.
        let before = &intent.beside_before;
        let ours = before.sum.as_ref().is_some_and(|text| sidecar::said(text, name).is_some());
        if !ours && folder.stat(&sum)?.is_some() {
            self.keep_bytes(id, folder, &sum)?;
        }
        let ours = before.provenance.as_ref().is_some_and(|text| sidecar::is_provenance(text));
        if !ours && folder.stat(&provenance)?.is_some() {
            self.keep_bytes(id, folder, &provenance)?;
        }
        sidecars.put(folder, &temps.sum, &sum)?;
        sidecars.put(folder, &temps.provenance, &provenance)
    }

    /// Takes the new file away again and lets stand there what stood there, or what has come since.
    pub(crate) fn put_back(&self, change: &Change<'_>, temp: &str, swapped: Swapped) -> Result<()> {
        let Change { id, place: Place { folder, name, .. }, intent, .. } = change;
        let fault = |error| VaultError::io("put back", folder.path_of(name), error);
        let mut seen = vec![intent.to];
        for _ in 0..ROUNDS {
            let moved = match swapped {
                Swapped::Fresh => fresh(folder, name, temp),
                _ => folder.rename(temp, folder, name, Rename::Exchange),
            };
            match moved {
                // Another program has removed it.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.keep_bytes(id, folder, temp)?;
                    break;
                }
                done => done.map_err(fault)?,
            }
            // In the moment that the new file stood there another program may have replaced it, too.
            let back = look(folder, temp)?;
            if seen.contains(&back) {
                break;
            }
            self.keep_bytes(id, folder, temp)?;
            seen.push(back);
            if swapped == Swapped::Fresh {
                fresh(folder, temp, name).map_err(fault)?;
                break;
            }
        }
        let mut syncs = Syncs::default();
        syncs.add(folder, folder.path());
        syncs.run()
    }

    /// After this the change is there, whatever happens to the power.
    fn make_names_durable(&self, change: &Change<'_>, placed: Option<&Placed>) -> Result<()> {
        let place = change.place;
        let mut syncs = Syncs::default();
        syncs.add(&place.folder, place.folder.path());
        for (outer, _) in &place.made {
            syncs.add(outer, outer.path());
        }
        if let Some(placed) = placed {
            placed.sync_with(&self.versions, &mut syncs);
        }
        syncs.run().map_err(|error| change.unsettled(error))
    }
}
