//! Everything recomputed from the bytes: hashes, links, clocks, signatures, and what was folded from them.

use mirror_domain::StateDigest;

use crate::error::{Error, Result};
use crate::history::{self, bad};
use crate::node::Node;
use crate::view::{BadRecord, Health, HealthCheck, Verification};
use crate::{convert, fold};

impl Node {
    /// Recomputes everything and names the first record that is not what it should be. `deep` also folds all events
    /// anew and compares, has SQLite check its pages, and reads every blob.
    pub fn verify(&self, deep: bool) -> Result<Verification> {
        let (counts, mut bad) = history::check(self)?;
        if deep && bad.is_none() {
            bad = self.check_deep()?;
        }
        let (blobs, bad_blob) = self.check_blobs(deep)?;
        bad = bad.or(bad_blob);
        Ok(Verification {
            ok: bad.is_none(),
            events: convert::count(counts.events),
            chains: convert::count(counts.chains),
            bodies: convert::count(counts.bodies),
            blobs: convert::count(blobs),
            first_bad: bad,
        })
    }

    fn check_deep(&self) -> Result<Option<BadRecord>> {
        if let Some(reason) = self.check_pages()? {
            return Ok(Some(bad("database", "", reason)));
        }
        let stored = self.read(fold::state)?.1;
        let folded = self.refold_and_undo()?;
        let differ = (folded != stored).then(|| {
            let reason = "the list does not follow from the events; run `mirror doctor --rebuild`";
            bad("projection", "state", reason)
        });
        Ok(if differ.is_some() { differ } else { self.check_vault()? })
    }

    /// Folds anew inside a transaction that is rolled back.
    fn refold_and_undo(&self) -> Result<StateDigest> {
        let mut folded = None;
        let undone = self.quiet_write::<()>(|tx| {
            fold::rebuild(tx, self.inner.mesh)?;
            folded = Some(fold::state(tx)?.1);
            Err(Error::cancelled())
        });
        match (folded, undone) {
            (Some(folded), _) => Ok(folded),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Ok(StateDigest::default()),
        }
    }

    /// Looks at each part of the home; `rebuild` folds everything anew from the events.
    pub fn doctor(&self, rebuild: bool) -> Result<Health> {
        if rebuild {
            self.write(|tx| fold::rebuild(tx, self.inner.mesh))?;
        }
        let pages = self.check_pages()?;
        let verified = self.verify(pages.is_none())?;
        let waiting = self.read(|view| Ok(view.quarantine()?))?;
        let first_bad =
            verified.first_bad.map(|bad| format!("{} {}: {}", bad.what, bad.id, bad.reason));
        let behind: u64 = self.read(|view| Ok(view.unindexed()?))?.iter().map(|c| c.events).sum();
        let check = |name: &str, ok: bool, detail: String, hint: &str| HealthCheck {
            name: name.to_owned(),
            ok,
            detail,
            hint: if ok { String::new() } else { hint.to_owned() },
        };
        let checks = vec![
            check(
                "database",
                pages.is_none(),
                pages.unwrap_or_else(|| "every page reads".to_owned()),
                "keep the file; join again as a new device, or restore a backup",
            ),
            check(
                "history",
                first_bad.is_none(),
                first_bad.unwrap_or_else(|| format!("{} events verify", verified.events)),
                "if it is the list, `mirror doctor --rebuild` mends it; otherwise reconcile with a device that is whole",
            ),
            check("keys", true, format!("kept in the {}", self.inner.key_store), ""),
            check(
                "waiting",
                waiting.is_empty(),
                match waiting.first() {
                    Some(first) => {
                        format!("{} runs wait; the first {}", waiting.len(), first.reason)
                    }
                    None => "nothing waits for its causes".to_owned(),
                },
                "reconcile with the device that has the missing events",
            ),
            check("files", true, self.blobs_in_words()?, ""),
            check("full text", true, format!("{behind} events still to index"), ""),
        ];
        Ok(Health { ok: checks.iter().all(|check| check.ok), checks })
    }
}
