//! What an agent is told when it begins and what is taken in when it ends: the context pack, `continuity.md`, claims.
//!
//! Whatever memory is handed out is quoted as evidence, line by line, and marked, so that it is never taken for an
//! instruction, nor for something new when it comes back.

pub mod continuity;
pub mod item;
pub mod pack;
pub mod quote;
pub mod repo;

pub use continuity::Continuity;
pub use item::{Checks, Coherence, Item, ItemKind, Trust};
pub use pack::{Budget, Pack, Remark};
