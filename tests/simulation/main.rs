//! `cargo xtask sim`: runs seeds, or replays one.

use std::process::ExitCode;
use std::time::Instant;

use simulation::range::{self, Summary};

const HELP: &str = "simulate [--seeds N] [--from S]   runs N seeds (2000) from S (0) on
simulate --seed S                 replays one seed and says what it does
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut args = args.iter().map(String::as_str);
    let (mut seeds, mut from, mut one) = (2000, 0, None);
    while let Some(flag) = args.next() {
        let value = args.next().and_then(|value| value.parse::<u64>().ok());
        match (flag, value) {
            ("--seeds", Some(value)) => seeds = value,
            ("--from", Some(value)) => from = value,
            ("--seed", Some(value)) => one = Some(value),
            _ => {
                eprint!("{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    match one {
        Some(seed) => replay(seed),
        None => many(from, seeds),
    }
}

fn replay(seed: u64) -> ExitCode {
    match simulation::run(seed, true) {
        Ok(outcome) => {
            let hours = outcome.ms as f64 / 3_600_000.0;
            println!(
                "seed {seed}: {} steps, {hours:.1} simulated hours, {} devices, {} events: clean",
                outcome.steps, outcome.homes, outcome.events
            );
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("seed {seed} failed at step {}: {}", failure.step, failure.what);
            ExitCode::FAILURE
        }
    }
}

fn many(from: u64, seeds: u64) -> ExitCode {
    let begun = Instant::now();
    let summary = range::seeds(from, seeds, |done| {
        if done % 1000 == 0 {
            eprintln!("{done} of {seeds} seeds, {:.0} s", begun.elapsed().as_secs_f32());
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let Summary { seeds, steps, hours, homes, events, coverage, failures } = summary;
    println!("{coverage}");
    println!(
        "{seeds} seeds from {from} in {seconds:.1} s ({:.0} a second): {steps} steps, \
         {hours:.0} simulated hours, up to {homes} devices, {events} events",
        seeds as f64 / seconds
    );
    for (seed, failure) in &failures {
        println!("seed {seed} failed at step {}: {}", failure.step, failure.what);
        println!("    cargo xtask sim --seed {seed}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
