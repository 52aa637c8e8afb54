//! The vault watched while a process runs: what other programs change is recorded soon after.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mirror_vault::VaultPath;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::view::Code;

/// A file that is being written is left alone until it has been quiet for so long.
const QUIET: Duration = Duration::from_millis(300);
/// But not for longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Above this many changed files, or when the system has lost count, the whole vault is looked through.
const MANY: usize = 500;

/// Watches the vault until it is dropped.
pub struct VaultWatch {
    _watcher: RecommendedWatcher,
}

/// What changed since it was last looked at.
#[derive(Default)]
struct Changed {
    paths: BTreeSet<PathBuf>,
    /// Folders came or went, or the system lost count.
    all: bool,
}

impl Node {
    /// Looks through the vault once, then records what other programs change in it as it happens.
    pub fn watch_vault(&self) -> Result<VaultWatch> {
        let root = self.vault()?.root().to_owned();
        let (tell, changes) = channel();
        let cannot = |error: notify::Error| {
            Error::new(
                Code::Io,
                format!("can't watch {}: {error}", root.display()),
                "changes are seen at the next start, or with `mirror vault scan`; on Linux raise fs.inotify.max_user_watches",
            )
        };
        let mut watcher = notify::recommended_watcher(move |event| {
            // Whoever listened has gone: so will this.
            let _ = tell.send(event);
        })
        .map_err(cannot)?;
        watcher.watch(&root, RecursiveMode::Recursive).map_err(cannot)?;
        let node = self.clone();
        std::thread::Builder::new()
            .name("vault".to_owned())
            .spawn(move || node.follow(&root, &changes))?;
        Ok(VaultWatch { _watcher: watcher })
    }

    fn follow(&self, root: &Path, changes: &Receiver<notify::Result<Event>>) {
        // What changed while nobody watched.
        self.take_up(root, &Changed { all: true, ..Changed::default() });
        while let Ok(first) = changes.recv() {
            let mut changed = Changed::default();
            changed.add(first);
            let until = Instant::now() + PATIENCE;
            let ended = loop {
                let wait = QUIET.min(until.saturating_duration_since(Instant::now()));
                match changes.recv_timeout(wait) {
                    Ok(next) => changed.add(next),
                    Err(RecvTimeoutError::Timeout) => break false,
                    Err(RecvTimeoutError::Disconnected) => break true,
                }
                if wait.is_zero() {
                    break false;
                }
            };
            self.take_up(root, &changed);
            if ended {
                return;
            }
        }
    }

    fn take_up(&self, root: &Path, changed: &Changed) {
        let taken = if changed.all || changed.paths.len() > MANY {
            self.vault_scan().map(drop)
        } else {
            let within = changed.paths.iter().filter_map(|path| path.strip_prefix(root).ok());
            let named = within.filter_map(|path| VaultPath::new(path.to_str()?).ok());
            named.map(|path| self.notice_one(&path)).fold(Ok(()), Result::and)
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "what changed in the vault could not be recorded");
        }
    }
}

impl Changed {
    fn add(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
            Ok(event) => {
                self.all |= event.need_rescan() || event.paths.iter().any(|path| path.is_dir());
                self.paths.extend(event.paths);
            }
            Err(error) => {
                tracing::warn!(%error, "the system lost count of changes in the vault");
                self.all = true;
            }
        }
    }
}
