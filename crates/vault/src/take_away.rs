//! The steps of a removal, once it is known what stands there and its bytes are a version.

use std::io::ErrorKind;

use crate::durable::Syncs;
use crate::error::{Result, VaultError};
use crate::hash::Hash;
use crate::install::{Change, Temps};
use crate::place::Place;
use crate::sidecar::{self, PROVENANCE, SUM};
use crate::swap::{Sidecars, fresh, look};
use crate::vault::Locked;

impl Locked<'_> {
    /// Takes a file away: what it was. `None`: another program was faster, and everything is as it was.
    pub(crate) fn take_away(&self, change: &Change<'_>) -> Result<Option<Hash>> {
        let Change { id, place: Place { folder, name, .. }, intent, .. } = change;
        let temps = Temps::of(id);
        let meant = intent.write(&self.pending, id);
        let meant = meant.and_then(|meant| {
            let mut syncs = Syncs::default();
            syncs.add(&meant, self.pending.path());
            syncs.add(&self.pending, self.pending.path());
            syncs.run()
        });
        let moved = meant.and_then(|()| match fresh(folder, name, &temps.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            done => done
                .map(|()| true)
                .map_err(|error| VaultError::io("remove", folder.path_of(name), error)),
        });
        if !moved.as_ref().is_ok_and(|moved| *moved) {
            let _ = self.abandon(change, &temps);
            return moved.map(|_| None);
        }
        let mut sidecars = Sidecars::default();
        match self.take_displaced_away(change, &temps, &mut sidecars) {
            Ok(Some(previous)) => {
                temps.remove(folder).map_err(|error| change.unsettled(error))?;
                let mut syncs = Syncs::default();
                syncs.add(folder, folder.path());
                syncs.run().map_err(|error| change.unsettled(error))?;
                // Without it `recover` looks at the file itself.
                let _ = intent.done(&self.pending, id, Some(previous));
                Ok(Some(previous))
            }
            undone => {
                self.bring_back(change, &temps, &sidecars).map_err(|e| change.unsettled(e))?;
                self.abandon(change, &temps)?;
                undone.map(|_| None)
            }
        }
    }

    /// What was taken away, a version by now. `None`: it is not what was to be taken.
    fn take_displaced_away(
        &self,
        change: &Change<'_>,
        temps: &Temps,
        sidecars: &mut Sidecars,
    ) -> Result<Option<Hash>> {
        let Change { id, place: Place { folder, name, .. }, intent, .. } = change;
        let mut previous = look(folder, &temps.file)?;
        if previous != intent.from {
            let kept = self.keep_bytes(id, folder, &temps.file);
            if !intent.anything {
                return Ok(None);
            }
            previous = kept?.map(|(hash, _)| hash);
        }
        let before = &intent.beside_before;
        if before.sum.as_ref().is_some_and(|text| sidecar::said(text, name).is_some()) {
            sidecars.take(folder, &format!("{name}{SUM}"), &temps.sum)?;
        }
        if before.provenance.as_ref().is_some_and(|text| sidecar::is_provenance(text)) {
            sidecars.take(folder, &format!("{name}{PROVENANCE}"), &temps.provenance)?;
        }
        Ok(previous)
    }

    fn bring_back(&self, change: &Change<'_>, temps: &Temps, sidecars: &Sidecars) -> Result<()> {
        let Change { id, place: Place { folder, name, .. }, intent, .. } = change;
        if !sidecars.undo(folder) {
            return Err(VaultError::Busy { path: intent.path.clone() });
        }
        match fresh(folder, &temps.file, name) {
            // Another program has made a new one: that stays, and the bytes of the old one are kept.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.keep_bytes(id, folder, &temps.file)?;
            }
            done => {
                done.map_err(|error| VaultError::io("put back", folder.path_of(name), error))?;
            }
        }
        let mut syncs = Syncs::default();
        syncs.add(folder, folder.path());
        syncs.run()
    }
}
