//! Many seeds, on all processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::coverage::Coverage;
use crate::{Failure, run};

/// What a range of seeds came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Seeds that ran.
    pub seeds: u64,
    /// Their steps.
    pub steps: u64,
    /// Their virtual hours.
    pub hours: f64,
    /// The largest mesh.
    pub homes: usize,
    /// Events that were said.
    pub events: u64,
    /// What happened.
    pub coverage: Coverage,
    /// Seeds that failed, with the step and the reason; sorted.
    pub failures: Vec<(u64, Failure)>,
}

/// Runs `count` seeds from `from` on. Stops early once some have failed.
pub fn seeds(from: u64, count: u64, tell: impl Fn(u64) + Sync) -> Summary {
    let next = AtomicU64::new(0);
    let summary = Mutex::new(Summary::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count || !take(&summary, from + n, run(from + n, false)) {
                        break;
                    }
                    tell(n + 1);
                }
            });
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    summary.failures.sort_by_key(|(seed, _)| *seed);
    summary
}

/// Adds a seed's outcome; `false` when enough have failed.
fn take(summary: &Mutex<Summary>, seed: u64, outcome: Result<crate::Outcome, Failure>) -> bool {
    let mut summary = summary.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    summary.seeds += 1;
    match outcome {
        Ok(outcome) => {
            summary.steps += outcome.steps;
            summary.hours += outcome.ms as f64 / 3_600_000.0;
            summary.homes = summary.homes.max(outcome.homes);
            summary.events += outcome.events as u64;
            summary.coverage.add(&outcome.coverage);
        }
        Err(failure) => summary.failures.push((seed, failure)),
    }
    summary.failures.len() < 10
}
