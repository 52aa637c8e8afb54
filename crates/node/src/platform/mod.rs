//! What differs between operating systems.

pub mod secrets;

/// Whether a process of this machine still runs.
pub fn process_lives(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    match rustix::process::test_kill_process(pid) {
        Ok(()) => true,
        // It runs, as somebody else.
        Err(error) => error == rustix::io::Errno::PERM,
    }
}

/// What tells a file from every copy of it: the machine, and when the file was made there, which copying programs don't
/// carry over (Linux) or what the file system numbers it (elsewhere). A move within a file system changes neither.
pub fn place_of(file: &std::path::Path) -> Option<String> {
    let meta = std::fs::metadata(file).ok()?;
    #[cfg(target_os = "linux")]
    {
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let made = meta.created().ok();
        let made = made.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let place = format!("{} {}", machine.trim(), made.map_or(0, |made| made.as_nanos()));
        Some(place).filter(|place| place != " 0")
    }
    #[cfg(not(target_os = "linux"))]
    {
        Some(std::os::unix::fs::MetadataExt::ino(&meta).to_string())
    }
}

/// Bytes that are free for us where a folder lies.
pub fn free_bytes(folder: &std::path::Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
