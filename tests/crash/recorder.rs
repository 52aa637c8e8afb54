//! The recording file system: a tree in memory, served over FUSE. Every change, sync and printed line goes into one log.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    AccessFlags, BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType,
    Filesystem, FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::tree::{DATA_ROOT, DataOp, Ino, NameOp, Op, Tree, What};

/// The file that a workload's standard output goes to: its lines have an exact place among the operations.
pub const STDOUT: &str = ".stdout";
/// The folder that a workload works in.
pub const DATA: &str = "data";

const ROOT: Ino = 1;
const STDOUT_INO: Ino = 3;
const TTL: Duration = Duration::from_secs(60);

/// A kind of operation that can be made to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Write,
    Fsync,
    Rename,
    Create,
}

/// Fails the n-th operation of a kind, from 1.
#[derive(Clone, Copy, Debug)]
pub struct Inject {
    pub kind: Kind,
    pub nth: u64,
    pub errno: i32,
}

/// What is recorded.
#[derive(Default)]
pub struct Log {
    pub live: Tree,
    pub ops: Vec<Op>,
    pub next: Ino,
    pub inject: Option<Inject>,
    /// Operations of each kind so far.
    pub counts: [u64; 4],
    pub injected: bool,
    line: Vec<u8>,
    /// Permissions and times: a running program may ask for them, a cut does not change them.
    meta: HashMap<Ino, (u16, SystemTime)>,
}

impl Log {
    pub fn new(live: Tree, next: Ino, inject: Option<Inject>) -> Self {
        Self { live, next, inject, ..Self::default() }
    }

    fn data(&mut self, ino: Ino, op: DataOp) {
        self.live.data(ino, &op);
        self.meta.entry(ino).or_insert((0o644, UNIX_EPOCH)).1 = SystemTime::now();
        self.ops.push(Op::Data(ino, op));
    }

    fn name(&mut self, op: NameOp) {
        self.live.name(&op);
        self.ops.push(Op::Name(op));
    }

    /// Counts an operation; the error that it is to answer with.
    fn fault(&mut self, kind: Kind) -> Option<Errno> {
        let count = &mut self.counts[kind as usize];
        *count += 1;
        let inject = self.inject.filter(|inject| inject.kind == kind && inject.nth == *count)?;
        self.injected = true;
        Some(Errno::from_i32(inject.errno))
    }

    fn child(&self, dir: Ino, name: &OsStr) -> Option<Ino> {
        if dir == ROOT {
            return match name.to_str() {
                Some(DATA) => Some(DATA_ROOT),
                Some(STDOUT) => Some(STDOUT_INO),
                _ => None,
            };
        }
        self.live.dirs.get(&dir)?.get(name).copied()
    }

    fn attr(&self, ino: Ino) -> FileAttr {
        let (kind, size) = if ino == ROOT || self.live.dirs.contains_key(&ino) {
            (FileType::Directory, 0)
        } else if let Some(target) = self.live.symlinks.get(&ino) {
            (FileType::Symlink, target.len() as u64)
        } else {
            (FileType::RegularFile, self.live.bytes(ino).len() as u64)
        };
        let default = if kind == FileType::Directory { 0o755 } else { 0o644 };
        let (perm, at) = self.meta.get(&ino).copied().unwrap_or((default, UNIX_EPOCH));
        FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: size.div_ceil(512),
            atime: at,
            mtime: at,
            ctime: at,
            crtime: at,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            flags: 0,
            blksize: 4096,
        }
    }

    fn make(&mut self, dir: Ino, name: &OsStr, what: What, mode: u32) -> FileAttr {
        let ino = self.next;
        self.next += 1;
        self.meta.insert(ino, ((mode & 0o7777) as u16, SystemTime::now()));
        self.name(NameOp::Link { dir, name: name.into(), ino, what });
        self.attr(ino)
    }

    fn printed(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            self.ops.push(Op::Line(String::from_utf8_lossy(&line[..end]).into_owned()));
        }
    }
}

/// The file system.
pub struct Recorder(pub Arc<Mutex<Log>>);

impl Recorder {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filesystem for Recorder {
    fn lookup(&self, _: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let log = self.log();
        match log.child(dir.0, name) {
            Some(ino) => reply.entry(&TTL, &log.attr(ino), Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.log().attr(ino.0));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut log = self.log();
        if let Some(size) = size.filter(|_| ino.0 != STDOUT_INO) {
            log.data(ino.0, DataOp::Truncate { size });
        }
        if let Some(mode) = mode {
            let at = log.attr(ino.0).mtime;
            log.meta.insert(ino.0, ((mode & 0o7777) as u16, at));
        }
        reply.attr(&TTL, &log.attr(ino.0));
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.log().live.symlinks.get(&ino.0) {
            Some(target) => reply.data(target.as_encoded_bytes()),
            None => reply.error(Errno::EINVAL),
        }
    }

    fn mkdir(&self, _: &Request, dir: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        let attr = self.log().make(dir.0, name, What::Dir, mode);
        reply.entry(&TTL, &attr, Generation(0));
    }

    fn symlink(&self, _: &Request, dir: INodeNo, name: &OsStr, to: &Path, reply: ReplyEntry) {
        let attr = self.log().make(dir.0, name, What::Symlink(to.into()), 0o777);
        reply.entry(&TTL, &attr, Generation(0));
    }

    fn unlink(&self, _: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.log().name(NameOp::Unlink { dir: dir.0, name: name.into() });
        reply.ok();
    }

    fn rmdir(&self, _: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let mut log = self.log();
        match log.child(dir.0, name).and_then(|ino| log.live.dirs.get(&ino)) {
            None => reply.error(Errno::ENOENT),
            Some(entries) if !entries.is_empty() => reply.error(Errno::ENOTEMPTY),
            Some(_) => {
                log.name(NameOp::Unlink { dir: dir.0, name: name.into() });
                reply.ok();
            }
        }
    }

    fn rename(
        &self,
        _: &Request,
        dir: INodeNo,
        name: &OsStr,
        new_dir: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut log = self.log();
        let Some(ino) = log.child(dir.0, name) else { return reply.error(Errno::ENOENT) };
        let old = log.child(new_dir.0, new_name);
        if flags.contains(RenameFlags::RENAME_NOREPLACE) && old.is_some() {
            return reply.error(Errno::EEXIST);
        }
        if flags.contains(RenameFlags::RENAME_EXCHANGE) && old.is_none() {
            return reply.error(Errno::ENOENT);
        }
        if let Some(errno) = log.fault(Kind::Rename) {
            return reply.error(errno);
        }
        if old != Some(ino) {
            let (from, to) = ((dir.0, name.into()), (new_dir.0, new_name.into()));
            let other = old.filter(|_| flags.contains(RenameFlags::RENAME_EXCHANGE));
            log.name(NameOp::Rename { from, to, ino, other });
        }
        reply.ok();
    }

    fn link(&self, _: &Request, ino: INodeNo, dir: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut log = self.log();
        log.name(NameOp::Link { dir: dir.0, name: name.into(), ino: ino.0, what: What::File });
        reply.entry(&TTL, &log.attr(ino.0), Generation(0));
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let direct = ino.0 == STDOUT_INO;
        let flags = if direct { FopenFlags::FOPEN_DIRECT_IO } else { FopenFlags::FOPEN_KEEP_CACHE };
        reply.opened(FileHandle(0), flags);
    }

    fn create(
        &self,
        _: &Request,
        dir: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut log = self.log();
        if let Some(errno) = log.fault(Kind::Create) {
            return reply.error(errno);
        }
        let attr = log.make(dir.0, name, What::File, mode);
        let flags = FopenFlags::FOPEN_KEEP_CACHE;
        reply.created(&TTL, &attr, Generation(0), FileHandle(0), flags);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        off: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let log = self.log();
        let bytes = log.live.bytes(ino.0);
        let from = (off as usize).min(bytes.len());
        reply.data(&bytes[from..(from + size as usize).min(bytes.len())]);
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        off: u64,
        data: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut log = self.log();
        if ino.0 == STDOUT_INO {
            log.printed(data);
            return reply.written(data.len() as u32);
        }
        if let Some(errno) = log.fault(Kind::Write) {
            return reply.error(errno);
        }
        log.data(ino.0, DataOp::Write { off, data: Arc::new(data.to_vec()) });
        if flags.0 & (libc::O_SYNC | libc::O_DSYNC) != 0 {
            log.ops.push(Op::Fsync(ino.0));
        }
        reply.written(data.len() as u32);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let mut log = self.log();
        if let Some(errno) = log.fault(Kind::Fsync) {
            log.ops.push(Op::FsyncLost(ino.0));
            return reply.error(errno);
        }
        log.ops.push(Op::Fsync(ino.0));
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let mut log = self.log();
        if let Some(errno) = log.fault(Kind::Fsync) {
            return reply.error(errno);
        }
        log.ops.push(Op::FsyncDir(ino.0));
        reply.ok();
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        off: u64,
        mut reply: ReplyDirectory,
    ) {
        let log = self.log();
        let mut all: Vec<(Ino, OsString)> = vec![(ino.0, ".".into()), (ROOT, "..".into())];
        if ino.0 == ROOT {
            all.push((DATA_ROOT, DATA.into()));
        }
        let entries = log.live.dirs.get(&ino.0).into_iter().flatten();
        all.extend(entries.map(|(name, ino)| (*ino, name.clone())));
        for (k, (ino, name)) in all.into_iter().enumerate().skip(off as usize) {
            if reply.add(INodeNo(ino), k as u64 + 1, log.attr(ino).kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(1 << 24, 1 << 23, 1 << 23, 1 << 20, 1 << 19, 4096, 255, 4096);
    }

    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        off: u64,
        len: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        let mut log = self.log();
        if off + len > log.attr(ino.0).size {
            log.data(ino.0, DataOp::Truncate { size: off + len });
        }
        reply.ok();
    }
}

/// A mount that goes away, lazily if need be, when it is dropped.
pub struct Mounted {
    pub at: PathBuf,
    session: Option<BackgroundSession>,
}

impl Mounted {
    pub fn new(log: Arc<Mutex<Log>>, at: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(at)?;
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("mirror-crash".into()), MountOption::NoAtime];
        let session = fuser::spawn_mount(Recorder(log), at, &config)?;
        Ok(Self { at: at.into(), session: Some(session) })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let ended = self.session.take().map(BackgroundSession::umount_and_join);
        if ended.is_some_and(|ended| ended.is_err()) {
            let _ = std::process::Command::new("umount").arg("-l").arg(&self.at).status();
        }
        let _ = std::fs::remove_dir(&self.at);
    }
}
