//! The devices of the mesh and this one's honest knowledge of them.

use std::collections::BTreeMap;

use mirror_domain::sync::{PeerFacts, home_state, peer_state};
use mirror_domain::{Role, SyncState, decide};
use mirror_protocol::{ChainId, DeviceId, Tip};
use mirror_store::{MemberRow, PeerRow, View};

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
        let conflicts = view.conflict_count()?;
        let chains = view.chains()?;
        let mut devices = Vec::new();
        for member in view.members()? {
            let peer = view.peer(&member.device)?;
            let this = member.device == self.inner.device;
            let own = |chain: &&mirror_store::ChainRow| chain.device == member.device;
            let facts = facts(&member, &peer, &chains);
            let state = match peer_state(&facts, now_ms) {
                SyncState::Revoked => SyncState::Revoked,
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
                forked: facts.forked,
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

fn facts(member: &MemberRow, peer: &PeerRow, chains: &[mirror_store::ChainRow]) -> PeerFacts {
    let signed: BTreeMap<ChainId, u64> = peer.signed.iter().map(|t| (t.chain, t.seq)).collect();
    let held: BTreeMap<ChainId, u64> = chains.iter().map(|c| (c.tip.chain, c.tip.seq)).collect();
    PeerFacts {
        revoked: member.revoked,
        forked: false,
        contact_ms: peer.contact_ms,
        failed: peer.error.is_some(),
        ahead: chains.iter().map(|c| beyond(c.tip.seq, signed.get(&c.tip.chain))).sum(),
        behind: peer.told.iter().map(|tip| beyond(tip.seq, held.get(&tip.chain))).sum(),
    }
}

/// How many events lie behind `known` up to `seq`.
fn beyond(seq: u64, known: Option<&u64>) -> u64 {
    known.map_or(seq.saturating_add(1), |known| seq.saturating_sub(*known))
}
