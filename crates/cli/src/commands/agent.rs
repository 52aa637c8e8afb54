//! `mirror agent install | uninstall`: our hooks in an agent's settings.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use mirror_node::view::Code;
use serde::Serialize;

use super::{Here, failed};
use crate::args::{Agent, KnownAgent, Scope};
use crate::claude::{EVENTS, plugin, settings};
use crate::output::{Exit, Result};

/// More is no settings file.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What was done.
#[derive(Debug, Serialize)]
struct Installed {
    agent: &'static str,
    /// The settings, or the plugin's folder.
    file: String,
    /// What they were before; absent when nothing changed or nothing was there.
    backup: Option<String>,
    changed: bool,
    events: Vec<&'static str>,
}

/// `mirror agent …`
pub fn agent(here: &Here<'_>, command: Agent) -> Result<Exit> {
    let done = match command {
        Agent::Install { agent: KnownAgent::ClaudeCode, plugin: Some(folder), .. } => {
            write_plugin(&folder, &program(here, false)?)?
        }
        Agent::Install { agent: KnownAgent::ClaudeCode, scope, plugin: None } => {
            let program = program(here, scope == Scope::User)?;
            change(scope, |text| match settings::holds(text, &program) {
                true => Ok(text.to_owned()),
                false => settings::with_hooks(text, &program),
            })?
        }
        Agent::Uninstall { agent: KnownAgent::ClaudeCode, scope } => change(scope, |text| {
            let without = settings::without_hooks(text)?;
            let same = |a: &str, b: &str| {
                let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
                value(a) == value(b)
            };
            // When none of ours is there, not even its white space changes.
            Ok(if text.trim().is_empty() || same(&without, text) {
                text.to_owned()
            } else {
                without
            })
        })?,
    };
    here.out.answer(&done, |done| {
        let mut text = match done.changed {
            true => format!("written: {}\n", done.file),
            false => format!("{} is as it should be\n", done.file),
        };
        text.extend(done.backup.iter().map(|path| format!("as it was before: {path}\n")));
        text
    })?;
    Ok(Exit::Done)
}

/// How a shell calls us: by our place for a person's own settings, by our name where others read them too. A home is named
/// when it is not the usual one.
fn program(here: &Here<'_>, own: bool) -> Result<String> {
    let exe = || std::env::current_exe().map_err(mirror_node::Error::from);
    let name = if own { settings::word(&exe()?.to_string_lossy()) } else { "mirror".to_owned() };
    if here.home == mirror_node::default_home() {
        return Ok(name);
    }
    Ok(format!("{name} --home {}", settings::word(&here.home.to_string_lossy())))
}

fn change(
    scope: Scope,
    edit: impl FnOnce(&str) -> std::result::Result<String, String>,
) -> Result<Installed> {
    let file = settings_file(scope)?;
    let before = match fs::metadata(&file) {
        Ok(meta) if meta.len() > MAX_BYTES => {
            let detail = format!("{} is longer than {MAX_BYTES} bytes", file.display());
            return Err(failed(Code::Invalid, detail, "nothing was changed").into());
        }
        Ok(_) => Some(fs::read_to_string(&file).map_err(|error| wrong(&file, &error))?),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(wrong(&file, &error).into()),
    };
    let text = before.as_deref().unwrap_or_default();
    let after = edit(text).map_err(|error| wrong(&file, &error))?;
    let changed = after != text;
    let mut backup = None;
    if changed {
        if let Some(before) = &before {
            let path = beside(&file, ".mirror-backup");
            replace(&path, before, &file)?;
            backup = Some(path.display().to_string());
        }
        replace(&file, &after, &file)?;
    }
    let events = EVENTS.iter().map(|(event, _)| *event).collect();
    Ok(Installed {
        agent: "claude-code",
        file: file.display().to_string(),
        backup,
        changed,
        events,
    })
}

/// Where the settings are: what a link leads to, for many keep theirs elsewhere.
fn settings_file(scope: Scope) -> Result<PathBuf> {
    let folder = match scope {
        Scope::Project => {
            std::env::current_dir().map_err(mirror_node::Error::from)?.join(".claude")
        }
        Scope::User => match std::env::var_os("CLAUDE_CONFIG_DIR").filter(|dir| !dir.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => {
                let home =
                    std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
                let none = || failed(Code::Invalid, "there is no HOME", "set CLAUDE_CONFIG_DIR");
                home.ok_or_else(none)?.join(".claude")
            }
        },
    };
    let file = folder.join("settings.json");
    Ok(fs::canonicalize(&file).unwrap_or(file))
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Puts a whole file in another's place, or leaves that; durable when it returns. It may be read by whoever may read `like`.
fn replace(path: &Path, text: &str, like: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let new = beside(path, &format!(".{}.new", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| {
            match fs::metadata(like) {
                Ok(meta) => file.set_permissions(meta.permissions())?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            file.sync_all()?;
            fs::rename(&new, path)
        });
        if written.is_err() {
            // The half of a file that could not be finished.
            let _ = fs::remove_file(&new);
        }
        written?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| wrong(path, &error).into())
}

fn write_plugin(folder: &Path, program: &str) -> Result<Installed> {
    let folder = std::path::absolute(folder).map_err(|error| wrong(folder, &error))?;
    let manifest =
        fs::read_to_string(folder.join(".claude-plugin/plugin.json")).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
    let empty = fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    if !empty && manifest.get("name").and_then(|name| name.as_str()) != Some(plugin::NAME) {
        let detail = format!("{} holds something else", folder.display());
        return Err(failed(Code::Invalid, detail, "name a folder that is new or empty").into());
    }
    let mut changed = false;
    for (name, text) in plugin::files(program) {
        let path = folder.join(name);
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            replace(&path, &text, &path)?;
            changed = true;
        }
    }
    let events = EVENTS.iter().map(|(event, _)| *event).collect();
    Ok(Installed {
        agent: "claude-code",
        file: folder.display().to_string(),
        backup: None,
        changed,
        events,
    })
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> mirror_node::Error {
    let detail = format!("{}: {error}", path.display());
    failed(Code::Invalid, detail, "nothing was changed; mend it by hand, then install again")
}
