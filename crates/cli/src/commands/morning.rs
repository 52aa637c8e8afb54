//! `standup` and `map`: the day at a glance.

use mirror_node::view::{Map, MapEdge};

use super::Here;
use crate::args::Standup;
use crate::output::{Exit, Result};
use crate::words;

/// `mirror standup`
pub fn standup(here: &Here<'_>, args: &Standup) -> Result<Exit> {
    let page = here.node()?.standup(args.date.as_deref(), args.zone.as_deref())?;
    here.out.answer(&page, |page| page.markdown.clone())?;
    Ok(Exit::Done)
}

/// `mirror map`
pub fn map(here: &Here<'_>) -> Result<Exit> {
    here.out.answer(&here.node()?.map()?, map_words)?;
    Ok(Exit::Done)
}

fn map_words(map: &Map) -> String {
    let mut text = String::new();
    for node in &map.nodes {
        let state = words::state(node.state);
        text.push_str(&format!(
            "{}  {} ({}): {state}\n",
            words::short(&node.id),
            node.name,
            node.kind
        ));
    }
    for edge in &map.edges {
        text.push_str(&edge_line(map, edge));
    }
    text
}

fn edge_line(map: &Map, edge: &MapEdge) -> String {
    let name = |id: &str| {
        let node = map.nodes.iter().find(|node| node.id == id);
        node.map_or_else(|| words::short(id).to_owned(), |node| node.name.clone())
    };
    let (from, to, link) = (name(&edge.from), name(&edge.to), &edge.link);
    let met = match &edge.last_contact {
        Some(at) => format!("last contact {}", words::local(at)),
        None => "never met".into(),
    };
    let lag = match edge.lag_events {
        0 => String::new(),
        lag => format!(", {} apart", words::count(lag, "event")),
    };
    format!("{from} – {to} ({link}): {}{lag}, {met}\n", words::state(edge.state))
}
