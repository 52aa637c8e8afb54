//! The causal past: the chains as lanes, and the mesh as it was at any cut.
//!
//! The clock of an event is greater than those of all its causes, so the events up to some clock are closed under causes:
//! each clock is a cut that could have been. In a branch clocks rise with positions, so a cut is found by halving.

use std::collections::{BTreeMap, BTreeSet};

use mirror_domain::{Membership, SyncState};
use mirror_protocol::limits::MAX_DEPS;
use mirror_protocol::{ChainId, DeviceId, Header, Tip, canonical_head};
use mirror_store::{BranchRef, ChainRow, View};

use crate::error::{Error, Result};
use crate::names::Names;
use crate::node::Node;
use crate::view::{self, DeviceCut, Lane, MapCut, Mark, Tick, Timeline};
use crate::{clock, convert, devices, fold};

/// Lanes that are shown.
const MAX_LANES: usize = 200;
/// Ticks of a lane at most; all lanes together share a sum, for each costs a few reads.
const MAX_TICKS: u64 = 240;
const ALL_TICKS: u64 = 12_000;
/// Reconciles that are marked.
const MAX_MARKS: u32 = 500;
/// Headers that are read to tell what a device has had, of one device and of all.
const MAX_BACK: u64 = 4_000;
const MAX_BACK_OF_ALL: u64 = 40_000;

impl Node {
    /// The chains as lanes over the clocks, with the reconciles of this device.
    pub fn timeline(&self) -> Result<Timeline> {
        self.read_apart(|view| {
            let mut rows = view.chains()?;
            let last = rows.iter().map(|row| row.lamport.0).max().unwrap_or(0);
            // Branches after what they leave, the chains that moved last first.
            rows.sort_by_key(|row| (std::cmp::Reverse(row.lamport), row.tip));
            let left_out = rows.len().saturating_sub(MAX_LANES);
            rows.truncate(MAX_LANES);
            rows.sort_by_key(|row| (row.device, row.tip.chain, row.first, row.branch));
            let ticks = (ALL_TICKS / (rows.len() as u64).max(1)).clamp(24, MAX_TICKS);
            let step = last.div_ceil(ticks).max(1);
            let names = Names::of(view)?;
            let lanes = rows.iter().map(|row| lane(view, &names, &rows, row, step));
            let lanes = lanes.collect::<Result<Vec<_>>>()?;
            let (marks, unplaced) = view.marks(MAX_MARKS)?;
            let marks = marks.into_iter().map(|mark| Mark {
                at: convert::count(mark.lamport.0),
                device: mark.device.to_string(),
                device_name: names.name(&mark.device),
                when: clock::local_rfc3339(mark.at_ms),
            });
            Ok(Timeline {
                last: convert::count(last),
                step: convert::count(step),
                lanes,
                left_out: convert::count(left_out),
                marks: marks.collect(),
                unplaced_marks: convert::count(unplaced),
            })
        })
    }

    /// The mesh as of a clock: whatever happened up to it, and nothing else.
    pub fn map_at(&self, at: u32) -> Result<MapCut> {
        self.read_apart(|view| {
            let cut = Cut::of(view, u64::from(at))?;
            let about = fold::member_events(view)?.into_iter();
            let about: Vec<_> =
                about.filter(|(_, event, _)| event.header.lamport.0 <= cut.at).collect();
            let membership = Membership::fold(self.inner.mesh, &about, view);
            let mut budget = MAX_BACK_OF_ALL;
            let devices = membership.all().into_iter().map(|member| {
                let mut state = cut.device(view, member.device, &mut budget)?;
                state.name = member.name.clone();
                if member.revoked.is_some() {
                    state.state = view::SyncState::Revoked;
                }
                Ok(state)
            });
            let devices = devices.collect::<Result<Vec<_>>>()?;
            let head = canonical_head(cut.tips()).to_string();
            Ok(MapCut { at, head, events: convert::count(cut.events()), devices })
        })
    }
}

fn lane(
    view: &View<'_>,
    names: &Names<'_>,
    rows: &[ChainRow],
    row: &ChainRow,
    step: u64,
) -> Result<Lane> {
    let mut ticks = Vec::new();
    let mut seq = row.first;
    while seq <= row.tip.seq {
        let at = clock_of(view, row.branch, seq)?;
        let column_end = (at / step).saturating_add(1).saturating_mul(step).saturating_sub(1);
        let last = last_within(view, row, seq, column_end)?.unwrap_or(seq);
        ticks.push(Tick { at: convert::count(at), events: convert::count(last - seq + 1) });
        seq = last + 1;
    }
    let parent = rows.iter().position(|other| Some(other.branch) == row.parent);
    Ok(Lane {
        chain: row.tip.chain.to_string(),
        device: row.device.to_string(),
        device_name: names.name(&row.device),
        parent: parent.map(convert::count),
        from: ticks.first().map_or(0, |tick| tick.at),
        ticks,
    })
}

fn header(view: &View<'_>, branch: BranchRef, seq: u64) -> Result<Header> {
    let missing = || Error::integrity(format!("the event at {seq} of a chain is not here"));
    view.header_in(branch, seq)?.ok_or_else(missing)
}

fn clock_of(view: &View<'_>, branch: BranchRef, seq: u64) -> Result<u64> {
    Ok(header(view, branch, seq)?.lamport.0)
}

/// The last position of a branch whose clock is at most `at`, not before `from`.
fn last_within(view: &View<'_>, row: &ChainRow, from: u64, at: u64) -> Result<Option<u64>> {
    if row.lamport.0 <= at {
        return Ok(Some(row.tip.seq));
    }
    if clock_of(view, row.branch, from)? > at {
        return Ok(None);
    }
    // Steps that double find the end of a short stretch sooner than halving all of it.
    let (mut within, mut stride) = (from, 1);
    let mut beyond = loop {
        let next = within.saturating_add(stride).min(row.tip.seq);
        if clock_of(view, row.branch, next)? > at {
            break next;
        }
        (within, stride) = (next, stride * 2);
    };
    while beyond - within > 1 {
        let middle = within + (beyond - within) / 2;
        if clock_of(view, row.branch, middle)? > at { beyond = middle } else { within = middle }
    }
    Ok(Some(within))
}

/// What of each branch lies within a cut.
struct Cut {
    at: u64,
    rows: Vec<(ChainRow, Tip)>,
    /// Branches of chains that are forked within the cut.
    forked: BTreeSet<ChainId>,
}

impl Cut {
    fn of(view: &View<'_>, at: u64) -> Result<Self> {
        let (mut rows, mut forked) = (Vec::new(), BTreeSet::new());
        for row in view.chains()? {
            let Some(seq) = last_within(view, &row, row.first, at)? else { continue };
            let id = match seq == row.tip.seq {
                true => Some(row.tip.id),
                false => view.id_of(row.branch, seq)?,
            };
            let chain = row.tip.chain;
            let Some(id) = id else { continue };
            if row.parent.is_some() {
                forked.insert(chain);
            }
            rows.push((row, Tip { chain, seq, id }));
        }
        Ok(Self { at, rows, forked })
    }

    fn events(&self) -> u64 {
        self.rows.iter().map(|(row, tip)| (tip.seq + 1).saturating_sub(row.first)).sum()
    }

    fn tips(&self) -> Vec<Tip> {
        // A branch that another goes on from is no tip of its own if nothing follows in it.
        let goes_on = |row: &ChainRow, tip: &Tip| {
            let leaves = |(other, _): &(ChainRow, Tip)| {
                other.parent == Some(row.branch) && other.first == tip.seq + 1
            };
            self.rows.iter().any(leaves)
        };
        let tips = self.rows.iter().filter(|(row, tip)| !goes_on(row, tip));
        tips.map(|(_, tip)| *tip).collect()
    }

    fn own(&self, device: DeviceId) -> impl Iterator<Item = &(ChainRow, Tip)> {
        self.rows.iter().filter(move |(row, _)| row.device == device)
    }

    fn device(&self, view: &View<'_>, device: DeviceId, budget: &mut u64) -> Result<DeviceCut> {
        let mut known = Known::default();
        let whole = known.gather(view, self, device, budget)?;
        let had = known.events(self);
        let lacks = self.events() - had;
        let forked = self.own(device).any(|(row, _)| self.forked.contains(&row.tip.chain));
        let lacked = match (lacks, whole) {
            (0, _) => Some(0),
            (_, false) => None,
            _ => known.surely_lacked(view, self, device)?,
        };
        let state = match lacked {
            _ if forked => SyncState::Forked,
            Some(0) if lacks == 0 => SyncState::Synced,
            Some(1..) => SyncState::Behind,
            _ => SyncState::Unknown,
        };
        let mut last_event = None;
        for (row, tip) in self.own(device) {
            let header = header(view, row.branch, tip.seq)?;
            last_event = last_event.max(Some((header.lamport, clock::rfc3339(header.at))));
        }
        Ok(DeviceCut {
            device: device.to_string(),
            name: String::new(),
            state: convert::sync_state(state),
            had: convert::count(had),
            lacked: lacked.map(convert::count),
            chains: self.own(device).map(|(_, tip)| devices::chain_view(tip, &device)).collect(),
            last_event: last_event.map(|(_, at)| at),
        })
    }
}

/// How far into each branch a device is known to have come.
#[derive(Default, Clone)]
struct Known(BTreeMap<BranchRef, u64>);

impl Known {
    /// A device has what it wrote, and what that names: an author names whatever it holds that it has not named before.
    /// Whether its chains were read far enough back to tell all of it.
    fn gather(
        &mut self,
        view: &View<'_>,
        cut: &Cut,
        device: DeviceId,
        budget: &mut u64,
    ) -> Result<bool> {
        let mut left = MAX_BACK.min(*budget);
        for (row, tip) in cut.own(device) {
            self.reach(view, row.branch, tip.seq)?;
        }
        for (row, tip) in cut.own(device) {
            let mut seq = tip.seq;
            loop {
                if self.events(cut) == cut.events() {
                    return Ok(true);
                }
                if left == 0 {
                    return Ok(false);
                }
                (left, *budget) = (left - 1, budget.saturating_sub(1));
                self.name(view, &header(view, row.branch, seq)?)?;
                if seq == row.first {
                    break;
                }
                seq -= 1;
            }
        }
        Ok(true)
    }

    fn name(&mut self, view: &View<'_>, header: &Header) -> Result<()> {
        for dep in &header.deps {
            if let Some(pos) = view.pos(&dep.id)? {
                self.reach(view, pos.branch(), dep.seq)?;
            }
        }
        Ok(())
    }

    /// It has an event, so all that lie before it in its chain.
    fn reach(&mut self, view: &View<'_>, branch: BranchRef, seq: u64) -> Result<()> {
        let (mut branch, mut seq) = (branch, seq);
        loop {
            let reached = self.0.entry(branch).or_insert(seq);
            *reached = seq.max(*reached);
            let Some(row) = view.branch(branch)? else { return Ok(()) };
            let (Some(parent), Some(base)) = (row.parent, row.first.checked_sub(1)) else {
                return Ok(());
            };
            (branch, seq) = (parent, base);
        }
    }

    fn events(&self, cut: &Cut) -> u64 {
        let of_row = |(row, tip): &(ChainRow, Tip)| {
            let reached = self.0.get(&row.branch)?;
            Some((tip.seq.min(*reached) + 1).saturating_sub(row.first))
        };
        cut.rows.iter().filter_map(of_row).sum()
    }

    /// What the device had not even when it wrote its next event after the cut; `None` where there is none, or where it
    /// can't be told from it.
    fn surely_lacked(
        mut self,
        view: &View<'_>,
        cut: &Cut,
        device: DeviceId,
    ) -> Result<Option<u64>> {
        let mut next: Option<Header> = None;
        for row in view.chains()?.into_iter().filter(|row| row.device == device) {
            let within = last_within(view, &row, row.first, cut.at)?;
            let seq = within.map_or(row.first, |seq| seq + 1);
            if seq <= row.tip.seq {
                let header = header(view, row.branch, seq)?;
                if next.as_ref().is_none_or(|next| header.lamport < next.lamport) {
                    next = Some(header);
                }
            }
        }
        let Some(next) = next.filter(|next| next.deps.len() < MAX_DEPS) else { return Ok(None) };
        self.name(view, &next)?;
        match cut.events() - self.events(cut) {
            0 => Ok(None),
            lacked => Ok(Some(lacked)),
        }
    }
}
