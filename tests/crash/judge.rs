//! What was promised against what is left.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// What a check found in one state.
#[derive(Clone, Default, Debug)]
pub struct Found {
    /// `None`: nothing is wrong in itself.
    pub wrong: Option<String>,
    pub have: HashSet<String>,
}

/// What a workload had printed by the time of the cut.
#[derive(Clone, Default)]
pub struct Promised {
    pub acked: Vec<String>,
    pub attempted: Vec<String>,
}

impl Promised {
    /// What is there from the beginning.
    pub fn of(before: &[&str]) -> Self {
        let before: Vec<String> = before.iter().map(|id| (*id).to_owned()).collect();
        Self { acked: before.clone(), attempted: before }
    }

    pub fn line(&mut self, line: &str) {
        if let Some(id) = line.strip_prefix("acked ") {
            self.acked.push(id.trim().into());
        } else if let Some(id) = line.strip_prefix("attempt ") {
            self.attempted.push(id.trim().into());
        }
    }

    /// The first so many of each.
    pub fn until(&self, acked: usize, attempted: usize) -> Self {
        Self {
            acked: self.acked[..acked].to_vec(),
            attempted: self.attempted[..attempted].to_vec(),
        }
    }
}

/// What is wrong with one state.
#[derive(Default, Debug)]
pub struct Verdict {
    /// Acknowledged, and not there.
    pub lost: Vec<String>,
    /// There, and never tried.
    pub invented: Vec<String>,
    /// Something later is there without something earlier.
    pub hole: bool,
    pub corrupt: Option<String>,
}

impl Verdict {
    pub fn of(found: &Found, promised: &Promised, in_order: bool) -> Self {
        let mut verdict = Self { corrupt: found.wrong.clone(), ..Self::default() };
        if verdict.corrupt.is_some() {
            return verdict;
        }
        let here = |id: &&String| found.have.contains(*id);
        verdict.lost = promised.acked.iter().filter(|id| !here(id)).cloned().collect();
        let tried: HashSet<&String> = promised.attempted.iter().chain(&promised.acked).collect();
        verdict.invented = found.have.iter().filter(|id| !tried.contains(id)).cloned().collect();
        if in_order {
            let mut rest = promised.attempted.iter().skip_while(|id| here(id));
            verdict.hole = rest.any(|id| here(&id));
        }
        verdict
    }

    pub fn is_bad(&self) -> bool {
        !self.lost.is_empty() || !self.invented.is_empty() || self.hole || self.corrupt.is_some()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (what, ids) in [("lost", &self.lost), ("invented", &self.invented)] {
            if !ids.is_empty() {
                let some: Vec<_> = ids.iter().take(4).map(String::as_str).collect();
                parts.push(format!("{what} {}: {}", ids.len(), some.join(", ")));
            }
        }
        if self.hole {
            parts.push("something later is there without something earlier".into());
        }
        parts.extend(self.corrupt.as_ref().map(|why| format!("corrupt: {why}")));
        f.write_str(&parts.join("; "))
    }
}

/// Totals of one workload.
#[derive(Default, Debug)]
pub struct Tally {
    /// Places in the recording at which power was cut.
    pub cuts: u64,
    /// Different states that were checked.
    pub states: u64,
    /// Of them, states of a cut inside the recovery of another one.
    pub nested: u64,
    /// Syncs that failed, each in a recording of its own.
    pub failed_syncs: u64,
    /// Acknowledgements in the longest recording.
    pub acks: usize,
    /// Cuts that lost an acknowledgement.
    pub lost: u64,
    /// Cuts that left something that was never tried, or a hole.
    pub invented: u64,
    /// Cuts that left something that is wrong in itself.
    pub corrupt: u64,
    /// The reasons of the corrupt ones.
    pub why: BTreeMap<String, u64>,
    /// The first bad ones in words.
    pub first: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, verdict: &Verdict, place: impl FnOnce() -> String) {
        if !verdict.is_bad() {
            return;
        }
        self.lost += u64::from(!verdict.lost.is_empty());
        self.invented += u64::from(!verdict.invented.is_empty() || verdict.hole);
        if let Some(why) = &verdict.corrupt {
            self.corrupt += 1;
            *self.why.entry(why.clone()).or_default() += 1;
        }
        if self.first.len() < 5 {
            self.first.push(format!("{}: {verdict}", place()));
        }
    }

    pub fn add_all(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.states += other.states;
        self.nested += other.nested;
        self.failed_syncs += other.failed_syncs;
        self.acks = self.acks.max(other.acks);
        self.lost += other.lost;
        self.invented += other.invented;
        self.corrupt += other.corrupt;
        for (why, count) in other.why {
            *self.why.entry(why).or_default() += count;
        }
        self.first.extend(other.first);
    }

    pub fn bad(&self) -> u64 {
        self.lost + self.invented + self.corrupt
    }

    /// Something was acknowledged, and no state broke a promise.
    pub fn passes(&self) -> bool {
        self.bad() == 0 && self.acks > 0
    }
}
