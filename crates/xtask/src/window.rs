//! Tests in the real window, on a virtual screen with a message bus of its own.

use std::path::Path;
use std::process::Command;

use crate::install;
use crate::sh::{Result, apart, captured, cargo, command, root, step, target};

/// Whether this system has a driver for its web view.
pub const RUNS_HERE: bool = cfg!(target_os = "linux");

/// Runs the window tests.
pub fn test() -> Result<(bool, String)> {
    prepare()?;
    captured("tests in the window", &mut session("window"))
}

/// The README's pictures: which screens they show.
const IMAGES: [(&str, &str); 4] = [
    ("phone-capture", "capture-draft-phone-light"),
    ("desktop-inbox", "inbox-note-desktop-light"),
    ("desktop-conflict", "conflict-desktop-light"),
    ("desktop-map", "map-panel-desktop-light"),
];

/// Makes screenshots of every screen, one sheet of all, and the README's pictures from them.
pub fn shots() -> Result<()> {
    prepare()?;
    let shots = target().join("shots");
    let _ = std::fs::remove_dir_all(&shots);
    std::fs::create_dir_all(&shots).map_err(|error| error.to_string())?;
    step("screenshots", &mut session("shots"))?;
    install::apt(&["imagemagick", "pngquant"])?;
    let mut sheet = command("montage");
    sheet.args(["*.png", "-tile", "6x", "-geometry", "300x300+8+8", "../contact-sheet.png"]);
    step("contact sheet", sheet.current_dir(&shots))?;
    println!("── look at {}", Path::new("target/contact-sheet.png").display());
    images(&shots)
}

fn images(shots: &Path) -> Result<()> {
    let folder = root().join("docs/images");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for (image, shot) in IMAGES {
        let mut quant = command("pngquant");
        quant.args(["--force", "--strip", "--speed", "1", "--output"]);
        quant.arg(folder.join(format!("{image}.png"))).arg("128");
        quant.arg(shots.join(format!("{shot}.png")));
        step(&format!("docs/images/{image}.png"), &mut quant)?;
    }
    Ok(())
}

fn prepare() -> Result<()> {
    if !RUNS_HERE {
        return Err("tests in the window run on Linux (WebKitWebDriver)".to_owned());
    }
    install::app()?;
    install::window()?;
    install::ui_built()?;
    step("build everything", cargo().args(["build", "--workspace", "--all-targets"]))
}

/// A test binary under its own bus and screen. Two variables that other projects set for WebKit are never set here: with
/// them the screenshot call hangs.
fn session(test: &str) -> Command {
    let mut session = apart("dbus-run-session");
    session.args(["--", "xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"]);
    session.args(["cargo", "test", "--workspace", "--test", test, "--"]);
    // Without a screen they can't run: `cargo test` by itself leaves them out.
    session.args(["--test-threads=1", "--ignored"]);
    session.env("GDK_BACKEND", "x11").env("NO_AT_BRIDGE", "1");
    session.env("TAURI_DRIVER", target().join("tools/bin/tauri-driver"));
    session.env("MIRROR_SHOTS", target().join("shots")).current_dir(root());
    session
}
