//! The continuity gateway through the command line: what an agent is told, what it leaves, and what never reaches it.

mod desk;
mod stories;
mod tamper;
mod thousand;
