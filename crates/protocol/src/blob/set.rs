//! Which chunks of a blob are here.

use minicbor::Encode;

use crate::array::decode_array;

/// Chunks side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
pub struct ChunkRange {
    /// The first.
    #[n(0)]
    pub first: u32,
    /// How many; never none.
    #[n(1)]
    pub count: u32,
}

decode_array!(ChunkRange, 2: first, count);

impl ChunkRange {
    /// The one behind the last.
    pub fn end(&self) -> u64 {
        u64::from(self.first) + u64::from(self.count)
    }

    /// Whether a chunk is in it.
    pub fn contains(&self, index: u32) -> bool {
        index >= self.first && u64::from(index) < self.end()
    }
}

/// A set of chunks, as a bitmap: chunk 0 is the lowest bit of the first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkSet {
    bits: Vec<u8>,
    size: u32,
}

impl ChunkSet {
    /// No chunk of so many.
    pub fn none(size: u32) -> Self {
        Self::from_bits(size, &[])
    }

    /// Every chunk of so many.
    pub fn all(size: u32) -> Self {
        Self::from_bits(size, &vec![0xff; size.div_ceil(8) as usize])
    }

    /// Reads [`ChunkSet::bits`]; bits that are missing are chunks that are missing, bits beyond the size are none.
    pub fn from_bits(size: u32, bits: &[u8]) -> Self {
        let mut bits = bits.to_vec();
        bits.resize(size.div_ceil(8) as usize, 0);
        if let Some(last) = bits.last_mut().filter(|_| !size.is_multiple_of(8)) {
            *last &= (1 << (size % 8)) - 1;
        }
        Self { bits, size }
    }

    /// The bitmap.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// Adds a chunk.
    pub fn insert(&mut self, index: u32) {
        if index < self.size
            && let Some(byte) = self.bits.get_mut((index / 8) as usize)
        {
            *byte |= 1 << (index % 8);
        }
    }

    /// Adds the chunks of another set.
    pub fn extend(&mut self, other: &Self) {
        for (byte, more) in self.bits.iter_mut().zip(&other.bits) {
            *byte |= more;
        }
    }

    /// Whether a chunk is here.
    pub fn contains(&self, index: u32) -> bool {
        self.bits.get((index / 8) as usize).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }

    /// How many are here.
    pub fn count(&self) -> u32 {
        self.bits.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Whether none is missing.
    pub fn is_whole(&self) -> bool {
        self.count() == self.size
    }

    /// The gaps, from the first on; so many at most.
    pub fn missing(&self, limit: usize) -> Vec<ChunkRange> {
        let mut gaps: Vec<ChunkRange> = Vec::new();
        for index in (0..self.size).filter(|index| !self.contains(*index)) {
            let full = gaps.len() == limit;
            match gaps.last_mut() {
                Some(gap) if gap.end() == u64::from(index) => gap.count += 1,
                _ if full => break,
                _ => gaps.push(ChunkRange { first: index, count: 1 }),
            }
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_is_missing() {
        let mut set = ChunkSet::none(11);
        [0, 1, 4, 10].into_iter().for_each(|index| set.insert(index));
        set.insert(11);
        let range = |first, count| ChunkRange { first, count };
        assert_eq!(set.missing(9), [range(2, 2), range(5, 5)]);
        assert_eq!(set.missing(1), [range(2, 2)]);
        assert_eq!(ChunkSet::from_bits(11, set.bits()), set);
        assert!(ChunkSet::all(11).is_whole() && ChunkSet::all(11).missing(9).is_empty());
        assert_eq!(ChunkSet::all(11).bits(), [0xff, 0x07]);
    }
}
