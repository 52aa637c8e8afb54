//! Conflicts: two latest revisions, what they rest on, and a merge where their changes don't touch.

use mirror_protocol::DeviceId;
use similar::{ChangeTag, TextDiff};

use crate::note::{NoteGraph, Revision};

/// Above this many bytes on either side, a diff goes by lines: words would take too long.
const WORD_DIFF_BYTES: usize = 16 * 1024;

/// Two latest revisions of one note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What both rest on.
    pub base: Option<Revision>,
    /// This device's revision, or the first in canonical order if neither or both are.
    pub ours: Revision,
    /// The other.
    pub theirs: Revision,
    /// The merge, when no changes touch.
    pub proposal: Option<Merge>,
}

/// A merged revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The text.
    pub text: String,
    /// The tags.
    pub tags: Vec<String>,
}

impl Conflict {
    /// The first conflict of a note, as this device sees it; `None` when nothing differs.
    pub fn of(graph: &NoteGraph, here: &DeviceId) -> Option<Self> {
        let leaves = graph.distinct_leaves();
        let [first, second, ..] = leaves.as_slice() else { return None };
        let swap = second.device == *here && first.device != *here;
        let (ours, theirs) = if swap { (*second, *first) } else { (*first, *second) };
        let base = graph.base(&ours.id, &theirs.id);
        let proposal = base.and_then(|base| merge(base, ours, theirs));
        Some(Self { base: base.cloned(), ours: ours.clone(), theirs: theirs.clone(), proposal })
    }
}

/// Merges by lines (diff3). No proposal when lines overlap, or when one side put the note away.
fn merge(base: &Revision, ours: &Revision, theirs: &Revision) -> Option<Merge> {
    if ours.archived != theirs.archived {
        return None;
    }
    let text = merge_texts(&base.text, &ours.text, &theirs.text)?;
    let kept = |tag: &&String| {
        let (b, o, t) =
            (base.tags.contains(tag), ours.tags.contains(tag), theirs.tags.contains(tag));
        if b { o && t } else { o || t }
    };
    let all: std::collections::BTreeSet<&String> =
        base.tags.iter().chain(&ours.tags).chain(&theirs.tags).collect();
    Some(Merge { text, tags: all.into_iter().filter(kept).cloned().collect() })
}

/// Merges texts by lines; nothing when their changes touch.
pub fn merge_texts(base: &str, ours: &str, theirs: &str) -> Option<String> {
    // Notes rarely end with a line break; without one, a line appended behind the last would count as a change of it.
    let whole = |text: &str| format!("{text}\n");
    let merged = diffy::merge(&whole(base), &whole(ours), &whole(theirs)).ok()?;
    Some(merged.strip_suffix('\n').unwrap_or(&merged).to_owned())
}

/// What happened to a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// In both.
    Same,
    /// Only in the new.
    Added,
    /// Only in the old.
    Removed,
}

/// The difference of two texts by words, or by lines where they are long; neighbours of one kind are joined.
pub fn diff(old: &str, new: &str) -> Vec<(Change, String)> {
    let short = old.len() <= WORD_DIFF_BYTES && new.len() <= WORD_DIFF_BYTES;
    let diff =
        if short { TextDiff::from_unicode_words(old, new) } else { TextDiff::from_lines(old, new) };
    let mut spans: Vec<(Change, String)> = Vec::new();
    for change in diff.iter_all_changes() {
        let kind = match change.tag() {
            ChangeTag::Equal => Change::Same,
            ChangeTag::Insert => Change::Added,
            ChangeTag::Delete => Change::Removed,
        };
        match spans.last_mut() {
            Some((last, text)) if *last == kind => text.push_str(change.value()),
            _ => spans.push((kind, change.value().to_owned())),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::revision;

    fn conflict(base: &str, ours: &str, theirs: &str) -> Conflict {
        let graph = NoteGraph::new([
            revision(1, &[], base),
            revision(2, &[1], ours),
            revision(3, &[1], theirs),
        ]);
        Conflict::of(&graph, &DeviceId([0; 32])).unwrap()
    }

    #[test]
    fn edits_of_different_lines_have_a_proposal() {
        let conflict =
            conflict("milk\nbread\ntea", "oat milk\nbread\ntea", "milk\nbread\nblack tea");
        assert_eq!(conflict.proposal.unwrap().text, "oat milk\nbread\nblack tea");
        assert_eq!(conflict.base.unwrap().text, "milk\nbread\ntea");
    }

    #[test]
    fn a_line_behind_the_last_is_no_change_of_the_last() {
        let conflict = conflict("one\ntwo\nthree", "one\ntwo\nthree\nfour", "uno\ntwo\nthree");
        assert_eq!(conflict.proposal.unwrap().text, "uno\ntwo\nthree\nfour");
    }

    #[test]
    fn edits_of_one_line_have_none() {
        assert_eq!(conflict("tea at four", "tea at five", "tea at six").proposal, None);
    }

    #[test]
    fn tags_merge_as_sets() {
        let mut sides = [revision(1, &[], "a"), revision(2, &[1], "a b"), revision(3, &[1], "a")];
        sides[0].tags = vec!["x".into(), "y".into()];
        sides[1].tags = vec!["x".into(), "z".into()];
        sides[2].tags = vec!["w".into(), "x".into(), "y".into()];
        let conflict = Conflict::of(&NoteGraph::new(sides), &DeviceId([0; 32])).unwrap();
        assert_eq!(conflict.proposal.unwrap().tags, ["w", "x", "z"]);
    }

    #[test]
    fn ours_is_this_devices_revision() {
        let graph =
            NoteGraph::new([revision(1, &[], "a"), revision(2, &[1], "b"), revision(3, &[1], "c")]);
        assert_eq!(Conflict::of(&graph, &DeviceId([1; 32])).unwrap().ours.text, "c");
        assert_eq!(Conflict::of(&graph, &DeviceId([0; 32])).unwrap().ours.text, "b");
    }

    #[test]
    fn a_diff_goes_by_words_and_puts_the_text_together_again() {
        let spans = diff("tea at four", "tea at five");
        assert_eq!(spans[0], (Change::Same, "tea at ".into()));
        let new: String =
            spans.iter().filter(|(c, _)| *c != Change::Removed).map(|(_, t)| t.as_str()).collect();
        assert_eq!(new, "tea at five");
    }
}
