//! What a machine with only Rust and Node lacks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::kotlin;
use crate::sh::{Result, cargo, command, root, step, target, works};

/// To build and open the app on Linux.
const APP: &[&str] = &[
    "build-essential",
    "pkg-config",
    "libwebkit2gtk-4.1-dev",
    "libayatana-appindicator3-dev",
    "librsvg2-dev",
    "libxdo-dev",
    "libasound2-dev",
];
/// To test it in a real window without a screen.
const WINDOW: &[&str] = &[
    "webkit2gtk-driver",
    "xvfb",
    "xauth",
    "dbus-x11",
    "at-spi2-core",
    "libasound2-plugins",
    "pulseaudio",
    "pulseaudio-utils",
    "fonts-noto-core",
    "fonts-noto-color-emoji",
];

pub fn app() -> Result<()> {
    apt(APP)
}

pub fn window() -> Result<()> {
    apt(WINDOW)?;
    tool("tauri-driver", "^2").map(drop)
}

/// To make system calls fail. Without it the crash tests say what they don't do.
pub fn crash() {
    if let Err(error) = apt(&["strace"]) {
        println!("── strace is not here: {error}");
    }
}

/// Installs Debian packages that are missing. Other systems are told what they need.
pub fn apt(packages: &[&str]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if !works("dpkg-query", "--version") {
        println!(
            "── this is no Debian: make sure that these, or their like, are here: {packages:?}"
        );
        return Ok(());
    }
    let missing: Vec<&str> = packages.iter().copied().filter(|p| !is_installed(p)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let mut admin = if works("id", "-u") && user_id() == "0" {
        Command::new("apt-get")
    } else if works("sudo", "--version") {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    } else {
        return Err(format!("as root, run: apt-get install --no-install-recommends {list}"));
    };
    admin.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    let mut update = clone(&admin);
    step("apt-get update", update.arg("update"))?;
    admin.args(["install", "-y", "--no-install-recommends"]).args(&missing);
    step(&format!("apt-get install {list}"), &mut admin)
}

fn clone(command: &Command) -> Command {
    let mut copy = Command::new(command.get_program());
    copy.args(command.get_args()).env("DEBIAN_FRONTEND", "noninteractive");
    copy
}

fn user_id() -> String {
    let output = Command::new("id").arg("-u").output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f=${Status}", package]).output();
    query.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).ends_with("ok installed"))
}

/// A cargo tool, kept under `target/tools`.
pub fn tool(name: &str, version: &str) -> Result<PathBuf> {
    let folder = target().join("tools");
    let path = folder.join("bin").join(name);
    if !path.exists() {
        let mut install = cargo();
        install.args(["install", name, "--version", version, "--locked", "--root"]).arg(&folder);
        step(&format!("install {name} (some minutes, once)"), &mut install)?;
    }
    Ok(path)
}

/// Java, and the Kotlin compiler with what its tests need.
pub fn jvm() -> Result<()> {
    if !works("javac", "-version") {
        apt(&["openjdk-17-jdk-headless"])?;
    }
    apt(&["libjna-java", "libzxing-core-java", "junit5"])?;
    npm("kotlin", kotlin::COMPILER).map(drop)
}

/// A package of npm, kept under `target/tools/NAME`.
fn npm(name: &str, package: &str) -> Result<PathBuf> {
    let folder = target().join("tools").join(name);
    let marker = folder.join("ready");
    if fs::read_to_string(&marker).is_ok_and(|ready| ready == package) {
        return Ok(folder);
    }
    let mut npm = command("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(package);
    step(&format!("npm install {package} (once)"), &mut npm)?;
    fs::write(marker, package).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// Tauri's command line, to be run by Node.
pub fn tauri() -> Result<PathBuf> {
    Ok(npm("tauri", "@tauri-apps/cli@2.12.5")?.join("node_modules/@tauri-apps/cli/tauri.js"))
}

/// Android's tools for resources, and what its API is like: a package of PyPI, kept under `target/tools`.
pub fn android(api: &str) -> Result<PathBuf> {
    apt(&["aapt", "android-framework-res"])?;
    let python = python()?;
    let folder = target().join("tools/android-api");
    let marker = folder.join("ready");
    if fs::read_to_string(&marker).is_ok_and(|ready| ready == api) {
        return Ok(folder);
    }
    let mut pip = command(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"]);
    step(&format!("pip install {api} (once)"), pip.arg(&folder).arg(api))?;
    fs::write(marker, api).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// The UI's packages, as the lock file has them.
pub fn ui_packages() -> Result<()> {
    let ui = root().join("ui");
    let stamp = ui.join("node_modules/.package-lock.json");
    if newest(&ui.join("package-lock.json")) <= newest(&stamp) {
        return Ok(());
    }
    if !works("npm", "--version") {
        return Err("Node and npm are needed: install Node 20 or later".to_owned());
    }
    step("npm ci", command("npm").arg("ci").args(["--no-audit", "--no-fund"]).current_dir(ui))
}

/// The UI, built when its sources are newer than what was built.
pub fn ui_built() -> Result<()> {
    ui_packages()?;
    let ui = root().join("ui");
    let sources = ["src", "index.html", "package.json", "vite.config.ts"];
    let changed = sources.iter().map(|name| newest(&ui.join(name))).max().flatten();
    if changed <= newest(&ui.join("dist/index.html")) {
        return Ok(());
    }
    step("npm run build", command("npm").args(["run", "build"]).current_dir(ui))
}

/// When anything in a place last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let meta = fs::metadata(path).ok()?;
    if !meta.is_dir() {
        return meta.modified().ok();
    }
    let entries = fs::read_dir(path).ok()?;
    entries.filter_map(|entry| newest(&entry.ok()?.path())).max()
}

/// Python with the vectors' two packages, in a folder of its own.
pub fn python() -> Result<PathBuf> {
    let folder = target().join("python");
    let python = folder.join("bin/python3");
    let marker = folder.join("ready");
    if marker.exists() {
        return Ok(python);
    }
    if !command("python3")
        .args(["-c", "import ensurepip"])
        .output()
        .is_ok_and(|o| o.status.success())
    {
        apt(&["python3", "python3-venv"])?;
    }
    step("python venv", command("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = command(&python);
    pip.args(["-m", "pip", "install", "--quiet", "cbor2", "cryptography"]);
    step("pip install cbor2 cryptography", pip.stderr(Stdio::inherit()))?;
    fs::write(marker, "").map_err(|error| error.to_string())?;
    Ok(python)
}
