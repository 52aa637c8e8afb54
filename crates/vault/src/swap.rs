//! Putting a new file in an old one's place, with its sidecars, so that it can be undone.

use std::io;

use rustix::io::Errno;

use crate::error::{Result, VaultError, is};
use crate::folder::{Folder, Rename};
use crate::hash::Hash;
use crate::place::Place;
use crate::versions::hash_file;

/// How the new file came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// Nothing stood there.
    Fresh,
    /// What stood there has the other name now.
    Exchanged,
    /// What stood there is gone: the file system can't exchange.
    Replaced,
    /// Something else stands there than what the last look saw: nothing was done.
    Raced,
}

/// How often two programs can be in each other's way before we give up.
pub(crate) const ROUNDS: usize = 16;

/// The temp takes the name. `looked` is what the last look saw.
pub(crate) fn swap_in(place: &Place, temp: &str, looked: Option<Hash>) -> Result<Swapped> {
    let Place { folder, name, .. } = place;
    let fault = |error| Err(VaultError::io("replace", folder.path_of(name), error));
    match looked {
        None => match fresh(folder, temp, name) {
            Ok(()) => Ok(Swapped::Fresh),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Swapped::Raced),
            Err(error) => fault(error),
        },
        Some(looked) => match folder.rename(temp, folder, name, Rename::Exchange) {
            Ok(()) => Ok(Swapped::Exchanged),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Swapped::Raced),
            Err(error) if cant(&error) => {
                // As late as can be: what changes between this and the rename is lost here, and only here.
                if look(folder, name)? != Some(looked) {
                    return Ok(Swapped::Raced);
                }
                match folder.rename(temp, folder, name, Rename::Replace) {
                    Ok(()) => Ok(Swapped::Replaced),
                    Err(error) => fault(error),
                }
            }
            Err(error) => fault(error),
        },
    }
}

/// Gives a file a name that nothing has.
pub(crate) fn fresh(folder: &Folder, name: &str, new: &str) -> io::Result<()> {
    match folder.rename(name, folder, new, Rename::Fresh) {
        Err(error) if cant(&error) => match folder.link_fresh(name, new) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // Neither flags nor links: a look has to do.
            Err(_) if matches!(folder.stat(new), Ok(None)) => {
                folder.rename(name, folder, new, Rename::Replace)
            }
            done => done,
        },
        done => done,
    }
}

/// Whether the file system knows no such rename.
fn cant(error: &io::Error) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP].into_iter().any(|errno| is(error, errno))
}

/// What stands there now.
pub(crate) fn look(folder: &Folder, name: &str) -> Result<Option<Hash>> {
    let Some(file) = folder.file(name)? else { return Ok(None) };
    let read = hash_file(&file);
    read.map(|(hash, _)| Some(hash)).map_err(|e| VaultError::io("read", folder.path_of(name), e))
}

/// A sidecar that was put in its place.
struct Moved {
    temp: String,
    name: String,
    how: Swapped,
}

/// Sidecars that were put in their places, and can be put back.
#[derive(Default)]
pub(crate) struct Sidecars(Vec<Moved>);

impl Sidecars {
    pub fn put(&mut self, folder: &Folder, temp: &str, name: &str) -> Result<()> {
        let fault = |error| VaultError::io("write", folder.path_of(name), error);
        let how = match folder.rename(temp, folder, name, Rename::Exchange) {
            Ok(()) => Swapped::Exchanged,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                folder.rename(temp, folder, name, Rename::Replace).map_err(fault)?;
                Swapped::Fresh
            }
            Err(error) if cant(&error) => {
                folder.rename(temp, folder, name, Rename::Replace).map_err(fault)?;
                Swapped::Replaced
            }
            Err(error) => return Err(fault(error)),
        };
        self.0.push(Moved { temp: temp.to_owned(), name: name.to_owned(), how });
        Ok(())
    }

    /// Takes one away, to a passing name.
    pub fn take(&mut self, folder: &Folder, name: &str, temp: &str) -> Result<()> {
        let taken = folder.rename(name, folder, temp, Rename::Replace);
        taken.map_err(|error| VaultError::io("remove", folder.path_of(name), error))?;
        self.0.push(Moved { temp: name.to_owned(), name: temp.to_owned(), how: Swapped::Fresh });
        Ok(())
    }

    /// Puts them back as they were; whether all could be.
    pub fn undo(&self, folder: &Folder) -> bool {
        self.0.iter().rev().all(|Moved { temp, name, how }| match how {
            Swapped::Exchanged => folder.rename(temp, folder, name, Rename::Exchange).is_ok(),
            Swapped::Fresh => folder.rename(name, folder, temp, Rename::Replace).is_ok(),
            Swapped::Replaced | Swapped::Raced => false,
        })
    }
}
