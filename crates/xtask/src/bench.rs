//! The figures of docs/FIGURES.md.

use crate::sh::{Result, cargo, step};

pub fn bench(flags: &[&str]) -> Result<()> {
    let mut mirror = cargo();
    mirror.args(["build", "--release", "--quiet", "-p", "mirror-cli"]);
    if !mirror.status().is_ok_and(|status| status.success()) {
        return Err("mirror can't be built".to_owned());
    }
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
