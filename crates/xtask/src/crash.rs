//! Power cuts and failing system calls.

use crate::install;
use crate::sh::{Result, cargo, step};

pub fn crash(flags: &[&str]) -> Result<()> {
    install::crash();
    let mut build = cargo();
    step("build", build.args(["build", "--quiet", "-p", "mirror-cli", "-p", "mirror-crash"]))?;
    let mut crash = cargo();
    crash.args(["run", "--quiet", "-p", "mirror-crash", "--bin", "crash", "--"]);
    step("power cuts and failing system calls", crash.args(flags))
}
