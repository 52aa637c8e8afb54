//! Everything in the vault read and compared with what is recorded of it.

use std::ops::ControlFlow;

use mirror_domain::Body;
use mirror_domain::body::{MAX_FINDING_BYTES, MAX_FINDINGS, VaultFinding, VaultScrub};
use mirror_vault::{Finding, Hash, Progress, Recorded, Repair, Scrubbed};

use super::checked_path;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::view;
use crate::{clock, commit, convert};

impl Node {
    /// Reads every file and version, mends from verified bytes what can be, and records what it found.
    pub fn vault_scrub(
        &self,
        cancel: &CancelToken,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<view::VaultScrubbed> {
        // What other programs changed is no damage.
        self.vault_scan()?;
        let recorded = self.recorded()?;
        let scrubbed = self.read_all(&recorded, cancel, progress)?;
        let repairs = self.locked(|_, locked| Ok(locked.repair(&recorded, &scrubbed.findings)?))?;
        let told = repairs.iter().take(MAX_FINDINGS).map(|repair| {
            let (what, finding) = words(&repair.finding);
            let done = repair.done.as_ref().map(|done| format!("; {done}")).unwrap_or_default();
            VaultFinding { what, finding: cut(&format!("{finding}{done}")) }
        });
        let body = Body::VaultScrub(VaultScrub {
            files: scrubbed.files,
            versions: scrubbed.versions,
            bytes: scrubbed.bytes,
            findings: told.collect(),
            found: repairs.len() as u64,
        });
        self.write(|tx| commit::append(&self.inner, tx, &body, clock::now()))?;
        Ok(shown(&scrubbed, &repairs))
    }

    /// The first thing in the vault that is not as it is recorded; nothing is changed. Without a vault there is none.
    pub(crate) fn check_vault(&self) -> Result<Option<view::BadRecord>> {
        if self.read(|view| Ok(view.vault_file_count()?))? == 0 {
            return Ok(None);
        }
        let recorded = self.recorded()?;
        let scrubbed = self.read_all(&recorded, &CancelToken::default(), &mut |_| {})?;
        let mut damage = scrubbed.findings.iter().filter(|finding| is_damage(finding));
        Ok(damage.next().map(|finding| {
            let (id, reason) = words(finding);
            view::BadRecord { what: "vault".to_owned(), id, reason }
        }))
    }

    fn read_all(
        &self,
        recorded: &Recorded,
        cancel: &CancelToken,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Scrubbed> {
        let scrubbed = self.vault()?.scrub(recorded, &mut |now| {
            progress(now);
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if scrubbed.stopped { Err(Error::cancelled()) } else { Ok(scrubbed) }
    }

    /// What stands at each path, and every version that an event of this device names.
    fn recorded(&self) -> Result<Recorded> {
        self.read(|view| {
            let mut recorded = Recorded::default();
            let mut rows = Vec::new();
            view.vault_files(|row| {
                rows.push((row.path, row.content));
                Ok(())
            })?;
            for (path, content) in rows {
                recorded.files.push((checked_path(&path)?, Hash(content.0)));
            }
            recorded.versions = self.named_versions(view)?;
            Ok(recorded)
        })
    }
}

/// What a person has to know of at once. A file that another program changed or removed is no damage.
fn is_damage(finding: &Finding) -> bool {
    !matches!(finding, Finding::FileChanged { .. } | Finding::FileMissing { .. } | Finding::Left(_))
}

fn shown(scrubbed: &Scrubbed, repairs: &[Repair]) -> view::VaultScrubbed {
    let finding = |repair: &Repair| {
        let (what, finding) = words(&repair.finding);
        let done = repair.done.as_ref().map(|done| format!("; {done}")).unwrap_or_default();
        let finding = format!("{finding}{done}");
        view::VaultFinding { what, finding, repaired: repair.done.is_some() }
    };
    view::VaultScrubbed {
        ok: repairs.iter().all(|repair| repair.done.is_some()),
        files: convert::count(scrubbed.files),
        versions: convert::count(scrubbed.versions),
        mib: convert::count(scrubbed.bytes >> 20),
        findings: repairs.iter().map(finding).collect(),
    }
}

/// What it is about, and what is wrong with it.
fn words(finding: &Finding) -> (String, String) {
    match finding {
        Finding::VersionMissing { hash } => (hash.to_string(), "the version is not there".into()),
        Finding::VersionDamaged { hash, found } => {
            (hash.to_string(), format!("the version is damaged: its bytes are {found}"))
        }
        Finding::VersionUnreadable { hash, reason } => {
            (hash.to_string(), format!("the version can't be read: {reason}"))
        }
        Finding::FileMissing { path, .. } => (path.to_string(), "the file is gone".into()),
        Finding::FileChanged { path, expected, found } => {
            (path.to_string(), format!("the file is {found}, recorded was {expected}"))
        }
        Finding::FileUnreadable { path, reason } => {
            (path.to_string(), format!("the file can't be read: {reason}"))
        }
        Finding::SidecarWrong { path, .. } => {
            (path.to_string(), "the hash beside it is not its hash".into())
        }
        Finding::SidecarMissing { path, .. } => {
            (path.to_string(), "the hash beside it is missing".into())
        }
        Finding::SidecarAlone { path } => (path.to_string(), "a hash stands beside no file".into()),
        Finding::Left(stray) => {
            (stray.path.display().to_string(), "a process that died left it behind".into())
        }
    }
}

fn cut(text: &str) -> String {
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= MAX_FINDING_BYTES;
    text.char_indices().take_while(fits).map(|(_, c)| c).collect()
}
