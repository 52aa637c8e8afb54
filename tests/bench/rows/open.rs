//! A home opened and its first page of notes read, by a process that has just begun; beside a bare read of as many rows.

use std::path::Path;

use mirror_node::{Node, NoteQuery};

use super::{Print, Row, growth};
use crate::bare;
use crate::homes::Homes;
use crate::measure::{Sample, alternate, child as process, time};

pub fn rows(full: bool, print: Print<'_>) {
    for size in growth(full, 100_000) {
        let homes = Homes::of(size);
        let run = |operation: &'static str| process("open", &[&operation, &homes.home().display()]);
        let (ours, bare) = alternate(9, || run("ours"), || run("bare"));
        let row = Row::ms("open, first page of notes", size.events, &ours, Some(&bare));
        print(row.to("<= 100 ms, <= 64 MiB", |row| {
            row.ours <= 100.0 && row.peak_mib.is_none_or(|peak| peak <= 64.0)
        }));
        let status = Sample { ms: ours.more[0], peak_mib: None, more: Vec::new() };
        print(Row::ms("status, after that", size.events, &status, None));
    }
}

pub fn child(args: &[&str]) -> Sample {
    let [which, home] = args else { panic!("{args:?}") };
    let home = Path::new(home);
    if *which == "bare" {
        let (ms, rows) = time(|| {
            let conn = bare::open(&home.join("mirror.db"));
            let sql = "SELECT e.header, e.body FROM notes n JOIN events e ON e.pos = n.latest
                       ORDER BY n.lamport DESC, n.latest DESC LIMIT 50";
            let mut page = conn.prepare(sql).expect("a page");
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let rows: Vec<(Vec<u8>, Option<Vec<u8>>)> =
                page.query_map([], row).and_then(Iterator::collect).expect("a page");
            rows.len()
        });
        assert_eq!(rows, 50);
        return Sample::new(ms, vec![0.0]);
    }
    let (ms, (node, page)) = time(|| {
        let node = Node::open(home).expect("a home");
        let page = node.notes(NoteQuery::default()).expect("a page");
        (node, page)
    });
    assert_eq!(page.notes.len(), 50);
    let mut sample = Sample::new(ms, Vec::new());
    sample.more.push(time(|| node.status().expect("a status")).0);
    sample
}
