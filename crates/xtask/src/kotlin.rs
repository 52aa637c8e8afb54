//! The Kotlin side: bindings generated from `ffi`, the library over them, and its tests on the JVM.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::install;
use crate::sh::{Result, captured, cargo, command, root, step, target, works};

const BINDINGS: &str = "mobile/bindings/src/main/kotlin";
const CORE: &str = "mobile/core/src/main/kotlin";
const TESTS: &str = "mobile/core/src/test/kotlin";

/// As npm names it.
pub const COMPILER: &str = "kotlin-compiler@2.4.20";
/// Debian's, from `libjna-java`, `libzxing-core-java` and `junit5`; they need no network at run time.
const JNA: &str = "jna";
const ZXING: &str = "core";
const JUNIT: &[&str] = &[
    "junit-jupiter-api",
    "junit-jupiter-engine",
    "junit-jupiter-params",
    "junit-platform-commons",
    "junit-platform-engine",
    "junit-platform-launcher",
    "junit-platform-reporting",
    "junit-platform-console",
    "opentest4j",
    "apiguardian-api",
    "picocli",
];

/// Whether the tests can run on this system: the jars are Debian's.
pub fn runs_here() -> bool {
    cfg!(target_os = "linux") && works("dpkg-query", "--version")
}

/// Writes the committed bindings anew.
pub fn bindings() -> Result<()> {
    let to = root().join(BINDINGS);
    let _ = fs::remove_dir_all(&to);
    generate(&to)
}

/// Fails when the committed bindings are not what `ffi` gives now.
pub fn check_bindings() -> Result<()> {
    let fresh = target().join("bindings");
    let _ = fs::remove_dir_all(&fresh);
    generate(&fresh)?;
    if contents(&fresh)? != contents(&root().join(BINDINGS))? {
        return Err(format!("{BINDINGS} is not what crates/ffi gives; run `cargo xtask bindings`"));
    }
    println!("── the Kotlin bindings are those of crates/ffi");
    Ok(())
}

fn generate(to: &Path) -> Result<()> {
    build()?;
    let mut generate = command(target().join("debug/uniffi-bindgen"));
    generate.arg("generate").arg("--library").arg(library());
    generate.args(["--config", "crates/ffi/uniffi.toml"]);
    generate.args(["--language", "kotlin", "--no-format", "--out-dir"]).arg(to);
    step("generate the Kotlin bindings", &mut generate)
}

/// One choice of features for all that Kotlin needs, so that nothing is built twice.
fn build() -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--quiet", "--package", "mirror-ffi", "--package", "mirror-cli"]);
    build.args(["--features", "mirror-ffi/bindgen"]);
    step("build the library for Kotlin, its generator, and mirror", &mut build)
}

fn library() -> PathBuf {
    target().join(format!(
        "debug/{}mirror_ffi{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ))
}

/// Compiles bindings, library and tests, and runs the tests against the real library. They start the real `mirror` too.
pub fn test() -> Result<(bool, String)> {
    install::jvm()?;
    build()?;
    let tests = compile_tests()?;
    let mut java = command("java");
    java.arg(format!("-Djna.library.path={}", target().join("debug").display()));
    java.arg(format!("-Dmirror.command={}", target().join("debug/mirror").display()));
    // Many tests wait: for a peer that does not answer, for a process to end.
    for (key, value) in [("enabled", "true"), ("mode.classes.default", "concurrent")] {
        java.arg(format!("-Djunit.jupiter.execution.parallel.{key}={value}"));
    }
    java.arg("-cp").arg(class_path(&tests)).arg("org.junit.platform.console.ConsoleLauncher");
    java.args(["--disable-banner", "--disable-ansi-colors", "--details=tree"]);
    java.arg("--scan-classpath").arg(tests.last().map(PathBuf::as_path).unwrap_or(Path::new("")));
    java.env("MIRROR_KEYS", "file");
    let (ended_well, output) = captured("Kotlin tests on the JVM", &mut java)?;
    let (passed, failed) = (count(&output, "successful"), count(&output, "failed"));
    // A run without a test has tested nothing.
    let summary = format!("{passed} passed, {failed} failed");
    println!("{summary}");
    Ok((ended_well && passed > 0, summary))
}

/// Jars: what the tests run with, the tests themselves last.
fn compile_tests() -> Result<Vec<PathBuf>> {
    let mut with = compile_core()?;
    with.extend(JUNIT.iter().map(|jar| debian(jar)));
    with.push(kotlin("kotlin-test"));
    with.push(kotlin("kotlin-test-junit5"));
    let friend = with.get(1).map(|core| format!("-Xfriend-paths={}", core.display()));
    let friend: Vec<&str> = friend.iter().map(String::as_str).collect();
    let tests = compile("core-tests", &[TESTS], &with, &friend)?;
    with.push(tests);
    Ok(with)
}

/// Jars of the bindings and the library, first, and of what they need.
pub fn compile_core() -> Result<Vec<PathBuf>> {
    let needs = vec![debian(JNA), debian(ZXING), kotlin("kotlinx-coroutines-core-jvm")];
    // Generated code may warn.
    let bindings = compile("bindings", &[BINDINGS], &needs, &["-nowarn"])?;
    let mut with = vec![bindings];
    with.extend(needs);
    let core = compile("core", &[CORE], &with, &["-Werror"])?;
    with.insert(1, core);
    Ok(with)
}

/// Compiles folders into `target/kotlin/NAME.jar`, unless that is what the same sources gave before.
pub fn compile(name: &str, folders: &[&str], with: &[PathBuf], flags: &[&str]) -> Result<PathBuf> {
    let sources = folders.iter().map(|folder| contents(&root().join(folder)));
    let sources = sources.collect::<Result<Vec<_>>>()?;
    // What it is compiled with: ours by what they were made of.
    let needs = with.iter().map(|jar| fs::read(jar.with_extension("stamp")).unwrap_or_default());
    let needs: Vec<_> = needs.collect();
    made(name, &(COMPILER, sources, needs, with, flags), |jar| {
        let mut compile = command("bash");
        compile.arg(compiler().join("bin/kotlinc")).args(flags);
        compile.args(["-jvm-target", "17", "-d"]).arg(jar);
        if !with.is_empty() {
            compile.arg("-classpath").arg(class_path(with));
        }
        compile.args(folders.iter().map(|folder| root().join(folder)));
        step(&format!("Kotlin: compile {name}"), &mut compile)
    })
}

/// `target/kotlin/NAME.jar`, made anew when what it is made of has changed.
pub fn made(name: &str, of: &impl Hash, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let to = target().join("kotlin");
    fs::create_dir_all(&to).map_err(|error| error.to_string())?;
    let (jar, stamp) = (to.join(format!("{name}.jar")), to.join(format!("{name}.stamp")));
    let mut hash = DefaultHasher::new();
    of.hash(&mut hash);
    let now = format!("{:016x}", hash.finish());
    if jar.exists() && fs::read_to_string(&stamp).is_ok_and(|before| before == now) {
        println!("── Kotlin: {name} is as it was");
        return Ok(jar);
    }
    let _ = fs::remove_file(&stamp);
    make(&jar)?;
    fs::write(stamp, now).map_err(|error| error.to_string())?;
    Ok(jar)
}

fn compiler() -> PathBuf {
    target().join("tools/kotlin/node_modules/kotlin-compiler")
}

fn kotlin(jar: &str) -> PathBuf {
    compiler().join(format!("lib/{jar}.jar"))
}

fn debian(jar: &str) -> PathBuf {
    PathBuf::from(format!("/usr/share/java/{jar}.jar"))
}

fn class_path(jars: &[PathBuf]) -> String {
    let mut jars: Vec<String> = jars.iter().map(|jar| jar.display().to_string()).collect();
    jars.push(kotlin("kotlin-stdlib").display().to_string());
    jars.join(":")
}

/// JUnit's closing lines: `[        12 tests successful      ]`.
fn count(output: &str, what: &str) -> u64 {
    let line = output.lines().find_map(|line| {
        let words = line.trim().strip_prefix('[')?.strip_suffix(']')?;
        words.trim().strip_suffix(&format!(" tests {what}"))?.trim().parse().ok()
    });
    line.unwrap_or(0)
}

/// Every file under a folder: its path there, and what it holds.
pub fn contents(folder: &Path) -> Result<BTreeSet<(PathBuf, Vec<u8>)>> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder_here) = open.pop() {
        let entries = fs::read_dir(&folder_here)
            .map_err(|error| format!("{}: {error}", folder_here.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = fs::read(&path).map_err(|error| error.to_string())?;
            let name = path.strip_prefix(folder).unwrap_or(&path).to_path_buf();
            found.insert((name, bytes));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_launchers_closing_lines_are_read() {
        let output = "[         3 containers found      ]\n[        12 tests successful      ]\n[         1 tests failed          ]";
        assert_eq!((count(output, "successful"), count(output, "failed")), (12, 1));
    }
}
