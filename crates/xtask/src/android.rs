//! Checks of `mobile/android` where there is no Android SDK: its Kotlin against stubs of the API, its resources by aapt2.

use std::fs;
use std::path::{Path, PathBuf};

use crate::install;
use crate::kotlin::{self, compile, compile_core, contents, made};
use crate::sh::{Result, command, root, step, target};

const KOTLIN: &str = "mobile/android/src/main/kotlin";
const RESOURCES: &str = "mobile/android/src/main/res";
const MANIFEST: &str = "mobile/android/src/main/AndroidManifest.xml";
const STUBS: &str = "mobile/android-stubs/generate.py";
/// Its first number is the API level.
const API: &str = "chaquopy-stubs-android==36.20260406";
/// Debian's resources are of API 29, which does not know these words of the manifest; only a copy without them is linked.
const NEWER_THAN_DEBIAN: [&str; 2] = [
    "android:dataExtractionRules=\"@xml/no_backup\"",
    "android:foregroundServiceType=\"microphone\"",
];
const FRAMEWORK: &str = "/usr/share/android-framework-res/framework-res.apk";

pub fn check() -> Result<()> {
    if !kotlin::runs_here() {
        println!("── Kotlin for Android: NOT checked, that needs Debian");
        return Ok(());
    }
    install::jvm()?;
    let api = install::android(API)?;
    let mut with = compile_core()?;
    with.push(stubs(&api)?);
    with.push(resources()?);
    compile("android", &[KOTLIN], &with, &["-Werror"]).map(drop)
}

/// The API's classes, without their insides.
fn stubs(api: &Path) -> Result<PathBuf> {
    let generator = root().join(STUBS);
    let source = fs::read(&generator).map_err(|error| error.to_string())?;
    made("android-stubs", &(API, source), |jar| {
        let java = fresh("android-stubs")?;
        let mut generate = command(install::python()?);
        step("stubs of Android's API", generate.arg(generator).arg(api).arg(&java))?;
        pack(&java, jar)
    })
}

/// The manifest and the resources as aapt2 reads them; gives the class `R`.
fn resources() -> Result<PathBuf> {
    let manifest = fs::read_to_string(root().join(MANIFEST)).map_err(|error| error.to_string())?;
    let files = contents(&root().join(RESOURCES))?;
    made("android-resources", &(&manifest, files, NEWER_THAN_DEBIAN), |jar| {
        let java = fresh("android-resources")?;
        let (copy, compiled) = (java.join("AndroidManifest.xml"), java.join("resources.zip"));
        let mut known = manifest.clone();
        for newer in NEWER_THAN_DEBIAN {
            if !known.contains(newer) {
                return Err(format!("{MANIFEST} has no {newer}"));
            }
            known = known.replace(newer, "");
            println!("── not checked by aapt2, being newer than Debian's API 29: {newer}");
        }
        fs::write(&copy, known).map_err(|error| error.to_string())?;
        let mut compile = command("aapt2");
        compile.args(["compile", "--dir", RESOURCES, "-o"]).arg(&compiled);
        step("aapt2 compile", &mut compile)?;
        let mut link = command("aapt2");
        link.args(["link", "-I", FRAMEWORK, "--min-sdk-version", "26"]);
        link.args(["--target-sdk-version", "36", "--manifest"]).arg(&copy);
        link.arg("--java").arg(&java).arg("-o").arg(java.join("linked.apk")).arg(&compiled);
        step("aapt2 link", &mut link)?;
        pack(&java, jar)
    })
}

/// Compiles the Java under a folder into a jar.
fn pack(java: &Path, jar: &Path) -> Result<()> {
    let files = contents(java)?;
    let sources = files.iter().map(|(name, _)| java.join(name));
    let sources = sources.filter(|path| path.extension().is_some_and(|ending| ending == "java"));
    let classes = java.join("classes");
    let mut compile = command("javac");
    compile.args(["-nowarn", "-Xlint:none", "--release", "17", "-d"]).arg(&classes).args(sources);
    step("javac", &mut compile)?;
    step(
        "jar",
        command("jar").args(["--create", "--file"]).arg(jar).arg("-C").arg(&classes).arg("."),
    )
}

fn fresh(name: &str) -> Result<PathBuf> {
    let folder = target().join("kotlin").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    Ok(folder)
}
