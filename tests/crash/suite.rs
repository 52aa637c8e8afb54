//! Every workload on the crash file system and under failing system calls, with one line of figures each.

use std::fmt;
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::explore::{Explorer, Plan};
use crate::faults::{self, Faults};
use crate::judge::Tally;
use crate::program::{Program, wait};
use crate::work::Workload;

/// Where states are made: in memory, if the system has a place for it. Goes away with what is in it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.into() } else { std::env::temp_dir() };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = root.join(format!("mirror-crash-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether a file system of our own can be mounted here.
pub fn can_mount() -> bool {
    let scratch = Scratch::new();
    scratch.is_ok_and(|scratch| {
        crate::recorder::Mounted::new(Default::default(), &scratch.0.join("mount")).is_ok()
    })
}

/// A workload that is laid down and ready to be tried.
pub struct Case {
    pub program: Program,
    /// See [`Workload`].
    pub in_order: bool,
    pub before: &'static [&'static str],
    scratch: Scratch,
}

impl Case {
    /// `program` is `crash` itself, which runs the workload's parts.
    pub fn new(program: &Path, workload: &Workload) -> io::Result<Self> {
        let scratch = Scratch::new()?;
        let aside = scratch.0.join("aside");
        let (path, name) = (program.to_owned(), workload.name.to_owned());
        let program = Program { path, workload: name, aside: aside.clone() };
        let Workload { in_order, before, .. } = *workload;
        let case = Self { program, in_order, before, scratch };
        std::fs::create_dir_all(&aside)?;
        std::fs::create_dir_all(case.start())?;
        let mut prepare = case.program.command("prepare");
        let mut child = prepare.arg(case.start()).spawn()?;
        match wait(&mut child, std::time::Duration::from_secs(60)) {
            Some(status) if status.success() => Ok(case),
            ended => Err(Error::other(format!("{} can't be laid down: {ended:?}", workload.name))),
        }
    }

    /// Where everything of it is made.
    pub fn folder(&self) -> &Path {
        &self.scratch.0
    }

    /// The folder as the work finds it.
    pub fn start(&self) -> PathBuf {
        self.scratch.0.join("start")
    }

    /// Cuts power.
    pub fn cut(&self, plan: &Plan) -> io::Result<Tally> {
        Explorer::new(self, plan).run()
    }

    /// Makes system calls fail.
    pub fn fail(&self, sample: Option<(u64, usize)>) -> io::Result<Faults> {
        faults::run(self, sample)
    }
}

/// The figures of one workload.
#[derive(Default)]
pub struct Row {
    pub name: String,
    pub tally: Tally,
    pub faults: Faults,
}

impl Row {
    pub fn is_bad(&self) -> bool {
        self.tally.bad() > 0 || !self.faults.bad.is_empty()
    }

    /// Adds the figures of another one, without its words.
    pub fn add(&mut self, row: &Self) {
        let Tally { first: _, why: _, .. } = &row.tally;
        self.name = "all".to_owned();
        self.tally.acks += row.tally.acks;
        self.tally.cuts += row.tally.cuts;
        self.tally.states += row.tally.states;
        self.tally.nested += row.tally.nested;
        self.tally.failed_syncs += row.tally.failed_syncs;
        self.tally.lost += row.tally.lost;
        self.tally.invented += row.tally.invented;
        self.tally.corrupt += row.tally.corrupt;
        self.faults.injected += row.faults.injected;
        self.faults.survived += row.faults.survived;
        self.faults.bad.extend(row.faults.bad.iter().cloned());
    }

    pub const HEAD: &str = "workload     acks   cuts  states  nested  syncs  lost  invented  corrupt    faults  survived  bad";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { acks, cuts, states, nested, failed_syncs, lost, invented, corrupt, .. } =
            &self.tally;
        let Faults { injected, survived, bad } = &self.faults;
        write!(
            f,
            "{:<12} {acks:>4} {cuts:>6} {states:>7} {nested:>7} {failed_syncs:>6} {lost:>5} {invented:>9} {corrupt:>8}  {injected:>8}  {survived:>8} {:>4}",
            self.name,
            bad.len()
        )?;
        for first in &self.tally.first {
            write!(f, "\n    {first}")?;
        }
        for (why, count) in self.tally.why.iter().take(5) {
            write!(f, "\n    {count} x {why}")?;
        }
        for bad in bad.iter().take(5) {
            write!(f, "\n    {bad}")?;
        }
        Ok(())
    }
}
