//! What is likely in a world. Each seed draws its own, so that some worlds have much of one fault and none of another.

use crate::rng::Rng;

/// How many devices.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// All of them.
    pub homes: usize,
    /// Those that don't keep to the rules, among them.
    pub hostile: usize,
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    #[allow(missing_docs)]
    Write,
    #[allow(missing_docs)]
    Burst,
    #[allow(missing_docs)]
    Call,
    #[allow(missing_docs)]
    Crash,
    #[allow(missing_docs)]
    Fuse,
    #[allow(missing_docs)]
    Partition,
    #[allow(missing_docs)]
    Heal,
    #[allow(missing_docs)]
    Clock,
    #[allow(missing_docs)]
    Backup,
    #[allow(missing_docs)]
    Restore,
    #[allow(missing_docs)]
    Export,
    #[allow(missing_docs)]
    Import,
    #[allow(missing_docs)]
    Courier,
    #[allow(missing_docs)]
    Misbehave,
    #[allow(missing_docs)]
    Admit,
    #[allow(missing_docs)]
    Rename,
    #[allow(missing_docs)]
    Revoke,
    #[allow(missing_docs)]
    Stranger,
}

/// The odds of one world.
#[derive(Debug)]
pub struct Plan {
    /// Its devices.
    pub size: Size,
    /// Steps before the faults end.
    pub steps: u64,
    /// Of a hundred connections, those with somebody in the middle.
    pub tamper: usize,
    /// Of a hundred connections, those that break.
    pub breaks: usize,
    /// Of a hundred connections, those with delays of minutes and hours.
    pub slow: usize,
    /// It ends with a flood.
    pub flood: bool,
    /// Weights.
    pub odds: Vec<(u32, Happening)>,
    /// The mean pause between happenings, in milliseconds.
    pause_ms: u64,
}

/// The usual weight of each, and whether a world always has it.
const ODDS: &[(u32, bool, Happening)] = &[
    (40, true, Happening::Write),
    (1, false, Happening::Burst),
    (45, true, Happening::Call),
    (3, false, Happening::Crash),
    (5, false, Happening::Fuse),
    (2, false, Happening::Partition),
    (4, true, Happening::Heal),
    (2, false, Happening::Clock),
    (3, false, Happening::Backup),
    (2, false, Happening::Restore),
    (4, false, Happening::Export),
    (5, false, Happening::Import),
    (4, false, Happening::Courier),
    (8, false, Happening::Misbehave),
    (2, false, Happening::Admit),
    (2, false, Happening::Rename),
    (2, false, Happening::Revoke),
    (1, false, Happening::Stranger),
];

impl Plan {
    /// Draws the odds of one world.
    pub fn new(rng: &mut Rng) -> Self {
        let homes = match rng.below(100) {
            0..80 => rng.between(2, 6),
            80..96 => rng.between(7, 12),
            96..99 => rng.between(13, 25),
            _ => rng.between(26, 50),
        } as usize;
        let hostile = if homes > 2 && rng.one_in(3) { 1 + usize::from(homes > 5) } else { 0 };
        let mut odds = Vec::new();
        for (weight, always, what) in ODDS {
            let weight = if *always { *weight } else { weight * [0, 1, 1, 3][rng.below(4)] };
            if weight > 0 && (*what != Happening::Misbehave || hostile > 0) {
                odds.push((weight, *what));
            }
        }
        let flood = hostile > 0 && rng.one_in(40);
        let steps = rng.between(100, 300) + homes as u64 * 12;
        let (tamper, breaks, slow) =
            ([0, 0, 10, 30][rng.below(4)], [0, 5, 20][rng.below(3)], [0, 5, 30][rng.below(3)]);
        let pause_ms = [2_000, 120_000, 900_000, 3_600_000][rng.below(4)];
        let size = Size { homes, hostile };
        Self { size, steps, tamper, breaks, slow, flood, odds, pause_ms }
    }

    /// Until something new happens.
    pub fn pause(&self, rng: &mut Rng) -> u64 {
        rng.between(0, 2 * self.pause_ms)
    }
}
