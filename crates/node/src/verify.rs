//! Everything recomputed from the bytes: hashes, links, clocks, signatures, and what was folded from them.

use crate::error::{Error, Result};
use crate::history::{self, bad};
use crate::node::Node;
use crate::view::{BadRecord, Verification};
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
        let wrong = self.wrong_lists()?;
        if let Some(name) = wrong.first() {
            let reason = "the list does not follow from the events; run `mirror doctor --repair`";
            return Ok(Some(bad("projection", name, reason)));
        }
        self.check_vault()
    }

    /// Folds anew inside a transaction that is rolled back: the names of what then differs.
    pub(crate) fn wrong_lists(&self) -> Result<Vec<&'static str>> {
        let mut wrong = None;
        let undone = self.quiet_write::<()>(|tx| {
            let (digests, state) = (tx.list_digests()?, fold::state(tx)?);
            let counted = tx.note_count()? == tx.recount_notes()?;
            fold::rebuild(tx, self.inner.mesh)?;
            let folded = tx.list_digests()?;
            let differs = |name: &&str| digests.get(*name) != folded.get(*name);
            let mut names: Vec<_> = folded.keys().copied().filter(|name| differs(name)).collect();
            names.extend((fold::state(tx)? != state).then_some("state"));
            names.extend((!counted).then_some("count"));
            wrong = Some(names);
            Err(Error::cancelled())
        });
        match (wrong, undone) {
            (Some(wrong), _) => Ok(wrong),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Ok(Vec::new()),
        }
    }
}
