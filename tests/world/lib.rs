//! The world that the stories happen in: homes, and the real `mirror` running in processes of its own.
//!
//! Nothing here reaches into a home's files or asserts what a story promises; it starts, feeds, kills and
//! listens, and every wait is bounded. `MIRROR_BIN` names another binary than the one cargo built.

pub mod corpus;
pub mod courier;
#[cfg(target_os = "linux")]
mod desktop;
pub mod dice;
mod home;
pub mod peer;
mod process;
#[cfg(target_os = "linux")]
mod room;
#[cfg(target_os = "linux")]
mod webdriver;
#[cfg(target_os = "linux")]
pub mod window;

#[cfg(target_os = "linux")]
pub use desktop::{Desktop, Notification, Tray};
pub use home::{Home, Serve, World, text};
pub use process::{Ran, Running, app, binary};
#[cfg(target_os = "linux")]
pub use room::{Humming, Room};
#[cfg(target_os = "linux")]
pub use webdriver::until;
#[cfg(target_os = "linux")]
pub use window::Window;
