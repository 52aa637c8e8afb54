//! Backups: one sealed file that makes this device anew on another machine.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use mirror_link::{Lock, write_backup};
use mirror_protocol::bundle::BundleWriter;
use mirror_protocol::{BlobRef, Tip};
use mirror_store::{BlobState, Meta, View};
use serde::{Deserialize, Serialize};

use crate::archive::{Archive, Section};
use crate::error::{Error, Result};
use crate::exchange::Runs;
use crate::keys::{Kept, hex};
use crate::node::Node;
use crate::view::BackedUp;
use crate::{backup_vault, blob_bundles, bundles, clock, convert, fold, status};

/// What a backup says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub mesh: String,
    pub device: String,
    pub name: String,
    /// When it was made, for people.
    pub made: String,
    pub head: String,
    /// Fold version and state digest.
    pub state: String,
    pub events: u64,
    pub notes: u64,
    pub blobs: u64,
    pub blob_bytes: u64,
}

/// What is no event and has to come back all the same. What others were known to hold is learnt anew when they are met.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub draft: String,
    pub blob_cap: Option<String>,
    /// By device: where it was reached.
    pub addresses: BTreeMap<String, Vec<String>>,
}

impl Node {
    /// Writes a backup: the keys that make a home this device's, all events, the blobs that are here. All of it as of one
    /// moment, whatever other processes write meanwhile.
    pub fn back_up(&self, file: &Path, lock: &Lock) -> Result<BackedUp> {
        let name = self.identity()?.name;
        self.refuse_within_vault(file)?;
        let (manifest, left_out, vault_left_out) = self.read_apart(|view| {
            let blobs = whole_blobs(view)?;
            let manifest = self.backup_manifest(view, name, &blobs)?;
            let (left_out, vault_left_out) = write_backup(file, lock, |out| {
                let mut archive = Archive::begin(out)?;
                archive.put(Section::Manifest, &manifest)?;
                archive.put(Section::Keys, &Kept::of(&self.inner.keys))?;
                archive.put(Section::State, &state(view)?)?;
                let mut history = archive.section(Section::History);
                let left_out = self.write_history(view, &mut history, &blobs)?;
                history.end()?;
                let mut vault = archive.section(Section::Vault);
                let vault_left_out = backup_vault::write(self, view, &mut vault)?;
                vault.end()?;
                archive.finish()?;
                Ok::<_, Error>((left_out, vault_left_out))
            })?;
            Ok((manifest, left_out, vault_left_out))
        })?;
        Ok(BackedUp {
            file: file.display().to_string(),
            device: manifest.device,
            mesh: manifest.mesh,
            name: manifest.name,
            head: manifest.head,
            events: convert::count(manifest.events),
            notes: convert::count(manifest.notes),
            blobs: convert::count(manifest.blobs).saturating_sub(convert::count(left_out.len())),
            bytes: std::fs::metadata(file)?.len(),
            left_out,
            vault_left_out,
        })
    }

    /// A backup in the vault would hold itself.
    fn refuse_within_vault(&self, file: &Path) -> Result<()> {
        let folder = std::path::absolute(file)?;
        let folder = folder.parent().and_then(|folder| folder.canonicalize().ok());
        let vault = self.vault_folder()?.canonicalize().ok();
        if folder.zip(vault).is_some_and(|(folder, vault)| folder.starts_with(vault)) {
            let detail = format!("{} lies in the vault, which the backup holds", file.display());
            return Err(Error::invalid(detail, "name another folder, best on another disk"));
        }
        Ok(())
    }

    fn backup_manifest(
        &self,
        view: &View<'_>,
        name: String,
        blobs: &[BlobRef],
    ) -> Result<Manifest> {
        let (version, digest) = fold::state(view)?;
        Ok(Manifest {
            mesh: self.inner.mesh.to_string(),
            device: self.inner.device.to_string(),
            name,
            made: clock::rfc3339(clock::now()),
            head: status::head_of(view)?.to_string(),
            state: format!("{version}:{}", hex(&digest.0)),
            events: view.event_count()?,
            notes: view.note_count()?,
            blobs: blobs.len() as u64,
            blob_bytes: blobs.iter().map(|blob| blob.bytes).sum(),
        })
    }

    /// All runs, those that wait, and the blobs; the blobs that turned out damaged.
    fn write_history(
        &self,
        view: &View<'_>,
        out: &mut dyn Write,
        blobs: &[BlobRef],
    ) -> Result<Vec<String>> {
        let chains = view.chains()?;
        let heads: BTreeMap<Tip, _> = chains.iter().map(|row| (row.tip, row.head())).collect();
        let manifest = self.manifest(&heads, None);
        let mut writer = BundleWriter::new(out, &manifest, &self.inner.keys.incarnation)?;
        let mut runs = Runs::new(view, bundles::ranges(view, &chains, Vec::new()), &heads)?;
        while let Some(run) = runs.next(view)? {
            writer.run(run)?;
        }
        for waiting in view.quarantine()? {
            writer.run(waiting.run)?;
        }
        let mut left_out = Vec::new();
        for blob in blobs {
            let whole = blob_bundles::write(self, &mut writer, std::slice::from_ref(blob))? == 1;
            // One that was forgotten meanwhile is not missed.
            if !whole && self.read(|now| Ok(now.blob(blob)?.is_some()))? {
                left_out.push(blob.id.to_string());
            }
        }
        writer.finish()?;
        Ok(left_out)
    }
}

fn whole_blobs(view: &View<'_>) -> Result<Vec<BlobRef>> {
    let rows = view.blobs()?.into_iter().filter(|row| row.state == BlobState::Present);
    Ok(rows.map(|row| row.blob).collect())
}

fn state(view: &View<'_>) -> Result<State> {
    let mut state = State {
        draft: view.meta_text(Meta::Draft)?.unwrap_or_default(),
        blob_cap: view.meta_text(Meta::BlobCap)?,
        addresses: BTreeMap::new(),
    };
    for member in view.members()? {
        let addresses = view.peer(&member.device)?.addresses;
        if !addresses.is_empty() {
            state.addresses.insert(member.device.to_string(), addresses);
        }
    }
    Ok(state)
}
