//! Making bytes and names durable, several at once.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::thread;

use crate::error::{Result, VaultError};
use crate::fault::{Step, step};

/// What has to be on disk before the next step.
#[derive(Default)]
pub(crate) struct Syncs<'a>(Vec<(BorrowedFd<'a>, PathBuf)>);

impl<'a> Syncs<'a> {
    pub fn add(&mut self, fd: &'a impl AsFd, path: impl Into<PathBuf>) {
        self.0.push((fd.as_fd(), path.into()));
    }

    /// Syncs all of them, each by a thread of its own: a file system commits, and a disk flushes, once for those that wait
    /// together. The first failure is the answer; what failed is never tried again.
    pub fn run(self) -> Result<()> {
        let Some(((fd, path), others)) = self.0.split_first() else { return Ok(()) };
        thread::scope(|scope| {
            let mut started = Vec::with_capacity(others.len());
            let mut done = Vec::with_capacity(others.len());
            for (fd, path) in others {
                match thread::Builder::new().spawn_scoped(scope, || sync(*fd)) {
                    Ok(thread) => started.push((thread, path)),
                    // No thread to be had: one after the other is right, too.
                    Err(_) => done.push((sync(*fd), path)),
                }
            }
            done.push((sync(*fd), path));
            let died = || Err(io::Error::other("the thread that synced it died"));
            done.extend(
                started.into_iter().map(|(t, path)| (t.join().unwrap_or_else(|_| died()), path)),
            );
            done.into_iter().try_for_each(|(result, path)| {
                result.map_err(|source| VaultError::NotDurable { path: path.clone(), source })
            })
        })
    }
}

/// Through the disk's own cache, where the system leaves that out.
fn sync(fd: BorrowedFd<'_>) -> io::Result<()> {
    step(Step::Sync)?;
    #[cfg(target_vendor = "apple")]
    {
        use rustix::io::Errno;
        match rustix::fs::fcntl_fullfsync(fd) {
            // Network and foreign file systems know only the other.
            Err(Errno::NOTSUP | Errno::NOTTY | Errno::INVAL) => {}
            done => return Ok(done?),
        }
    }
    Ok(rustix::fs::fsync(fd)?)
}
