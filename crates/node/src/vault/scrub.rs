//! Everything in the vault read and compared with what is recorded of it.

use mirror_domain::Body;
use mirror_domain::body::{MAX_FINDING_BYTES, MAX_FINDINGS, VaultFinding, VaultScrub};
use mirror_vault::{Hash, Scrubbed};

use crate::cancel::CancelToken;
use crate::error::Result;
use crate::node::Node;
use crate::view;
use crate::{clock, commit, convert};

impl Node {
    /// Reads every file and version, mends from verified bytes what can be, and records what it found.
    /// `progress` is told the bytes that were read.
    pub fn vault_scrub(
        &self,
        cancel: &CancelToken,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<view::VaultScrubbed> {
        let scrubbed = self.scrub(true, cancel, progress)?;
        let told = scrubbed.findings.iter().take(MAX_FINDINGS).map(|one| VaultFinding {
            what: one.what.clone(),
            finding: cut(&one.to_string()),
        });
        let body = Body::VaultScrub(VaultScrub {
            files: scrubbed.files,
            versions: scrubbed.versions,
            bytes: scrubbed.bytes,
            findings: told.collect(),
            found: scrubbed.findings.len() as u64,
        });
        self.write(|tx| commit::append(&self.inner, tx, &body, clock::now()))?;
        Ok(shown(&scrubbed))
    }
}
