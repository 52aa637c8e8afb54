//! A graph of revisions: each names those that it replaces. Nothing in it depends on the order in which they arrived.

use std::collections::{BTreeMap, BTreeSet};

use mirror_protocol::{EventId, Order};

/// What a graph is made of.
pub trait Node {
    /// What two revisions have in common that ask nobody to choose between them.
    type Content<'n>: Ord
    where
        Self: 'n;

    /// The event.
    fn id(&self) -> EventId;
    /// The revisions that it replaces.
    fn parents(&self) -> &[EventId];
    /// Its place in canonical order.
    fn order(&self) -> Order;
    /// What it says.
    fn content(&self) -> Self::Content<'_>;
}

/// Revisions of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph<N> {
    revisions: BTreeMap<EventId, N>,
    replaced: BTreeSet<EventId>,
}

impl<N> Default for Graph<N> {
    fn default() -> Self {
        Self { revisions: BTreeMap::new(), replaced: BTreeSet::new() }
    }
}

impl<N: Node> Graph<N> {
    pub(crate) fn add(&mut self, revision: N) {
        self.replaced.extend(revision.parents());
        self.revisions.insert(revision.id(), revision);
    }

    /// A revision.
    pub fn get(&self, id: &EventId) -> Option<&N> {
        self.revisions.get(id)
    }

    /// All revisions in canonical order.
    pub fn history(&self) -> Vec<&N> {
        let mut all: Vec<_> = self.revisions.values().collect();
        all.sort_by_key(|revision| revision.order());
        all
    }

    /// Revisions that nothing replaces, in canonical order.
    pub fn leaves(&self) -> Vec<&N> {
        let mut leaves = self.history();
        leaves.retain(|revision| !self.replaced.contains(&revision.id()));
        leaves
    }

    /// Leaves that differ in what they say, in canonical order: of equal ones the first.
    pub fn distinct_leaves(&self) -> Vec<&N> {
        let mut seen = BTreeSet::new();
        let mut leaves = self.leaves();
        leaves.retain(|leaf| seen.insert(leaf.content()));
        leaves
    }

    /// The nearest revision that both rest on: the last of the common ancestors in canonical order.
    pub fn base(&self, a: &EventId, b: &EventId) -> Option<&N> {
        let (a, b) = (self.ancestors(a), self.ancestors(b));
        let common = a.intersection(&b).filter_map(|id| self.get(id));
        common.max_by_key(|revision| revision.order())
    }

    fn ancestors(&self, of: &EventId) -> BTreeSet<EventId> {
        let mut found = BTreeSet::new();
        let mut open = vec![*of];
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.get(&id).into_iter().flat_map(|r| r.parents().iter().copied()));
            }
        }
        found
    }
}
