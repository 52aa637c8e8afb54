//! Versions of many files at once: a vault that is seen for the first time, or was changed as a whole.

use std::collections::BTreeMap;
use std::fs::File;

use crate::durable::Syncs;
use crate::error::{Result, VaultError};
use crate::hash::Hash;
use crate::intent;
use crate::path::VaultPath;
use crate::place::Place;
use crate::sidecar::{self, Provenance};
use crate::vault::{Locked, Stamp, stamp_of};
use crate::versions::{self, Part};
use crate::write::Kept;

/// Files that are synced together, each by a thread of its own.
const TOGETHER: usize = 32;

/// A file whose bytes are taken in and not yet a version.
struct Taken<'a> {
    part: Part<'a>,
    stamp: Stamp,
}

/// What is to be done for one of many.
enum Step<'a> {
    /// Its bytes are a version already.
    Known(Hash, Stamp),
    New(Taken<'a>),
    /// It has sidecars, or changed while it was read.
    Alone,
}

impl Locked<'_> {
    /// Stores what stands at many paths as versions, as [`Locked::keep`] does for one: an answer for each, in their order.
    /// A disk that fails is an error of all.
    pub fn keep_all(
        &self,
        paths: &[VaultPath],
        provenance: &Provenance,
    ) -> Result<Vec<Result<Kept>>> {
        let mut kept = Vec::with_capacity(paths.len());
        for paths in paths.chunks(TOGETHER) {
            let steps: Vec<_> = paths.iter().map(|path| self.take(path)).collect();
            self.make_versions(&steps)?;
            for (path, step) in paths.iter().zip(steps) {
                kept.push(match step {
                    Ok(Step::Known(hash, stamp)) => Ok(Kept { hash, bytes: stamp.bytes, stamp }),
                    Ok(Step::New(Taken { part, stamp })) => {
                        Ok(Kept { hash: part.hash, bytes: part.bytes, stamp })
                    }
                    Ok(Step::Alone) => self.keep(path, provenance),
                    Err(error) => Err(error),
                });
            }
        }
        Ok(kept)
    }

    fn take(&self, path: &VaultPath) -> Result<Step<'_>> {
        let none = || VaultError::NoFile { path: path.clone() };
        let place = Place::find(self.root.again()?, path)?.ok_or_else(none)?;
        let beside = sidecar::beside_of(&place.folder, &place.name)?;
        if beside.sum.is_some() || beside.provenance.is_some() {
            return Ok(Step::Alone);
        }
        let mut file = place.folder.file(&place.name)?.ok_or_else(none)?;
        let fault = |error| VaultError::io("read", place.folder.path_of(&place.name), error);
        let stamp = stamp_of(&file).map_err(fault)?;
        let id = intent::fresh_id(&self.pending)?;
        let part = Part::take(&self.pending, &id, &mut file)?;
        if stamp_of(&file).map_err(fault)? != stamp || part.bytes != stamp.bytes {
            return Ok(Step::Alone);
        }
        let there = versions::open(&self.versions, &part.hash)?;
        let good =
            |there: File| versions::hash_file(&there).is_ok_and(|(hash, _)| hash == part.hash);
        if there.is_some_and(good) {
            return Ok(Step::Known(part.hash, stamp));
        }
        Ok(Step::New(Taken { part, stamp }))
    }

    /// Makes the parts versions; durable when it returns.
    fn make_versions(&self, steps: &[Result<Step<'_>>]) -> Result<()> {
        let new = steps.iter().filter_map(|step| match step {
            Ok(Step::New(taken)) => Some(&taken.part),
            _ => None,
        });
        let new: Vec<&Part<'_>> = new.collect();
        let mut syncs = Syncs::default();
        new.iter().for_each(|part| part.sync_with(&mut syncs));
        syncs.run()?;
        let mut placed = BTreeMap::new();
        for part in new {
            part.read_back()?;
            let (folder, _) = versions::name_of(&part.hash);
            let place = part.place(&self.ours, &self.versions)?;
            // Of those in one folder one syncs it for all; the one that made it, or found the file there, has more to sync.
            placed.entry((folder, place.is_plain())).or_insert_with(Vec::new).push(place);
        }
        let mut syncs = Syncs::default();
        for ((_, plain), places) in &placed {
            let needed = if *plain { places.get(..1).unwrap_or_default() } else { places };
            needed.iter().for_each(|place| place.sync_with(&self.versions, &mut syncs));
        }
        syncs.run()
    }
}
