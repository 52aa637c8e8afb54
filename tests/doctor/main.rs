//! The doctor: each damage is really made on a disk, found, explained, and mended where it can be.

mod blobs;
mod files;
mod history;
mod lists;
mod others;
mod ward;

use std::collections::BTreeSet;

#[test]
fn every_kind_that_the_doctor_knows_is_made_by_a_case() {
    let all = [files::CASES, history::CASES, lists::CASES, blobs::CASES, others::CASES];
    let made: BTreeSet<_> = all.into_iter().flatten().map(|case| case.kind).collect();
    let known: BTreeSet<_> = mirror_node::doctor_kinds().collect();
    assert_eq!(made, known);
    assert!(known.len() >= 20);
}

#[test]
fn a_home_that_is_well_is_told_so() {
    let home = ward::patient("well");
    let health = home.home.json(&["doctor"]);
    assert_eq!(health["ok"], true, "{health:#}");
    assert_eq!(health["findings"], serde_json::json!([]), "{health:#}");
}
