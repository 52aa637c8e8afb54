//! Repairing what a scrub found, from bytes that verify.

use std::path::Path;

use crate::error::{Result, VaultError};
use crate::hash::Hash;
use crate::intent;
use crate::path::VaultPath;
use crate::place::Place;
use crate::scrub::{Finding, Recorded};
use crate::sidecar::{self, PROVENANCE, SUM};
use crate::swap::look;
use crate::vault::Locked;
use crate::walk::Stray;

/// A finding that a repair was tried for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What was found.
    pub finding: Finding,
    /// What was done. `None`: it can't be repaired from what is here.
    pub done: Option<String>,
}

impl Locked<'_> {
    /// Repairs what can be repaired from bytes that verify: a version from a file that holds it, a sidecar from its file.
    ///
    /// What another program changed stays as it is. A damaged version is moved aside, to `.mirror/damaged`.
    pub fn repair(&self, recorded: &Recorded, findings: &[Finding]) -> Result<Vec<Repair>> {
        let mut repairs = Vec::with_capacity(findings.len());
        for finding in findings {
            let done = match finding {
                Finding::VersionMissing { hash }
                | Finding::VersionDamaged { hash, .. }
                | Finding::VersionUnreadable { hash, .. } => self.repair_version(recorded, hash)?,
                Finding::SidecarWrong { path, .. } | Finding::SidecarMissing { path, .. } => {
                    self.repair_sidecar(recorded, path)?
                }
                Finding::SidecarAlone { path } => self.remove_sidecars(path)?,
                Finding::Left(stray) => Some(match self.sweep(stray)? {
                    Some(hash) => format!("removed; its bytes are the version {hash}"),
                    None => "removed; its bytes are nothing new".to_owned(),
                }),
                Finding::FileMissing { .. }
                | Finding::FileChanged { .. }
                | Finding::FileUnreadable { .. } => None,
            };
            repairs.push(Repair { finding: finding.clone(), done });
        }
        Ok(repairs)
    }

    fn repair_version(&self, recorded: &Recorded, hash: &Hash) -> Result<Option<String>> {
        let id = intent::fresh_id(&self.pending)?;
        for (path, _) in recorded.files.iter().filter(|(_, recorded)| recorded == hash) {
            let Some(place) = Place::find(self.root.again()?, path)? else { continue };
            let Some(file) = place.folder.file(&place.name)? else { continue };
            match self.ensure_version(&id, &file, hash) {
                Ok(()) => return Ok(Some(format!("made again from {path}"))),
                // The file is another by now.
                Err(VaultError::ReadBack { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn repair_sidecar(&self, recorded: &Recorded, path: &VaultPath) -> Result<Option<String>> {
        let Some(place) = Place::find(self.root.again()?, path)? else { return Ok(None) };
        let Some(now) = look(&place.folder, &place.name)? else { return Ok(None) };
        // Of an edit by another program the record comes first: `keep` renews what stands beside it.
        if !recorded.files.iter().any(|(file, hash)| file == path && *hash == now) {
            return Ok(None);
        }
        let sum_name = format!("{}{SUM}", place.name);
        let id = intent::fresh_id(&self.pending)?;
        let before = sidecar::text_of(&place.folder, &sum_name)?;
        if before.is_none_or(|text| sidecar::said(&text, &place.name).is_none()) {
            // It may be somebody else's: it is never lost.
            self.keep_bytes(&id, &place.folder, &sum_name)?;
        }
        let sum = sidecar::sum_line(&place.name, now);
        self.put_beside(&id, &place, Some(&sum), None)?;
        Ok(Some("written again from the file".to_owned()))
    }

    fn remove_sidecars(&self, path: &VaultPath) -> Result<Option<String>> {
        let Some(place) = Place::find(self.root.again()?, path)? else { return Ok(None) };
        let Place { folder, name, .. } = &place;
        if folder.stat(name)?.is_some() {
            return Ok(None);
        }
        let beside = sidecar::beside_of(folder, name)?;
        if beside.sum.is_some_and(|text| sidecar::said(&text, name).is_some()) {
            folder.unlink(&format!("{name}{SUM}"))?;
        }
        if beside.provenance.is_some_and(|text| sidecar::is_provenance(&text)) {
            folder.unlink(&format!("{name}{PROVENANCE}"))?;
        }
        Ok(Some("removed; the file is not there".to_owned()))
    }

    /// Takes away a file that a dead process left behind; bytes that are no version yet become one, and are returned.
    pub fn sweep(&self, stray: &Stray) -> Result<Option<Hash>> {
        let Some(id) = stray.id().filter(|id| intent::is_id(id)) else { return Ok(None) };
        let mut folder = self.root.again()?;
        let parts = stray.path.parent().unwrap_or(Path::new(""));
        for part in parts.iter().filter_map(|part| part.to_str()) {
            let Some(inner) = folder.folder(part)? else { return Ok(None) };
            folder = inner;
        }
        let Some(name) = stray.path.file_name().and_then(|name| name.to_str()) else {
            return Ok(None);
        };
        // Sidecars can be made again; only a file's own bytes can be the last.
        let mut kept = None;
        if name.ends_with(".tmp")
            && let Some(hash) = look(&folder, name)?
            && !self.vault().has_version(&hash)?
        {
            kept = self.keep_bytes(id, &folder, name)?.map(|(hash, _)| hash);
        }
        folder.unlink(name)?;
        Ok(kept)
    }
}
