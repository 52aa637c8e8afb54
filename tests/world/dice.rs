//! Chance that can be repeated: one seed, one sequence.

/// A small generator (SplitMix64): good enough to choose moments and words.
pub struct Dice(u64);

impl Dice {
    /// The seed of this run: `MIRROR_SEED`, or always the same.
    pub fn seeded(story: u64) -> Self {
        let seed =
            std::env::var("MIRROR_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        Self(story ^ (seed << 32))
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
