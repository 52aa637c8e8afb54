//! A bundle into an empty home, every event verified and listed, beside a bulk insert of the same bytes.

use std::path::Path;

use mirror_node::{Node, NoteQuery};

use super::{Print, Row, size};
use crate::bare::{self, Record};
use crate::homes::{Homes, empty_home, scratch};
use crate::measure::{Sample, alternate, child as process, time};
use crate::mesh::Size;

/// What a device with 16 GB can spare.
const MOST_MIB: f64 = 256.0;

pub fn rows(full: bool, print: Print<'_>) {
    let sizes: &[usize] = if full { &[10_000, 100_000, 1_000_000] } else { &[100_000] };
    for size in sizes.iter().copied().map(size) {
        let homes = Homes::of(size);
        let turns = if size.events > 100_000 { 1 } else { 5 };
        let run = |operation: &'static str| {
            let place = scratch();
            let folder = place.path().display();
            process(
                "import",
                &[&operation, &folder, &homes.bundle().display(), &size.events, &size.chains],
            )
        };
        let (ours, bare) = alternate(turns, || run("ours"), || run("bare"));
        let row = Row::speed(
            "import, all verified, notes listed",
            size.events,
            size.events,
            &ours,
            &bare,
        );
        print(row.at_least(0.6, ">= 0.6"));
        let peak = ours.peak_mib.unwrap_or(f64::NAN);
        let row = Row::of("import, peak memory", size.events, peak, None, "MiB");
        print(row.to("<= 256 MiB", |row| row.ours <= MOST_MIB));
    }
}

pub fn child(args: &[&str]) -> Sample {
    let [which, place, bundle, events, chains] = args else { panic!("{args:?}") };
    let place = Path::new(place);
    let size = Size {
        events: events.parse().expect("a number"),
        chains: chains.parse().expect("a number"),
    };
    if *which == "bare" {
        let (mut records, mut seen) = (Vec::new(), Vec::new());
        let mut mesh = crate::mesh::Mesh::new(size);
        while let Some(burst) = mesh.next_burst() {
            records.extend(burst.iter().map(|event| Record::of(&mut seen, event)));
        }
        let mut conn = bare::create(&place.join("bare.db"));
        return Sample::new(time(|| bare::insert(&mut conn, &records)).0, Vec::new());
    }
    empty_home(size, 0, place);
    let node = Node::open(place).expect("a home");
    let (ms, imported) = time(|| node.import(Path::new(bundle)).expect("the bundle imports"));
    assert_eq!(imported.received as usize, size.events, "all events land");
    let listed = node.notes(NoteQuery::default()).expect("a page of notes").total as usize;
    assert!(listed > size.events / 2, "{listed} notes are listed");
    Sample::new(ms, Vec::new())
}
