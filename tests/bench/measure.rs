//! Measuring: each operation in a process of its own, ours and the bare one in turns, medians of all.

use std::process::Command;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// What a process measured of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sample {
    /// How long the operation took.
    pub ms: f64,
    /// The most memory that the process ever had, where the system tells.
    pub peak_mib: Option<f64>,
    /// More figures of the row.
    #[serde(default)]
    pub more: Vec<f64>,
}

impl Sample {
    /// Of this process, now.
    pub fn new(ms: f64, more: Vec<f64>) -> Self {
        Self { ms, peak_mib: peak_mib(), more }
    }
}

/// Runs an operation and takes its time.
pub fn time<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let result = run();
    (begun.elapsed().as_secs_f64() * 1000.0, result)
}

/// Runs an operation of [`crate::rows::child`] in a process of its own.
pub fn child(operation: &str, args: &[&dyn std::fmt::Display]) -> Sample {
    let this = std::env::current_exe().expect("this program");
    let mut command = Command::new(this);
    command.arg("child").arg(operation).args(args.iter().map(ToString::to_string));
    let output = command.output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    let failed = || format!("{operation}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", failed());
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}", failed()))
}

/// Ours and the bare one, in turns; the medians, and the highest peaks.
pub fn alternate(
    turns: usize,
    mut ours: impl FnMut() -> Sample,
    mut bare: impl FnMut() -> Sample,
) -> (Sample, Sample) {
    let (mut our, mut other) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        our.push(ours());
        other.push(bare());
    }
    (middle(our), middle(other))
}

/// The medians of some samples, and the highest peak.
pub fn middle(samples: Vec<Sample>) -> Sample {
    let peaks = samples.iter().filter_map(|sample| sample.peak_mib);
    let more = samples.first().map_or(0, |sample| sample.more.len());
    let of = |n: usize| median(samples.iter().map(|sample| sample.more[n]).collect());
    Sample {
        ms: median(samples.iter().map(|sample| sample.ms).collect()),
        peak_mib: peaks
            .fold(None, |most, peak| Some(most.map_or(peak, |most: f64| most.max(peak)))),
        more: (0..more).map(of).collect(),
    }
}

/// The one in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
