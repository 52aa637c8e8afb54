//! Making bytes and names durable, several at once.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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

    /// Syncs all of them at once, each by a thread: a file system commits, and a disk flushes, once for those that wait
    /// together. The first failure is the answer; what failed is never tried again.
    pub fn run(self) -> Result<()> {
        let Some(((fd, path), others)) = self.0.split_first() else { return Ok(()) };
        let (tell, done) = mpsc::channel();
        for (index, (fd, _)) in others.iter().enumerate() {
            let job = fd.try_clone_to_owned().map(|fd| Job { fd, index, tell: tell.clone() });
            // No thread to be had, or no descriptor: one after the other is right, too.
            if !job.is_ok_and(|job| threads().is_some_and(|threads| threads.send(job).is_ok())) {
                let _ = tell.send((index, sync(*fd)));
            }
        }
        drop(tell);
        let mut results: Vec<Option<io::Result<()>>> = others.iter().map(|_| None).collect();
        let first = sync(*fd);
        for (index, result) in done {
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(result);
            }
        }
        let died = || Err(io::Error::other("the thread that synced it died"));
        let results = results.into_iter().map(|result| result.unwrap_or_else(died));
        let paths = others.iter().map(|(_, path)| path);
        std::iter::once((first, path)).chain(results.zip(paths)).try_for_each(|(result, path)| {
            result.map_err(|source| VaultError::NotDurable { path: path.clone(), source })
        })
    }
}

/// A sync that a standing thread does.
struct Job {
    fd: OwnedFd,
    index: usize,
    tell: Sender<(usize, io::Result<()>)>,
}

/// They stand, because to start a thread takes as long as a fast disk's sync.
const THREADS: usize = 8;

fn threads() -> Option<&'static Sender<Job>> {
    static JOBS: OnceLock<Option<Sender<Job>>> = OnceLock::new();
    let start = || {
        let (jobs, taken) = mpsc::channel::<Job>();
        let taken = Arc::new(Mutex::new(taken));
        let work = |taken: Arc<Mutex<Receiver<Job>>>| {
            move || loop {
                let job = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(Job { fd, index, tell }) = job else { return };
                // Whoever asked waits for it.
                let _ = tell.send((index, sync(fd.as_fd())));
            }
        };
        let spawn = |_: &usize| {
            let named = thread::Builder::new().name("sync".to_owned());
            named.spawn(work(taken.clone())).is_ok()
        };
        let started = (0..THREADS).filter(spawn).count();
        (started > 0).then_some(jobs)
    };
    JOBS.get_or_init(start).as_ref()
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
