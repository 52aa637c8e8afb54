//! Which faults really happened. A fault that never occurs is not simulated.

use std::fmt;

macro_rules! faults {
    ($($fault:ident = $name:literal),* $(,)?) => {
        /// What can go wrong, or at least not as usual.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $(#[allow(missing_docs)] $fault),* }

        /// All of them, with their names.
        pub const FAULTS: &[(Fault, &str)] = &[$((Fault::$fault, $name)),*];
    };
}

faults! {
    Lost = "message lost",
    Duplicated = "message duplicated",
    Reordered = "messages reordered",
    Delayed = "link of minutes or hours of delay",
    Broken = "connection broken between messages",
    CutInside = "connection broken inside a message",
    Partition = "partition",
    CrashBeforeSync = "crash with a write not synced",
    CrashAfterSync = "crash between sync and answer",
    CrashIdle = "crash while idle",
    DiskLostAll = "unsynced writes lost",
    DiskLostNone = "unsynced writes survived",
    DiskTorn = "write torn",
    DiskReordered = "sectors written out of order",
    CrashInSession = "crash during a session",
    ClockJump = "clock jump",
    WrongZone = "wrong zone",
    ImpossibleTime = "wall clock at the end of its range",
    OldCopy = "disk restored from an old copy",
    BundleReplayed = "old bundle imported again",
    BundleFlipped = "bundle with flipped bits",
    BundleCut = "bundle cut off",
    BundleSpliced = "bundle spliced from two",
    RunsShuffled = "bundle of shuffled, repeated and missing runs",
    MessageFlipped = "message with flipped bits",
    MessageCut = "message cut off",
    MessageReplayed = "message of another session",
    MessageChanged = "message changed in one field",
    Impersonation = "peer that calls itself another device",
    Stranger = "caller that is not a member",
    RevokedCaller = "caller that was revoked",
    ForgedHead = "event of another's chain without a valid signature",
    InflatedClock = "inflated Lamport clock",
    DanglingDep = "cause that does not exist",
    WrongDep = "cause that names another event",
    HugeDeps = "as many causes as a header holds",
    UnknownKind = "event of an unknown kind",
    GarbageBody = "body that does not read",
    RunAcrossSpans = "run across the end of a span",
    Equivocation = "two events at one position",
    Flood = "flood of runs that wait",
    Admission = "device admitted during the run",
    Rename = "device renamed",
    Revocation = "device revoked",
    ConcurrentRevocation = "revocations that did not know of each other",
    LateEvent = "event of a device that was revoked already",
    Conflict = "note in conflict",
    Resolution = "conflict resolved",
    LongChain = "chain longer than a span",
    OverlappingSessions = "several sessions of one home at a time",
}

/// Counts.
#[derive(Debug, Clone)]
pub struct Coverage([u64; FAULTS.len()]);

impl Default for Coverage {
    fn default() -> Self {
        Self([0; FAULTS.len()])
    }
}

impl Coverage {
    /// It happened.
    pub fn hit(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often.
    pub fn count(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }

    /// What never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        let never = FAULTS.iter().filter(|(fault, _)| self.count(*fault) == 0);
        never.map(|(_, name)| *name).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (fault, name) in FAULTS {
            writeln!(f, "{:>12}  {name}", self.count(*fault))?;
        }
        Ok(())
    }
}
