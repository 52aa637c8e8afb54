//! A disk with a volatile cache: what was written and not synced may be lost, torn, or reach the platter out of order.
//!
//! On it lies a journal of records, each with its length and a checksum that covers the one before, so that recovery
//! ends at the first record that is not whole. That is what SQLite's write-ahead log promises with `synchronous = FULL`.

use mirror_protocol::id::hash;

use crate::rng::Rng;

/// What reaches the platter at once.
const SECTOR: usize = 64;
const FRAME: usize = 12;

/// How a crash treated what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Nothing was under way.
    Nothing,
    /// All of it is gone.
    All,
    /// It was written after all.
    None,
    /// It ends in the middle.
    Torn,
    /// Some sectors were written and earlier ones were not.
    Reordered,
}

/// A disk.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    platter: Vec<u8>,
    /// Written, not synced.
    cache: Vec<u8>,
    /// The checksum of the last record, whether on the platter or in the cache.
    last: [u8; 8],
}

fn checksum(before: &[u8; 8], payload: &[u8]) -> [u8; 8] {
    let full = hash("simulated disk", &[before, payload]);
    let mut sum = [0; 8];
    sum.copy_from_slice(&full[..8]);
    sum
}

impl Disk {
    /// Writes a record; it is safe after [`Disk::sync`] only.
    pub fn write(&mut self, payload: &[u8]) {
        self.last = checksum(&self.last, payload);
        self.cache.extend((payload.len() as u32).to_be_bytes());
        self.cache.extend(self.last);
        self.cache.extend(payload);
    }

    /// Brings everything written to the platter.
    pub fn sync(&mut self) {
        self.platter.append(&mut self.cache);
    }

    /// The power goes.
    pub fn crash(&mut self, rng: &mut Rng) -> Lost {
        let cache = std::mem::take(&mut self.cache);
        if cache.is_empty() {
            return Lost::Nothing;
        }
        match rng.below(4) {
            0 => Lost::All,
            1 => {
                self.platter.extend(cache);
                Lost::None
            }
            2 => {
                let keep = rng.below(cache.len());
                self.platter.extend(&cache[..keep]);
                Lost::Torn
            }
            _ => {
                // A sector that was not written holds what the disk held there before: here, nothing.
                let mut found = vec![0; cache.len()];
                for (there, sector) in found.chunks_mut(SECTOR).zip(cache.chunks(SECTOR)) {
                    if rng.one_in(2) {
                        there.copy_from_slice(sector);
                    }
                }
                self.platter.extend(found);
                Lost::Reordered
            }
        }
    }

    /// The whole records, in order. What follows the last of them is cut off, for good.
    pub fn recover(&mut self) -> Vec<Vec<u8>> {
        let (mut records, mut at, mut last) = (Vec::new(), 0, [0; 8]);
        while let Some((payload, sum)) = record_at(&self.platter, at, &last) {
            at += FRAME + payload.len();
            last = sum;
            records.push(payload.to_vec());
        }
        self.platter.truncate(at);
        self.last = last;
        records
    }

    /// What a backup of the disk holds: what was synced.
    pub fn image(&self) -> Vec<u8> {
        self.platter.clone()
    }

    /// Puts an old image back.
    pub fn restore(&mut self, image: Vec<u8>) {
        *self = Self { platter: image, ..Self::default() };
    }
}

fn record_at<'a>(bytes: &'a [u8], at: usize, last: &[u8; 8]) -> Option<(&'a [u8], [u8; 8])> {
    let frame = bytes.get(at..at + FRAME)?;
    let length = u32::from_be_bytes(frame[..4].try_into().ok()?) as usize;
    let start = at + FRAME;
    let payload = bytes.get(start..start.checked_add(length)?)?;
    let sum = checksum(last, payload);
    (length > 0 && sum[..] == frame[4..]).then_some((payload, sum))
}
