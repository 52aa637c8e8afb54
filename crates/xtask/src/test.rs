//! Runs the tests and adds up what their runners say.

use crate::agents;
use crate::install;
use crate::kotlin;
use crate::sh::{Result, captured, cargo, command, root, step, target};
use crate::speech;
use crate::window;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    passed: u64,
    failed: u64,
}

const PARTS: [&str; 7] = ["rust", "ui", "vectors", "kotlin", "window", "speech", "agents"];

pub fn test(parts: &[&str]) -> Result<()> {
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(part)) {
        return Err(format!("unknown part {unknown}; there are {}", PARTS.join(", ")));
    }
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    let mut total = Tally::default();
    if wanted("ui") {
        total.add("ui", ui());
    }
    if wanted("rust") {
        total.add("rust", rust());
    }
    if wanted("vectors") {
        total.add("vectors", vectors());
    }
    if parts.is_empty() && !kotlin::runs_here() {
        println!("── Kotlin tests: NOT run, they need Debian's libjna-java and junit5");
    } else if wanted("kotlin") {
        total.add("kotlin", kotlin::test());
    }
    if parts.is_empty() && !window::RUNS_HERE {
        println!("── tests in the window: NOT run, they need Linux (WebKitWebDriver)");
    } else if wanted("window") {
        total.add("window", window::test());
    }
    if wanted("speech") {
        match speech::prepare() {
            Ok(folder) => total.add("speech", speech::test(&folder)),
            Err(reason) if parts.is_empty() => {
                println!("── speech to text: NOT run: {reason}");
            }
            Err(reason) => total.add("speech", Err(reason)),
        }
    }
    if wanted("agents") {
        total.add("agents", agents::test());
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 { Err("some tests failed".to_owned()) } else { Ok(()) }
}

impl Tally {
    /// A part that could not run at all counts as one failure.
    fn add(&mut self, part: &str, result: Result<(bool, String)>) {
        match result {
            Ok((passed, output)) => {
                let found = Self::of(&output);
                self.passed += found.passed;
                // A runner that failed without counting a test still failed.
                self.failed += if passed { found.failed } else { found.failed.max(1) };
            }
            Err(error) => {
                eprintln!("── {part}: {error}");
                self.failed += 1;
            }
        }
    }

    /// Adds up the closing lines of cargo test, vitest and our own.
    fn of(output: &str) -> Self {
        let mut tally = Self::default();
        for line in output.lines() {
            let line = strip_colour(line);
            let line = line.trim();
            let counts = line
                .strip_prefix("test result:")
                .and_then(|rest| rest.split_once(". ").map(|(_, rest)| rest))
                .or_else(|| line.strip_prefix("Tests ").map(str::trim))
                .or_else(|| line.ends_with("failed").then_some(line));
            let Some(counts) = counts else { continue };
            for part in counts.split([',', ';', '|']) {
                let mut words = part.split_whitespace();
                let number = words.next().and_then(|word| word.parse::<u64>().ok());
                match (number, words.next()) {
                    (Some(number), Some("passed")) => tally.passed += number,
                    (Some(number), Some("failed")) => tally.failed += number,
                    _ => {}
                }
            }
        }
        tally
    }
}

fn strip_colour(line: &str) -> String {
    let mut plain = String::new();
    let mut in_escape = false;
    for c in line.chars() {
        match c {
            '\u{1b}' => in_escape = true,
            'm' if in_escape => in_escape = false,
            _ if in_escape => {}
            c => plain.push(c),
        }
    }
    plain
}

fn rust() -> Result<(bool, String)> {
    install::app()?;
    install::ui_built()?;
    install::crash();
    // The scenarios run the real command in processes of its own.
    step("build everything", cargo().args(["build", "--workspace", "--all-targets"]))?;
    let mut test = cargo();
    test.args(["test", "--workspace", "--no-fail-fast"]);
    test.env("MIRROR_KEYS", "file").env("RUST_BACKTRACE", "1");
    captured("cargo test", &mut test)
}

fn ui() -> Result<(bool, String)> {
    install::ui_packages()?;
    let npm = |script: &str| {
        let mut npm = command("npm");
        npm.args(["run", script]).current_dir(root().join("ui"));
        npm
    };
    step("npm run check", &mut npm("check"))?;
    let tested = captured("npm run test", &mut npm("test"))?;
    step("npm run build", &mut npm("build"))?;
    Ok(tested)
}

fn vectors() -> Result<(bool, String)> {
    let python = install::python()?;
    let (passed, mut output) =
        captured("the independent reader", command(&python).arg("tests/vectors/verify.py"))?;
    step("build mirror", cargo().args(["build", "--quiet", "--package", "mirror-cli"]))?;
    let mut tamper = command(python);
    tamper.arg("tests/vectors/tamper.py").arg(target().join("debug/mirror"));
    let (held, more) = captured("real bundles, tampered with", &mut tamper)?;
    output.push_str(&more);
    Ok((passed && held, output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_closing_lines_are_added_up() {
        let output = "test result: ok. 11 passed; 0 failed; 0 ignored; 0 measured\n\
                      \u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m17 passed\u{1b}[22m (17)\n\
                      3 passed, 1 failed\n\
                      nothing here failed";
        assert_eq!(Tally::of(output), Tally { passed: 31, failed: 1 });
    }
}
