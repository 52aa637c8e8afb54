//! What one device may honestly say of another.

/// Longer than this without contact, and "in step" is only a memory.
pub const STALE_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// A device's state as this one knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncState {
    /// In step at the last contact, and nothing has moved since as far as we know.
    Synced,
    /// In step when last heard of, longer than a day ago.
    Stale,
    /// Never spoken to.
    Unknown,
    /// The last attempt failed.
    Offline,
    /// We hold events that it has not acknowledged.
    Ahead,
    /// It told of events that we lack.
    Behind,
    /// Notes wait for a person.
    Conflict,
    /// Two branches of a chain exist.
    Forked,
    /// No longer a member.
    Revoked,
}

/// What is known of a peer.
#[derive(Debug, Clone, Copy, Default)]
pub struct PeerFacts {
    /// No longer a member.
    pub revoked: bool,
    /// One of its chains has two branches.
    pub forked: bool,
    /// The last session.
    pub contact_ms: Option<i64>,
    /// The last attempt failed.
    pub failed: bool,
    /// Events that we hold and it has not acknowledged.
    pub ahead: u64,
    /// Events that it told of and we lack.
    pub behind: u64,
}

/// A peer's state. The first that applies: revoked, forked, unknown, offline, behind, ahead, stale, synced.
pub fn peer_state(facts: &PeerFacts, now_ms: i64) -> SyncState {
    match facts {
        PeerFacts { revoked: true, .. } => SyncState::Revoked,
        PeerFacts { forked: true, .. } => SyncState::Forked,
        PeerFacts { failed: true, .. } => SyncState::Offline,
        PeerFacts { contact_ms: None, .. } => SyncState::Unknown,
        PeerFacts { behind: 1.., .. } => SyncState::Behind,
        PeerFacts { ahead: 1.., .. } => SyncState::Ahead,
        PeerFacts { contact_ms: Some(at), .. } if now_ms.saturating_sub(*at) > STALE_AFTER_MS => {
            SyncState::Stale
        }
        _ => SyncState::Synced,
    }
}

/// The whole home in one word: a person's work first, then what has to travel, then what can't be known.
pub fn home_state(conflicts: u64, peers: impl IntoIterator<Item = SyncState>) -> SyncState {
    if conflicts > 0 {
        return SyncState::Conflict;
    }
    let peers = peers.into_iter().filter(|state| *state != SyncState::Revoked);
    peers.max().unwrap_or(SyncState::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    #[test]
    fn a_device_never_spoken_to_is_unknown_never_synced() {
        assert_eq!(peer_state(&PeerFacts::default(), NOW), SyncState::Unknown);
    }

    #[test]
    fn what_was_in_step_long_ago_is_stale() {
        let facts = PeerFacts { contact_ms: Some(NOW - STALE_AFTER_MS - 1), ..Default::default() };
        assert_eq!(peer_state(&facts, NOW), SyncState::Stale);
        let facts = PeerFacts { contact_ms: Some(NOW - 1000), ..Default::default() };
        assert_eq!(peer_state(&facts, NOW), SyncState::Synced);
        assert_eq!(peer_state(&PeerFacts { ahead: 2, ..facts }, NOW), SyncState::Ahead);
        assert_eq!(peer_state(&PeerFacts { failed: true, ..facts }, NOW), SyncState::Offline);
    }

    #[test]
    fn a_persons_work_comes_first() {
        assert_eq!(home_state(1, [SyncState::Offline]), SyncState::Conflict);
        assert_eq!(home_state(0, [SyncState::Synced, SyncState::Ahead]), SyncState::Ahead);
        assert_eq!(home_state(0, []), SyncState::Unknown);
    }
}
