//! Runs the fuzz targets for a bounded time, and keeps what they learn: small, and in the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install;
use crate::sh::{Result, cargo, command, root, step, target};

const SECONDS: u64 = 60;
/// A decoder's limits lie far below; the session with its nodes takes some more.
const MEMORY_MB: u64 = 512;
/// Longest input, in bytes: a bundle of some runs.
const LONGEST: u64 = 16 * 1024;

/// Longest input that is kept in the repository: what it takes more is mostly a vector once more.
const LONGEST_KEPT: u64 = 2048;

/// `[--seconds N] [TARGET...]`
pub fn fuzz(args: &[&str]) -> Result<()> {
    let (seconds, names) = match args {
        ["--seconds", number, names @ ..] => {
            (number.parse().map_err(|_| format!("{number} is no number of seconds"))?, names)
        }
        names => (SECONDS, names),
    };
    let all = targets()?;
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|one| one == *name)) {
        return Err(format!("unknown target {unknown}; there are {}", all.join(", ")));
    }
    nightly()?;
    let tool = install::tool("cargo-fuzz", "^0.13")?;
    let seeds = target().join("fuzz/seeds");
    let _ = std::fs::remove_dir_all(&seeds);
    let mut sow = cargo();
    sow.args(["test", "--quiet", "--package", "mirror-tests", "--test", "fuzz_corpus"]);
    sow.args(["seeds", "--", "--ignored"]).env("MIRROR_SEEDS", &seeds);
    step("seeds from the vectors", &mut sow)?;
    for name in all.iter().filter(|name| names.is_empty() || names.contains(&name.as_str())) {
        one(&tool, name, &seeds.join(name), seconds)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

/// Fuzzes one target from the kept corpus and the seeds, then keeps the fewest inputs that reach as much.
fn one(tool: &Path, name: &str, seeds: &Path, seconds: u64) -> Result<()> {
    let kept = root().join("fuzz/corpus").join(name);
    let work = target().join("fuzz/work").join(name);
    let fewer = target().join("fuzz/fewer").join(name);
    let found = target().join("fuzz/found").join(name);
    let _ = std::fs::remove_dir_all(&fewer);
    for folder in [&kept, &work, &fewer, &found] {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let mut run = fuzzer(tool, name, &[&work, &kept, &seeds.to_owned()]);
    run.arg(format!("-max_total_time={seconds}")).arg(format!("-rss_limit_mb={MEMORY_MB}"));
    run.arg(format!("-max_len={LONGEST}")).arg("-timeout=20").arg("-print_final_stats=1");
    run.arg(format!("-artifact_prefix={}/", found.display()));
    step(&format!("fuzz {name} for {seconds} s"), &mut run)?;
    // By edges alone: what differs only in how often a loop ran is not worth a file. Nor is a seed: the vectors are replayed.
    copy(seeds, &fewer).map_err(|error| format!("{}: {error}", seeds.display()))?;
    let mut merge = fuzzer(tool, name, &[&fewer, &kept, &work]);
    merge.args(["-merge=1", "-use_counters=0"]).arg(format!("-max_len={LONGEST}"));
    step(&format!("keep the fewest inputs of {name}"), &mut merge)?;
    replace(&kept, &fewer).map_err(|error| format!("{}: {error}", kept.display()))
}

/// What once failed has a name of its own and stays for good.
fn replace(kept: &Path, fewer: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(kept)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with("found-") {
            std::fs::remove_file(entry.path())?;
        }
    }
    copy(fewer, kept)?;
    for entry in std::fs::read_dir(kept)? {
        let entry = entry?;
        let seed = entry.file_name().to_string_lossy().starts_with("seed-");
        if seed || entry.metadata()?.len() > LONGEST_KEPT {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The libraries under test have no unsafe code: the memory that is watched is how much, not where.
fn fuzzer(tool: &Path, name: &str, folders: &[&PathBuf]) -> Command {
    let mut run = command("rustup");
    run.args(["run", "nightly"]).arg(tool).args(["fuzz", "run", "--sanitizer", "none"]);
    run.arg("--target-dir").arg(target().join("fuzz/build")).arg(name).args(folders).arg("--");
    run.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    run
}

fn nightly() -> Result<()> {
    let works = command("rustup").args(["run", "nightly", "rustc", "--version"]).output();
    if works.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let mut install = command("rustup");
    install.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
    step("install a nightly toolchain: the fuzzer's instrumentation needs one", &mut install)
}
