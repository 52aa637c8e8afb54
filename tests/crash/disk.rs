//! What survives a power cut. Changes of bytes (per file) and of names (in order) that no fsync has reached yet are kept
//! apart from the durable tree; a cut lets some of them through.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::tree::{DataOp, Ino, NameOp, Op, Tree};

/// What a disk writes whole.
const SECTOR: usize = 512;

/// How the simulated file system treats what was not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Personality {
    /// The least that POSIX promises: a file's fsync covers only its bytes; a name needs its folder's fsync.
    Posix,
    /// A journalling file system (ext4, XFS): any fsync commits every earlier change of names, in order.
    Journal,
}

/// Which of the unsynced changes a cut lets through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// None: only what was synced.
    Drop,
    /// All, as when a process dies.
    Keep,
    /// Names reached the disk, bytes did not (delayed allocation).
    NamesOnly,
    /// Names and sizes reached the disk, bytes did not: zeros.
    Zeros,
    /// Bytes reached the disk, names did not.
    DataOnly,
    /// All, but the last write is torn by sectors.
    Torn,
    /// Some, some of them torn.
    Random(u32),
}

impl Variant {
    /// The fixed ones, and so many random ones.
    pub fn all(random: u32) -> Vec<Self> {
        use Variant::{DataOnly, Drop, Keep, NamesOnly, Random, Torn, Zeros};
        let mut all = vec![Drop, Keep, NamesOnly, Zeros, DataOnly, Torn];
        all.extend((0..random).map(Random));
        all
    }
}

/// A seeded source of numbers (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.roll() % end }
    }

    pub fn coin(&mut self) -> bool {
        self.roll() & 1 == 1
    }
}

/// A disk while operations come in.
pub struct Disk {
    durable: Tree,
    data: BTreeMap<Ino, Vec<DataOp>>,
    names: Vec<NameOp>,
    personality: Personality,
}

impl Disk {
    pub fn new(start: Tree, personality: Personality) -> Self {
        Self { durable: start, data: BTreeMap::new(), names: Vec::new(), personality }
    }

    /// Changes that a cut may lose.
    pub fn pending(&self) -> usize {
        self.names.len() + self.data.values().map(Vec::len).sum::<usize>()
    }

    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Data(ino, op) => self.data.entry(*ino).or_default().push(op.clone()),
            Op::Name(op) => self.names.push(op.clone()),
            Op::Fsync(ino) => {
                for op in self.data.remove(ino).unwrap_or_default() {
                    self.durable.data(*ino, &op);
                }
                if self.personality == Personality::Journal {
                    self.commit_names(|_| true);
                }
            }
            Op::FsyncLost(ino) => drop(self.data.remove(ino)),
            Op::FsyncDir(dir) => {
                let all = self.personality == Personality::Journal;
                self.commit_names(|op| {
                    all || match op {
                        NameOp::Link { dir: of, .. } | NameOp::Unlink { dir: of, .. } => of == dir,
                        NameOp::Rename { to, .. } => to.0 == *dir,
                    }
                });
            }
            Op::Line(_) => {}
        }
    }

    fn commit_names(&mut self, committed: impl Fn(&NameOp) -> bool) {
        for op in std::mem::take(&mut self.names) {
            if committed(&op) { self.durable.name(&op) } else { self.names.push(op) }
        }
    }

    /// What is there after a power cut now.
    pub fn crash(&self, variant: Variant, seed: u64) -> Tree {
        let number = if let Variant::Random(number) = variant { 1 + u64::from(number) } else { 0 };
        let (mut tree, mut dice) = (self.durable.clone(), Dice(seed ^ number));
        self.crash_names(variant, &mut tree, &mut dice);
        let last = self.data.iter().next_back().map(|(ino, ops)| (*ino, ops.len()));
        for (ino, ops) in &self.data {
            for (k, op) in ops.iter().enumerate() {
                match (variant, op) {
                    (Variant::Drop | Variant::NamesOnly, _) => {}
                    (Variant::Keep | Variant::DataOnly, _) => tree.data(*ino, op),
                    (Variant::Zeros, DataOp::Write { off, data }) => {
                        let end = off + data.len() as u64;
                        let size = end.max(tree.bytes(*ino).len() as u64);
                        tree.data(*ino, &DataOp::Truncate { size });
                    }
                    (Variant::Zeros, DataOp::Truncate { .. }) => tree.data(*ino, op),
                    (Variant::Torn, _) if Some((*ino, k + 1)) == last => {
                        tear(&mut tree, *ino, op, &mut dice);
                    }
                    (Variant::Torn, _) => tree.data(*ino, op),
                    (Variant::Random(_), _) => match dice.below(4) {
                        0 => {}
                        1 => tear(&mut tree, *ino, op, &mut dice),
                        _ => tree.data(*ino, op),
                    },
                }
            }
        }
        tree
    }

    fn crash_names(&self, variant: Variant, tree: &mut Tree, dice: &mut Dice) {
        let random = matches!(variant, Variant::Random(_));
        let journal = self.personality == Personality::Journal;
        let through = match variant {
            Variant::Drop | Variant::DataOnly => 0,
            // A journal keeps their order: a beginning of them is there.
            Variant::Random(_) if journal => dice.below(self.names.len() as u64 + 1) as usize,
            _ => self.names.len(),
        };
        for op in &self.names[..through] {
            if journal || !random || dice.coin() {
                tree.name(op);
            }
        }
    }
}

fn tear(tree: &mut Tree, ino: Ino, op: &DataOp, dice: &mut Dice) {
    let DataOp::Write { off, data } = op else { return };
    for (at, len) in sectors(*off, data.len()) {
        if dice.coin() {
            let data = Arc::new(data[at..at + len].to_vec());
            tree.data(ino, &DataOp::Write { off: off + at as u64, data });
        }
    }
}

/// The place in the buffer and the length of each sector that a write touches.
fn sectors(off: u64, len: usize) -> Vec<(usize, usize)> {
    let (mut at, mut found) = (0, Vec::new());
    while at < len {
        let room = SECTOR - ((off as usize + at) % SECTOR);
        let part = room.min(len - at);
        found.push((at, part));
        at += part;
    }
    found
}
