//! The figures of docs/FIGURES.md.

use crate::sh::{Result, cargo, step};

pub fn bench(flags: &[&str]) -> Result<()> {
    let mut bench = cargo();
    bench.args(["run", "--release", "--quiet", "-p", "mirror-tests", "--bin", "bench", "--"]);
    let quiet = flags.contains(&"--json");
    bench.args(flags);
    if quiet {
        let status = bench.status().map_err(|error| error.to_string())?;
        return if status.success() { Ok(()) } else { Err("the benchmark failed".to_owned()) };
    }
    step("benchmarks (each beside the bare operation, in one run)", &mut bench)
}
