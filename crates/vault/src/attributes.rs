//! What a file has beside its bytes: it stays when the bytes are replaced.

use std::fs::File;
use std::io;

use rustix::fs::{Gid, Mode, Stat, Uid, XattrFlags};

/// More than that is not copied.
const LONGEST_BYTES: usize = 64 * 1024;

/// Gives a file the rights, the owner and the extended attributes (access lists, tags) of another.
pub(crate) fn copy(from: &File, stat: &Stat, to: &File) -> io::Result<()> {
    let new = rustix::fs::fstat(to)?;
    if (stat.st_uid, stat.st_gid) != (new.st_uid, new.st_gid) {
        // Only root may give files away; others may give them to their groups.
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        if rustix::fs::fchown(to, Some(uid), Some(gid)).is_err() {
            let _ = rustix::fs::fchown(to, None, Some(gid));
        }
    }
    rustix::fs::fchmod(to, mode_of(stat))?;
    copy_extended(from, to);
    Ok(())
}

/// The rights of a file, without those that make a program run as somebody else.
pub(crate) fn mode_of(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode & 0o777)
}

/// As far as the file system and the system let us: none of them is worth a refused write.
fn copy_extended(from: &File, to: &File) {
    let mut names = vec![0u8; LONGEST_BYTES];
    let Ok(length) = rustix::fs::flistxattr(from, names.as_mut_slice()) else { return };
    let names = names.get(..length).unwrap_or_default();
    let mut value = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        value.resize(LONGEST_BYTES, 0);
        let Ok(length) = rustix::fs::fgetxattr(from, name, value.as_mut_slice()) else { continue };
        value.truncate(length);
        let _ = rustix::fs::fsetxattr(to, name, &value, XattrFlags::empty());
    }
}
