//! The map: what a person said of it, and the mesh as it stands, as nodes and links.

use std::collections::BTreeMap;

use mirror_domain::{Body, Entry, StateDigest, map};
use mirror_protocol::{DeviceId, Event};
use mirror_store::{MapFact, Pos, Tx, View};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::services::Services;
use crate::view::{self, Quality, SyncState};
use crate::{clock, convert, devices, probe, services};

/// How far back exchanges are counted.
const RECENT_MS: i64 = 7 * 24 * 60 * 60 * 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Where a thing is to stand, in the unit square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// What is said of a thing on the map holds if nothing later in canonical order was said.
pub fn fold(
    tx: &Tx<'_>,
    event: &Event,
    pos: Pos,
    body: &Body,
    sum: &mut StateDigest,
) -> Result<()> {
    let (node, what) = match body {
        Body::MapPlace(place) => (&place.node, MapFact::Spot),
        Body::MapGroup(group) => (&group.node, MapFact::Place),
        _ => return Ok(()),
    };
    if let Some(before) = tx.map_said(node, what)?
        && let Some(before) = tx.event_at(before)?
    {
        if before.order() >= event.order() {
            return Ok(());
        }
        sum.remove(Entry::map(&before.id));
    }
    tx.put_map_said(node, what, pos)?;
    sum.add(Entry::map(&event.id));
    Ok(())
}

/// What people said of each thing.
#[derive(Default)]
struct Said {
    spots: BTreeMap<String, (f32, f32)>,
    places: BTreeMap<String, Option<String>>,
}

impl Said {
    fn of(view: &View<'_>) -> Result<Self> {
        let mut said = Self::default();
        for event in view.map_events()? {
            match Body::read(&event) {
                Ok(Body::MapPlace(place)) => {
                    said.spots.insert(place.node.clone(), map::spot(&place));
                }
                Ok(Body::MapGroup(group)) => {
                    said.places.insert(group.node, group.place);
                }
                _ => {}
            }
        }
        Ok(said)
    }

    /// The spot of a thing, and whether a person chose it.
    fn spot(&self, id: &str, start: (f32, f32)) -> (f32, f32, bool) {
        let (chosen, (x, y)) = match self.spots.get(id) {
            Some(spot) => (true, *spot),
            None => (false, start),
        };
        (x, y, chosen)
    }

    fn place(&self, id: &str, otherwise: Option<&str>) -> Option<String> {
        match self.places.get(id) {
            Some(place) => place.clone(),
            None => otherwise.map(str::to_owned),
        }
    }
}

impl Node {
    /// The mesh as data.
    pub fn map(&self) -> Result<view::Map> {
        let (services, problem) = match Services::read(&self.inner.home) {
            Ok(services) => (services, None),
            Err(error) => (Services::default(), Some(error.problem())),
        };
        let probed = self.probed();
        self.read(|view| {
            let devices = self.devices_in(view)?;
            let said = Said::of(view)?;
            let waiting = Waiting::of(view)?;
            let mut nodes: Vec<_> = (devices.iter().enumerate())
                .map(|(n, device)| device_node(n, device, &said, &waiting))
                .collect();
            let recent = view.checkpoints_since(clock::now_ms() - RECENT_MS)?;
            let here = self.inner.device.to_string();
            let mut edges: Vec<_> = devices
                .iter()
                .filter(|device| !device.this)
                .map(|device| edge(&here, device, &recent))
                .collect();
            for service in services.all() {
                let runs_on = service.runs_on(&devices);
                let answer = probed.get(service);
                let start = service_start(&nodes, &runs_on);
                edges.push(service_edge(&runs_on, service, answer));
                nodes.push(service_node(service, answer, &said, runs_on, start));
            }
            let head = crate::status::head_of(view)?.to_string();
            let quarantined = waiting.nobody;
            Ok(view::Map { head, nodes, edges, quarantined, services_problem: problem })
        })
    }

    /// Puts a device or a service somewhere on the map, for all devices.
    pub fn map_move(&self, node: &str, to: Spot) -> Result<()> {
        let services = Services::read(&self.inner.home).unwrap_or_default();
        self.say(clock::now(), |view| Ok(map::put(&thing(view, &services, node)?, to.x, to.y)?))?;
        Ok(())
    }

    /// Says in which place a device or a service is; none takes it out of the one where it was.
    pub fn map_group(&self, node: &str, place: Option<&str>) -> Result<()> {
        let services = Services::read(&self.inner.home).unwrap_or_default();
        self.say(clock::now(), |view| Ok(map::group(&thing(view, &services, node)?, place)?))?;
        Ok(())
    }
}

/// A thing of the map by its name or id.
fn thing(view: &View<'_>, services: &Services, text: &str) -> Result<String> {
    if let Some(service) = services.all().find(|one| one.name == text || one.id() == text) {
        return Ok(service.id());
    }
    match text.strip_prefix(services::PREFIX) {
        Some(name) => Err(Error::not_found(format!("no service is named {name:?}"))),
        None => Ok(devices::find(view, text)?.to_string()),
    }
}

/// Runs that wait for their causes, by the device that wrote them.
struct Waiting {
    by_device: BTreeMap<String, u32>,
    nobody: u32,
}

impl Waiting {
    fn of(view: &View<'_>) -> Result<Self> {
        let (mut by_device, mut nobody) = (BTreeMap::new(), 0_u32);
        for (chain, runs) in view.quarantined()? {
            let runs: u32 = convert::count(runs);
            match view.device_of(&chain)? {
                Some(device) => *by_device.entry(device.to_string()).or_default() += runs,
                None => nobody = nobody.saturating_add(runs),
            }
        }
        Ok(Self { by_device, nobody })
    }
}

fn device_node(n: usize, device: &view::Device, said: &Said, waiting: &Waiting) -> view::MapNode {
    let (x, y, placed) = said.spot(&device.device, map::place(convert::count(n)));
    view::MapNode {
        id: device.device.clone(),
        kind: "device".to_owned(),
        name: device.name.clone(),
        state: device.state,
        tier: None,
        place: said.place(&device.device, None),
        x,
        y,
        placed,
        quarantined: waiting.by_device.get(&device.device).copied().unwrap_or(0),
        service: None,
    }
}

fn edge(here: &str, device: &view::Device, recent: &[(DeviceId, u64)]) -> view::MapEdge {
    let met = device.last_contact.is_some();
    let times = recent.iter().find(|(peer, _)| peer.to_string() == device.device);
    let since = device.last_contact.as_deref().and_then(|at| clock::parse(at).ok());
    let quality = match since {
        _ if device.last_error.is_some() => Quality::Failing,
        None => Quality::Unused,
        Some(at) if clock::now_ms().saturating_sub(at.unix_ms) > DAY_MS => Quality::Old,
        Some(_) => Quality::Good,
    };
    view::MapEdge {
        from: here.to_owned(),
        to: device.device.clone(),
        link: if met { "iroh" } else { "none yet" }.to_owned(),
        state: device.state,
        lag_events: device.ahead.max(device.behind),
        to_send: device.ahead,
        to_fetch: device.behind,
        last_contact: device.last_contact.clone(),
        quality,
        exchanges: times.map_or(0, |(_, times)| convert::count(*times)),
    }
}

/// A service begins beside the device that it runs on.
fn service_start(nodes: &[view::MapNode], device: &str) -> (f32, f32) {
    let (x, y) =
        nodes.iter().find(|node| node.id == device).map_or((0.5, 0.5), |node| (node.x, node.y));
    ((x + 0.05).min(1.0), (y + 0.05).min(1.0))
}

/// What the last answer says of a service. One that was not asked, or not lately, is unknown.
fn service_state(answer: Option<&probe::Answer>) -> SyncState {
    match answer {
        None => SyncState::Unknown,
        Some(answer) if answer.is_old(clock::now_ms()) => SyncState::Unknown,
        Some(answer) if answer.error.is_some() => SyncState::Offline,
        Some(_) => SyncState::Synced,
    }
}

fn service_edge(
    device: &str,
    service: &services::Service,
    answer: Option<&probe::Answer>,
) -> view::MapEdge {
    let state = service_state(answer);
    view::MapEdge {
        from: device.to_owned(),
        to: service.id(),
        link: "runs on".to_owned(),
        state,
        lag_events: 0,
        to_send: 0,
        to_fetch: 0,
        last_contact: answer.map(|answer| clock::local_rfc3339(answer.at_ms)),
        quality: match state {
            SyncState::Synced => Quality::Good,
            SyncState::Offline => Quality::Failing,
            _ if answer.is_some() => Quality::Old,
            _ => Quality::Unused,
        },
        exchanges: 0,
    }
}

fn service_node(
    service: &services::Service,
    answer: Option<&probe::Answer>,
    said: &Said,
    device: String,
    start: (f32, f32),
) -> view::MapNode {
    let id = service.id();
    let (x, y, placed) = said.spot(&id, start);
    view::MapNode {
        kind: "service".to_owned(),
        name: service.name.clone(),
        state: service_state(answer),
        tier: None,
        place: said.place(&id, service.place.as_deref()),
        id,
        x,
        y,
        placed,
        quarantined: 0,
        service: Some(view::Service {
            what: service.kind.clone(),
            device,
            probe: service.probe.to_string(),
            probed: answer.map(|answer| clock::local_rfc3339(answer.at_ms)),
            took_ms: answer.map(|answer| answer.took_ms),
            error: answer.and_then(|answer| answer.error.clone()),
        }),
    }
}
