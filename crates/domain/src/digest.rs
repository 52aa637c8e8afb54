//! The state digest: what a history was folded to, as one number that is kept up as entries change.
//!
//! A sum of hashes: it finds our own mistakes, it is no defence against an adversary.

use mirror_protocol::{DeviceId, EventId};
use sha2::{Digest, Sha256};

use crate::body::Role;
use crate::note::NoteState;

/// Which fold gave a digest; raised whenever the same events mean something else.
/// 2: a note that carries something may have no text.
/// 3: anchors that revoke each other are judged by the order of admission; a body has one form; revisions can be forgotten.
/// 4: what is said of the vault.
/// 5: transcripts; what is said of sessions and distillates, and of the map.
pub const FOLD_VERSION: u32 = 5;

/// A sum of entries' hashes, modulo 2^256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateDigest(pub [u8; 32]);

/// One entry's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry([u8; 32]);

impl Entry {
    /// A note: its latest revisions and what they ask.
    pub fn note(note: &EventId, leaves: &[EventId], state: NoteState) -> Self {
        let mut sorted = leaves.to_vec();
        sorted.sort_unstable();
        let mut bytes = note.0.to_vec();
        bytes.push(state.number());
        bytes.extend(sorted.iter().flat_map(|leaf| leaf.0));
        Self::of("note", &bytes)
    }

    /// A transcript that counts.
    pub fn transcript(said: &EventId) -> Self {
        Self::of("transcript", &said.0)
    }

    /// A member.
    pub fn member(device: &DeviceId, name: &str, role: Role, revoked: bool) -> Self {
        let mut bytes = device.0.to_vec();
        bytes.extend([role.number(), revoked.into()]);
        bytes.extend(name.as_bytes());
        Self::of("member", &bytes)
    }

    /// A shared file: its latest versions.
    pub fn file(path: &str, leaves: &[EventId]) -> Self {
        let mut sorted = leaves.to_vec();
        sorted.sort_unstable();
        let ids = sorted.iter().flat_map(|leaf| leaf.0);
        Self::of("file", &path.bytes().chain([0]).chain(ids).collect::<Vec<u8>>())
    }

    /// What was said of a folder's sharing.
    pub fn share(said: &EventId) -> Self {
        Self::of("share", &said.0)
    }

    /// A session, or a distillate: the line that lists it.
    pub fn listed(line: &[u8]) -> Self {
        Self::of("listed", line)
    }

    /// What was said last of a thing on the map.
    pub fn map(said: &EventId) -> Self {
        Self::of("map", &said.0)
    }

    fn of(what: &str, bytes: &[u8]) -> Self {
        let sha = Sha256::new_with_prefix("mirrordna/state/1").chain_update([what.len() as u8]);
        Self(sha.chain_update(what).chain_update(bytes).finalize().into())
    }
}

impl StateDigest {
    /// Adds an entry.
    pub fn add(&mut self, entry: Entry) {
        let mut carry = 0;
        for (sum, byte) in self.0.iter_mut().zip(entry.0).rev() {
            let total = u16::from(*sum) + u16::from(byte) + carry;
            *sum = total as u8;
            carry = total >> 8;
        }
    }

    /// Takes an entry out.
    pub fn remove(&mut self, entry: Entry) {
        let mut borrow = 0;
        for (sum, byte) in self.0.iter_mut().zip(entry.0).rev() {
            let (first, a) = sum.overflowing_sub(byte);
            let (second, b) = first.overflowing_sub(borrow);
            *sum = second;
            borrow = u8::from(a || b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_come_and_go_in_any_order(notes in proptest::collection::vec(any::<[u8; 32]>(), 1..20)) {
            let entries: Vec<_> =
                notes.iter().map(|n| Entry::note(&EventId(*n), &[], NoteState::Current)).collect();
            let (mut forward, mut backward) = (StateDigest::default(), StateDigest::default());
            entries.iter().for_each(|entry| forward.add(*entry));
            entries.iter().rev().for_each(|entry| backward.add(*entry));
            prop_assert_eq!(forward, backward);
            entries.iter().for_each(|entry| forward.remove(*entry));
            prop_assert_eq!(forward, StateDigest::default());
        }
    }
}
