//! Running programs, and saying what runs and for how long.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

pub type Result<T> = std::result::Result<T, String>;

/// The repository's root.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}

/// Where builds go.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program started at the root.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// A program whose devices keep their keys in files: those of tests and samples stay out of the person's keychain.
pub fn apart(program: impl AsRef<OsStr>) -> Command {
    let mut command = command(program);
    command.env("MIRROR_KEYS", "file");
    command
}

pub fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // `cargo run` sets it for us; a build script (ring's) looks at it, and all that rests on ring would be built anew
    // whenever a person's own cargo and ours take turns.
    cargo.env_remove("CARGO_MANIFEST_DIR");
    cargo
}

/// Runs a step, showing its output.
pub fn step(what: &str, command: &mut Command) -> Result<()> {
    println!("── {what}");
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).status();
    finish(what, begun, status.map(|status| status.success()), command)
}

/// Runs a step and reads its output, which is shown too once it has ended.
pub fn captured(what: &str, command: &mut Command) -> Result<(bool, String)> {
    println!("── {what}");
    let begun = Instant::now();
    let log = target().join("xtask-output.txt");
    std::fs::create_dir_all(target()).map_err(|error| error.to_string())?;
    // A file, not a pipe: a process that outlives the step would hold a pipe open for ever.
    let out = std::fs::File::create(&log).map_err(|error| error.to_string())?;
    let err = out.try_clone().map_err(|error| error.to_string())?;
    let status = command.stdin(Stdio::null()).stdout(out).stderr(err).status();
    let text = std::fs::read(&log).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&text).into_owned();
    print!("{text}");
    let passed = finish(what, begun, status.map(|status| status.success()), command).is_ok();
    Ok((passed, text))
}

fn finish(
    what: &str,
    begun: Instant,
    success: std::io::Result<bool>,
    command: &Command,
) -> Result<()> {
    let seconds = begun.elapsed().as_secs_f32();
    match success {
        Ok(true) => {
            println!("── {what}: done in {seconds:.1} s");
            Ok(())
        }
        Ok(false) => {
            println!("── {what}: FAILED after {seconds:.1} s");
            Err(format!("{what} failed"))
        }
        Err(error) => {
            Err(format!("{what}: can't start {}: {error}", command.get_program().display()))
        }
    }
}

/// Whether a program answers.
pub fn works(program: &str, arg: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(arg).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
