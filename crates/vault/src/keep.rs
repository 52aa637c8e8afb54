//! Versions of what other programs wrote, and of what has no file.

use std::io::Read;

use crate::durable::Syncs;
use crate::error::{Result, VaultError};
use crate::hash::Hash;
use crate::install::Temps;
use crate::intent;
use crate::path::VaultPath;
use crate::place::Place;
use crate::sidecar::{self, PROVENANCE, Provenance, SUM};
use crate::swap::Sidecars;
use crate::vault::Locked;
use crate::write::Kept;

impl Locked<'_> {
    /// Stores the bytes that stand at a path as a version: for what another program wrote.
    /// Sidecars that are there are renewed; a file without them gets none.
    pub fn keep(&self, path: &VaultPath, provenance: &Provenance) -> Result<Kept> {
        let none = || VaultError::NoFile { path: path.clone() };
        let id = intent::fresh_id(&self.pending)?;
        let place = Place::find(self.root.again()?, path)?.ok_or_else(none)?;
        let kept = self.keep_bytes(&id, &place.folder, &place.name)?;
        let (hash, stamp) = kept.ok_or_else(none)?;
        self.renew_sidecars(&id, &place, hash, provenance)?;
        Ok(Kept { hash, bytes: stamp.bytes, stamp })
    }

    /// Stores bytes as a version, without a file: what is refused, or comes from another device.
    pub fn store(&self, content: &mut dyn Read) -> Result<(Hash, u64)> {
        let id = intent::fresh_id(&self.pending)?;
        self.store_as(&id, content)
    }

    /// Makes the sidecars that are there say what the file is now.
    pub(crate) fn renew_sidecars(
        &self,
        id: &str,
        place: &Place,
        hash: Hash,
        provenance: &Provenance,
    ) -> Result<()> {
        let Place { folder, name, .. } = place;
        let beside = sidecar::beside_of(folder, name)?;
        let said = beside.sum.as_ref().and_then(|text| sidecar::said(text, name));
        if said.is_none_or(|said| said == hash) {
            return Ok(());
        }
        let new = sidecar::beside(name, hash, provenance)?;
        let provenance = beside.provenance.is_some_and(|text| sidecar::is_provenance(&text));
        let provenance = new.provenance.filter(|_| provenance);
        self.put_beside(id, place, new.sum.as_deref(), provenance.as_deref())
    }

    /// Writes sidecars, each whole or not at all; `None` leaves one as it is.
    pub(crate) fn put_beside(
        &self,
        id: &str,
        place: &Place,
        sum: Option<&str>,
        provenance: Option<&str>,
    ) -> Result<()> {
        let Place { folder, name, .. } = place;
        let temps = Temps::of(id);
        let put = || {
            let sum = sum.map(|text| sidecar::lay(folder, &temps.sum, text)).transpose()?;
            let provenance = provenance.map(|text| sidecar::lay(folder, &temps.provenance, text));
            let provenance = provenance.transpose()?;
            let mut syncs = Syncs::default();
            for file in [&sum, &provenance].into_iter().flatten() {
                syncs.add(file, folder.path_of(name));
            }
            syncs.run()?;
            let mut sidecars = Sidecars::default();
            if sum.is_some() {
                sidecars.put(folder, &temps.sum, &format!("{name}{SUM}"))?;
            }
            if provenance.is_some() {
                sidecars.put(folder, &temps.provenance, &format!("{name}{PROVENANCE}"))?;
            }
            Ok(())
        };
        let done: Result<()> = put();
        let removed = temps.remove(folder);
        done.and(removed)?;
        let mut syncs = Syncs::default();
        syncs.add(folder, folder.path());
        syncs.run()
    }
}
