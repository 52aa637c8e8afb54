//! Checks of `mobile/android` and of Tauri's Android project where there is no Android SDK: their Kotlin against stubs of the
//! API, their manifests and resources by aapt2.

use std::fs;
use std::path::{Path, PathBuf};

use crate::install;
use crate::kotlin::{self, compile, compile_core, contents, made};
use crate::sh::{Result, command, root, step, target};

const KOTLIN: &str = "mobile/android/src/main/kotlin";
const RESOURCES: &str = "mobile/android/src/main/res";
const MANIFEST: &str = "mobile/android/src/main/AndroidManifest.xml";
const STUBS: &str = "mobile/android-stubs/generate.py";
/// In place of what Tauri generates and of AndroidX.
const STAND_INS: &str = "mobile/android-stubs/kotlin";
/// Its first number is the API level.
const API: &str = "chaquopy-stubs-android==36.20260406";

/// Tauri's project, which takes `mobile` in.
const APP_KOTLIN: &str = "src-tauri/gen/android/app/src/main/java";
const APP_RESOURCES: &str = "src-tauri/gen/android/app/src/main/res";
const APP_MANIFEST: &str = "src-tauri/gen/android/app/src/main/AndroidManifest.xml";
/// Styles of a library that can't be had here, by name only.
const STYLES: &str =
    r#"<resources><style name="Theme.Material3.DayNight.NoActionBar" parent="" /></resources>"#;

/// Debian's resources are of API 29, which does not know these words of the manifests; only a copy without them is linked.
const NEWER_THAN_DEBIAN: [(&str, &[&str]); 2] = [
    (
        MANIFEST,
        &[
            "android:foregroundServiceType=\"microphone\"",
            "<queries><intent><action android:name=\"android.speech.RecognitionService\" /></intent></queries>",
        ],
    ),
    (
        APP_MANIFEST,
        &[
            "android:dataExtractionRules=\"@xml/no_backup\"",
            "android:enableOnBackInvokedCallback=\"true\"",
        ],
    ),
];
/// What Gradle puts in.
const FROM_GRADLE: (&str, &str) = ("${usesCleartextTraffic}", "false");
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
    let rim = compile("android", &[KOTLIN], &with, &["-Werror"])?;
    with.push(rim);
    compile("android-app", &[APP_KOTLIN, STAND_INS], &with, &["-Werror"]).map(drop)
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

/// The manifests and the resources as aapt2 reads them, the app's with those of `mobile`; gives the classes `R`.
fn resources() -> Result<PathBuf> {
    let manifests = [(MANIFEST, "org.mirrordna.android"), (APP_MANIFEST, "org.mirrordna.mirror")];
    let texts = manifests.map(|(path, _)| fs::read_to_string(root().join(path)));
    let texts = texts.map(|text| text.unwrap_or_default());
    let files = [contents(&root().join(RESOURCES))?, contents(&root().join(APP_RESOURCES))?];
    made("android-resources", &(&texts, files, NEWER_THAN_DEBIAN, STYLES), |jar| {
        let java = fresh("android-resources")?;
        let styles = java.join("res/values");
        fs::create_dir_all(&styles).map_err(|error| error.to_string())?;
        fs::write(styles.join("styles.xml"), STYLES).map_err(|error| error.to_string())?;
        let folders = [root().join(RESOURCES), root().join(APP_RESOURCES), java.join("res")];
        let mut compiled = Vec::new();
        for (at, folder) in folders.iter().enumerate() {
            compiled.push(java.join(format!("{at}.zip")));
            let mut compile = command("aapt2");
            compile.args(["compile", "--dir"]).arg(folder).arg("-o").args(compiled.last());
            step("aapt2 compile", &mut compile)?;
        }
        for ((path, package), text) in manifests.into_iter().zip(&texts) {
            let copy = java.join(format!("{package}.xml"));
            fs::write(&copy, known(path, package, text)?).map_err(|error| error.to_string())?;
            let mut link = command("aapt2");
            link.args(["link", "-I", FRAMEWORK, "--min-sdk-version", "26"]);
            link.args(["--target-sdk-version", "36", "--manifest"]).arg(copy);
            link.arg("--java").arg(&java).arg("-o").arg(java.join("linked.apk")).args(&compiled);
            step(&format!("aapt2 link: {path}"), &mut link)?;
        }
        pack(&java, jar)
    })
}

/// A manifest as the build would have it, without what is newer than Debian's resources.
fn known(path: &str, package: &str, manifest: &str) -> Result<String> {
    let named = format!("<manifest package=\"{package}\"");
    let mut known = manifest.replacen("<manifest", &named, 1).replace(FROM_GRADLE.0, FROM_GRADLE.1);
    let newer =
        NEWER_THAN_DEBIAN.iter().filter(|(of, _)| *of == path).flat_map(|(_, words)| *words);
    for word in newer {
        if !known.contains(word) {
            return Err(format!("{path} has no {word}"));
        }
        known = known.replace(word, "");
        println!("── not checked by aapt2, being newer than Debian's API 29: {word}");
    }
    Ok(known)
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
