//! Makes single system calls of a workload fail, by strace: each has to end in success or in a clear error, with nothing lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Error};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::CLEAR_ERROR;
use crate::disk::Dice;
use crate::judge::{Promised, Verdict};
use crate::program::{Checker, wait};
use crate::suite::Case;
use crate::tree::Tree;

/// No run takes so long, also when each of its calls is looked at.
const RUN_WITHIN: Duration = Duration::from_secs(60);

/// The calls that change a disk, and that read one.
const CHANGE: [&str; 17] = [
    "openat",
    "write",
    "pwrite64",
    "writev",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "link",
    "linkat",
    "copy_file_range",
];
const READ: [&str; 3] = ["read", "pread64", "statx"];

/// One call that is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub call: &'static str,
    pub error: &'static str,
    /// Of all calls of its kind in one thread, from 1.
    pub nth: usize,
    /// And every one after it: a disk that is full stays full.
    pub on: bool,
}

/// What came of the faults of one workload.
#[derive(Debug, Default)]
pub struct Faults {
    /// Calls of the workload on its files that were made to fail.
    pub injected: usize,
    /// Of them, those after which it went on and did its work.
    pub survived: usize,
    /// What went wrong.
    pub bad: Vec<String>,
}

/// Whether strace is here and may trace.
pub fn can_run() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|output| output.status.success())
}

/// Tries the faults of a workload: all, or so many, chosen by the seed.
pub fn run(case: &Case, sample: Option<(u64, usize)>) -> io::Result<Faults> {
    let start = Tree::import(&case.start(), &mut 10)?;
    let first = Run { case, start: &start, folder: case.folder().join("faults") };
    let mut faults = first.count()?;
    if let Some((seed, count)) = sample {
        let mut dice = Dice(seed);
        faults.sort_by_cached_key(|_| dice.roll());
        faults.truncate(count);
    }
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Faults::default()));
    let work = |worker: usize| {
        let folder = case.folder().join(format!("faults{worker}"));
        let run = Run { case, start: &start, folder };
        let mut checker = Checker::new(case.program.clone());
        while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ended = run.fault(*fault, &mut checker);
            let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match ended {
                Ok(None) => {}
                Ok(Some(survived)) => {
                    total.injected += 1;
                    total.survived += usize::from(survived);
                }
                Err(why) => {
                    total.injected += 1;
                    total.bad.push(format!("{fault:?}: {why}"));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for worker in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let work = &work;
            scope.spawn(move || work(worker));
        }
    });
    Ok(total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

struct Run<'a> {
    case: &'a Case,
    start: &'a Tree,
    folder: PathBuf,
}

impl Run<'_> {
    fn dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Runs the workload on a fresh copy; answers its exit code, which is `None` when it hung or was killed.
    fn work(&self, strace: &[String]) -> io::Result<Option<i32>> {
        let _ = fs::remove_dir_all(&self.folder);
        self.start.export(&self.dir())?;
        self.again(strace)
    }

    fn again(&self, strace: &[String]) -> io::Result<Option<i32>> {
        let mut command = if strace.is_empty() {
            self.case.program.command("work")
        } else {
            let mut tracer = Command::new("strace");
            tracer.args(["-f", "-y", "--seccomp-bpf", "-o"]).arg(self.folder.join("trace"));
            tracer.args(strace).arg(&self.case.program.path);
            self.case.program.command_under(tracer, "work")
        };
        command.arg(self.dir()).current_dir("/");
        command.stdout(File::create(self.folder.join("stdout"))?);
        command.stderr(File::create(self.folder.join("stderr"))?);
        let mut child = command.spawn()?;
        Ok(wait(&mut child, RUN_WITHIN).and_then(|status| status.code()))
    }

    fn text(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether a line of a trace is about the workload's files.
    fn is_ours(&self, line: &str) -> bool {
        line.contains(&self.dir().display().to_string())
            || line.contains(&self.case.program.aside.display().to_string())
    }

    /// Every fault that would hit a call on the workload's files.
    fn count(&self) -> io::Result<Vec<Fault>> {
        let calls: Vec<&str> = CHANGE.iter().chain(&READ).copied().collect();
        let code = self.work(&["-e".into(), format!("trace={}", calls.join(","))])?;
        if code != Some(0) {
            let why = format!("the workload ended with {code:?}: {}", self.text("stderr"));
            return Err(Error::other(why));
        }
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut hits: BTreeSet<(&'static str, usize)> = BTreeSet::new();
        let trace = self.text("trace");
        for line in trace.lines() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
            let Some(call) = CHANGE.iter().chain(&READ).find(|call| **call == name) else {
                continue;
            };
            let count = counts.entry((thread, *call)).or_default();
            *count += 1;
            if self.is_ours(line) {
                hits.insert((call, *count));
            }
        }
        let mut faults = Vec::new();
        for (call, nth) in hits {
            faults.push(Fault { call, error: "EIO", nth, on: false });
            if CHANGE.contains(&call) {
                // A full disk refuses also what is said about it, if that goes to a file.
                faults.push(Fault { call, error: "ENOSPC", nth, on: call != "write" });
            }
        }
        Ok(faults)
    }

    /// One run with a fault; whether the work was done all the same. `Ok(None)`: nothing of ours was hit.
    fn fault(&self, fault: Fault, checker: &mut Checker) -> Result<Option<bool>, String> {
        let Fault { call, error, nth, on } = fault;
        let when = if on { format!("{nth}+") } else { nth.to_string() };
        let strace = [
            "-e",
            &format!("trace={call}"),
            "-e",
            &format!("inject={call}:error={error}:when={when}"),
        ];
        let code = self.work(&strace.map(String::from)).map_err(|error| error.to_string())?;
        let trace = self.text("trace");
        if !trace.lines().any(|line| line.ends_with("(INJECTED)") && self.is_ours(line)) {
            return Ok(None);
        }
        let said = self.text("stderr");
        match code {
            Some(0) => {}
            Some(CLEAR_ERROR) if is_clear(&said) => {}
            Some(CLEAR_ERROR) => return Err(format!("an error without a way out: {said:?}")),
            None => return Err(format!("it hung or was killed: {said:?}")),
            Some(code) => return Err(format!("it ended with {code}: {said:?}")),
        }
        let mut promised = Promised::of(self.case.before);
        self.text("stdout").lines().for_each(|line| promised.line(line));
        let verdict = Verdict::of(&checker.check(&self.dir()), &promised, self.case.in_order);
        if verdict.is_bad() {
            return Err(format!("{verdict} (it had ended with {said:?})"));
        }
        let again = self.again(&[]).map_err(|error| error.to_string())?;
        let said_again = self.text("stderr");
        // What was done already can't be done again, and says so.
        let codes = ["error[Invalid]", "error[Conflict]"];
        let done = codes.iter().any(|code| said_again.starts_with(code));
        if again == Some(0) || again == Some(CLEAR_ERROR) && done {
            return Ok(Some(code == Some(0)));
        }
        Err(format!("a second attempt ended with {again:?}: {said_again:?}"))
    }
}

/// An error of ours: a code, what happened, and a way out in the next line.
fn is_clear(said: &str) -> bool {
    let mut lines = said.lines().skip_while(|line| !line.starts_with("error["));
    let detail = lines.next().and_then(|line| line.split_once("]: "));
    let hint = lines.next().map(str::trim);
    detail.is_some_and(|(_, detail)| !detail.is_empty())
        && hint.is_some_and(|hint| !hint.is_empty())
}
