//! The UI's types are the node's views: generated, and committed so that a change is seen in review.
#![allow(clippy::unwrap_used)]

use mirror_node::view;
use specta::Types;
use specta_typescript::Typescript;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/src/backend/types.ts");

fn generated() -> String {
    let types = Types::default()
        .register::<view::Identity>()
        .register::<view::Status>()
        .register::<view::Invite>()
        .register::<view::TicketFacts>()
        .register::<view::Note>()
        .register::<view::NotePage>()
        .register::<view::Revision>()
        .register::<view::Hit>()
        .register::<view::HeardTranscript>()
        .register::<view::Conflict>()
        .register::<view::Take>()
        .register::<view::ReconcileReport>()
        .register::<view::Map>()
        .register::<view::Timeline>()
        .register::<view::MapCut>()
        .register::<view::Standup>()
        .register::<view::LogPage>()
        .register::<view::Problem>()
        .register::<view::Change>()
        .register::<mirror_app_lib::recording::Recording>();
    Typescript::default()
        .header("// Generated from crates/node/src/view. To renew it: UPDATE_TYPES=1 cargo test -p mirror-app --test types\n")
        .export(&types, specta_serde::Format)
        .unwrap()
}

#[test]
fn the_uis_types_are_those_of_the_node() {
    let generated = generated();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(
        committed == generated,
        "ui/src/backend/types.ts is out of date: UPDATE_TYPES=1 cargo test -p mirror-app --test types"
    );
}
