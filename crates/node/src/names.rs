//! Who is who, and who is known to hold what: read once for a page of views.

use std::collections::BTreeMap;

use mirror_protocol::known::leads_to;
use mirror_protocol::{ChainId, DeviceId, Tip};
use mirror_store::View;

use crate::error::Result;

/// One device's name, without reading all of them.
pub fn name_of(view: &View<'_>, device: &DeviceId) -> Result<String> {
    Ok(view.member(device)?.map_or_else(|| short(device), |member| member.name))
}

fn short(device: &DeviceId) -> String {
    device.to_string().chars().take(8).collect()
}

/// Names of devices, and the vectors that they acknowledged.
pub struct Names<'v> {
    view: &'v View<'v>,
    names: BTreeMap<DeviceId, String>,
    /// By device: the tips of each chain that it is known to hold.
    held: Vec<(String, BTreeMap<ChainId, Vec<Tip>>)>,
}

impl<'v> Names<'v> {
    /// Reads them.
    pub fn of(view: &'v View<'v>) -> Result<Self> {
        let (mut names, mut held) = (BTreeMap::new(), Vec::new());
        for member in view.members()? {
            let peer = view.peer(&member.device)?;
            let mut vector: BTreeMap<ChainId, Vec<Tip>> = BTreeMap::new();
            for tip in peer.signed {
                vector.entry(tip.chain).or_default().push(tip);
            }
            held.push((member.name.clone(), vector));
            names.insert(member.device, member.name);
        }
        Ok(Self { view, names, held })
    }

    /// A device's name; a stranger is shown by the beginning of its id.
    pub fn name(&self, device: &DeviceId) -> String {
        self.names.get(device).cloned().unwrap_or_else(|| short(device))
    }

    /// Names of the devices that signed for having an event.
    pub fn holders(&self, event: &Tip) -> Vec<String> {
        let leads = |tip: &Tip| leads_to(self.view, event, tip) == Some(true);
        let later = |tip: &&Tip| tip.seq >= event.seq;
        let holds = |vector: &BTreeMap<ChainId, Vec<Tip>>| {
            vector.get(&event.chain).into_iter().flatten().filter(later).any(leads)
        };
        self.held.iter().filter(|(_, v)| holds(v)).map(|(name, _)| name.clone()).collect()
    }
}
