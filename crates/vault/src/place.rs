//! From a path to the folder and the name on disk, without following a link.

use rustix::fs::FileType;

use crate::error::{Result, VaultError};
use crate::folder::{Folder, kind};
use crate::path::{VaultPath, compose, fold};

/// Where a file stands, or would stand.
#[derive(Debug)]
pub(crate) struct Place {
    pub folder: Folder,
    /// The name on disk: the path's own, or its decomposed form when that is there.
    pub name: String,
    /// The folders that were made for it, outermost first, each with the folder it is in.
    pub made: Vec<(Folder, String)>,
}

/// What to do about a name that is not there, and could clash with one that is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Reading,
    Writing,
}

impl Place {
    /// Where a file stands; `None` when a folder on the way is not there.
    pub fn find(root: Folder, path: &VaultPath) -> Result<Option<Self>> {
        let mut folder = root;
        for part in path.folders() {
            let Some(name) = on_disk(&folder, part, For::Reading)? else { return Ok(None) };
            let Some(inner) = folder.folder(&name)? else { return Ok(None) };
            folder = inner;
        }
        let name = on_disk(&folder, path.name(), For::Reading)?;
        let name = name.unwrap_or_else(|| path.name().to_owned());
        Ok(Some(Self { folder, name, made: Vec::new() }))
    }

    /// Where a file can be written: folders are made, and a name that some systems can't tell from another is refused.
    pub fn make(root: Folder, path: &VaultPath) -> Result<Self> {
        let mut place = Self { folder: root, name: String::new(), made: Vec::new() };
        match place.descend(path) {
            Ok(()) => Ok(place),
            Err(error) => {
                place.unmake();
                Err(error)
            }
        }
    }

    fn descend(&mut self, path: &VaultPath) -> Result<()> {
        for part in path.folders() {
            let name = on_disk(&self.folder, part, For::Writing)?;
            let name = name.unwrap_or_else(|| part.to_owned());
            let (inner, new) = match self.folder.folder(&name)? {
                Some(inner) => (inner, false),
                None => self.folder.made(&name, 0o777)?,
            };
            let outer = std::mem::replace(&mut self.folder, inner);
            if new {
                self.made.push((outer, name));
            }
        }
        let name = on_disk(&self.folder, path.name(), For::Writing)?;
        self.name = name.unwrap_or_else(|| path.name().to_owned());
        Ok(())
    }

    /// Takes the new folders away again, as far as nothing has come into them.
    pub fn unmake(&self) {
        self.made.iter().rev().for_each(|(outer, name)| outer.remove_empty(name));
    }
}

/// The name on disk that a name means; `None` when there is none.
fn on_disk(folder: &Folder, name: &str, why: For) -> Result<Option<String>> {
    let there = folder.stat(name)?;
    if let Some(stat) = there {
        if kind(&stat) == FileType::Symlink {
            return Err(VaultError::Link { path: folder.path_of(name) });
        }
        if !answers_to_any_case(folder, name, stat.st_ino)? {
            return Ok(Some(name.to_owned()));
        }
    } else if why == For::Reading && name.is_ascii() {
        // No other form of an ASCII name is composed to it.
        return Ok(None);
    }
    let mut clash = None;
    for entry in folder.names()? {
        let Ok(found) = entry?.0.into_string() else { continue };
        if compose(&found) == name {
            return Ok(Some(found));
        }
        if fold(&found) == fold(name) {
            clash = Some(found);
        }
    }
    match clash {
        Some(with) if why == For::Writing => {
            Err(VaultError::Clash { path: folder.path_of(name), with })
        }
        _ => Ok(None),
    }
}

/// Whether the same file answers to the name in another case: then only the folder's list tells how it is really called.
fn answers_to_any_case(folder: &Folder, name: &str, inode: u64) -> Result<bool> {
    let swap =
        |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    let other: String = name.chars().map(swap).collect();
    Ok(other != name && folder.stat(&other)?.is_some_and(|stat| stat.st_ino == inode))
}
