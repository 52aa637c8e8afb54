//! Power cuts and failing disks, for the real node and the real `mirror`: a workload runs on a file system that records every
//! operation, and what a cut could leave of it is opened and checked. `docs/CRASH.md` says what is modelled and what is not.
//!
//! Linux alone: it needs FUSE (as root) and strace.
#![cfg(target_os = "linux")]

pub mod disk;
pub mod explore;
pub mod faults;
pub mod judge;
pub mod program;
pub mod recorder;
pub mod suite;
pub mod tree;
pub mod work;

/// The exit code of a workload that ended with an error of ours, which has a code and a way out.
pub const CLEAR_ERROR: i32 = 3;
