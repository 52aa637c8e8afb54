//! The repository's own rules, where a tool doesn't know them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::sh::{Result, cargo, command, root};

const LONGEST_FILE: usize = 500;

/// Who may depend on whom, of ours. A crate that is not here needs a decision.
const ARROWS: &[(&str, &[&str])] = &[
    ("mirror-protocol", &[]),
    ("mirror-domain", &["mirror-protocol"]),
    ("mirror-store", &["mirror-protocol"]),
    ("mirror-link", &["mirror-protocol"]),
    ("mirror-vault", &[]),
    (
        "mirror-node",
        &["mirror-protocol", "mirror-domain", "mirror-store", "mirror-link", "mirror-vault"],
    ),
    ("mirror-cli", &["mirror-node"]),
    ("mirror-ffi", &["mirror-node"]),
    ("mirror-app", &["mirror-node", "mirror-ffi"]),
    ("mirror-xtask", &[]),
    ("mirror-simulation", &["mirror-protocol", "mirror-domain"]),
    ("mirror-crash", &["mirror-node"]),
    (
        "mirror-tests",
        &[
            "mirror-node",
            "mirror-protocol",
            "mirror-store",
            "mirror-domain",
            "mirror-link",
            "mirror-vault",
        ],
    ),
];
/// What the pure crates must never touch.
const IMPURE: &[&str] = &["tokio", "rusqlite", "rand", "getrandom", "iroh", "tempfile"];
/// Only one crate speaks to Kotlin.
const UNIFFI: (&str, &str) = ("uniffi", "mirror-ffi");
/// Written by a generator.
const GENERATED: &[&str] = &["mobile/bindings/", "ui/src/backend/types.ts"];
const PURE: &[&str] = &["mirror-protocol", "mirror-domain"];

pub fn tidy() -> Result<()> {
    let mut faults = arrows()?;
    faults.extend(files()?);
    for fault in &faults {
        println!("   {fault}");
    }
    println!("── tidy: {} faults", faults.len());
    if faults.is_empty() { Ok(()) } else { Err("the repository is not tidy".to_owned()) }
}

fn arrows() -> Result<Vec<String>> {
    let output = cargo().args(["metadata", "--format-version", "1", "--no-deps"]).output();
    let output = output.map_err(|error| error.to_string())?.stdout;
    let metadata: Value = serde_json::from_slice(&output).map_err(|error| error.to_string())?;
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(may) = allowed.get(name) else {
            faults.push(format!("{name} has no place in the tree; see docs/decisions"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            if on.starts_with("mirror-") && !may.contains(&on) {
                faults.push(format!("{name} must not depend on {on}"));
            }
            if on.starts_with(UNIFFI.0) && name != UNIFFI.1 {
                faults.push(format!("{name} must not depend on {on}: only {} does", UNIFFI.1));
            }
            if PURE.contains(&name) && IMPURE.contains(&on) && dependency["kind"].is_null() {
                faults.push(format!("{name} is pure and must not depend on {on}"));
            }
        }
    }
    Ok(faults)
}

fn files() -> Result<Vec<String>> {
    let listed = command("git").args(["ls-files"]).output().map_err(|error| error.to_string())?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let home = std::env::var("HOME").unwrap_or_default();
    let mut faults = Vec::new();
    for name in listed.lines().filter(|name| is_text(name)) {
        let Ok(text) = fs::read_to_string(root().join(name)) else { continue };
        let code = [".rs", ".svelte", ".ts", ".kt"].iter().any(|end| name.ends_with(end));
        let generated = GENERATED.iter().any(|folder| name.starts_with(folder));
        if code && !generated && text.lines().count() > LONGEST_FILE {
            faults.push(format!("{name}: more than {LONGEST_FILE} lines; it has two jobs"));
        }
        // Put together here, so that this file does not hold them itself.
        for variable in ["DMABUF_RENDERER", "COMPOSITING_MODE"] {
            if text.contains(&format!("WEBKIT_DISABLE_{variable}")) {
                faults.push(format!("{name}: WEBKIT_DISABLE_{variable} makes screenshots hang"));
            }
        }
        let here = root().display().to_string();
        if text.contains(&format!("{here}/"))
            || home.len() > 1 && text.contains(&format!("{home}/"))
        {
            faults.push(format!("{name}: a path of this machine"));
        }
    }
    Ok(faults)
}

fn is_text(name: &str) -> bool {
    [
        ".rs", ".ts", ".kt", ".svelte", ".css", ".md", ".toml", ".json", ".py", ".sql", ".yml",
        ".html", ".xml",
    ]
    .iter()
    .any(|end| name.ends_with(end))
        && !name.ends_with("package-lock.json")
}
