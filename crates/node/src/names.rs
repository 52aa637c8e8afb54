//! Who is who, and who is known to hold what: read once for a page of views.

use std::collections::BTreeMap;

use mirror_protocol::{ChainId, DeviceId};
use mirror_store::View;

use crate::error::Result;

/// Names of devices, and the vectors that they acknowledged.
pub struct Names {
    names: BTreeMap<DeviceId, String>,
    /// By device: the last position of each chain that it is known to hold.
    held: Vec<(String, BTreeMap<ChainId, u64>)>,
}

impl Names {
    /// Reads them.
    pub fn of(view: &View<'_>) -> Result<Self> {
        let (mut names, mut held) = (BTreeMap::new(), Vec::new());
        for member in view.members()? {
            let peer = view.peer(&member.device)?;
            let vector = peer.signed.iter().map(|tip| (tip.chain, tip.seq)).collect();
            held.push((member.name.clone(), vector));
            names.insert(member.device, member.name);
        }
        Ok(Self { names, held })
    }

    /// A device's name; a stranger is shown by the beginning of its id.
    pub fn name(&self, device: &DeviceId) -> String {
        let short = || device.to_string().chars().take(8).collect();
        self.names.get(device).cloned().unwrap_or_else(short)
    }

    /// Names of the devices that signed for having an event.
    pub fn holders(&self, chain: &ChainId, seq: u64) -> Vec<String> {
        let holds = |vector: &BTreeMap<ChainId, u64>| vector.get(chain).is_some_and(|s| *s >= seq);
        self.held.iter().filter(|(_, v)| holds(v)).map(|(name, _)| name.clone()).collect()
    }
}
