//! Opens the app; with `--sample`, a phone and a desktop that know each other.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::install;
use crate::sh::{Result, apart, cargo, command, root, step, target, works};

pub fn run(flags: &[&str]) -> Result<()> {
    if let Some(unknown) = flags.iter().find(|flag| !["--sample", "--headless"].contains(flag)) {
        return Err(format!("unknown: {unknown}; there are --sample and --headless"));
    }
    let (sample, headless) = (flags.contains(&"--sample"), flags.contains(&"--headless"));
    install::app()?;
    if headless {
        install::apt(&["xvfb", "xauth", "dbus-x11"])?;
    } else if cfg!(target_os = "linux") && !has_screen() {
        return Err("there is no screen here; add --headless to open it on a virtual one".into());
    }
    install::ui_built()?;
    build()?;
    let app = target().join("debug/mirror-app");
    if !sample {
        return step("MirrorDNA (close its window, or Ctrl-C)", &mut open(&app, &[], headless));
    }
    let (desktop, phone) = mesh()?;
    let mut windows = Vec::new();
    for (home, size) in [(desktop, "1280x800"), (phone, "390x844")] {
        let home = home.display().to_string();
        let args = ["--home", &home, "--window", size, "--listen", "127.0.0.1:0"];
        let mut open = open(&app, &args, headless);
        let child = open.env("MIRROR_KEYS", "file").spawn().map_err(|error| error.to_string())?;
        windows.push(child);
    }
    println!("── two windows are open; close them with Quit in their tray menu, or Ctrl-C");
    for mut window in windows {
        window.wait().map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Tauri's command line, in the one version that the committed Android project was made with.
pub fn tauri(args: &[&str]) -> Result<()> {
    let tauri = install::tauri()?;
    install::ui_built()?;
    let mut run = command("node");
    run.arg(tauri).args(args).current_dir(root().join("src-tauri"));
    match run.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("tauri {} failed", args.join(" "))),
        Err(error) => Err(format!("node can't be started: {error}")),
    }
}

/// Builds the programs. Always the whole workspace: parts of it would choose other features for the same crates, and
/// build those anew.
pub fn build() -> Result<()> {
    step("build the app and the command line", cargo().args(["build", "--workspace", "--bins"]))
}

fn has_screen() -> bool {
    std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some()
}

fn open(app: &Path, args: &[&str], headless: bool) -> Command {
    let mut open = if headless && works("xvfb-run", "--help") {
        let mut open = command("dbus-run-session");
        open.args(["--", "xvfb-run", "-a"]).arg(app).env("GDK_BACKEND", "x11");
        open
    } else {
        command(app)
    };
    open.args(args);
    open
}

/// A desktop and a phone with some notes and a conflict, made once by the real command line.
pub fn mesh() -> Result<(PathBuf, PathBuf)> {
    let folder = target().join("sample");
    let (desktop, phone) = (folder.join("desktop"), folder.join("phone"));
    if folder.join("ready").exists() {
        return Ok((desktop, phone));
    }
    println!("── lay a sample mesh");
    let _ = std::fs::remove_dir_all(&folder);
    mirror(&desktop, &["init", "--name", "Mac"])?;
    let mut serving = Serving::start(&desktop)?;
    let ticket = field(&mirror(&desktop, &["--json", "invite", "--role", "capture"])?, "ticket")?;
    mirror(&phone, &["join", &ticket, "--name", "Pixel"])?;
    for text in [
        "Ask the printer about paper weights before Friday",
        "Idea: the standup should read yesterday's walk first\n\n- voice notes\n- then open loops",
        "चाय के बाद अम्मा को फ़ोन करना है",
    ] {
        mirror(&phone, &["note", "add", text, "--tag", "walk"])?;
    }
    let list = "Groceries\nmilk\nbread\ntea";
    let note =
        field(&mirror(&desktop, &["--json", "note", "add", list, "--tag", "home"])?, "note")?;
    mirror(&phone, &["reconcile"])?;
    mirror(&desktop, &["note", "edit", &note, "Groceries\noat milk\nbread\ntea"])?;
    mirror(&phone, &["note", "edit", &note, "Groceries\nmilk\nbread\nblack tea"])?;
    // Exit code 3 says that the conflict waits for a person: that is the sample.
    let _ = mirror(&phone, &["reconcile"]);
    serving.stop();
    std::fs::write(folder.join("ready"), "").map_err(|error| error.to_string())?;
    Ok((desktop, phone))
}

struct Serving(Child);

impl Serving {
    fn start(home: &Path) -> Result<Self> {
        let mut serve = apart(target().join("debug/mirror"));
        serve.arg("--home").arg(home).args(["--json", "serve", "--listen", "127.0.0.1:0"]);
        let mut child = serve.stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("no output")?;
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
        Ok(Self(child))
    }

    fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
    }
}

fn mirror(home: &Path, args: &[&str]) -> Result<String> {
    let mut mirror = apart(target().join("debug/mirror"));
    let output = mirror.arg("--home").arg(home).args(args).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("mirror {args:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn field(json: &str, name: &str) -> Result<String> {
    let value: serde_json::Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let text = value.get(name).and_then(|value| value.as_str());
    text.map(str::to_owned).ok_or_else(|| format!("no {name} in {json}"))
}
