//! Where tests kill the process or let the system fail, one call after the other. In a build without tests: nothing.

#[cfg(not(test))]
use std::io;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Read,
    Write,
    Change,
    Sync,
}

#[cfg(not(test))]
pub(crate) fn step(_: Step) -> io::Result<()> {
    Ok(())
}

#[cfg(not(test))]
pub(crate) fn plain_only() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use planned::{plain_only, step};

#[cfg(test)]
mod planned {
    use std::io;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, kill_process};

    use super::Step;

    static DONE: AtomicUsize = AtomicUsize::new(0);

    /// `VAULT_FAULT=KIND:N`: `kill`, or an error to give, at the N-th call of those that it can come from.
    fn plan() -> Option<&'static (String, usize)> {
        static PLAN: OnceLock<Option<(String, usize)>> = OnceLock::new();
        let read = || {
            let plan = std::env::var("VAULT_FAULT").ok()?;
            let (kind, at) = plan.split_once(':')?;
            Some((kind.to_owned(), at.parse().ok()?))
        };
        PLAN.get_or_init(read).as_ref()
    }

    pub fn step(step: Step) -> io::Result<()> {
        let Some((kind, at)) = plan() else { return Ok(()) };
        let concerns = match kind.as_str() {
            "full" | "readonly" | "reach-full" | "reach-readonly" => {
                matches!(step, Step::Write | Step::Change)
            }
            "sync" | "reach-sync" => step == Step::Sync,
            _ => true,
        };
        if !concerns || DONE.fetch_add(1, Ordering::SeqCst) + 1 != *at {
            return Ok(());
        }
        match kind.as_str() {
            "kill" => {
                kill_process(getpid(), Signal::KILL).expect("a process can end itself");
                loop {
                    std::thread::park();
                }
            }
            kind if kind.starts_with("reach-") => {
                // Beside what the test harness captures.
                let _ = io::Write::write_all(&mut io::stdout(), b"reached\n");
                Ok(())
            }
            "full" => Err(Errno::NOSPC.into()),
            "readonly" => Err(Errno::ROFS.into()),
            _ => Err(Errno::IO.into()),
        }
    }

    /// `VAULT_PLAIN`: a file system that can neither exchange nor refuse to replace.
    pub fn plain_only() -> io::Result<()> {
        match std::env::var_os("VAULT_PLAIN") {
            Some(_) => Err(Errno::INVAL.into()),
            None => Ok(()),
        }
    }
}
