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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use crate::{NewNote, Node, view::Role};

    /// Of no two letters that follow each other in many notes, so that the index takes several pages.
    fn text(number: u32) -> String {
        let mut dice = u64::from(number) + 1;
        let letter = |_| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + ((dice >> 33) % 26) as u8)
        };
        (0..2000).map(letter).collect()
    }

    fn indexed(node: &Node) {
        while node.index_pending().unwrap() > 0 {}
    }

    #[test]
    fn an_index_that_was_merged_since_the_last_look_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::init(folder.path(), "Mac", Role::Anchor).unwrap();
        let new = |number| NewNote { text: text(number), ..NewNote::default() };
        let notes: Vec<String> =
            (0..4).map(|number| node.capture(new(number)).unwrap().id).collect();
        for number in 4..12 {
            node.edit(&notes[number as usize % 4], None, &text(number), None).unwrap();
        }
        indexed(&node);
        for number in 12..16 {
            assert!(node.verify(true).unwrap().ok, "before {number}");
            node.capture(new(number)).unwrap();
            indexed(&node);
        }
        let verified = node.verify(true).unwrap();
        assert!(verified.ok, "{verified:?}");
    }
}
