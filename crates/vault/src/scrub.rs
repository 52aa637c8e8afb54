//! Reading everything again, to find what has changed or rotted.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::error::{Result, VaultError};
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
    /// Reads every recorded file, every version and every sidecar, on all cores, and says what is not as recorded. The bytes
    /// come from the disk, where the system can, though it may have better ones in memory.
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

/// Threads for each core: while some wait for the disk the others hash.
const THREADS_PER_CORE: usize = 2;
/// What a thread reads at once.
const READ_BYTES: usize = 512 * 1024;
/// What a read past the system's memory is a multiple of, and begins at.
const BLOCK_BYTES: usize = 4096;

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
        let threads = THREADS_PER_CORE * thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let (say, hear) = mpsc::channel();
            for _ in 0..threads {
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
        let buffer = &mut Blocks::new();
        while !self.stop.load(Ordering::Relaxed) {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let found = match self.files.get(next) {
                Some((path, expected)) => self.check_file(path, *expected, buffer),
                None => match self.there.get(next - self.files.len()) {
                    Some(hash) => Ok(self.check_version(hash, buffer)),
                    None => return,
                },
            };
            // What was stopped in its middle is not done.
            if self.stop.load(Ordering::Relaxed) || say.send(found).is_err() {
                return;
            }
        }
    }

    /// The hash of what lies on the disk; `None` when there is no such file.
    fn hash(&self, folder: &Folder, name: &str, buffer: &mut Blocks) -> Result<Option<Hash>> {
        let Some(file) = folder.file_on_disk(name)? else { return Ok(None) };
        let found = match self.hash_by(&file, buffer) {
            // A file system can take the wish for one, and refuse the reads.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                let Some(file) = folder.file(name)? else { return Ok(None) };
                self.hash_by(&file, buffer)
            }
            found => found,
        };
        found.map(Some).map_err(|error| VaultError::io("read", folder.path_of(name), error))
    }

    fn hash_by(&self, mut file: &File, buffer: &mut Blocks) -> io::Result<Hash> {
        let (mut hasher, mut bytes) = (Sha256::new(), 0usize);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other("stopped"));
            }
            let buffer = buffer.bytes();
            let read = match file.read(buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Behind an end inside a block no read past the system's memory can begin.
                Err(error)
                    if error.kind() == io::ErrorKind::InvalidInput
                        && !bytes.is_multiple_of(BLOCK_BYTES) =>
                {
                    0
                }
                Err(error) => return Err(error),
            };
            if read == 0 {
                return Ok(Hash(hasher.finalize().into()));
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            bytes += read;
            self.read.fetch_add(read as u64, Ordering::Relaxed);
        }
    }

    fn check_version(&self, hash: &Hash, buffer: &mut Blocks) -> Vec<Finding> {
        let hash = *hash;
        let (folder, name) = versions::name_of(&hash);
        let found = match self.versions.folder(&folder) {
            Ok(Some(folder)) => self.hash(&folder, &name, buffer),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(found)) if found != hash => vec![Finding::VersionDamaged { hash, found }],
            // `None`: pruned meanwhile.
            Ok(_) => Vec::new(),
            Err(error) => vec![Finding::VersionUnreadable { hash, reason: error.to_string() }],
        }
    }

    fn check_file(
        &self,
        path: &VaultPath,
        expected: Hash,
        buffer: &mut Blocks,
    ) -> Result<Vec<Finding>> {
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
        let found = match self.hash(folder, name, buffer) {
            Ok(Some(found)) => found,
            Ok(None) if matches!(said, Some(Some(_))) || provenance => {
                return Ok(vec![missing(), Finding::SidecarAlone { path: path.clone() }]);
            }
            Ok(None) => return Ok(vec![missing()]),
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

/// A buffer for reads past the system's memory.
struct Blocks(Vec<u8>);

impl Blocks {
    fn new() -> Self {
        Self(vec![0; READ_BYTES + BLOCK_BYTES])
    }

    fn bytes(&mut self) -> &mut [u8] {
        let begin = self.0.as_ptr().align_offset(BLOCK_BYTES);
        self.0.get_mut(begin..).and_then(|bytes| bytes.get_mut(..READ_BYTES)).unwrap_or_default()
    }
}
