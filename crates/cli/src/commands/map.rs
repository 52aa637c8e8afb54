//! `map`: the mesh as it stands, or as it was, and where things are on it.

use mirror_node::Spot;
use mirror_node::view::{DeviceCut, Map, MapCut, MapEdge, MapNode, SyncState};

use super::Here;
use crate::args::{Map as Args, MapChange};
use crate::output::{Exit, Result};
use crate::words;

/// `mirror map`
pub fn map(here: &Here<'_>, args: Args) -> Result<Exit> {
    let node = here.node()?;
    match (args.change, args.at) {
        (Some(MapChange::Move { node: thing, x, y }), _) => node.map_move(&thing, Spot { x, y })?,
        (Some(MapChange::Group { node: thing, place }), _) => {
            node.map_group(&thing, place.as_deref())?;
        }
        (None, Some(at)) => {
            here.out.answer(&node.map_at(at)?, cut_words)?;
            return Ok(Exit::Done);
        }
        (None, None) if args.probe => here.block_on(async {
            node.probe_services().await;
            Ok(())
        })?,
        (None, None) => {}
    }
    here.out.answer(&node.map()?, map_words)?;
    Ok(Exit::Done)
}

fn map_words(map: &Map) -> String {
    let mut text: String = map.nodes.iter().map(node_line).collect();
    for edge in &map.edges {
        text.push_str(&edge_line(map, edge));
    }
    if map.quarantined > 0 {
        let runs = words::count(map.quarantined, "run");
        text.push_str(&format!("{runs} of unknown devices wait for their causes\n"));
    }
    if let Some(problem) = &map.services_problem {
        text.push_str(&format!("{}\n  {}\n", problem.detail, problem.hint));
    }
    text
}

fn node_line(node: &MapNode) -> String {
    let place = node.place.as_ref().map(|place| format!(", {place}")).unwrap_or_default();
    let waits = match node.quarantined {
        0 => String::new(),
        runs => format!(", {} in quarantine", words::count(runs, "run")),
    };
    let (name, kind, x, y) = (&node.name, &node.kind, node.x, node.y);
    let Some(service) = &node.service else {
        let (id, state) = (words::short(&node.id), words::state(node.state));
        return format!("{id}  {name} ({kind}{place}): {state}{waits}, at {x:.2} {y:.2}\n");
    };
    let state = match (node.state, &service.error, &service.probed) {
        (SyncState::Synced, ..) => "answers".to_owned(),
        (SyncState::Offline, Some(error), _) => format!("does not answer: {error}"),
        (.., Some(at)) => format!("unknown, asked last {}", words::local(at)),
        _ => "unknown, not asked yet".to_owned(),
    };
    format!("{}  ({}{place}): {state}, at {x:.2} {y:.2}\n", node.id, service.what)
}

fn edge_line(map: &Map, edge: &MapEdge) -> String {
    let name = |id: &str| {
        let node = map.nodes.iter().find(|node| node.id == id);
        node.map_or_else(|| words::short(id).to_owned(), |node| node.name.clone())
    };
    let (from, to, link) = (name(&edge.from), name(&edge.to), &edge.link);
    if to != edge.to && edge.to.starts_with("service:") {
        return format!("{from} – {to} ({link})\n");
    }
    let met = match &edge.last_contact {
        Some(at) => format!("last contact {}", words::local(at)),
        None => "never met".into(),
    };
    let lag = [(edge.to_send, "to send"), (edge.to_fetch, "to fetch")]
        .iter()
        .filter(|(events, _)| *events > 0)
        .map(|(events, way)| format!(", {} {way}", words::count(*events, "event")))
        .collect::<String>();
    format!("{from} – {to} ({link}): {}{lag}, {met}\n", words::state(edge.state))
}

fn cut_words(cut: &MapCut) -> String {
    let (at, events) = (cut.at, words::count(cut.events, "event"));
    let mut text = format!("at {at}: {events}, head {}\n", words::short(&cut.head));
    for DeviceCut { device, name, state, had, lacked, .. } in &cut.devices {
        let lacked = match lacked {
            Some(0) => String::new(),
            Some(lacked) => format!(", lacked {lacked} at least"),
            None => ", of the rest nothing is known".to_owned(),
        };
        let (id, state) = (words::short(device), words::state(*state));
        text.push_str(&format!("{id}  {name}: {state}, had {had} of {events}{lacked}\n"));
    }
    text
}
