//! What is already stored, as the protocol asks for it.

use crate::head::{Point, Tip};
use crate::id::{ChainId, PublicKey};

/// Stored answers. A store implements it; so does [`crate::memory::MemoryLog`].
///
/// What is stored is closed under causes: an event is here only with all events before it in its branch.
pub trait Known {
    /// The newest event of each branch of a chain, sorted: one, unless the chain is forked.
    fn tips(&self, chain: &ChainId) -> Vec<Point>;
    /// This very event; `None` when it is not here, or stands elsewhere.
    fn point(&self, event: &Tip) -> Option<Point>;
    /// The event at a position of the branch that leads to `event`; `None` when that is not here.
    fn ancestor(&self, event: &Tip, seq: u64) -> Option<Point>;
    /// The key that signs a chain's heads.
    fn key(&self, chain: &ChainId) -> Option<PublicKey>;
}

/// Whether `event` stands in the branch that leads to `tip`, or is it; `None` when `tip` is not here.
pub fn leads_to(known: &dyn Known, event: &Tip, tip: &Tip) -> Option<bool> {
    if event.chain != tip.chain || event.seq > tip.seq {
        return known.point(tip).map(|_| false);
    }
    known.ancestor(tip, event.seq).map(|point| point.id == event.id)
}

/// The last event that two branches share, by bisection; `None` when one of them is not here.
pub fn shared(known: &dyn Known, a: &Tip, b: &Tip) -> Option<Point> {
    let at = |seq: u64| Some((known.ancestor(a, seq)?, known.ancestor(b, seq)?));
    let same = |seq: u64| at(seq).map(|(a, b)| a.id == b.id);
    let (mut low, mut high) = (0, a.seq.min(b.seq));
    if !same(low)? {
        return None;
    }
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if same(middle)? { low = middle } else { high = middle - 1 }
    }
    known.ancestor(a, low)
}
