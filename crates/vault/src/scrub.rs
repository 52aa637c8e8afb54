//! Reading everything again, to find what has changed or rotted.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::folder::Folder;
use crate::hash::Hash;
use crate::path::VaultPath;
use crate::place::Place;
use crate::sidecar;
use crate::vault::Vault;
use crate::versions;
use crate::walk::{Found, Stray};

/// What is recorded, for a scrub to compare with.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// What stands at each path, by the last event.
    pub files: Vec<(VaultPath, Hash)>,
    /// Every version that an event names.
    pub versions: Vec<Hash>,
}

/// How far a scrub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Files and versions read.
    pub done: u64,
    /// Files and versions there are.
    pub total: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// Something that is not as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A version is not there.
    VersionMissing {
        /// Its name.
        hash: Hash,
    },
    /// A version's bytes are others.
    VersionDamaged {
        /// Its name.
        hash: Hash,
        /// What it holds.
        found: Hash,
    },
    /// A version can't be read.
    VersionUnreadable {
        /// Its name.
        hash: Hash,
        /// What the system said.
        reason: String,
    },
    /// A file is not there: removed by another program.
    FileMissing {
        /// The file.
        path: VaultPath,
        /// What it was.
        expected: Hash,
    },
    /// A file is not what was recorded: edited by another program, or rotten. Never repaired by itself.
    FileChanged {
        /// The file.
        path: VaultPath,
        /// What it was.
        expected: Hash,
        /// What it is.
        found: Hash,
    },
    /// A file can't be read.
    FileUnreadable {
        /// The file.
        path: VaultPath,
        /// What the system said.
        reason: String,
    },
    /// A file's hash is not what stands beside it.
    SidecarWrong {
        /// The file.
        path: VaultPath,
        /// What the file is.
        found: Hash,
    },
    /// A file has its provenance beside it, and no hash.
    SidecarMissing {
        /// The file.
        path: VaultPath,
        /// What the file is.
        found: Hash,
    },
    /// A hash or a provenance stands beside no file.
    SidecarAlone {
        /// The file that is not there.
        path: VaultPath,
    },
    /// A file that a dead process of ours left behind.
    Left(Stray),
}

/// What a scrub found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrubbed {
    /// Files read.
    pub files: u64,
    /// Versions read, those that nothing names among them.
    pub versions: u64,
    /// Bytes read of both.
    pub bytes: u64,
    /// What is not as it is recorded, in order.
    pub findings: Vec<Finding>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

impl Vault {
    /// Reads every recorded file, every version and every sidecar, on all cores, and says what is not as recorded.
    ///
    /// Changes nothing. `progress` is told a few times a second, and stops the scrub by `Break`.
    pub fn scrub(
        &self,
        recorded: &Recorded,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Scrubbed> {
        let versions = self.versions()?;
        let there = versions::list(&versions)?;
        let missing = recorded.versions.iter().filter(|hash| there.binary_search(hash).is_err());
        let missing = missing.map(|hash| Finding::VersionMissing { hash: *hash });
        let mut findings: Vec<_> = missing.collect();
        self.walk(&mut |found| {
            if let Found::Stray(stray) = found {
                findings.push(Finding::Left(stray));
            }
            ControlFlow::Continue(())
        })?;
        let root = self.folder()?;
        let work = Work {
            root: &root,
            versions: &versions,
            files: &recorded.files,
            there: &there,
            next: AtomicUsize::new(0),
            read: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        };
        let done = work.run(&mut findings, progress)?;
        findings.sort();
        findings.dedup();
        let stopped = work.stop.load(Ordering::Relaxed);
        let total = work.total();
        let files = done.min(recorded.files.len());
        let bytes = work.read.load(Ordering::Relaxed);
        let versions = if stopped { done - files } else { total - recorded.files.len() };
        Ok(Scrubbed { files: files as u64, versions: versions as u64, bytes, findings, stopped })
    }
}

/// What the threads of a scrub share.
struct Work<'a> {
    root: &'a Folder,
    versions: &'a Folder,
    files: &'a [(VaultPath, Hash)],
    there: &'a [Hash],
    /// The next of files and versions, counted through.
    next: AtomicUsize,
    read: AtomicU64,
    stop: AtomicBool,
}

/// How often progress is told.
const TELL: Duration = Duration::from_millis(200);

impl Work<'_> {
    fn total(&self) -> usize {
        self.files.len() + self.there.len()
    }

    /// How many were done.
    fn run(
        &self,
        findings: &mut Vec<Finding>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<usize> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let (say, hear) = mpsc::channel();
            for _ in 0..cores {
                let say = say.clone();
                scope.spawn(move || self.work(&say));
            }
            drop(say);
            let (mut done, mut told) = (0, None::<Instant>);
            loop {
                let total = self.total();
                if done == total || told.is_none_or(|told| told.elapsed() >= TELL) {
                    told = Some(Instant::now());
                    let bytes = self.read.load(Ordering::Relaxed);
                    let now = Progress { done: done as u64, total: total as u64, bytes };
                    if progress(now).is_break() && done < total {
                        self.stop.store(true, Ordering::Relaxed);
                    }
                }
                match hear.recv_timeout(TELL) {
                    Ok(found) => {
                        done += 1;
                        // The threads end before their scope does.
                        let found = found.inspect_err(|_| self.stop.store(true, Ordering::Relaxed));
                        findings.extend(found?);
                    }
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Err(mpsc::RecvTimeoutError::Disconnected) => break,
                }
            }
            Ok(done)
        })
    }

    fn work(&self, say: &mpsc::Sender<Result<Vec<Finding>>>) {
        while !self.stop.load(Ordering::Relaxed) {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let found = match self.files.get(next) {
                Some((path, expected)) => self.check_file(path, *expected),
                None => match self.there.get(next - self.files.len()) {
                    Some(hash) => Ok(self.check_version(hash)),
                    None => return,
                },
            };
            // What was stopped in its middle is not done.
            if self.stop.load(Ordering::Relaxed) || say.send(found).is_err() {
                return;
            }
        }
    }

    fn hash(&self, file: &File) -> io::Result<Hash> {
        let mut counted = Counted { file, work: self };
        Hash::read(&mut counted).map(|(hash, _)| hash)
    }

    fn check_version(&self, hash: &Hash) -> Vec<Finding> {
        let hash = *hash;
        let unreadable = |reason: String| vec![Finding::VersionUnreadable { hash, reason }];
        match versions::open(self.versions, &hash) {
            Ok(Some(file)) => match self.hash(&file) {
                Ok(found) if found == hash => Vec::new(),
                Ok(found) => vec![Finding::VersionDamaged { hash, found }],
                Err(error) => unreadable(error.to_string()),
            },
            // Pruned meanwhile.
            Ok(None) => Vec::new(),
            Err(error) => unreadable(error.to_string()),
        }
    }

    fn check_file(&self, path: &VaultPath, expected: Hash) -> Result<Vec<Finding>> {
        let unreadable =
            |reason: String| Ok(vec![Finding::FileUnreadable { path: path.clone(), reason }]);
        let missing = || Finding::FileMissing { path: path.clone(), expected };
        let place = match Place::find(self.root.again()?, path) {
            Ok(Some(place)) => place,
            Ok(None) => return Ok(vec![missing()]),
            Err(error) => return unreadable(error.to_string()),
        };
        let Place { folder, name, .. } = &place;
        let beside = match sidecar::beside_of(folder, name) {
            Ok(beside) => beside,
            Err(error) => return unreadable(error.to_string()),
        };
        let said = beside.sum.as_ref().map(|text| sidecar::said(text, name));
        let provenance =
            beside.provenance.as_ref().is_some_and(|text| sidecar::is_provenance(text));
        let file = match folder.file(name) {
            Ok(Some(file)) => file,
            Ok(None) if matches!(said, Some(Some(_))) || provenance => {
                return Ok(vec![missing(), Finding::SidecarAlone { path: path.clone() }]);
            }
            Ok(None) => return Ok(vec![missing()]),
            Err(error) => return unreadable(error.to_string()),
        };
        let found = match self.hash(&file) {
            Ok(found) => found,
            Err(error) => return unreadable(error.to_string()),
        };
        let mut findings = Vec::new();
        if found != expected {
            findings.push(Finding::FileChanged { path: path.clone(), expected, found });
        }
        match said {
            Some(said) if said != Some(found) => {
                findings.push(Finding::SidecarWrong { path: path.clone(), found });
            }
            None if provenance => {
                findings.push(Finding::SidecarMissing { path: path.clone(), found });
            }
            _ => {}
        }
        Ok(findings)
    }
}

/// A file that is read until the scrub is stopped.
struct Counted<'a> {
    file: &'a File,
    work: &'a Work<'a>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.work.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        let read = self.file.read(buffer)?;
        self.work.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
