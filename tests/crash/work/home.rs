//! A home's first moments: it exists whole or not at all.

use std::collections::BTreeSet;

use mirror_node::{Node, Result, view::Role};

use super::found::{in_words, survey};
use super::{Checked, Place, Workload, promise};

/// `mirror init`
pub const INIT: Workload = Workload {
    name: "init",
    in_order: true,
    before: &[],
    faults: true,
    prepare: |_| Ok(()),
    work: init,
    check: check_init,
};

fn init(place: &Place) -> Result<()> {
    promise("home", || Node::init(&place.dir.join("home"), "Mac", Role::Anchor)).map(drop)
}

fn check_init(place: &Place) -> Checked {
    let home = place.dir.join("home");
    let whole = Node::is_initialised(&home).map_err(in_words("half a home"))?;
    if !whole {
        // What an interrupted attempt left is in nobody's way.
        Node::init(&home, "Mac", Role::Anchor).map_err(in_words("no second attempt"))?;
    }
    survey(&home)?;
    Ok(if whole { BTreeSet::from(["home".to_owned()]) } else { BTreeSet::new() })
}
