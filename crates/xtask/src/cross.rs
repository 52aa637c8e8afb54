//! Type-checks the app, the command line and the library for Kotlin for the systems they are made for, which can't be built or run here.

use crate::install;
use crate::sh::{Result, cargo, command, root, step, target, works};

const TARGETS: [&str; 2] = ["aarch64-linux-android", "aarch64-apple-darwin"];

pub fn check() -> Result<()> {
    let debian =
        cfg!(all(target_os = "linux", target_arch = "x86_64")) && works("apt-cache", "--version");
    if !debian {
        println!(
            "── types for {}: NOT checked, that needs Debian on x86-64",
            TARGETS.join(" and ")
        );
        return Ok(());
    }
    let cross = root().join("crates/xtask/cross");
    let rust = target().join("cross/rust");
    install::apt(&["binutils"])?;
    if step(
        "fetch a Rust with its sources (140 MB, once)",
        command(cross.join("fetch.sh")).arg(&rust),
    )
    .is_err()
    {
        println!(
            "── types for {}: NOT checked, that Rust can't be fetched from here",
            TARGETS.join(" and ")
        );
        return Ok(());
    }
    for to in TARGETS {
        let mut check = cargo();
        check.args([
            "check",
            "--quiet",
            "-Zbuild-std",
            "--target",
            to,
            "-p",
            "mirror-app",
            "-p",
            "mirror-cli",
            "-p",
            "mirror-ffi",
        ]);
        let libraries = rust.join("usr/lib/x86_64-linux-gnu");
        check.env("RUSTC", rust.join("usr/bin/rustc")).env("LD_LIBRARY_PATH", libraries);
        // Its compiler is a stable one; building the standard library is not.
        check.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Dwarnings");
        check.env_remove("RUSTC_WRAPPER").env_remove("RUSTUP_TOOLCHAIN");
        let under = to.replace('-', "_");
        for tool in ["CC", "CXX"] {
            check.env(format!("{tool}_{under}"), cross.join("cc"));
        }
        check.env(format!("AR_{under}"), cross.join("ar")).env("SDKROOT", &rust);
        check.env("CARGO_TARGET_DIR", target().join("cross"));
        step(&format!("types for {to} (some minutes, once)"), &mut check)?;
    }
    Ok(())
}
