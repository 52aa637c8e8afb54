//! Everything recomputed, beside a scan that hashes the same bytes on all cores.

use std::path::Path;

use mirror_node::Node;

use super::{Print, Row, growth};
use crate::bare;
use crate::homes::Homes;
use crate::measure::{Sample, alternate, child as process, time};

pub fn rows(full: bool, print: Print<'_>) {
    for size in growth(full, 100_000) {
        let homes = Homes::of(size);
        let run = |operation: &'static str| {
            process("verify", &[&operation, &homes.home().display(), &size.events])
        };
        let turns = if size.events > 100_000 { 3 } else { 5 };
        let (ours, bare) = alternate(turns, || run("ours"), || run("bare"));
        let row = Row::speed("verify", size.events, size.events, &ours, &bare);
        print(row.at_least(0.5, ">= 0.5"));
    }
}

pub fn child(args: &[&str]) -> Sample {
    let [which, home, events] = args else { panic!("{args:?}") };
    let (home, events) = (Path::new(home), events.parse::<u64>().expect("a number"));
    if *which == "bare" {
        let (ms, found) = time(|| bare::scan(&home.join("mirror.db")));
        assert_eq!(found, events);
        return Sample::new(ms, Vec::new());
    }
    let node = Node::open(home).expect("a home");
    let (ms, verified) = time(|| node.verify(false).expect("it can be verified"));
    assert!(verified.ok, "{:?}", verified.first_bad);
    assert_eq!(u64::from(verified.events), events);
    Sample::new(ms, Vec::new())
}
