//! What differs between operating systems, behind small traits.

pub mod secrets;
