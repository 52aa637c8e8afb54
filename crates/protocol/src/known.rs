//! What is already stored, as the protocol asks for it.

use crate::head::Point;
use crate::id::{ChainId, PublicKey};

/// Stored answers. A store implements it; so does [`crate::memory::MemoryLog`].
pub trait Known {
    /// The newest event of a chain.
    fn tip(&self, chain: &ChainId) -> Option<Point>;
    /// The event at a position.
    fn point(&self, chain: &ChainId, seq: u64) -> Option<Point>;
    /// The key that signs a chain's heads.
    fn key(&self, chain: &ChainId) -> Option<PublicKey>;
}
