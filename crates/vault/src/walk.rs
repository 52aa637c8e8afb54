//! What is in the vault.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::FileType;

use crate::error::Result;
use crate::folder::{self, Folder};
use crate::intent::TEMP;
use crate::path::{LONGEST_PATH_BYTES, PathError, PathFault, VaultPath, check_part, compose};
use crate::sidecar::SUM;
use crate::vault::{Stamp, Vault};

/// What a walk comes across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file of the vault.
    File(Entry),
    /// Something that stays as it is: it is not read, written or recorded.
    Skipped {
        /// Where, below the root.
        path: PathBuf,
        /// Why.
        why: Skip,
    },
    /// A file that a dead process of ours left behind; `Locked::sweep` takes it.
    Stray(Stray),
}

/// A file of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file.
    pub path: VaultPath,
    /// Size, time and number: equal stamps mean an unchanged file, as far as the system tells.
    pub stamp: Stamp,
    /// Whether its hash stands beside it: we wrote it.
    pub has_sidecar: bool,
}

/// Why a walk passes something by. Hidden files and folders are passed by silently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    /// A link.
    #[error("it is a link; the vault follows none")]
    Link,
    /// A device, a socket, a pipe.
    #[error("it is neither a file nor a folder")]
    Special,
    /// A name that can't stand in a vault.
    #[error(transparent)]
    Name(#[from] PathFault),
    /// A name that is not Unicode.
    #[error("its name is not Unicode")]
    NotUnicode,
    /// A name that is there twice, composed and decomposed.
    #[error("its name is there twice, in two forms of Unicode")]
    Twice,
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(String),
}

/// A file that a dead process of ours left behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stray {
    /// Where, below the root.
    pub path: PathBuf,
}

impl Stray {
    /// The change that it was made for.
    pub(crate) fn id(&self) -> Option<&str> {
        let name = self.path.file_name()?.to_str()?.strip_prefix(TEMP)?;
        name.split_once('.').map(|(id, _)| id)
    }
}

impl Vault {
    /// Goes through the vault, folder by folder, in no order; memory grows with the depth of folders alone.
    ///
    /// Hidden files and folders, `.mirror` among them, are no part of it. A file that comes or goes meanwhile is seen or not.
    pub fn walk(&self, visit: &mut dyn FnMut(Found) -> ControlFlow<()>) -> Result<()> {
        let _ = walk_folder(&self.folder()?, "", visit)?;
        Ok(())
    }
}

/// A folder's own entries first, then the folders in it. `within` is its path, with a slash behind.
fn walk_folder(
    folder: &Folder,
    within: &str,
    visit: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut inner = Vec::new();
    for entry in folder.names()? {
        let (name, kind) = entry?;
        let step = match look_at(folder, within, &name, kind)? {
            Seen::Nothing => continue,
            Seen::Folder(name) => {
                inner.push(name);
                continue;
            }
            Seen::Found(found) => visit(found),
        };
        if step.is_break() {
            return Ok(step);
        }
    }
    for name in inner {
        let path = format!("{within}{name}");
        if path.len() > LONGEST_PATH_BYTES {
            // Nothing in it could be named.
            let why = Skip::Name(PathFault::TooLong { bytes: path.len() });
            if visit(Found::Skipped { path: path.into(), why }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            continue;
        }
        let step = match folder.folder(&name) {
            Ok(Some(folder)) => walk_folder(&folder, &format!("{path}/"), visit)?,
            Ok(None) => continue,
            Err(error) => visit(Found::Skipped {
                path: path.into(),
                why: Skip::Unreadable(error.to_string()),
            }),
        };
        if step.is_break() {
            return Ok(step);
        }
    }
    Ok(ControlFlow::Continue(()))
}

enum Seen {
    Nothing,
    Folder(String),
    Found(Found),
}

fn look_at(folder: &Folder, within: &str, name: &OsStr, kind: FileType) -> Result<Seen> {
    let path = || PathBuf::from(within).join(name);
    let skip = |why| Ok(Seen::Found(Found::Skipped { path: path(), why }));
    if name.as_bytes().starts_with(TEMP.as_bytes()) {
        return Ok(Seen::Found(Found::Stray(Stray { path: path() })));
    }
    if name.as_bytes().starts_with(b".") {
        return Ok(Seen::Nothing);
    }
    let Some(name) = name.to_str() else { return skip(Skip::NotUnicode) };
    // Not every file system tells the kind with the name.
    let stat = match kind {
        FileType::Directory | FileType::Symlink => None,
        _ => match folder.stat(name)? {
            Some(stat) => Some(stat),
            None => return Ok(Seen::Nothing),
        },
    };
    match stat.as_ref().map_or(kind, folder::kind) {
        FileType::Symlink => skip(Skip::Link),
        FileType::Directory => match check_part(&compose(name)) {
            Ok(()) if is_twice(folder, name)? => skip(Skip::Twice),
            Ok(()) => Ok(Seen::Folder(name.to_owned())),
            Err(fault) => skip(Skip::Name(fault)),
        },
        FileType::RegularFile => {
            let stat = stat.as_ref().map(folder::stamp).unwrap_or_default();
            match VaultPath::new(&format!("{within}{name}")) {
                Err(PathError { fault: PathFault::Sidecar { .. }, .. }) => Ok(Seen::Nothing),
                Err(error) => skip(Skip::Name(error.fault)),
                Ok(_) if is_twice(folder, name)? => skip(Skip::Twice),
                Ok(path) => {
                    let has_sidecar = folder.stat(&format!("{name}{SUM}"))?.is_some();
                    Ok(Seen::Found(Found::File(Entry { path, stamp: stat, has_sidecar })))
                }
            }
        }
        _ => skip(Skip::Special),
    }
}

/// Whether a decomposed name stands beside the same name composed: only that one counts.
fn is_twice(folder: &Folder, name: &str) -> Result<bool> {
    let composed = compose(name);
    if composed == name {
        return Ok(false);
    }
    // A file system that takes both for one gives the same file.
    let inode = |name: &str| folder.stat(name).map(|stat| stat.map(|stat| stat.st_ino));
    let other = inode(&composed)?;
    Ok(other.is_some() && other != inode(name)?)
}
