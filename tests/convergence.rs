//! Whatever three devices do, in whatever order they meet: in the end they have one history and one meaning.

use std::collections::BTreeSet;
use std::path::Path;

use mirror_node::view::{Code, NoteState, Take};
use mirror_node::{NewNote, Node, NoteQuery};
use proptest::prelude::*;
use world::World;

const DEVICES: usize = 3;

/// What a person does on one of the devices. Numbers choose among what is there.
#[derive(Debug, Clone)]
enum Act {
    Captures(usize, String),
    Edits(usize, usize, String),
    Archives(usize, usize),
    Settles(usize, usize, bool),
    Carries(usize, usize),
}

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..DEVICES;
    let text = "[a-zé水🍎]{1,12}( [a-z]{1,6}){0,4}";
    prop_oneof![
        4 => (who(), text).prop_map(|(who, text)| Act::Captures(who, text)),
        4 => (who(), any::<usize>(), text).prop_map(|(who, which, text)| Act::Edits(who, which, text)),
        1 => (who(), any::<usize>()).prop_map(|(who, which)| Act::Archives(who, which)),
        2 => (who(), any::<usize>(), any::<bool>()).prop_map(|(who, which, ours)| Act::Settles(who, which, ours)),
        4 => (who(), who()).prop_map(|(from, to)| Act::Carries(from, to)),
    ]
}

fn all() -> NoteQuery {
    NoteQuery { limit: 500, archived: true, ..NoteQuery::default() }
}

/// Does it, and gives the event that it made.
fn perform(act: Act, nodes: &[Node], file: &Path) -> Option<String> {
    let note = |node: &Node, which: usize| {
        let notes = node.notes(all()).unwrap().notes;
        notes.get(which % notes.len().max(1)).map(|note| note.note.clone())
    };
    let made = match act {
        Act::Captures(who, text) => nodes[who].capture(NewNote { text, ..NewNote::default() }),
        Act::Edits(who, which, text) => {
            nodes[who].edit(&note(&nodes[who], which)?, None, &text, None)
        }
        Act::Archives(who, which) => nodes[who].archive(&note(&nodes[who], which)?, None),
        Act::Settles(who, which, ours) => {
            let conflicts = nodes[who].conflicts().unwrap();
            let conflict = conflicts.get(which % conflicts.len().max(1))?;
            nodes[who].resolve(&conflict.id, if ours { Take::Ours } else { Take::Theirs }, None)
        }
        Act::Carries(from, to) => {
            carry(&nodes[from], &nodes[to], file);
            return None;
        }
    };
    match made {
        Ok(captured) => Some(captured.id),
        // The same text again, or a note that is put away already or waits for a decision: nothing to write.
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => None,
        Err(error) => panic!("{error:?}"),
    }
}

fn carry(from: &Node, to: &Node, file: &Path) {
    from.export(file, None, None).unwrap();
    let imported = to.import(file).unwrap();
    assert!(imported.refused.is_empty(), "{imported:?}");
    std::fs::remove_file(file).unwrap();
}

/// Everything that a person sees and that must not depend on the device.
fn meaning(node: &Node) -> Vec<(String, String, String, NoteState)> {
    let notes = node.notes(all()).unwrap().notes;
    let mut seen: Vec<_> =
        notes.into_iter().map(|note| (note.note, note.id, note.text, note.state)).collect();
    seen.sort_by(|one, other| one.0.cmp(&other.0));
    seen
}

fn events(node: &Node) -> BTreeSet<String> {
    let query = mirror_node::LogQuery { limit: 500, ..Default::default() };
    node.log(query).unwrap().entries.into_iter().map(|event| event.id).collect()
}

const CASES: u32 = 8;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: CASES,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn three_devices_agree_when_everything_has_met(acts in prop::collection::vec(act(), 5..40)) {
        let world = World::new();
        let mac = world.first("Mac");
        let homes = [world.joins("Pixel", "capture", &mac), world.joins("Mini", "node", &mac), mac];
        let nodes: Vec<Node> = homes.iter().map(|home| Node::open(home.folder()).unwrap()).collect();
        let file = world.path("carried.bundle");
        // The phone hears of the Mini, which came after it; then they are left alone.
        carry(&nodes[2], &nodes[0], &file);
        let made: BTreeSet<String> =
            acts.into_iter().filter_map(|act| perform(act, &nodes, &file)).collect();

        // Once around and once again: then every device has heard of everything.
        for step in 0..2 * DEVICES {
            carry(&nodes[step % DEVICES], &nodes[(step + 1) % DEVICES], &file);
        }

        let first = nodes[0].head().unwrap();
        for node in &nodes {
            let head = node.head().unwrap();
            prop_assert_eq!(&head.head, &first.head);
            prop_assert_eq!(&head.state, &first.state);
            prop_assert_eq!(meaning(node), meaning(&nodes[0]));
            prop_assert!(events(node).is_superset(&made), "an acknowledged event is missing");
            prop_assert!(node.verify(true).unwrap().ok);
        }
    }
}
