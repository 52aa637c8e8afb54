//! Running this program's own parts: a workload prepares, works and is checked in processes apart from the driver.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::judge::Found;

/// No state takes so long to check.
const CHECK_WITHIN: Duration = Duration::from_secs(60);

/// How a workload's part is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The `crash` program.
    pub path: PathBuf,
    /// The workload's name.
    pub workload: String,
    /// A folder outside the crash file system, for what a workload is given.
    pub aside: PathBuf,
}

impl Program {
    /// `crash PART WORKLOAD ASIDE`, in a process group of its own.
    pub fn command(&self, part: &str) -> Command {
        self.command_under(Command::new(&self.path), part)
    }

    /// The same as arguments of another program.
    pub fn command_under(&self, mut command: Command, part: &str) -> Command {
        command.arg(part).arg(&self.workload).arg(&self.aside);
        command.env("MIRROR_KEYS", "file").env("RUST_BACKTRACE", "0").env("TZ", "UTC");
        command.stdin(Stdio::null()).process_group(0);
        command
    }
}

/// Waits at most so long, then ends the child's own process group. `None`: it had to be ended.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        let pause = if begun.elapsed().as_millis() < 50 { 300 } else { 3000 };
        std::thread::sleep(Duration::from_micros(pause));
    }
    end(child);
    None
}

fn end(child: &mut Child) {
    if let Some(group) = Pid::from_raw(child.id() as i32) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

/// A process that checks one folder after another. A state in which it dies or hangs is a bad one, and the next is
/// checked by a new process.
pub struct Checker {
    program: Program,
    running: Option<(Child, ChildStdin, Receiver<String>)>,
}

impl Checker {
    pub fn new(program: Program) -> Self {
        Self { program, running: None }
    }

    pub fn check(&mut self, folder: &Path) -> Found {
        let mut found = Found::default();
        if let Err(error) = self.ask(folder, &mut found) {
            found.wrong = Some(error);
            if let Some((mut child, ..)) = self.running.take() {
                end(&mut child);
            }
        }
        found
    }

    fn ask(&mut self, folder: &Path, found: &mut Found) -> Result<(), String> {
        let (_, asking, answers) = match &mut self.running {
            Some(running) => running,
            None => self.running.insert(start(&self.program)?),
        };
        let asked = writeln!(asking, "{}", folder.display()).and_then(|()| asking.flush());
        asked.map_err(|error| format!("the check takes no questions: {error}"))?;
        loop {
            let line = answers
                .recv_timeout(CHECK_WITHIN)
                .map_err(|error| format!("the check died or hung: {error}"))?;
            match line.split_once(' ') {
                Some(("have", id)) => drop(found.have.insert(id.to_owned())),
                Some(("wrong", why)) => {
                    found.wrong = Some(why.to_owned());
                    return Ok(());
                }
                _ if line == "checked" => return Ok(()),
                _ => {}
            }
        }
    }
}

fn start(program: &Program) -> Result<(Child, ChildStdin, Receiver<String>), String> {
    let mut command = program.command("check");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("no check: {error}"))?;
    let (asking, answering) = (child.stdin.take(), child.stdout.take());
    let (Some(asking), Some(answering)) = (asking, answering) else {
        return Err("no check: it has no pipes".into());
    };
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(answering).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    Ok((child, asking, told))
}

impl Drop for Checker {
    fn drop(&mut self) {
        if let Some((mut child, asking, _)) = self.running.take() {
            drop(asking);
            let _ = wait(&mut child, Duration::from_secs(5));
        }
    }
}
