//! Which versions have to be here, and which may go.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mirror_domain::Body;
use mirror_domain::body::VaultPrune;
use mirror_protocol::BlobId;
use mirror_store::View;
use mirror_vault::{Hash, PathHistory, Retention};

use super::checked_path;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::view;
use crate::{clock, commit, convert, fold};

const PAGE: u32 = 500;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The contents that this device's events name, oldest first.
#[derive(Default)]
pub struct Named {
    /// By file, each with the time of its event.
    files: BTreeMap<String, Vec<(Hash, i64)>>,
    /// What was offered and refused.
    refused: Vec<Hash>,
}

impl Named {
    /// Reads them; `within` is asked for each event whether to take it.
    fn of(node: &Node, view: &View<'_>) -> Result<Self> {
        let mut places = Vec::new();
        let mut before = None;
        loop {
            let page = view.vault_audit(None, before, PAGE)?;
            let Some((cursor, _)) = page.last() else { break };
            before = Some(*cursor);
            places.extend(page.into_iter().map(|(_, pos)| pos));
        }
        let mut named = Self::default();
        for pos in places.into_iter().rev() {
            let Some(event) = view.event_at(pos)? else { continue };
            if fold::author(view, &event.chain())? == node.inner.device
                && let Ok(body) = Body::read(&event)
            {
                named.add(body, event.header.at.unix_ms);
            }
        }
        Ok(named)
    }

    fn add(&mut self, body: Body, at_ms: i64) {
        match body {
            Body::VaultWrite(write) => {
                // What stood there before is named by the version that recorded it.
                self.add_version(write.path, write.to, at_ms);
            }
            Body::VaultAdopt(adopt) => {
                for file in adopt.files {
                    self.add_version(file.path, Some(file.content), at_ms);
                }
            }
            Body::VaultRefuse(refuse) => self.refused.extend(refuse.offered.map(|id| Hash(id.0))),
            Body::VaultPrune(prune) => self.prune(&prune, at_ms),
            _ => {}
        }
    }

    fn add_version(&mut self, path: String, content: Option<BlobId>, at_ms: i64) {
        self.files.entry(path).or_default().extend(content.map(|id| (Hash(id.0), at_ms)));
    }

    /// What a prune let go is not missed.
    fn prune(&mut self, prune: &VaultPrune, at_ms: i64) {
        let days = i64::try_from(prune.days).unwrap_or(i64::MAX);
        let since = at_ms.saturating_sub(days.saturating_mul(DAY_MS));
        for versions in self.files.values_mut() {
            let newest = usize::try_from(prune.newest).unwrap_or(usize::MAX);
            let old = versions.len().saturating_sub(newest);
            let mut index = 0;
            versions.retain(|(_, at_ms)| {
                index += 1;
                index > old || *at_ms >= since
            });
        }
        self.refused.clear();
    }
}

impl Node {
    /// Every content that has to be here as a version.
    pub(super) fn named_versions(&self, view: &View<'_>) -> Result<Vec<Hash>> {
        let Named { files, refused } = Named::of(self, view)?;
        let versions = files.into_values().flatten().map(|(hash, _)| hash);
        let all: std::collections::BTreeSet<Hash> = versions.chain(refused).collect();
        Ok(all.into_iter().collect())
    }

    /// Deletes the bytes of old versions: of each file the newest stay, those of the last days, and always the last good one.
    pub fn vault_prune(&self, newest: u32, days: u32) -> Result<view::VaultPruned> {
        if newest == 0 {
            return Err(Error::invalid("0 versions of each file", "keep 1 at least"));
        }
        // What stands there now counts as a version.
        self.vault_scan()?;
        self.locked(|_, locked| {
            let now_ms = clock::now_ms();
            let since_ms = now_ms.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
            let named = self.read(|view| Named::of(self, view))?;
            let mut histories = Vec::new();
            for (path, versions) in named.files {
                // The newest first.
                let versions = versions.into_iter().rev();
                let versions = versions.map(|(hash, at)| (hash, instant(at))).collect();
                histories.push(PathHistory { path: checked_path(&path)?, versions });
            }
            let newest_kept = usize::try_from(newest).unwrap_or(usize::MAX);
            let retention = Retention { newest: newest_kept, since: instant(since_ms) };
            // The event first: what goes then is not missed, and what a crash leaves goes the next time.
            let body = Body::VaultPrune(VaultPrune { newest: newest.into(), days: days.into() });
            self.write(|tx| commit::append(&self.inner, tx, &body, clock::now()))?;
            let pruned = locked.prune(&histories, &[], retention)?;
            Ok(view::VaultPruned {
                removed: convert::count(pruned.removed.len()),
                mib: convert::count(pruned.bytes >> 20),
                stay: convert::count(pruned.stay),
            })
        })
    }
}

fn instant(at_ms: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(at_ms).unwrap_or(0));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
