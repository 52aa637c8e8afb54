//! What differs between operating systems: how a person or a supervisor asks a program to stop, and how a secret is asked
//! for.

use std::io;

/// Waits for Ctrl-C or the supervisor's request to end.
pub struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    /// From now on the program is asked, not ended.
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (interrupt, terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate })
    }

    /// Returns when asked to stop; each request once.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    /// From now on the program is asked, not ended.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Returns when asked to stop; each request once.
    pub async fn asked(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Asks a person at the terminal for a line that is not shown.
#[cfg(unix)]
pub fn ask_secret(prompt: &str) -> io::Result<String> {
    use io::{BufRead, Write};

    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

    let mut terminal = std::fs::File::options().read(true).write(true).open("/dev/tty")?;
    let shown = tcgetattr(&terminal)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    terminal.write_all(prompt.as_bytes())?;
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let read = io::BufReader::new(&terminal).read_line(&mut line);
    // The terminal is put back whatever came of it.
    tcsetattr(&terminal, OptionalActions::Flush, &shown)?;
    read?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(not(unix))]
pub fn ask_secret(_prompt: &str) -> io::Result<String> {
    Err(io::ErrorKind::Unsupported.into())
}
