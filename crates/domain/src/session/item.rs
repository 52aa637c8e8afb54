//! One thing that a session is told: where it comes from, how far it is trusted, what was checked of it.

use mirror_protocol::{BlobId, EventId, Order, WallTime};

/// What sort of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// `continuity.md`.
    Continuity,
    /// Two latest versions of something.
    Conflict,
    /// A note.
    Note,
    /// A distillate.
    Distillate,
    /// An earlier session.
    Session,
    /// A file that another program or another device changed.
    File,
}

impl ItemKind {
    const ALL: [Self; 6] =
        [Self::Continuity, Self::Conflict, Self::Note, Self::Distillate, Self::Session, Self::File];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Continuity => "continuity",
            Self::Conflict => "conflict",
            Self::Note => "note",
            Self::Distillate => "distillate",
            Self::Session => "session",
            Self::File => "file",
        }
    }

    /// The number that stands for it.
    pub fn number(self) -> u8 {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or(0) as u8
    }
}

/// How far something is trusted: as far as the least trusted of all that it was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Some of what it was made of is not here, or nobody vouches for it.
    Unverified,
    /// Another program put it into the vault: nobody knows who.
    Outside,
    /// An agent said so.
    Agent,
    /// A person wrote it, on a device of the mesh.
    Person,
}

impl Trust {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Outside => "outside",
            Self::Agent => "agent",
            Self::Person => "person",
        }
    }

    /// The number that stands for it.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// What a number stands for; one of a later version is not trusted.
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Outside,
            2 => Self::Agent,
            3 => Self::Person,
            _ => Self::Unverified,
        }
    }
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Its bytes are those that were recorded.
    pub bytes: bool,
    /// A signed head vouches for its event.
    pub chain: bool,
    /// Everything that it rests on is here.
    pub causes: bool,
    /// Nothing supersedes or contradicts it.
    pub current: bool,
}

impl Checks {
    /// All hold.
    pub const HOLD: Self = Self { bytes: true, chain: true, causes: true, current: true };

    /// Whether all hold.
    pub fn hold(self) -> bool {
        self == Self::HOLD
    }
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The event that it comes from.
    pub source: EventId,
    /// What sort of thing.
    pub kind: ItemKind,
    /// In a few words: a path, a title.
    pub title: String,
    /// What it says.
    pub text: String,
    /// SHA-256 of its content.
    pub content: BlobId,
    /// The content's size.
    pub bytes: u64,
    /// How far it is trusted.
    pub trust: Trust,
    /// Whose clock says when.
    pub at: WallTime,
    /// Its place in canonical order.
    pub order: Order,
    /// The device's name, and the agent's or tool's.
    pub by: String,
    /// What was checked.
    pub checks: Checks,
}

/// The share of what there is to tell that holds, weighted by size, whole and by its parts, in ten thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coherence {
    /// Of what everything holds.
    pub whole: u32,
    /// Whose bytes match.
    pub bytes: u32,
    /// Whose chain verifies.
    pub chain: u32,
    /// Whose causes are all here.
    pub causes: u32,
    /// That nothing supersedes or contradicts.
    pub current: u32,
}

/// Below this nothing is told.
pub const ENOUGH: u32 = 9_500;
const ALL: u32 = 10_000;

impl Coherence {
    /// Of sizes and what was checked. With nothing to tell, nothing is wrong.
    pub fn of(items: impl IntoIterator<Item = (u64, Checks)>) -> Self {
        // What has no bytes counts as one: it can be wrong too.
        let items: Vec<(u64, Checks)> =
            items.into_iter().map(|(bytes, checks)| (bytes.max(1), checks)).collect();
        let sum = |holds: &dyn Fn(&Checks) -> bool| -> u128 {
            let held = items.iter().filter(|(_, checks)| holds(checks));
            held.map(|(bytes, _)| u128::from(*bytes)).sum()
        };
        let whole = sum(&|_| true);
        let share = |holds: &dyn Fn(&Checks) -> bool| {
            let part = sum(holds) * u128::from(ALL);
            part.checked_div(whole).map_or(ALL, |part| part as u32)
        };
        Self {
            whole: share(&|checks| checks.hold()),
            bytes: share(&|checks| checks.bytes),
            chain: share(&|checks| checks.chain),
            causes: share(&|checks| checks.causes),
            current: share(&|checks| checks.current),
        }
    }

    /// Whether enough holds to tell anything.
    pub fn is_enough(self) -> bool {
        self.whole >= ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coherence_is_the_share_by_size_and_never_rounds_up_to_whole() {
        let bad = Checks { bytes: false, ..Checks::HOLD };
        let of = Coherence::of([(950, Checks::HOLD), (50, bad)]);
        assert_eq!((of.whole, of.bytes, of.chain), (9_500, 9_500, 10_000));
        assert!(of.is_enough() && !Coherence::of([(949, Checks::HOLD), (51, bad)]).is_enough());
        assert!(Coherence::of([(u64::MAX, Checks::HOLD), (1, bad)]).whole < 10_000);
        assert_eq!(Coherence::of([]).whole, 10_000);
        assert_eq!(Coherence::of([(0, bad)]).whole, 0);
    }

    #[test]
    fn the_least_trusted_of_a_lineage_decides() {
        let lineage = [Trust::Person, Trust::Outside, Trust::Agent];
        assert_eq!(lineage.into_iter().min(), Some(Trust::Outside));
    }
}
