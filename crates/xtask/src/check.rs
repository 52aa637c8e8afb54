//! Format, lints, licences, types, tidiness.

use crate::android;
use crate::cross;
use crate::install;
use crate::kotlin;
use crate::sh::{Result, cargo, command, root, step};
use crate::tidy;

pub fn check() -> Result<()> {
    install::app()?;
    install::ui_built()?;
    step("cargo fmt", cargo().args(["fmt", "--all", "--check"]))?;
    let mut clippy = cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    step("cargo clippy", &mut clippy)?;
    step("npm run check", command("npm").args(["run", "check"]).current_dir(root().join("ui")))?;
    tidy::tidy()?;
    kotlin()?;
    deny()?;
    cross::check()
}

/// The bindings are what they have to be, and the Kotlin over Android's API has its types.
pub fn kotlin() -> Result<()> {
    kotlin::check_bindings()?;
    android::check()
}

/// Licences, bans and sources always; advisories where their database can be fetched.
fn deny() -> Result<()> {
    let deny = install::tool("cargo-deny", "^0.19")?;
    let run = |what: &[&str]| {
        let mut deny = command(&deny);
        deny.args(["--log-level", "error", "check", "--hide-inclusion-graph"]).args(what);
        deny
    };
    step("cargo deny: licences, bans, sources", &mut run(&["licenses", "bans", "sources"]))?;
    if step("cargo deny: advisories", &mut run(&["advisories"])).is_err() {
        if !advisories_reached() {
            println!("── advisories were NOT checked: their database can't be fetched from here");
            return Ok(());
        }
        return Err("an advisory names one of our dependencies".to_owned());
    }
    Ok(())
}

/// The advisory database is a git repository outside the package registries.
fn advisories_reached() -> bool {
    let mut git = command("git");
    git.args(["ls-remote", "--exit-code", "https://github.com/RustSec/advisory-db", "HEAD"]);
    git.env("GIT_TERMINAL_PROMPT", "0");
    git.output().is_ok_and(|output| output.status.success())
}
