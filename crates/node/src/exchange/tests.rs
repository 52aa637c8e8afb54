use std::collections::BTreeSet;

use mirror_protocol::Event;
use tempfile::tempdir;

use super::*;
use crate::notes::NewNote;
use crate::reconcile::With;
use crate::view::Role;

fn capture(node: &Node, text: &str) {
    node.capture(NewNote { text: text.to_owned(), ..NewNote::default() }).unwrap();
}

/// All runs of a home in the order in which it would send them to somebody who has nothing.
fn all_runs(node: &Node) -> Vec<Run> {
    let chains = node.read(|view| Ok(view.chains()?)).unwrap();
    let heads = chains.iter().map(|chain| (chain.tip, chain.head())).collect();
    let ranges = chains.iter().map(|chain| Range { tip: chain.tip, after: None }).collect();
    let mut runs = node.read(|view| Runs::new(view, ranges, &heads)).unwrap();
    std::iter::from_fn(|| node.read(|view| runs.next(view)).unwrap()).collect()
}

/// Two chains that name each other again and again: with runs that end at span ends only, each would rest on the other
/// as a whole, and a reader could store neither before both were there.
#[tokio::test]
async fn every_run_rests_only_on_runs_that_were_sent_before_it() {
    let folder = tempdir().unwrap();
    let mac = Node::init(&folder.path().join("mac"), "Mac", Role::Anchor).unwrap();
    let serving = mac.serve(Some("127.0.0.1:0".parse().unwrap())).await.unwrap();
    let ticket = mac.invite(Role::Node).unwrap().ticket;
    let phone =
        Node::join(&folder.path().join("phone"), &ticket, Some("Phone")).await.unwrap().node;
    for turn in 0..4 {
        for node in [&phone, &mac] {
            capture(node, &format!("note {turn}"));
            capture(node, &format!("another {turn}"));
            let met = phone.reconcile(With::All, CancelToken::default()).await.unwrap();
            assert!(met.peers.iter().all(|peer| peer.committed), "{met:?}");
        }
    }
    for node in [&mac, &phone] {
        let mut sent = BTreeSet::new();
        let runs = all_runs(node);
        for run in runs {
            let read = |wire: mirror_protocol::run::WireEvent| Event::read(wire.header, wire.body);
            let events: Vec<Event> =
                run.events.into_iter().map(|wire| read(wire).unwrap()).collect();
            let within: BTreeSet<_> = events.iter().map(|event| event.id).collect();
            for event in &events {
                let prev = event.header.prev.into_iter();
                for cause in prev.chain(event.header.deps.iter().map(|dep| dep.id)) {
                    assert!(
                        sent.contains(&cause) || within.contains(&cause),
                        "{cause} is not there"
                    );
                }
            }
            sent.extend(within);
        }
    }
    serving.stop().await;
}
