//! The world that the stories happen in: homes, and the real `mirror` running in processes of its own.
//!
//! Nothing here reaches into a home's files or asserts what a story promises; it starts, feeds, kills and
//! listens, and every wait is bounded. `MIRROR_BIN` names another binary than the one cargo built.

pub mod corpus;
pub mod dice;
mod home;
mod process;

pub use home::{Home, Serve, World, text};
pub use process::{Ran, Running};
