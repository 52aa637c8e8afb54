//! A note is a graph of revisions. Nothing in it depends on the order in which revisions arrived.

use mirror_protocol::{BlobId, DeviceId, EventId, Order, Tip, WallTime};

use crate::attachment::Attachment;
use crate::graph::{Graph, Node};
use crate::transcript::Heard;

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The event.
    pub id: EventId,
    /// The revisions that it replaces; none for the first.
    pub parents: Vec<EventId>,
    /// Markdown.
    pub text: String,
    /// Sorted, each once.
    pub tags: Vec<String>,
    /// What it carries beside its text.
    pub attachments: Vec<Attachment>,
    /// It carries what its parents carry.
    pub inherits: bool,
    /// Puts the note away.
    pub archived: bool,
    /// Whose revision.
    pub device: DeviceId,
    /// The author's wall clock.
    pub at: WallTime,
    /// Its place in canonical order.
    pub order: Order,
}

impl Revision {
    /// Where its event stands.
    pub fn place(&self) -> Tip {
        let (_, chain, seq, id) = self.order;
        Tip { chain, seq, id }
    }

    /// Whether it carries this content as a recording.
    pub fn carries(&self, audio: &BlobId) -> bool {
        self.attachments.iter().any(|one| one.is_audio() && one.blob == *audio)
    }

    /// Its text, and what was said in its recordings, as far as that was heard; `heard` tells it of a recording.
    pub fn told(&self, heard: impl Fn(&BlobId) -> Option<Heard>) -> String {
        let mut told = if self.text.trim().is_empty() { String::new() } else { self.text.clone() };
        for one in self.attachments.iter().filter(|one| one.is_audio()) {
            if !told.is_empty() {
                told.push_str("\n\n");
            }
            told.push_str(&match heard(&one.blob) {
                None => format!("[{}: waits for its transcript]", one.name),
                Some(heard) if heard.first.body.silent => {
                    format!("[{}: the recording holds no sound]", one.name)
                }
                Some(heard) if heard.segments.is_empty() => {
                    format!("[{}: no speech was heard]", one.name)
                }
                Some(heard) => {
                    let doubt = if heard.is_doubtful() { ", parts are doubtful" } else { "" };
                    let model = &heard.first.body.model;
                    format!("[{}, heard by {model}{doubt}]\n{}", one.name, heard.text())
                }
            });
        }
        if told.is_empty() { self.title() } else { told }
    }

    /// Its text, or what stands for a text where there is none: the names of what it carries.
    pub fn title(&self) -> String {
        if !self.text.trim().is_empty() {
            return self.text.clone();
        }
        let names: Vec<&str> = self.attachments.iter().map(|a| a.name.as_str()).collect();
        names.join(", ")
    }
}

/// What a note asks of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteState {
    /// One latest revision, or several that say the same.
    Current,
    /// Several latest revisions that differ.
    Conflict,
    /// Put away.
    Archived,
}

impl NoteState {
    /// The number that stands for it.
    pub fn number(self) -> u8 {
        match self {
            Self::Current => 0,
            Self::Conflict => 1,
            Self::Archived => 2,
        }
    }

    /// The state of a number; anything else needs a person.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Current,
            2 => Self::Archived,
            _ => Self::Conflict,
        }
    }
}

impl Node for Revision {
    type Content<'n> = (&'n str, &'n [String], &'n [Attachment], bool);

    fn id(&self) -> EventId {
        self.id
    }

    fn parents(&self) -> &[EventId] {
        &self.parents
    }

    fn order(&self) -> Order {
        self.order
    }

    fn content(&self) -> Self::Content<'_> {
        (&self.text, &self.tags, &self.attachments, self.archived)
    }
}

/// A note's revisions.
pub type NoteGraph = Graph<Revision>;

impl NoteGraph {
    /// Builds the graph; the revisions may come in any order. An archive takes the text of the newest revision that it
    /// replaces; what inherits, the attachments of all of them.
    pub fn new(revisions: impl IntoIterator<Item = Revision>) -> Self {
        let mut graph = Self::default();
        let mut ordered: Vec<Revision> = revisions.into_iter().collect();
        ordered.sort_by_key(|revision| revision.order);
        for mut revision in ordered {
            if revision.archived {
                let parents = revision.parents.iter().filter_map(|id| graph.get(id));
                if let Some(parent) = parents.max_by_key(|parent| parent.order) {
                    revision.text = parent.text.clone();
                    revision.tags = parent.tags.clone();
                }
            }
            if revision.inherits {
                let parents = revision.parents.iter().filter_map(|id| graph.get(id));
                let mut parents: Vec<_> = parents.collect();
                parents.sort_by_key(|parent| parent.order);
                for attachment in parents.into_iter().flat_map(|parent| &parent.attachments) {
                    if !revision.attachments.contains(attachment) {
                        revision.attachments.push(attachment.clone());
                    }
                }
            }
            graph.add(revision);
        }
        graph
    }

    /// The revision that a list shows: the last leaf in canonical order.
    pub fn shown(&self) -> Option<&Revision> {
        self.leaves().pop()
    }

    /// What the note asks of a person.
    pub fn state(&self) -> NoteState {
        match self.distinct_leaves().as_slice() {
            [only] if only.archived => NoteState::Archived,
            [] | [_] => NoteState::Current,
            _ => NoteState::Conflict,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mirror_protocol::{BlobId, BlobRef, ChainId, ChunkListHash, Lamport};
    use proptest::prelude::*;

    pub(crate) fn revision(n: u8, parents: &[u8], text: &str) -> Revision {
        Revision {
            id: EventId([n; 32]),
            parents: parents.iter().map(|p| EventId([*p; 32])).collect(),
            text: text.into(),
            tags: vec![],
            attachments: vec![],
            inherits: !parents.is_empty(),
            archived: false,
            device: DeviceId([n % 2; 32]),
            at: WallTime { unix_ms: 0, offset_min: 0 },
            order: (Lamport(n.into()), ChainId([n % 2; 32]), n.into(), EventId([n; 32])),
        }
    }

    #[test]
    fn two_edits_of_one_revision_are_a_conflict_and_a_resolution_ends_it() {
        let two = [revision(1, &[], "a"), revision(2, &[1], "b"), revision(3, &[1], "c")];
        let graph = NoteGraph::new(two.clone());
        assert_eq!(graph.state(), NoteState::Conflict);
        assert_eq!(graph.base(&two[1].id, &two[2].id).unwrap().text, "a");

        let resolved = NoteGraph::new(two.into_iter().chain([revision(4, &[2, 3], "bc")]));
        assert_eq!(resolved.state(), NoteState::Current);
        assert_eq!(resolved.shown().unwrap().text, "bc");
    }

    #[test]
    fn two_devices_that_write_the_same_need_nobody() {
        let graph = NoteGraph::new([
            revision(1, &[], "a"),
            revision(2, &[1], "same"),
            revision(3, &[1], "same"),
        ]);
        assert_eq!(graph.state(), NoteState::Current);
        assert_eq!(graph.leaves().len(), 2);
    }

    #[test]
    fn an_archive_keeps_the_text_and_an_edit_brings_the_note_back() {
        let mut archive = revision(2, &[1], "");
        archive.archived = true;
        let graph = NoteGraph::new([revision(1, &[], "a"), archive.clone()]);
        assert_eq!(graph.state(), NoteState::Archived);
        assert_eq!(graph.shown().unwrap().text, "a");

        let edited = revision(3, &[1], "b");
        let graph = NoteGraph::new([revision(1, &[], "a"), archive, edited]);
        assert_eq!(graph.state(), NoteState::Conflict);
    }

    #[test]
    fn what_a_note_carries_outlives_edits_and_merges() {
        let memo = |n: u8| {
            let (id, chunks) = (BlobId([n; 32]), ChunkListHash([n; 32]));
            Attachment::new(BlobRef { id, bytes: 1, chunks }, "memo", "audio/mp4")
        };
        let mut first = revision(1, &[], "a");
        first.attachments = vec![memo(1)];
        let mut more = revision(3, &[1], "c");
        (more.attachments, more.inherits) = (vec![memo(1), memo(2)], false);
        let history = [first, revision(2, &[1], "b"), more, revision(4, &[2, 3], "bc")];
        let graph = NoteGraph::new(history.clone());
        let carries = |n: usize| graph.get(&history[n].id).unwrap().attachments.len();
        assert_eq!([carries(0), carries(1), carries(2), carries(3)], [1, 1, 2, 2]);

        let mut same = revision(3, &[1], "b");
        (same.attachments, same.inherits) = (vec![], false);
        let graph = NoteGraph::new([history[0].clone(), history[1].clone(), same]);
        assert_eq!(graph.state(), NoteState::Conflict, "one side let go of the recording");
    }

    #[test]
    fn a_recording_without_a_text_is_told_by_its_name() {
        let mut note = revision(1, &[], "");
        let blob = BlobRef { id: BlobId([1; 32]), bytes: 1, chunks: ChunkListHash([1; 32]) };
        note.attachments = vec![Attachment::new(blob, "memo.m4a", "audio/mp4")];
        assert_eq!(note.title(), "memo.m4a");
        note.text = "call Asha".into();
        assert_eq!(note.title(), "call Asha");
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_decides_nothing(parents in proptest::collection::vec(any::<u8>(), 1..12), turn in 0usize..12) {
            let mut revisions = vec![revision(1, &[], "first")];
            for (n, parent) in parents.iter().enumerate() {
                let n = n as u8 + 2;
                revisions.push(revision(n, &[parent % (n - 1) + 1], &format!("text {}", n % 3)));
            }
            let graph = NoteGraph::new(revisions.clone());
            let middle = turn % revisions.len();
            revisions.rotate_left(middle);
            revisions.reverse();
            prop_assert_eq!(NoteGraph::new(revisions), graph);
        }
    }
}
