//! The devices of the mesh and this one's honest knowledge of them.

use std::collections::{BTreeMap, BTreeSet};

use mirror_domain::membership::is_within;
use mirror_domain::sync::{PeerFacts, home_state, peer_state};
use mirror_domain::{Role, SyncState, decide};
use mirror_protocol::known::shared;
use mirror_protocol::{ChainId, DeviceId, Tip};
use mirror_store::{ChainRow, MemberRow, PeerRow, View};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::view::{self, Code};
use crate::{clock, convert, fold};

impl Node {
    /// All that are or were members, in order of admission.
    pub fn devices(&self) -> Result<Vec<view::Device>> {
        self.read(|view| self.devices_in(view))
    }

    pub(crate) fn devices_in(&self, view: &View<'_>) -> Result<Vec<view::Device>> {
        let now_ms = clock::now_ms();
        let conflicts = crate::status::conflict_count(view)?;
        let chains = view.chains()?;
        let forked = forked(&chains);
        let held = by_chain(chains.iter().map(|chain| chain.tip));
        let mut devices = Vec::new();
        for member in view.members()? {
            let peer = view.peer(&member.device)?;
            let this = member.device == self.inner.device;
            let own = |chain: &&ChainRow| chain.device == member.device;
            let forks = forks(view, &chains, &member)?;
            let open = fork_is_open(view, &chains, &forked, &member)?;
            let facts = facts(view, &member, &peer, &chains, &held, &forked, open);
            let state = match peer_state(&facts, now_ms) {
                state @ (SyncState::Revoked | SyncState::Forked) => state,
                _ if this => home_state(conflicts, []).max(SyncState::Synced),
                state => state,
            };
            // Of itself a device knows everything; only what waits for a person is a state.
            let state = if this && state == SyncState::Unknown { SyncState::Synced } else { state };
            let of_device = chains.iter().filter(own);
            devices.push(view::Device {
                device: member.device.to_string(),
                name: member.name.clone(),
                role: convert::role(Role::from_number(member.role).unwrap_or(Role::Node)),
                state: convert::sync_state(state),
                last_contact: peer.contact_ms.map(clock::local_rfc3339),
                forked: !forks.is_empty(),
                forks,
                late: convert::count(late(view, &member, &chains, &forked)),
                this,
                ahead: if this { 0 } else { convert::count(facts.ahead) },
                behind: if this { 0 } else { convert::count(facts.behind) },
                addresses: peer.addresses,
                last_error: peer.error,
                chains: of_device.map(|chain| chain_view(&chain.tip, &chain.device)).collect(),
            });
        }
        Ok(devices)
    }

    /// Gives a device another name.
    pub fn rename_device(&self, device: &str, name: &str) -> Result<()> {
        self.say(clock::now(), |view| {
            let device = find(view, device)?;
            let membership = fold::membership(view, self.inner.mesh)?;
            Ok(decide::rename(&membership, &self.inner.device, device, name)?)
        })?;
        Ok(())
    }

    /// Ends a device's membership: what it wrote up to now stays, nothing later counts.
    pub fn revoke_device(&self, device: &str) -> Result<()> {
        self.say(clock::now(), |view| {
            let device = find(view, device)?;
            let membership = fold::membership(view, self.inner.mesh)?;
            let chains = view.chains()?.into_iter().filter(|chain| chain.device == device);
            let heads = chains.map(|chain| chain.tip).collect();
            Ok(decide::revoke(&membership, &self.inner.device, device, heads)?)
        })?;
        Ok(())
    }
}

pub fn chain_view(tip: &Tip, device: &DeviceId) -> view::Chain {
    view::Chain {
        chain: tip.chain.to_string(),
        device: device.to_string(),
        seq: convert::count(tip.seq),
        tip: tip.id.to_string(),
    }
}

/// A device by its name, its id, or a unique beginning of its id.
pub fn find(view: &View<'_>, text: &str) -> Result<DeviceId> {
    let members = view.members()?;
    let named: Vec<_> = members.iter().filter(|member| member.name == text).collect();
    let lower = text.to_lowercase();
    let by_id =
        |member: &&MemberRow| !lower.is_empty() && member.device.to_string().starts_with(&lower);
    let found = if named.is_empty() { members.iter().filter(by_id).collect() } else { named };
    match found.as_slice() {
        [member] => Ok(member.device),
        [] => Err(Error::new(
            Code::NotFound,
            format!("no device is named {text:?}"),
            "see `mirror device list`",
        )),
        _ => Err(Error::invalid(
            format!("{text:?} fits more than one device"),
            "use its full id, as `mirror device list --json` prints it",
        )),
    }
}

fn facts(
    view: &View<'_>,
    member: &MemberRow,
    peer: &PeerRow,
    chains: &[ChainRow],
    held: &BTreeMap<ChainId, Vec<Tip>>,
    forked: &BTreeSet<ChainId>,
    fork_is_open: bool,
) -> PeerFacts {
    let signed = by_chain(peer.signed.iter().copied());
    PeerFacts {
        revoked: member.revoked,
        forked: fork_is_open,
        contact_ms: peer.contact_ms,
        failed: peer.error.is_some(),
        ahead: chains.iter().map(|c| beyond(view, c.tip, of(&signed, &c.tip), forked)).sum(),
        behind: peer.told.iter().map(|tip| beyond(view, *tip, of(held, tip), forked)).sum(),
    }
}

fn of<'m>(chains: &'m BTreeMap<ChainId, Vec<Tip>>, tip: &Tip) -> &'m [Tip] {
    chains.get(&tip.chain).map(Vec::as_slice).unwrap_or_default()
}

fn by_chain(tips: impl Iterator<Item = Tip>) -> BTreeMap<ChainId, Vec<Tip>> {
    let mut chains: BTreeMap<ChainId, Vec<Tip>> = BTreeMap::new();
    for tip in tips {
        chains.entry(tip.chain).or_default().push(tip);
    }
    chains
}

/// How many events lead to a tip behind those of the same chain that are known.
pub fn beyond(view: &View<'_>, tip: Tip, known: &[Tip], forked: &BTreeSet<ChainId>) -> u64 {
    let last = |other: &Tip| {
        // In one branch the positions tell; and where one of the two is not here, nothing else does.
        let by_position = other.seq.min(tip.seq);
        if *other == tip || !forked.contains(&tip.chain) {
            return by_position;
        }
        shared(view, other, &tip).map_or(by_position, |point| point.seq)
    };
    let last = known.iter().map(last).max();
    last.map_or(tip.seq.saturating_add(1), |last| tip.seq.saturating_sub(last))
}

/// The chains that have several branches.
pub fn forked(chains: &[ChainRow]) -> BTreeSet<ChainId> {
    chains.iter().filter(|row| row.parent.is_some()).map(|row| row.tip.chain).collect()
}

/// What a revoked device wrote beyond its cut.
fn late(
    view: &View<'_>,
    member: &MemberRow,
    chains: &[ChainRow],
    forked: &BTreeSet<ChainId>,
) -> u64 {
    if !member.revoked {
        return 0;
    }
    let heads = by_chain(member.heads.iter().copied());
    let own = chains.iter().filter(|chain| chain.device == member.device);
    own.map(|c| beyond(view, c.tip, of(&heads, &c.tip), forked).min(c.events())).sum()
}

/// Whether a fork of a device's chain still waits for the device to go on. It has, once a later chain of its own rests on
/// every branch.
fn fork_is_open(
    view: &View<'_>,
    chains: &[ChainRow],
    forked: &BTreeSet<ChainId>,
    member: &MemberRow,
) -> Result<bool> {
    let own = chains.iter().filter(|chain| chain.device == member.device);
    let (branches, later): (Vec<_>, Vec<_>) =
        own.partition(|chain| forked.contains(&chain.tip.chain));
    if branches.is_empty() {
        return Ok(false);
    }
    let mut rested_on = Vec::new();
    for chain in later {
        let first = view.event_in(chain.branch, 0)?;
        rested_on.extend(first.into_iter().flat_map(|first| first.header.deps).map(Tip::from));
    }
    Ok(!branches.iter().all(|branch| is_within(&branch.tip, &rested_on, view)))
}

/// Where a device's chains fork.
fn forks(view: &View<'_>, chains: &[ChainRow], member: &MemberRow) -> Result<Vec<view::Fork>> {
    let own: Vec<_> = chains.iter().filter(|chain| chain.device == member.device).collect();
    let mut forks: BTreeMap<(ChainId, u64), Vec<view::Branch>> = BTreeMap::new();
    for row in &own {
        let (Some(parent), Some(base)) = (row.parent, row.first.checked_sub(1)) else { continue };
        let sides = forks.entry((row.tip.chain, base)).or_default();
        if sides.is_empty() {
            let parent = own.iter().find(|other| other.branch == parent);
            sides.extend(parent.map(|parent| side(view, parent, row.first)).transpose()?);
        }
        sides.push(side(view, row, row.first)?);
    }
    let forks = forks.into_iter().map(|((chain, base), branches)| view::Fork {
        chain: chain.to_string(),
        base: convert::count(base),
        branches,
    });
    Ok(forks.collect())
}

fn side(view: &View<'_>, row: &ChainRow, first: u64) -> Result<view::Branch> {
    let first = view.id_of(row.branch, first)?;
    Ok(view::Branch {
        first: first.map(|id| id.to_string()).unwrap_or_default(),
        seq: convert::count(row.tip.seq),
        tip: row.tip.id.to_string(),
        signature: crate::keys::hex(&row.signature),
    })
}
