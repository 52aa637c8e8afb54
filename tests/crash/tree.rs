//! File operations, and a tree of files that they change.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// An inode's number.
pub type Ino = u64;

/// The folder that a workload sees.
pub const DATA_ROOT: Ino = 2;

/// A change of a file's bytes.
#[derive(Clone, Debug)]
pub enum DataOp {
    Write { off: u64, data: Arc<Vec<u8>> },
    Truncate { size: u64 },
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum What {
    File,
    Dir,
    Symlink(OsString),
}

/// A change of names.
#[derive(Clone, Debug)]
pub enum NameOp {
    Link {
        dir: Ino,
        name: OsString,
        ino: Ino,
        what: What,
    },
    Unlink {
        dir: Ino,
        name: OsString,
    },
    /// `other` takes the old name's place: an exchange.
    Rename {
        from: (Ino, OsString),
        to: (Ino, OsString),
        ino: Ino,
        other: Option<Ino>,
    },
}

/// One entry of a recording, in the order in which the kernel sent it.
#[derive(Clone, Debug)]
pub enum Op {
    Data(Ino, DataOp),
    Name(NameOp),
    Fsync(Ino),
    /// An fsync that answered EIO: the kernel has marked the pages clean, so what was pending is gone for good.
    FsyncLost(Ino),
    FsyncDir(Ino),
    /// A line that the workload printed.
    Line(String),
}

/// A file tree. Contents are shared, so that a clone is cheap.
#[derive(Clone, Default)]
pub struct Tree {
    pub files: HashMap<Ino, Arc<Vec<u8>>>,
    pub dirs: BTreeMap<Ino, BTreeMap<OsString, Ino>>,
    pub symlinks: HashMap<Ino, OsString>,
}

impl Tree {
    pub fn data(&mut self, ino: Ino, op: &DataOp) {
        let file = Arc::make_mut(self.files.entry(ino).or_default());
        match op {
            DataOp::Write { off, data } => put(file, *off as usize, data),
            DataOp::Truncate { size } => file.resize(*size as usize, 0),
        }
    }

    pub fn name(&mut self, op: &NameOp) {
        match op {
            NameOp::Link { dir, name, ino, what } => {
                match what {
                    What::File => drop(self.files.entry(*ino).or_default()),
                    What::Dir => drop(self.dirs.entry(*ino).or_default()),
                    What::Symlink(to) => drop(self.symlinks.insert(*ino, to.clone())),
                }
                self.dirs.entry(*dir).or_default().insert(name.clone(), *ino);
            }
            NameOp::Unlink { dir, name } => {
                self.dirs.entry(*dir).or_default().remove(name);
            }
            NameOp::Rename { from: (dir, name), to, ino, other } => {
                let old = self.dirs.entry(*dir).or_default();
                match other {
                    Some(other) => drop(old.insert(name.clone(), *other)),
                    None if old.get(name) == Some(ino) => drop(old.remove(name)),
                    None => {}
                }
                self.dirs.entry(to.0).or_default().insert(to.1.clone(), *ino);
            }
        }
    }

    /// Reads a real folder; inodes are numbered from `next` on.
    pub fn import(from: &Path, next: &mut Ino) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.import_dir(DATA_ROOT, from, next)?;
        Ok(tree)
    }

    fn import_dir(&mut self, dir: Ino, from: &Path, next: &mut Ino) -> io::Result<()> {
        self.dirs.entry(dir).or_default();
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let (kind, ino) = (entry.file_type()?, *next);
            *next += 1;
            if kind.is_dir() {
                self.import_dir(ino, &entry.path(), next)?;
            } else if kind.is_symlink() {
                self.symlinks.insert(ino, std::fs::read_link(entry.path())?.into_os_string());
            } else {
                self.files.insert(ino, Arc::new(std::fs::read(entry.path())?));
            }
            self.dirs.entry(dir).or_default().insert(entry.file_name(), ino);
        }
        Ok(())
    }

    /// Writes the tree into a real folder.
    pub fn export(&self, to: &Path) -> io::Result<()> {
        self.export_dir(DATA_ROOT, to)
    }

    fn export_dir(&self, dir: Ino, to: &Path) -> io::Result<()> {
        std::fs::create_dir_all(to)?;
        for (name, ino) in self.dirs.get(&dir).into_iter().flatten() {
            let path = to.join(name);
            if self.dirs.contains_key(ino) {
                self.export_dir(*ino, &path)?;
            } else if let Some(target) = self.symlinks.get(ino) {
                std::os::unix::fs::symlink(target, &path)?;
            } else {
                std::fs::write(&path, self.bytes(*ino))?;
            }
        }
        Ok(())
    }

    pub fn bytes(&self, ino: Ino) -> &[u8] {
        self.files.get(&ino).map_or(&[], |file| file.as_slice())
    }

    /// Equal trees have equal digests, whatever their inodes are.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.digest_dir(DATA_ROOT, &mut hasher);
        hasher.finish()
    }

    fn digest_dir(&self, dir: Ino, hasher: &mut DefaultHasher) {
        for (name, ino) in self.dirs.get(&dir).into_iter().flatten() {
            name.hash(hasher);
            if self.dirs.contains_key(ino) {
                1_u8.hash(hasher);
                self.digest_dir(*ino, hasher);
                2_u8.hash(hasher);
            } else if let Some(target) = self.symlinks.get(ino) {
                3_u8.hash(hasher);
                target.hash(hasher);
            } else {
                4_u8.hash(hasher);
                self.bytes(*ino).hash(hasher);
            }
        }
    }
}

/// Writes bytes into a file's content at a place; a gap before them is zeros.
pub fn put(file: &mut Vec<u8>, off: usize, data: &[u8]) {
    let end = off + data.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[off..end].copy_from_slice(data);
}

/// Operations in words, for a report.
pub fn in_words(ops: &[Op]) -> String {
    let one = |op: &Op| match op {
        Op::Data(ino, DataOp::Write { off, data }) => format!("write#{ino}@{off}+{}", data.len()),
        Op::Data(ino, DataOp::Truncate { size }) => format!("truncate#{ino}={size}"),
        Op::Name(NameOp::Link { name, ino, .. }) => format!("create {}#{ino}", name.display()),
        Op::Name(NameOp::Unlink { name, .. }) => format!("unlink {}", name.display()),
        Op::Name(NameOp::Rename { from, to, .. }) => {
            format!("rename {} to {}", from.1.display(), to.1.display())
        }
        Op::Fsync(ino) => format!("fsync#{ino}"),
        Op::FsyncLost(ino) => format!("fsync#{ino}=EIO"),
        Op::FsyncDir(ino) => format!("fsync folder#{ino}"),
        Op::Line(line) => format!("'{line}'"),
    };
    ops.iter().map(one).collect::<Vec<_>>().join("; ")
}
