//! The command line.

use std::io::{BufRead, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use std::time::Instant;

use crash::disk::Personality;
use crash::explore::Plan;
use crash::suite::{self, Case, Row};
use crash::work::{self, Checked, Place, Workload};
use crash::{faults, judge::Tally};

const HELP: &str = "crash [--full] [--only WORKLOAD] [--seed N] [--save DIR]

  --full   every state and every system call, with both kinds of file system (else a sample)
  --save   keep the first bad state there
";

pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [part @ ("prepare" | "work" | "check" | "recover"), name, aside, dir @ ..] => {
            let Some(workload) = work::find(name) else { return ExitCode::from(2) };
            let place = |dir: &str| Place { dir: PathBuf::from(dir), aside: PathBuf::from(aside) };
            match (*part, dir) {
                ("prepare", [dir]) => ended((workload.prepare)(&place(dir))),
                ("work", [dir]) => ended((workload.work)(&place(dir))),
                ("recover", [dir]) => {
                    let _ = say(&(workload.check)(&place(dir)));
                    ExitCode::SUCCESS
                }
                _ => serve(&workload, place),
            }
        }
        args => match Wanted::read(args).map(|wanted| wanted.run()) {
            Some(Ok(true)) => ExitCode::SUCCESS,
            Some(Ok(false)) => ExitCode::FAILURE,
            Some(Err(error)) => {
                eprintln!("crash: {error}");
                ExitCode::FAILURE
            }
            None => {
                eprint!("{HELP}");
                ExitCode::from(2)
            }
        },
    }
}

/// What the command line asks for.
struct Wanted {
    full: bool,
    only: Option<String>,
    seed: u64,
    save: Option<PathBuf>,
}

impl Wanted {
    fn read(args: &[&str]) -> Option<Self> {
        let mut wanted = Self { full: false, only: None, seed: 1, save: None };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--full" => wanted.full = true,
                "--only" => wanted.only = Some((*args.next()?).to_owned()),
                "--seed" => wanted.seed = args.next()?.parse().ok()?,
                "--save" => wanted.save = Some(PathBuf::from(args.next()?)),
                _ => return None,
            }
        }
        Some(wanted)
    }

    /// Whether every promise was kept.
    fn run(&self) -> std::io::Result<bool> {
        let (mounts, traces) = (suite::can_mount(), faults::can_run());
        if !mounts {
            println!("POWER CUTS ARE NOT TRIED: that needs root and /dev/fuse");
        }
        if !traces {
            println!("SYSTEM CALLS DO NOT FAIL: that needs strace");
        }
        let program = std::env::current_exe()?;
        let workloads = match &self.only {
            Some(name) => work::find(name).into_iter().collect(),
            None => work::all(),
        };
        if workloads.is_empty() || !mounts && !traces {
            return Err(std::io::Error::other("nothing can be tried"));
        }
        let (begun, mut kept, mut total) = (Instant::now(), true, Row::default());
        println!("{}", Row::HEAD);
        for workload in workloads {
            let mut row = Row { name: workload.name.to_owned(), ..Row::default() };
            if mounts {
                row.tally = self.cut(&program, &workload)?;
                kept &= row.tally.acks > 0;
            }
            if traces && workload.faults {
                let sample = (!self.full).then_some((self.seed, 40));
                row.faults = Case::new(&program, &workload)?.fail(sample)?;
            }
            kept &= !row.is_bad();
            println!("{row}");
            total.add(&row);
        }
        println!("{total}");
        println!("seed {}, {:.0} s", self.seed, begun.elapsed().as_secs_f32());
        Ok(kept)
    }

    fn cut(&self, program: &Path, workload: &Workload) -> std::io::Result<Tally> {
        let mut total = Tally::default();
        for personality in [Personality::Posix, Personality::Journal] {
            let plan = Plan {
                personality,
                seed: self.seed,
                random: 4,
                states: (!self.full).then_some(150),
                states_each: 60,
                nested: if self.full { 10 } else { 1 },
                failed_syncs: if self.full { u64::MAX } else { 3 },
                save: self.save.clone(),
            };
            total.add_all(Case::new(program, workload)?.cut(&plan)?);
        }
        Ok(total)
    }
}

fn ended(result: mirror_node::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The place that it goes to may be what fails.
            let told = format!("error[{:?}]: {}\n  {}\n", error.code, error.detail, error.hint);
            let _ = std::io::stderr().write_all(told.as_bytes());
            ExitCode::from(crash::CLEAR_ERROR as u8)
        }
    }
}

/// Checks one folder after another, as standard input names them.
fn serve(workload: &Workload, place: impl Fn(&str) -> Place) -> ExitCode {
    for dir in stdin().lock().lines().map_while(Result::ok) {
        let place = place(&dir);
        let checked = std::panic::catch_unwind(|| (workload.check)(&place));
        let checked = checked.unwrap_or_else(|_| Err("it panicked".to_owned()));
        if say(&checked).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn say(checked: &Checked) -> std::io::Result<()> {
    let mut lines = String::new();
    match checked {
        Ok(found) => {
            found.iter().for_each(|id| lines.push_str(&format!("have {id}\n")));
            lines.push_str("checked\n");
        }
        Err(why) => lines.push_str(&format!("wrong {}\n", why.replace('\n', " "))),
    }
    stdout().write_all(lines.as_bytes())
}
