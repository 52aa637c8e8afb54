#![cfg(target_os = "linux")]
//! shots
