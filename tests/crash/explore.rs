//! Records a workload on the crash file system and checks the states that a power cut could leave.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Error};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use crate::disk::{Dice, Disk, Personality, Variant};
use crate::judge::{Found, Promised, Tally, Verdict};
use crate::program::{Checker, wait};
use crate::recorder::{DATA, Inject, Kind, Log, Mounted, STDOUT};
use crate::suite::Case;
use crate::tree::{Ino, Op, Tree, in_words};

/// No workload takes so long.
const WORK_WITHIN: Duration = Duration::from_secs(120);
/// Inodes of a recording that starts from a crash state begin here, above all of the first one.
const NESTED_INODES: Ino = 1_000_000;

/// How thoroughly to look.
#[derive(Clone, Debug)]
pub struct Plan {
    pub personality: Personality,
    pub seed: u64,
    /// Random mixes of what was not synced, at each cut.
    pub random: u32,
    /// At most so many states of the recording, chosen by the seed; all of them without.
    pub states: Option<usize>,
    /// The same for each recording of a recovery, and of work in which a sync fails.
    pub states_each: usize,
    /// For so many of the states, power is cut again inside the check's own recovery.
    pub nested: usize,
    /// At most so many recordings in each of which one sync fails and its bytes are gone.
    pub failed_syncs: u64,
    /// Where the first bad state is kept.
    pub save: Option<PathBuf>,
}

/// What is recorded of one run.
pub struct Recording {
    /// Of what, in words.
    pub what: String,
    pub ops: Vec<Op>,
    pub counts: [u64; 4],
    pub injected: bool,
    /// How it ended; `None`: it hung.
    pub code: Option<i32>,
}

/// A workload under test, with a folder to work in.
pub struct Explorer<'a> {
    pub case: &'a Case,
    pub plan: &'a Plan,
    found: Mutex<HashMap<u64, Found>>,
}

/// One state that a cut could leave.
struct Cut {
    at: usize,
    variant: Variant,
    digest: u64,
    acked: usize,
    attempted: usize,
}

impl<'a> Explorer<'a> {
    pub fn new(case: &'a Case, plan: &'a Plan) -> Self {
        Self { case, plan, found: Mutex::default() }
    }

    /// Everything that the plan asks for, from a folder as the workload finds it.
    pub fn run(&self) -> io::Result<Tally> {
        let (mut next, before) = (10, Promised::of(self.case.before));
        let start = Tree::import(&self.case.start(), &mut next)?;
        let mut tally = Tally::default();
        let recording = self.record(&start, next, "work", None)?;
        if recording.code != Some(0) {
            let said = std::fs::read_to_string(self.case.folder().join("stderr"))?;
            return Err(Error::other(format!("the work ended with {:?}: {said}", recording.code)));
        }
        let nest =
            self.explore(&start, &recording, 0, &before, &mut tally, Some(self.plan.nested))?;
        for (tree, promised) in nest {
            let recovery = self.record(&tree, NESTED_INODES, "recover", None)?;
            let checked = tally.states;
            self.explore(&tree, &recovery, 0, &promised, &mut tally, None)?;
            tally.nested += tally.states - checked;
        }
        let syncs = recording.counts[Kind::Fsync as usize];
        for nth in spread(syncs, self.plan.failed_syncs) {
            let inject = Inject { kind: Kind::Fsync, nth, errno: libc::EIO };
            let failed = self.record(&start, next, "work", Some(inject))?;
            if !failed.injected {
                continue;
            }
            tally.failed_syncs += 1;
            if !matches!(failed.code, Some(0 | crate::CLEAR_ERROR)) {
                let why =
                    format!("sync {nth} of {syncs} failed, and it ended with {:?}", failed.code);
                tally.add(&Verdict { corrupt: Some(why), ..Verdict::default() }, String::new);
            }
            let from = failed.ops.iter().position(|op| matches!(op, Op::FsyncLost(_)));
            let from = from.unwrap_or(0);
            self.explore(&start, &failed, from, &before, &mut tally, None)?;
        }
        Ok(tally)
    }

    /// Runs a part of the workload on the recording file system.
    pub fn record(
        &self,
        start: &Tree,
        next: Ino,
        part: &str,
        inject: Option<Inject>,
    ) -> io::Result<Recording> {
        static MOUNTS: AtomicU32 = AtomicU32::new(0);
        let number = MOUNTS.fetch_add(1, Ordering::Relaxed);
        let log = Arc::new(Mutex::new(Log::new(start.clone(), next, inject)));
        let mounted =
            Mounted::new(log.clone(), &self.case.folder().join(format!("mount{number}")))?;
        let out = File::options().write(true).open(mounted.at.join(STDOUT))?;
        let mut command = self.case.program.command(part);
        command.arg(mounted.at.join(DATA)).current_dir(mounted.at.join(DATA)).stdout(out);
        command.stderr(File::create(self.case.folder().join("stderr"))?);
        let mut child = command.spawn()?;
        let code = wait(&mut child, WORK_WITHIN).and_then(|status| status.code());
        drop((command, mounted));
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let ops = std::mem::take(&mut log.ops);
        // What a recovery prints is no promise.
        let ops = ops.into_iter().filter(|op| part == "work" || !matches!(op, Op::Line(_)));
        let what = match inject {
            None => part.to_owned(),
            Some(inject) => format!("{part}, {:?} {} fails", inject.kind, inject.nth),
        };
        Ok(Recording { what, ops: ops.collect(), counts: log.counts, injected: log.injected, code })
    }

    /// Which variants to try at which places: all, or so many.
    fn cuts(
        &self,
        ops: &[Op],
        from: usize,
        states: Option<usize>,
    ) -> BTreeMap<usize, Vec<Variant>> {
        let variants = Variant::all(self.plan.random);
        let mut all: Vec<(usize, Variant)> = (from..=ops.len())
            .flat_map(|at| variants.iter().map(move |variant| (at, *variant)))
            .collect();
        if let Some(states) = states.filter(|states| *states < all.len()) {
            let mut dice = Dice(self.plan.seed);
            // Right behind an acknowledgement is where a lost one shows.
            let acked = |(at, variant): &(usize, Variant)| {
                let line = at.checked_sub(1).is_some_and(|at| matches!(ops[at], Op::Line(_)));
                line && *variant == Variant::Drop
            };
            all.sort_by_cached_key(|cut| (!acked(cut), dice.roll()));
            all.truncate(states);
        }
        let mut cuts: BTreeMap<usize, Vec<Variant>> = BTreeMap::new();
        for (at, variant) in all {
            cuts.entry(at).or_default().push(variant);
        }
        cuts
    }

    fn seed_at(&self, at: usize) -> u64 {
        self.plan.seed.wrapping_mul(1_000_003) ^ at as u64
    }

    /// Checks the states of one recording. Of the first one `want` says how many to answer with, and what was promised.
    fn explore(
        &self,
        start: &Tree,
        recording: &Recording,
        from: usize,
        before: &Promised,
        tally: &mut Tally,
        want: Option<usize>,
    ) -> io::Result<Vec<(Tree, Promised)>> {
        let ops = recording.ops.as_slice();
        let limit = if want.is_some() { self.plan.states } else { Some(self.plan.states_each) };
        let (plan, want) = (self.cuts(ops, from, limit), want.unwrap_or(0));
        let mut disk = Disk::new(start.clone(), self.plan.personality);
        let (mut promised, mut cuts) = (before.clone(), Vec::new());
        let (mut kept, mut dice) = (Vec::new(), Dice(self.plan.seed));
        let (sent, states) = (&mut HashSet::new(), &mut tally.states);
        let (tx, rx) = mpsc::sync_channel::<(u64, Tree)>(8);
        let rx = Mutex::new(rx);
        std::thread::scope(|scope| {
            for worker in 0..std::thread::available_parallelism().map_or(2, usize::from) {
                let rx = &rx;
                scope.spawn(move || self.work_off(worker, rx));
            }
            for at in 0..=ops.len() {
                for variant in plan.get(&at).into_iter().flatten() {
                    if disk.pending() == 0 && *variant != Variant::Drop && limit.is_none() {
                        continue; // Nothing is unsynced: all variants are one state.
                    }
                    let tree = disk.crash(*variant, self.seed_at(at));
                    let digest = tree.digest();
                    let (acked, attempted) = (promised.acked.len(), promised.attempted.len());
                    cuts.push(Cut { at, variant: *variant, digest, acked, attempted });
                    if lock(&self.found).contains_key(&digest) || !sent.insert(digest) {
                        continue;
                    }
                    *states += 1;
                    keep_some(&mut kept, want, sent.len(), &mut dice, || {
                        (tree.clone(), promised.clone())
                    });
                    if tx.send((digest, tree)).is_err() {
                        break;
                    }
                }
                if let Some(op) = ops.get(at) {
                    disk.step(op);
                    if let Op::Line(line) = op {
                        promised.line(line);
                    }
                }
            }
            drop(tx);
        });
        tally.cuts += plan.len() as u64;
        tally.acks = tally.acks.max(promised.acked.len());
        self.judge(start, recording, &promised, &cuts, tally)?;
        Ok(kept)
    }

    fn work_off(&self, worker: usize, rx: &Mutex<mpsc::Receiver<(u64, Tree)>>) {
        let mut checker = Checker::new(self.case.program.clone());
        let folder = self.case.folder().join(format!("state{worker}"));
        loop {
            let Ok((digest, tree)) = lock(rx).recv() else { break };
            let _ = std::fs::remove_dir_all(&folder);
            let found = match tree.export(&folder) {
                Ok(()) => checker.check(&folder),
                Err(error) => {
                    Found { wrong: Some(format!("harness: {error}")), ..Found::default() }
                }
            };
            lock(&self.found).insert(digest, found);
        }
    }

    fn judge(
        &self,
        start: &Tree,
        Recording { what, ops, .. }: &Recording,
        promised: &Promised,
        cuts: &[Cut],
        tally: &mut Tally,
    ) -> io::Result<()> {
        let found = lock(&self.found);
        for cut in cuts {
            let Some(found) = found.get(&cut.digest) else { continue };
            let had = promised.until(cut.acked, cut.attempted);
            let verdict = Verdict::of(found, &had, self.case.in_order);
            let first = verdict.is_bad() && tally.bad() == 0;
            tally.add(&verdict, || {
                let last = in_words(&ops[cut.at.saturating_sub(3)..cut.at]);
                let Cut { at, variant, .. } = cut;
                format!("{what}: {variant:?} at {at} of {}, after {last}", ops.len())
            });
            if let Some(save) = self.plan.save.as_ref().filter(|_| first) {
                let mut disk = Disk::new(start.clone(), self.plan.personality);
                ops[..cut.at].iter().for_each(|op| disk.step(op));
                let _ = std::fs::remove_dir_all(save);
                disk.crash(cut.variant, self.seed_at(cut.at)).export(save)?;
            }
        }
        Ok(())
    }
}

/// A reservoir sample.
fn keep_some<T>(
    kept: &mut Vec<T>,
    want: usize,
    seen: usize,
    dice: &mut Dice,
    one: impl FnOnce() -> T,
) {
    if kept.len() < want {
        return kept.push(one());
    }
    let slot = dice.below(seen as u64) as usize;
    if slot < want {
        kept[slot] = one();
    }
}

/// So many numbers from 1 to `end`, evenly.
pub fn spread(end: u64, want: u64) -> impl Iterator<Item = u64> {
    let count = want.min(end);
    (0..count).map(move |k| 1 + k * end / count)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
