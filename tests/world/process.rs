//! One run of `mirror`: started, fed, listened to, killed; never waited for without a bound.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on the slowest machine; only a hang gets there.
const LIMIT: Duration = Duration::from_secs(300);

/// The binary under test.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("MIRROR_BIN") {
        return named.into();
    }
    beside("mirror")
}

/// The app under test.
pub fn app() -> PathBuf {
    beside("mirror-app")
}

/// A binary that cargo built along with this test.
fn beside(name: &str) -> PathBuf {
    // target/debug/deps/TEST-HASH: two floors up is where cargo puts binaries.
    let test = std::env::current_exe().expect("the test knows its own path");
    let folder = test.ancestors().nth(2).expect("cargo's target folder");
    let binary = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build --workspace` first",
        binary.display()
    );
    binary
}

/// What a run that ended left behind.
#[derive(Debug)]
pub struct Ran {
    /// The command line, for messages.
    pub command: String,
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The same, having ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self:#?}");
        self
    }

    /// Its one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        let documents = self.lines();
        assert_eq!(documents.len(), 1, "one document was promised: {self:#?}");
        documents.into_iter().next().expect("counted")
    }

    /// Its JSON documents, a line each.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{error} in {line:?} of {self:#?}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The error on stdout (the last line), which stderr tells in words.
    #[track_caller]
    pub fn error(&self) -> Value {
        let error =
            self.lines().pop().unwrap_or_else(|| panic!("no error: {self:#?}"))["error"].take();
        let said =
            |part: &str| error[part].as_str().unwrap_or_else(|| panic!("no {part}: {self:#?}"));
        let (code, detail, hint) = (said("code"), said("detail"), said("hint"));
        let head = format!("error[{code}]: {detail}");
        assert!(self.stderr.contains(&head), "stderr does not say {head:?}: {self:#?}");
        assert!(self.stderr.contains(&format!("hint: {hint}")), "stderr lacks the hint: {self:#?}");
        assert!(!detail.is_empty() && !hint.is_empty(), "an error says what to do: {self:#?}");
        error
    }
}

/// A run that goes on. Dropping it kills it.
pub struct Running {
    command: String,
    child: Child,
    started: Instant,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts it; stdout is read line by line, stderr whole.
    pub fn start(mut command: Command, words: String) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {words}: {error}"));
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut stderr = child.stderr.take().expect("piped");
        let (send, lines) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            // A line without its end was never said: the process was killed over it.
            while stdout.read_line(&mut line).is_ok() && line.ends_with('\n') {
                line.pop();
                if send.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        let stderr = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self { command: words, child, started: Instant::now(), lines, stderr: Some(stderr) }
    }

    /// Writes this to its standard input, which stays open.
    pub fn write(&mut self, input: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("stdin is open");
        stdin.write_all(input).and_then(|()| stdin.flush()).expect("the process reads its stdin");
    }

    /// Writes all of this and closes; the process may die before it has read it.
    pub fn feed(&mut self, input: Vec<u8>) {
        let mut stdin = self.child.stdin.take().expect("stdin is open");
        thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
    }

    /// The next line of standard output; `None` when it is closed.
    pub fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{} is silent", self.command),
        }
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Ends it as a power cut would: no handler runs. Gives what it had printed whole before.
    pub fn kill(mut self) -> Vec<String> {
        let _ = self.child.kill();
        self.child.wait().expect("a killed child ends");
        std::iter::from_fn(|| self.next_line()).collect()
    }

    /// Asks it to end, as a supervisor does.
    #[cfg(unix)]
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Asks it to stop, as Ctrl-C does; not before it minds.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        while !self.minds_interrupts() && self.started.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(1));
        }
        self.signal("-INT");
    }

    /// Whether it catches SIGINT, as far as the system tells: before, that would kill it.
    #[cfg(unix)]
    fn minds_interrupts(&self) -> bool {
        let status = format!("/proc/{}/status", self.child.id());
        let Ok(status) = std::fs::read_to_string(status) else { return true };
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_none_or(|mask| mask & (1 << 1) != 0)
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill exists");
        assert!(sent.success(), "{signal} reaches {}", self.command);
    }

    /// Closes its input and waits for its end.
    pub fn finish(mut self) -> Ran {
        drop(self.child.stdin.take());
        let lines: Vec<String> = std::iter::from_fn(|| self.next_line()).collect();
        let status = self.wait();
        let stderr = self.stderr.take().expect("not taken yet").join().expect("stderr is read");
        let stdout = lines.iter().map(|line| format!("{line}\n")).collect();
        Ran { command: std::mem::take(&mut self.command), code: status.code(), stdout, stderr }
    }

    fn wait(&mut self) -> ExitStatus {
        loop {
            match self.child.try_wait().expect("a child can be asked") {
                Some(status) => return status,
                None if self.started.elapsed() > LIMIT => {
                    let _ = self.child.kill();
                    panic!("{} did not end", self.command);
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
