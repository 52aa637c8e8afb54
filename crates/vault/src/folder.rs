//! An open folder, and what is done in it by name. The only file that calls the system; no call follows a link.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::error::{Result, VaultError};
use crate::fault::{Step, step};
use crate::hash::copy_hashed;
use crate::vault::Stamp;

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    /// For messages only: what is done is done through the descriptor.
    path: PathBuf,
}

/// How a rename treats what stands at the new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rename {
    Replace,
    /// Fails with `AlreadyExists`.
    Fresh,
    Exchange,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// The root: here a link is followed, it is the user's own choice.
    pub fn root(path: &Path) -> Result<Self> {
        match rustix::fs::openat(CWD, path, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path: path.to_owned() }),
            Err(Errno::NOENT) => Err(VaultError::NoFolder { path: path.to_owned() }),
            Err(Errno::NOTDIR) => Err(VaultError::NotAFolder { path: path.to_owned() }),
            Err(errno) => Err(VaultError::io("read", path, errno.into())),
        }
    }

    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn fault(&self, action: &'static str, name: &str, errno: impl Into<io::Error>) -> VaultError {
        VaultError::io(action, self.path_of(name), errno.into())
    }

    /// A folder in this one; `None` when there is none.
    pub fn folder(&self, name: &str) -> Result<Option<Self>> {
        step(Step::Read).map_err(|error| self.fault("read", name, error))?;
        match rustix::fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: self.path_of(name) })),
            Err(Errno::NOENT) => Ok(None),
            // Which of the two a link gives differs between systems.
            Err(Errno::NOTDIR | Errno::LOOP) => Err(self.not_a_folder(name)),
            Err(errno) => Err(self.fault("read", name, errno)),
        }
    }

    fn not_a_folder(&self, name: &str) -> VaultError {
        let path = self.path_of(name);
        match self.stat(name) {
            Ok(Some(stat)) if kind(&stat) == FileType::Symlink => VaultError::Link { path },
            _ => VaultError::NotAFolder { path },
        }
    }

    /// Makes a folder; whether it was not there. Its name is durable after `sync`.
    pub fn make(&self, name: &str, mode: u32) -> Result<bool> {
        step(Step::Change).map_err(|error| self.fault("make", name, error))?;
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode as _)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(self.fault("make", name, errno)),
        }
    }

    /// Makes a folder if needed, and opens it.
    pub fn made(&self, name: &str, mode: u32) -> Result<(Self, bool)> {
        let new = self.make(name, mode)?;
        let gone = || VaultError::NoFolder { path: self.path_of(name) };
        match self.folder(name).and_then(|folder| folder.ok_or_else(gone)) {
            Ok(folder) => Ok((folder, new)),
            Err(error) => {
                if new {
                    self.remove_empty(name);
                }
                Err(error)
            }
        }
    }

    /// What stands there; a link itself, not what it leads to.
    pub fn stat(&self, name: &str) -> Result<Option<Stat>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.fault("read", name, errno)),
        }
    }

    /// Opens a file to read; `None` when there is none.
    pub fn file(&self, name: &str) -> Result<Option<File>> {
        self.opened(name, OFlags::empty())
    }

    /// Opens a file to read what lies on the disk, past what the system has of it in memory, where the system can: then a
    /// read has to be of whole `BLOCK_BYTES`, at such an address.
    pub fn file_on_disk(&self, name: &str) -> Result<Option<File>> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Ok(file) = self.opened(name, OFlags::DIRECT) {
            return Ok(file);
        }
        let file = self.file(name)?;
        #[cfg(target_vendor = "apple")]
        if let Some(file) = &file {
            let _ = rustix::fs::fcntl_nocache(file, true);
        }
        Ok(file)
    }

    fn opened(&self, name: &str, how: OFlags) -> Result<Option<File>> {
        step(Step::Read).map_err(|error| self.fault("read", name, error))?;
        // Without NONBLOCK a named pipe would hold us for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | how;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NXIO) => return Err(VaultError::NotAFile { path: self.path_of(name) }),
            Err(errno) => return Err(self.fault("read", name, errno)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|errno| self.fault("read", name, errno))?;
        if kind(&stat) != FileType::RegularFile {
            return Err(VaultError::NotAFile { path: self.path_of(name) });
        }
        Ok(Some(file))
    }

    /// Makes a file that was not there.
    pub fn create(&self, name: &str, mode: u32) -> Result<File> {
        step(Step::Change).map_err(|error| self.fault("write", name, error))?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(mode as _);
        let fd = rustix::fs::openat(&self.fd, name, flags | OFlags::CLOEXEC, mode);
        fd.map(File::from).map_err(|errno| self.fault("write", name, errno))
    }

    /// Opens a file to lock it, and makes it if needed.
    pub fn lock_file(&self, name: &str) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600));
        fd.map(File::from).map_err(|errno| self.fault("write", name, errno))
    }

    /// Gives a file another name, there or here.
    pub fn rename(&self, name: &str, to: &Self, new: &str, how: Rename) -> io::Result<()> {
        step(Step::Change)?;
        let flags = match how {
            Rename::Replace => return Ok(rustix::fs::renameat(&self.fd, name, &to.fd, new)?),
            Rename::Fresh => RenameFlags::NOREPLACE,
            Rename::Exchange => RenameFlags::EXCHANGE,
        };
        crate::fault::plain_only()?;
        Ok(rustix::fs::renameat_with(&self.fd, name, &to.fd, new, flags)?)
    }

    /// `Rename::Fresh` where the file system knows none: a second name, which fails when it is taken.
    pub fn link_fresh(&self, name: &str, new: &str) -> io::Result<()> {
        step(Step::Change)?;
        rustix::fs::linkat(&self.fd, name, &self.fd, new, AtFlags::empty())?;
        // When it stays it is one name too many of a passing file, which is removed again later.
        let _ = rustix::fs::unlinkat(&self.fd, name, AtFlags::empty());
        Ok(())
    }

    /// Removes a name; whether there was one.
    pub fn unlink(&self, name: &str) -> Result<bool> {
        step(Step::Change).map_err(|error| self.fault("remove", name, error))?;
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.fault("remove", name, errno)),
        }
    }

    /// Removes a folder when it is empty.
    pub fn remove_empty(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR);
    }

    /// The names in it, as they are read.
    pub fn names(&self) -> Result<impl Iterator<Item = Result<(OsString, FileType)>> + '_> {
        step(Step::Read).map_err(|error| self.fault("read", "", error))?;
        let dir = Dir::read_from(&self.fd).map_err(|errno| self.fault("read", "", errno))?;
        let entries = dir.map(|entry| {
            let entry = entry.map_err(|errno| self.fault("read", "", errno))?;
            let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            Ok((name, entry.file_type()))
        });
        Ok(entries
            .filter(|entry| !entry.as_ref().is_ok_and(|(name, _)| name == "." || name == "..")))
    }

    /// A copy of a file under a new name: its blocks are shared where the file system can.
    pub fn copy_of(&self, mut from: &File, name: &str, mode: u32) -> Result<File> {
        if let Some(clone) = self.clone_of(from, name, mode)? {
            return Ok(clone);
        }
        let to = self.create(name, mode)?;
        if !share_blocks(from, &to) {
            let copied = from.rewind().and_then(|()| copy_hashed(&mut from, &mut Writing(&to)));
            copied.map_err(|error| self.fault("write", name, error))?;
        }
        Ok(to)
    }

    #[cfg(target_vendor = "apple")]
    fn clone_of(&self, from: &File, name: &str, mode: u32) -> Result<Option<File>> {
        use rustix::fs::CloneFlags;

        // An empty file first, for the rights that a new one gets here.
        let mode = rustix::fs::fstat(&self.create(name, mode)?).map(|stat| stat.st_mode & 0o777);
        self.unlink(name)?;
        let flags = CloneFlags::NOFOLLOW | CloneFlags::NOOWNERCOPY;
        if rustix::fs::fclonefileat(from, &self.fd, name, flags).is_err() {
            return Ok(None);
        }
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty());
        let file = File::from(fd.map_err(|errno| self.fault("write", name, errno))?);
        let moded = mode.and_then(|mode| rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)));
        moded.map_err(|errno| self.fault("write", name, errno))?;
        Ok(Some(file))
    }

    #[cfg(not(target_vendor = "apple"))]
    fn clone_of(&self, _: &File, _: &str, _: u32) -> Result<Option<File>> {
        Ok(None)
    }

    /// The folder again, for another owner.
    pub fn again(&self) -> Result<Self> {
        let fd = self.fd.try_clone().map_err(|error| self.fault("read", "", error))?;
        Ok(Self { fd, path: self.path.clone() })
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn share_blocks(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn share_blocks(_: &File, _: &File) -> bool {
    false
}

/// A file being written.
pub(crate) struct Writing<'a>(pub &'a File);

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        step(Step::Write)?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// What tells a changed file from an unchanged one.
pub(crate) fn stamp(stat: &Stat) -> Stamp {
    // The types of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    let mtime_ns = i128::from(stat.st_mtime as i64) * 1_000_000_000 + stat.st_mtime_nsec as i128;
    Stamp { bytes: u64::try_from(stat.st_size).unwrap_or_default(), mtime_ns, inode: stat.st_ino }
}
