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
