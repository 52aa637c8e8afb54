//! The figures of docs/FIGURES.md: `cargo xtask bench [--full] [--rows append,import] [--json]`.
//!
//! Each figure stands beside the bare operation on the same bytes, on the same disk, in the same run. Homes are made
//! once and kept under `target/bench-homes`.

mod bare;
mod git;
mod homes;
mod measure;
mod mesh;
mod rows;

use rows::{ROWS, Row};

const USAGE: &str = "bench [--full] [--rows NAME,NAME] [--json]";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("child", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        let sample = rows::child(rest);
        return println!("{}", serde_json::to_string(&sample).expect("a sample"));
    }
    let (mut json, mut full, mut only) = (false, false, None);
    let mut words = args.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--json" => json = true,
            "--full" => full = true,
            "--rows" => only = words.next().map(str::to_owned),
            _ => only = Some("?".to_owned()),
        }
    }
    let only: Option<Vec<&str>> = only.as_deref().map(|names| names.split(',').collect());
    let known = |name: &&str| ROWS.iter().any(|(row, _)| row == name);
    if only.as_ref().is_some_and(|names| !names.iter().all(known)) {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: {USAGE}\nrows: {}", names.join(" "));
        std::process::exit(2);
    }
    if !json {
        println!("{}", Row::title());
    }
    for (name, measure) in ROWS {
        if only.as_ref().is_some_and(|names| !names.contains(name)) {
            continue;
        }
        measure(full, &mut |row: Row| match json {
            true => println!("{}", serde_json::to_string(&row).expect("a row")),
            false => println!("{row}"),
        });
    }
}
