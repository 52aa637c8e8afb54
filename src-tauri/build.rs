//! Embeds the UI; a checkout whose UI was never built still compiles, and says so in its window.

use std::path::Path;

const MISSING: &str = "<!doctype html><meta charset=utf-8><title>MirrorDNA</title>\
    <p>The user interface was not built: run <code>cargo xtask run</code>.</p>";

fn main() {
    let dist = Path::new("../ui/dist");
    if !dist.join("index.html").exists() {
        let written = std::fs::create_dir_all(dist)
            .and_then(|()| std::fs::write(dist.join("index.html"), MISSING));
        if let Err(error) = written {
            println!("cargo::error=ui/dist can't be written: {error}");
        }
    }
    println!("cargo::rerun-if-changed=../ui/dist");
    tauri_build::build();
}
