//! Restoring a backup: laid down beside its place, checked from its own bytes, and only then taken for a home.

use std::fs::File;
use std::path::Path;

use mirror_link::{Opener, open_backup};
use mirror_protocol::bundle::BundleReader;
use mirror_protocol::session::Refused;
use mirror_store::Meta;
use tempfile::TempDir;

use crate::archive::{Section, Sections};
use crate::backup::{Manifest, State};
use crate::error::{Error, Result};
use crate::keys::Kept;
use crate::node::Node;
use crate::view::{BadRecord, Code, Restored};
use crate::{backup_vault, convert};

impl Node {
    /// Makes a home of a backup. Until all of it is verified there is none, and what fails leaves nothing behind. The new
    /// home has an incarnation key of its own, and its first event opens a new chain of the device.
    pub fn restore(file: &Path, opener: &Opener, home: &Path) -> Result<Restored> {
        refuse_what_is_there(home)?;
        let parent = home.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        let staging = tempfile::Builder::new().prefix(".mirror-restoring-").tempdir_in(parent)?;
        let (node, mut restored) = lay_down(file, opener, &staging)?;
        restored.keys = node.keep_keys()?.to_owned();
        drop(node);
        File::open(staging.path())?.sync_all()?;
        // Over an empty folder too; over one that has been filled since it fails.
        std::fs::rename(staging.path(), home)?;
        File::open(parent)?.sync_all()?;
        restored.home = home.display().to_string();
        Ok(restored)
    }

    /// Restores a backup into a folder that is thrown away: all that `restore` checks, and no home.
    pub fn verify_backup(file: &Path, opener: &Opener) -> Result<Restored> {
        let staging = tempfile::Builder::new().prefix("mirror-verifying-").tempdir()?;
        lay_down(file, opener, &staging).map(|(_, restored)| restored)
    }
}

fn refuse_what_is_there(home: &Path) -> Result<()> {
    let there = match std::fs::read_dir(home) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(error.into()),
    };
    if there {
        return Err(Error::invalid(
            format!("{} is there already, and not empty", home.display()),
            "name a folder that does not exist with --home; nothing was changed",
        ));
    }
    Ok(())
}

/// Everything but the keys' place: a home that was verified, in a folder that goes when it is dropped.
fn lay_down(file: &Path, opener: &Opener, staging: &TempDir) -> Result<(Node, Restored)> {
    let mut sections = Sections::begin(open_backup(file, opener)?).map_err(damaged)?;
    let manifest: Manifest = sections.take(Section::Manifest).map_err(damaged)?;
    let keys: Kept = sections.take(Section::Keys).map_err(damaged)?;
    let state: State = sections.take(Section::State).map_err(damaged)?;
    let unreadable = || damaged(Error::integrity("its manifest does not read"));
    let mesh = manifest.mesh.parse().map_err(|_| unreadable())?;
    let keys = keys.incarnate()?;
    if keys.device().to_string() != manifest.device {
        return Err(damaged(Error::integrity("its keys are not its device's")));
    }
    let node = Node::stage(staging.path(), keys, mesh)?;
    // A cap is for what comes unasked; what was here comes back.
    node.set_blob_cap(u64::MAX)?;
    let history = BundleReader::new(sections.next(Section::History));
    let taken = history.map_err(Error::from).and_then(|history| node.take_back(history));
    let refused = taken.map_err(damaged)?;
    let files = backup_vault::read(&node, &mut sections.next(Section::Vault));
    let files = files.map_err(|error| damaged(cut_short(error)))?;
    sections.finish().map_err(damaged)?;
    let (missing, blobs) = check(&node, &manifest, &refused).map_err(damaged)?;
    put_state(&node, &state)?;
    let role = node.identity()?.role;
    let restored = Restored {
        device: manifest.device,
        mesh: manifest.mesh,
        name: manifest.name,
        role,
        home: String::new(),
        keys: String::new(),
        made: manifest.made,
        head: manifest.head,
        events: convert::count(manifest.events),
        notes: convert::count(manifest.notes),
        blobs,
        files: convert::count(files),
        missing,
    };
    Ok((node, restored))
}

/// What was laid down is what the backup says that it is, down to the last byte: one head is one history. What had been
/// missing before the backup was made still is: named, and no reason to lose the rest. Answers how many blobs came, too.
fn check(node: &Node, manifest: &Manifest, refused: &[Refused]) -> Result<(Option<String>, u32)> {
    let head = node.head()?;
    if head.head != manifest.head {
        let why = refused.first().map(|first| format!(": {}: {}", first.what, first.reason));
        let (found, named) = (head.head, &manifest.head);
        let detail = format!("its events give the head {found}, it names {named}");
        return Err(Error::integrity(detail + &why.unwrap_or_default()));
    }
    let version = |state: &str| state.split(':').next().map(str::to_owned);
    let same_fold = version(&head.state) == version(&manifest.state);
    if same_fold && head.state != manifest.state {
        let detail = format!("its events mean {}, it says {}", head.state, manifest.state);
        return Err(Error::integrity(detail));
    }
    let found = node.verify(true)?;
    let words = |bad: &BadRecord| format!("{} {}: {}", bad.what, bad.id, bad.reason);
    match &found.first_bad {
        Some(bad) if bad.what != "body" && bad.what != "vault" => Err(Error::integrity(words(bad))),
        bad => Ok((bad.as_ref().map(words), found.blobs)),
    }
}

fn put_state(node: &Node, state: &State) -> Result<()> {
    node.quiet_write(|tx| {
        tx.set_meta(Meta::Draft, state.draft.as_bytes())?;
        match &state.blob_cap {
            Some(cap) => tx.set_meta(Meta::BlobCap, cap.as_bytes())?,
            None => tx.clear_meta(Meta::BlobCap)?,
        }
        for (device, addresses) in &state.addresses {
            let Ok(device) = device.parse() else { continue };
            let mut peer = tx.peer(&device)?;
            peer.addresses.clone_from(addresses);
            tx.put_peer(&device, &peer)?;
        }
        Ok(())
    })
}

/// A seal that does not hold ends as bytes that don't come.
fn cut_short(error: Error) -> Error {
    match error.code {
        Code::Io => Error::integrity(format!("its vault does not come whole: {}", error.detail)),
        _ => error,
    }
}

/// Says of what is wrong that it is the backup.
fn damaged(error: Error) -> Error {
    if error.code != Code::Integrity {
        return error;
    }
    Error::new(
        Code::Integrity,
        format!("this backup is damaged: {}", error.detail),
        "take another copy of the file, or an older backup; no home was made",
    )
}
