//! Folders that all devices share: which they are, and what a device does about a file in one.
//!
//! A shared file is a graph of revisions by its path, across devices. A device takes a revision over when nothing else
//! waits beside it; between two it never chooses.

use std::collections::{BTreeMap, BTreeSet};

use mirror_protocol::{BlobId, BlobRef, DeviceId, EventId, Order, WallTime};

use crate::body::{MAX_REPLACES, Role, VaultShare, VaultWrite};
use crate::graph::{Graph, Node};

/// Which folders are shared: of all that was said of one, the last in canonical order holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    folders: BTreeMap<String, (Order, bool)>,
}

impl Shares {
    /// From what was said, in any order. Who may say it, the caller has looked at.
    pub fn fold(said: impl IntoIterator<Item = (Order, VaultShare)>) -> Self {
        let mut folders: BTreeMap<String, (Order, bool)> = BTreeMap::new();
        for (order, VaultShare { folder, shared }) in said {
            let last = folders.entry(folder).or_insert((order, shared));
            if last.0 < order {
                *last = (order, shared);
            }
        }
        Self { folders }
    }

    /// Whether a file is shared: the innermost of its folders of which something was said tells.
    pub fn hold(&self, path: &str) -> bool {
        self.holds_below(path.rsplit_once('/').map_or("", |(folder, _)| folder))
    }

    /// Whether any file can be shared.
    pub fn any(&self) -> bool {
        self.folders.values().any(|(_, shared)| *shared)
    }

    /// The folders of which something was said, each with the event that holds and whether it is shared.
    pub fn folders(&self) -> impl Iterator<Item = (&str, EventId, bool)> {
        self.folders.iter().map(|(folder, ((.., id), shared))| (folder.as_str(), *id, *shared))
    }

    /// Whether what lies right in a folder is shared.
    pub fn holds_below(&self, folder: &str) -> bool {
        match self.folders.get(folder) {
            Some((_, shared)) => *shared,
            None => !folder.is_empty() && self.hold(folder),
        }
    }
}

/// Whether what a member says of folders counts: a phone must not make the others send it their files.
pub fn may_share(role: Option<Role>) -> bool {
    matches!(role, Some(Role::Anchor | Role::Node))
}

/// One version of a shared file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRevision {
    /// The event.
    pub id: EventId,
    /// The versions that it replaces.
    pub parents: Vec<EventId>,
    /// Its content; none when the file is gone.
    pub content: Option<BlobId>,
    /// The content as a blob; an empty file has none.
    pub blob: Option<BlobRef>,
    /// The content's size.
    pub bytes: u64,
    /// Whose version.
    pub device: DeviceId,
    /// The author's wall clock.
    pub at: WallTime,
    /// Its place in canonical order.
    pub order: Order,
}

impl FileRevision {
    /// A shared write as a version; the caller has looked whether it counts.
    pub fn new(write: &VaultWrite, device: DeviceId, at: WallTime, order: Order) -> Self {
        let (.., id) = order;
        let (parents, content, blob) = (write.replaces.clone(), write.to, write.content());
        Self { id, parents, content, blob, bytes: write.bytes, device, at, order }
    }
}

impl Node for FileRevision {
    type Content<'n> = Option<BlobId>;

    fn id(&self) -> EventId {
        self.id
    }

    fn parents(&self) -> &[EventId] {
        &self.parents
    }

    fn order(&self) -> Order {
        self.order
    }

    fn content(&self) -> Option<BlobId> {
        self.content
    }
}

/// A shared file's versions.
pub type FileGraph = Graph<FileRevision>;

impl FileGraph {
    /// Builds the graph; the versions may come in any order.
    pub fn new(revisions: impl IntoIterator<Item = FileRevision>) -> Self {
        let mut graph = Self::default();
        revisions.into_iter().for_each(|revision| graph.add(revision));
        graph
    }

    /// What a new version of this device replaces: what its disk stands for, and whatever says the same.
    pub fn replaced_by(&self, stands: &[EventId]) -> Vec<EventId> {
        replaced(self.leaves().into_iter().map(|leaf| (leaf.id, leaf.content)), stands)
    }
}

/// What a new version replaces, of these leaves and what the disk stands for: a leaf that says the same as one of those is
/// replaced with it.
pub fn replaced(
    leaves: impl IntoIterator<Item = (EventId, Option<BlobId>)>,
    stands: &[EventId],
) -> Vec<EventId> {
    let leaves: Vec<_> = leaves.into_iter().collect();
    let own = |id: &EventId| stands.contains(id);
    let said: BTreeSet<_> =
        leaves.iter().filter(|(id, _)| own(id)).map(|(_, content)| *content).collect();
    let twins = leaves.iter().filter(|(id, content)| !own(id) && said.contains(content));
    let twins = twins.map(|(id, _)| *id);
    stands.iter().copied().chain(twins).take(MAX_REPLACES).collect()
}

/// What lies on a device's disk at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The content; none when there is no file.
    pub content: Option<BlobId>,
    /// How the graph knows of it.
    pub stand: Stand,
    /// The versions of the graph that it stands for, or goes back to.
    pub versions: Vec<EventId>,
}

/// How what lies on a disk is known to the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// It is a version of the graph; or there is no file.
    Known,
    /// It is this device's own, and the graph has not heard of it.
    Own,
    /// It was taken over from another device, and counts no longer.
    Void,
}

/// What a device does about a shared file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// It says what lies here.
    Announce,
    /// It makes its disk stand for this version.
    Take(EventId),
}

/// What a device does about a shared file whose graph has these leaves.
pub fn step(leaves: &[(EventId, Option<BlobId>)], here: &Here) -> Step {
    let same = leaves.iter().find(|(_, content)| *content == here.content);
    let unheard = here.stand == Stand::Own && here.content.is_some();
    let distinct: BTreeSet<_> = leaves.iter().map(|(_, content)| *content).collect();
    let stands = here.stand == Stand::Known
        && (here.content.is_none() || leaves.iter().any(|(id, _)| here.versions.contains(id)));
    match (same, leaves.first()) {
        (Some(_), _) if stands => Step::Rest,
        (Some((id, _)), _) if distinct.len() == 1 || unheard => Step::Take(*id),
        (None, _) if unheard => Step::Announce,
        (None, Some((id, _))) if distinct.len() == 1 => Step::Take(*id),
        _ => Step::Rest,
    }
}

/// Two latest versions of a shared file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConflict {
    /// What both rest on.
    pub base: Option<FileRevision>,
    /// This device's version, or the first in canonical order if neither or both are.
    pub ours: FileRevision,
    /// The other.
    pub theirs: FileRevision,
    /// All latest versions that say what either says: a decision replaces them.
    pub sides: Vec<EventId>,
}

impl FileConflict {
    /// The first conflict of a file, as this device sees it; `None` when nothing differs.
    pub fn of(graph: &FileGraph, here: &DeviceId) -> Option<Self> {
        // Of twins, the own one tells best whose a side is.
        let mut leaves = graph.leaves();
        leaves.sort_by_key(|leaf| leaf.device != *here);
        let ours = *leaves.first()?;
        let theirs = *graph.distinct_leaves().iter().find(|l| l.content != ours.content)?;
        let both = [ours.content, theirs.content];
        let sides = graph.leaves().into_iter().filter(|leaf| both.contains(&leaf.content));
        Some(Self {
            base: graph.base(&ours.id, &theirs.id).cloned(),
            ours: ours.clone(),
            theirs: theirs.clone(),
            sides: sides.map(|leaf| leaf.id).take(MAX_REPLACES).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirror_protocol::{ChainId, Lamport};
    use proptest::prelude::*;

    fn order(n: u8) -> Order {
        (Lamport(n.into()), ChainId([n % 2; 32]), n.into(), EventId([n; 32]))
    }

    fn share(n: u8, folder: &str, shared: bool) -> (Order, VaultShare) {
        (order(n), VaultShare { folder: folder.into(), shared })
    }

    /// A content for each letter; `-` for no file.
    fn content(letter: char) -> Option<BlobId> {
        (letter != '-').then_some(BlobId([letter as u8; 32]))
    }

    fn revision(n: u8, parents: &[u8], letter: char) -> FileRevision {
        FileRevision {
            id: EventId([n; 32]),
            parents: parents.iter().map(|p| EventId([*p; 32])).collect(),
            content: content(letter),
            blob: None,
            bytes: 1,
            device: DeviceId([n % 2; 32]),
            at: WallTime { unix_ms: 0, offset_min: 0 },
            order: order(n),
        }
    }

    fn leaves(of: &[FileRevision]) -> Vec<(EventId, Option<BlobId>)> {
        let graph = FileGraph::new(of.to_vec());
        graph.leaves().into_iter().map(|leaf| (leaf.id, leaf.content)).collect()
    }

    fn on_disk(letter: char, stand: Stand) -> Here {
        Here { content: content(letter), stand, versions: vec![] }
    }

    #[test]
    fn what_was_said_last_of_the_innermost_folder_holds() {
        let said = [share(1, "", true), share(4, "work", false), share(2, "work", true)];
        let shares = Shares::fold(said.clone());
        assert!(shares.hold("a.md") && !shares.hold("work/a.md") && shares.hold("worker/a.md"));
        let shares = Shares::fold(said.into_iter().chain([share(5, "work/open", true)]));
        assert!(shares.hold("work/open/deep/a.md") && !shares.hold("work/open.md"));
        assert!(!Shares::default().hold("a.md") && !Shares::fold([share(1, "", false)]).any());
    }

    #[test]
    fn a_phone_does_not_decide_what_is_shared() {
        assert!(may_share(Some(Role::Anchor)) && may_share(Some(Role::Node)));
        assert!(!may_share(Some(Role::Capture)) && !may_share(None));
    }

    #[test]
    fn a_version_alone_is_taken_over_and_two_wait_for_a_person() {
        let (first, edit, other) =
            (revision(1, &[], 'a'), revision(2, &[1], 'b'), revision(3, &[1], 'c'));
        let one = leaves(&[first.clone(), edit.clone()]);
        let two = leaves(&[first, edit.clone(), other]);
        for disk in ['a', '-'] {
            assert_eq!(step(&one, &on_disk(disk, Stand::Known)), Step::Take(edit.id));
            assert_eq!(step(&two, &on_disk(disk, Stand::Known)), Step::Rest);
        }
    }

    #[test]
    fn what_nobody_has_heard_of_is_said_before_anything_is_taken_over() {
        let others = leaves(&[revision(1, &[], 'a')]);
        assert_eq!(step(&others, &on_disk('x', Stand::Own)), Step::Announce);
        assert_eq!(step(&[], &on_disk('x', Stand::Own)), Step::Announce);
        assert_eq!(step(&[], &on_disk('-', Stand::Own)), Step::Rest);
        let same = step(&others, &on_disk('a', Stand::Own));
        assert_eq!(same, Step::Take(EventId([1; 32])), "equal files need nobody");
        let versions = vec![EventId([1; 32])];
        assert_eq!(step(&others, &Here { versions, ..on_disk('a', Stand::Known) }), Step::Rest);
    }

    #[test]
    fn what_counts_no_longer_gives_way_and_is_not_said_again() {
        let others = leaves(&[revision(1, &[], 'a')]);
        assert_eq!(step(&others, &on_disk('x', Stand::Void)), Step::Take(EventId([1; 32])));
        assert_eq!(step(&[], &on_disk('x', Stand::Void)), Step::Rest);
    }

    #[test]
    fn two_removals_need_nobody_and_a_removal_beside_an_edit_does() {
        let gone = [revision(1, &[], 'a'), revision(2, &[1], '-'), revision(3, &[1], '-')];
        assert_eq!(step(&leaves(&gone), &on_disk('-', Stand::Known)), Step::Rest);
        let [first, gone, _] = gone;
        let graph = FileGraph::new([first, gone.clone(), revision(3, &[1], 'b')]);
        let conflict = FileConflict::of(&graph, &DeviceId([0; 32])).unwrap();
        assert_eq!((conflict.ours, conflict.theirs.content), (gone, content('b')));
    }

    #[test]
    fn a_new_version_replaces_what_the_disk_stands_for_and_its_twins() {
        let graph = FileGraph::new([
            revision(1, &[], 'a'),
            revision(2, &[1], 'b'),
            revision(3, &[1], 'b'),
            revision(4, &[1], 'c'),
        ]);
        let id = |n| EventId([n; 32]);
        assert_eq!(graph.replaced_by(&[id(2)]), [id(2), id(3)]);
        assert_eq!(graph.replaced_by(&[id(1)]), [id(1)], "an old version alone");
        let conflict = FileConflict::of(&graph, &DeviceId([0; 32])).unwrap();
        assert_eq!((conflict.base.unwrap().id, conflict.sides.len()), (id(1), 3));
    }

    #[test]
    fn of_three_a_person_chooses_between_two_and_the_third_stays() {
        let files = [revision(1, &[], 'a'), revision(2, &[], 'b'), revision(3, &[], 'c')];
        let conflict =
            FileConflict::of(&FileGraph::new(files.clone()), &DeviceId([0; 32])).unwrap();
        assert_eq!((conflict.base, conflict.sides.len()), (None, 2));
        let mut settled = revision(4, &[], 'b');
        settled.parents = conflict.sides;
        let graph = FileGraph::new(files.into_iter().chain([settled]));
        assert_eq!(graph.distinct_leaves().len(), 2);
    }

    proptest! {
        #[test]
        fn the_order_in_which_versions_arrive_decides_nothing(
            parents in proptest::collection::vec(any::<u8>(), 1..12), turn in 0usize..12,
        ) {
            let mut revisions = vec![revision(1, &[], 'a')];
            for (n, parent) in parents.iter().enumerate() {
                let n = n as u8 + 2;
                revisions.push(revision(n, &[parent % (n - 1) + 1], (b'a' + n % 3) as char));
            }
            let before = leaves(&revisions);
            let middle = turn % revisions.len();
            revisions.rotate_left(middle);
            revisions.reverse();
            prop_assert_eq!(leaves(&revisions), before);
        }
    }
}
