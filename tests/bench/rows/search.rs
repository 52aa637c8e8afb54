//! The first page of what a person looks for among 50,000 notes, beside the bare full-text query.

use std::path::Path;

use mirror_node::Node;
use rusqlite::params;

use super::{Print, Row};
use crate::bare;
use crate::homes::{Homes, scratch};
use crate::measure::{Sample, alternate, child as process, median, time};
use crate::mesh::Size;

const NOTES: usize = 50_000;
const PAGE: u32 = 20;
/// A word of nearly no note, of some, of many; two words; a script without spaces.
const QUERIES: [(&str, &str); 5] = [
    ("a word of few notes", "note1a"),
    ("a word of many notes", "reconcile"),
    ("two words", "coffee thursday"),
    ("another script", "библиотеки"),
    ("a short word and another", "is coffee"),
];

pub fn rows(_full: bool, print: Print<'_>) {
    // Of a hundred events 94 are new notes, and one note in a hundred is put away.
    let homes = Homes::of(Size { events: NOTES * 100 / 93, chains: 50 });
    let home = indexed(&homes);
    for (name, query) in QUERIES {
        let run =
            |operation: &'static str| process("search", &[&operation, &home.display(), &query]);
        let (ours, bare) = alternate(5, || run("ours"), || run("bare"));
        let name = format!("search, {name}");
        let row = Row::ms(&name, ours.more[0] as usize, &ours, Some(&bare));
        print(row.to("<= 20 ms", |row| row.ours <= 20.0));
    }
}

/// A copy of the home that the full-text index has seen to its end.
fn indexed(homes: &Homes) -> std::path::PathBuf {
    let home = homes.beside("indexed");
    if !home.exists() {
        let making = scratch();
        homes.copy(0, making.path());
        let node = Node::open(making.path()).expect("a home");
        while node.index_pending().expect("the index can be made") > 0 {}
        drop(node);
        std::fs::rename(making.keep(), &home).expect("a home can be kept");
    }
    home
}

pub fn child(args: &[&str]) -> Sample {
    let [which, home, query] = args else { panic!("{args:?}") };
    let home = Path::new(home);
    let turns = 9;
    if *which == "bare" {
        let conn = bare::open(&home.join("mirror.db"));
        let words: Vec<String> =
            query.split(' ').filter(|word| word.len() > 2).map(quoted).collect();
        let sql = "SELECT e.header, e.body FROM
                   (SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rank LIMIT ?2) f
                   JOIN events e ON e.pos = f.rowid";
        let mut found = conn.prepare(sql).expect("a query");
        let mut read = || {
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let rows = found.query_map(params![words.join(" AND "), PAGE], row);
            let rows: Vec<(Vec<u8>, Vec<u8>)> = rows.and_then(Iterator::collect).expect("rows");
            rows.len()
        };
        let times = (0..turns).map(|_| time(&mut read).0).collect();
        return Sample::new(median(times), vec![0.0]);
    }
    let node = Node::open(home).expect("a home");
    let notes = node.status().expect("a status").notes;
    let search = || assert!(!node.search(query, PAGE).expect("a search").is_empty());
    let times = (0..turns).map(|_| time(search).0).collect();
    Sample::new(median(times), vec![f64::from(notes)])
}

fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}
