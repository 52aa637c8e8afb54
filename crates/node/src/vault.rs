//! The vault: the person's folder of files. Its bytes are `mirror-vault`'s; what is said of them stands in the chain.
//!
//! Bytes are durable and in their place before the event that names them commits, and only then is a write acknowledged.
//! A crash between leaves an intent, and whoever takes the lock next commits the event.

mod conflicts;
mod history;
mod notice;
mod retention;
mod scrub;
mod settle;
pub mod shared;
mod watch;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mirror_domain::body::{Cause, VaultWrite};
use mirror_domain::{Body, Entry, StateDigest};
use mirror_protocol::{BlobId, Event, EventId, WallTime};
use mirror_store::{Meta, Pos, Tx, View};
use mirror_vault::{Hash, Locked, Provenance, Vault, VaultError, VaultPath};

use crate::clock;
use crate::error::{Error, Result};
use crate::node::{Node, lock};
use crate::notes::event_id;
use crate::view::Code;

pub use conflicts::{FileTake, file_of};
pub use history::AuditQuery;
pub(crate) use history::version_said;
pub(crate) use settle::taken_provenance;
pub use watch::VaultWatch;

/// Who changes a file, and why.
#[derive(Debug, Clone, Default)]
pub struct Author {
    /// The tool or agent.
    pub by: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
    /// The events that the content was made of: ids or unique beginnings.
    pub sources: Vec<String>,
}

/// What has to stand there for a write to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it is.
    Anything,
    /// No file.
    Absent,
    /// A content with this SHA-256.
    Content([u8; 32]),
}

/// The folder for a vault when none is named.
const FOLDER: &str = "vault";

impl Node {
    /// The vault's folder.
    pub fn vault_folder(&self) -> Result<PathBuf> {
        let set = self.read(|view| Ok(view.meta_text(Meta::Vault)?))?;
        Ok(set.map_or_else(|| self.inner.home.join(FOLDER), PathBuf::from))
    }

    /// Makes a folder the vault. Files that are there stay as they are.
    pub fn set_vault(&self, folder: &Path) -> Result<()> {
        let folder = std::path::absolute(folder)?;
        let text = folder.to_str().ok_or_else(|| {
            Error::invalid(
                format!("{} is not UTF-8", folder.display()),
                "choose a folder with another name",
            )
        })?;
        make_folder(&folder)?;
        let vault = Vault::open(&folder)?;
        self.write(|tx| {
            if tx.meta_text(Meta::Vault)?.is_some_and(|before| before != text) {
                tx.clear_vault_files()?;
                tx.open_shared_below("")?;
            }
            Ok(tx.set_meta(Meta::Vault, text.as_bytes())?)
        })?;
        *lock(&self.inner.vault) = Some(Arc::new(vault));
        Ok(())
    }

    /// The vault, opened when it is first asked for. A folder that was chosen and is gone is never made anew: nothing must
    /// take an absent folder for an empty one.
    pub(crate) fn vault(&self) -> Result<Arc<Vault>> {
        let mut kept = lock(&self.inner.vault);
        if let Some(vault) = &*kept {
            return Ok(vault.clone());
        }
        let folder = self.vault_folder()?;
        let recorded = self.read(|view| Ok(view.vault_file_count()?))?;
        let vault = if recorded > 0 || folder != self.inner.home.join(FOLDER) {
            Vault::open_existing(&folder)?
        } else {
            make_folder(&folder)?;
            Vault::open(&folder)?
        };
        let vault = Arc::new(vault);
        *kept = Some(vault.clone());
        Ok(vault)
    }

    /// Takes the vault's lock and finishes what a crash left in flight.
    fn locked<T>(&self, work: impl FnOnce(&Vault, &Locked<'_>) -> Result<T>) -> Result<T> {
        let vault = self.vault()?;
        let locked = vault.lock()?;
        self.finish_interrupted(&locked)?;
        work(&vault, &locked)
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Error::new(
            Code::Io,
            format!("can't make the vault's folder {}: {error}", folder.display()),
            "choose a folder that you can write to",
        )
    })
}

/// Keeps an event findable by the files that it speaks of, and makes of what is shared what it means.
pub fn fold(
    tx: &Tx<'_>,
    event: &Event,
    pos: Pos,
    body: &Body,
    sum: &mut StateDigest,
) -> Result<()> {
    let at = event.header.lamport;
    match body {
        Body::VaultWrite(write) => {
            if let Some(content) = write.content() {
                tx.name_blob(&content, pos, at)?;
            }
            tx.add_vault_event(&write.path, at, pos)?;
            if write.shared {
                shared::fold_version(tx, event, pos, write, sum)?;
            }
        }
        Body::VaultShare(share) => {
            tx.add_vault_event("", at, pos)?;
            if tx.add_share(pos)? {
                sum.add(Entry::share(&event.id));
                tx.open_shared_below(&share.folder)?;
            }
        }
        Body::VaultRefuse(refuse) => tx.add_vault_event(&refuse.path, at, pos)?,
        Body::VaultScrub(_) | Body::VaultPrune(_) => tx.add_vault_event("", at, pos)?,
        Body::VaultAdopt(adopt) => {
            for file in &adopt.files {
                tx.add_vault_event(&file.path, at, pos)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// What a write says before it is known what it replaces; also kept with an intent, to be said after a crash.
fn said(view: &View<'_>, path: &VaultPath, cause: Cause, author: &Author) -> Result<VaultWrite> {
    let sources: Result<Vec<EventId>> =
        author.sources.iter().map(|source| event_id(view, source)).collect();
    Ok(VaultWrite {
        path: path.as_str().to_owned(),
        replaces: Vec::new(),
        from: None,
        to: None,
        bytes: 0,
        cause,
        by: author.by.clone(),
        reason: author.reason.clone(),
        sources: sources?,
        shared: false,
        chunks: None,
    })
}

pub(crate) fn checked_path(path: &str) -> Result<VaultPath> {
    VaultPath::new(path).map_err(|error| Error::from(VaultError::from(error)))
}

/// What stands beside a file: where its content came from.
pub(crate) fn provenance(said: &VaultWrite, at: WallTime) -> Provenance {
    Provenance {
        events: said.sources.iter().map(EventId::to_string).collect(),
        tool: said.by.clone().unwrap_or_else(|| "unknown".to_owned()),
        time: clock::rfc3339(at),
    }
}

fn content(hash: Hash) -> BlobId {
    BlobId(hash.0)
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        let (code, hint) = match &error {
            VaultError::Path(_) => {
                (Code::Invalid, "name the file as it lies in the vault, with / between folders")
            }
            VaultError::Clash { .. } => (Code::Invalid, "choose another name"),
            VaultError::TooLarge { .. } => (Code::Invalid, "read it with another program"),
            VaultError::Conflict { .. } => {
                (Code::Conflict, "look at what stands there now, then write again")
            }
            VaultError::Busy { .. } => (Code::Conflict, "nothing was changed"),
            VaultError::NoFile { .. } | VaultError::NoVersion { .. } => (
                Code::NotFound,
                "see `mirror vault history PATH`, or look with `mirror vault scan`",
            ),
            VaultError::Damaged { .. } | VaultError::ReadBack { .. } => {
                (Code::Integrity, "run `mirror vault scrub`")
            }
            VaultError::Link { .. } | VaultError::NotAFile { .. } => {
                (Code::Refused, "name a file that lies in the vault itself")
            }
            VaultError::Unsettled { .. } => (
                Code::Io,
                "the next command finds out what came of it: look with `mirror vault history PATH`",
            ),
            _ => (Code::Io, "check the disk, the folder and its permissions"),
        };
        Self::new(code, &error, hint)
    }
}
