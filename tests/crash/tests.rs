//! What runs in every test run: the proof of the harness itself, and a seeded sample of every workload. All of it:
//! `cargo xtask crash --full`.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::path::Path;

use crash::disk::Personality;
use crash::explore::Plan;
use crash::faults;
use crash::judge::Tally;
use crash::suite::{Case, can_mount};
use crash::work::{self, Workload, writers};

const SEED: u64 = 1;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crash"))
}

/// Past the test runner, which keeps to itself what a passing test prints.
fn say_loudly(what: &str) {
    let _ = writeln!(std::io::stderr(), "\n── NOT RUN HERE: {what}\n");
}

fn mounts() -> bool {
    let mounts = can_mount();
    if !mounts {
        say_loudly("power cuts, which need root and /dev/fuse");
    }
    mounts
}

fn cut(workload: &Workload, personality: Personality, states: usize) -> Tally {
    let plan = Plan {
        personality,
        seed: SEED,
        random: 4,
        states: Some(states),
        states_each: 12,
        nested: 1,
        failed_syncs: 2,
        save: None,
    };
    Case::new(program(), workload).and_then(|case| case.cut(&plan)).unwrap()
}

#[test]
fn the_careless_are_caught_and_the_careful_pass() {
    const CAREFUL: [&str; 3] = ["writer-atomic", "writer-log", "sqlite-wal-full"];
    if !mounts() {
        return;
    }
    for writer in writers::all() {
        for personality in [Personality::Posix, Personality::Journal] {
            let tally = cut(&writer, personality, 150);
            assert!(tally.acks > 0 && tally.states > 10, "{}: {tally:?}", writer.name);
            let careful = CAREFUL.contains(&writer.name);
            assert_eq!(tally.passes(), careful, "{} on {personality:?}: {tally:?}", writer.name);
        }
    }
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    if !mounts() {
        return;
    }
    for workload in work::all() {
        for personality in [Personality::Posix, Personality::Journal] {
            let tally = cut(&workload, personality, 24);
            assert!(tally.states > 15, "{}: {tally:?}", workload.name);
            assert!(tally.passes(), "{} on {personality:?}: {tally:?}", workload.name);
        }
    }
}

#[test]
fn a_system_call_that_fails_ends_in_a_clear_error_and_loses_nothing() {
    if !faults::can_run() {
        return say_loudly("failing system calls, which need strace");
    }
    for workload in work::all().iter().filter(|workload| workload.faults) {
        let case = Case::new(program(), workload).unwrap();
        let faults = case.fail(Some((SEED, 10))).unwrap();
        assert!(faults.injected > 5, "{}: {faults:?}", workload.name);
        assert!(faults.bad.is_empty(), "{}: {faults:#?}", workload.name);
    }
}
