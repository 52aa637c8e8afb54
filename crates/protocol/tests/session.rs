//! What a session refuses, and what it says about it.
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing, clippy::panic)]

use std::cell::RefCell;
use std::collections::BTreeSet;

use mirror_protocol::memory::MemoryLog;
use mirror_protocol::message::{Message, Open, RefuseCode, Tips};
use mirror_protocol::run::RunError;
use mirror_protocol::session::{Refused, Report, Session, SessionError, SessionEvent};
use mirror_protocol::{
    CanonicalHead, ChainId, Commitment, EventId, Known, MeshId, Point, PublicKey, SigningKey, Tip,
    canonical_head, public_key,
};

mod common;
use common::{AT, Node, all, incarnation, mesh_of, open, reconcile};

/// An initiator that has the responder's Open, so that runs may come. The responder names `tips`.
fn receiving(node: &Node, peer: &Node, tips: Vec<Tip>) -> Session {
    let mut session = Session::initiate(node.local(peer));
    session.handle_message(says(peer, tips), &node.log).unwrap();
    assert!(matches!(session.poll_event(), Some(SessionEvent::Peer(_))));
    session
}

fn says(peer: &Node, tips: Vec<Tip>) -> Message {
    Message::Open(Open {
        version: 1,
        mesh: peer.mesh,
        device: peer.device,
        head: canonical_head(tips.iter().copied()),
        fold_version: 1,
        state: [0; 32],
        base: None,
        tips: Tips::Whole(tips),
        addresses: vec![],
    })
}

/// Says Done to a receiving initiator and reads its report.
fn report(mut session: Session, known: &MemoryLog) -> Report {
    session.handle_message(Message::Done(false), known).unwrap();
    session.runs_sent(known);
    loop {
        match session.poll_event().unwrap() {
            SessionEvent::Finished(report) => return report,
            SessionEvent::Sign(_) => panic!("nothing to sign"),
            _ => {}
        }
    }
}

// Meshes

#[test]
fn a_chain_of_another_mesh_is_refused() {
    let nodes = mesh_of(2);
    let mut stranger = MemoryLog::default();
    stranger.open(&open(7, Some(MeshId([9; 32]))), AT, &incarnation(7)).unwrap();
    let run = all(&stranger).remove(0);
    let error = run.clone().verify(None).unwrap().is_of(nodes[0].mesh).unwrap_err();
    assert!(matches!(error, RunError::OtherMesh { .. }));

    let mut session = receiving(&nodes[0], &nodes[1], stranger.tips());
    session.handle_message(Message::Run(run), &nodes[0].log).unwrap();
    assert_eq!(session.poll_event(), None);
    let report = report(session, &nodes[0].log);
    assert!(report.refused[0].reason.contains("belongs to another mesh"), "{report:?}");
    assert_eq!((report.refused.len(), report.received), (1, 0));
}

#[test]
fn a_peer_of_another_mesh_is_refused_with_its_mesh_named() {
    let mut nodes = mesh_of(2);
    nodes[1].mesh = MeshId([9; 32]);
    let mut session = Session::respond(nodes[0].local(&nodes[1]));
    let open = says(&nodes[1], nodes[1].log.tips());
    let error = session.handle_message(open.clone(), &nodes[0].log).unwrap_err();
    assert_eq!(error, SessionError::OtherMesh { theirs: MeshId([9; 32]) });
    assert_eq!(session.poll_transmit(), Some(Message::Refuse(RefuseCode::Mesh)));
    assert_eq!((session.poll_transmit(), session.poll_event()), (None, None));
    let again = session.handle_message(open, &nodes[0].log).unwrap_err();
    assert_eq!(again.to_string(), "unexpected Open while over");
}

// Forks

fn forked_chain() -> ChainId {
    mesh_of(3)[2].chain
}

/// Two nodes that hold two branches of one chain, the second one longer.
fn forked() -> Vec<Node> {
    let mut nodes = mesh_of(3);
    for _ in 0..2 {
        reconcile(&mut nodes, 0, 1, usize::MAX);
        reconcile(&mut nodes, 0, 2, usize::MAX);
        reconcile(&mut nodes, 1, 2, usize::MAX);
    }
    let (chain, key) = (nodes[2].chain, incarnation(2));
    for (node, texts) in [(0, vec!["here"]), (1, vec!["there", "and there", "and there again"])] {
        for text in texts {
            let body = text.as_bytes().to_vec();
            nodes[node].log.append(chain, "note.add", body, AT, &key).unwrap();
        }
    }
    nodes.truncate(2);
    nodes
}

/// Whoever calls: both branches on both, in three round trips, and a fourth time nothing.
#[test]
fn a_forked_chain_comes_to_both_with_both_branches() {
    for (initiator, responder) in [(0, 1), (1, 0)] {
        let mut nodes = forked();
        let (first, second) = reconcile(&mut nodes, initiator, responder, usize::MAX).unwrap();
        assert!(first.committed && second.committed, "{first:?}\n{second:?}");
        assert_eq!((first.round_trips, first.duplicates, second.duplicates), (3, 0, 0));
        assert_eq!(nodes[0].log.head(), nodes[1].log.head());
        let branches = nodes[0].log.tips().into_iter().filter(|tip| tip.chain == forked_chain());
        assert_eq!(branches.map(|tip| tip.seq).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(nodes[0].log.events().count(), 3 + 1 + 3);

        let (again, _) = reconcile(&mut nodes, initiator, responder, usize::MAX).unwrap();
        assert_eq!((again.round_trips, again.equal, again.committed), (1, true, true));
    }
}

#[test]
fn branches_of_one_length_come_together_too() {
    let mut nodes = forked();
    let (chain, key) = (forked_chain(), incarnation(2));
    for text in ["here again", "and here"] {
        let body = text.as_bytes().to_vec();
        nodes[0].log.append(chain, "note.add", body, AT, &key).unwrap();
    }
    let (report, _) = reconcile(&mut nodes, 0, 1, usize::MAX).unwrap();
    assert!(report.committed);
    assert_eq!(nodes[0].log.head(), nodes[1].log.head());
}

/// The base lies far back: the locator finds a place before it that is no further away than the branch is long.
#[test]
fn a_fork_far_back_repeats_no_more_than_a_branch() {
    let mut nodes = mesh_of(3);
    for n in 0..1_000 {
        nodes[2].capture(&format!("{n}"));
    }
    for node in [0, 1] {
        reconcile(&mut nodes, node, 2, usize::MAX).unwrap();
    }
    reconcile(&mut nodes, 0, 1, usize::MAX).unwrap();
    nodes[0].bases.clear();
    let (chain, key) = (nodes[2].chain, incarnation(2));
    for (node, count) in [(0, 300), (1, 200)] {
        for n in 0..count {
            let body = format!("{node} {n}").into_bytes();
            nodes[node].log.append(chain, "note.add", body, AT, &key).unwrap();
        }
    }
    let (first, second) = reconcile(&mut nodes, 0, 1, usize::MAX).unwrap();
    assert_eq!(nodes[0].log.head(), nodes[1].log.head());
    assert_eq!((first.received, second.received), (200, 300));
    assert!(first.duplicates + second.duplicates <= 300, "{first:?}\n{second:?}");
}

#[test]
fn a_third_device_gets_both_branches_and_a_third_branch_joins_them() {
    let mut nodes = forked();
    let mut third = mesh_of(4);
    let (chain, key) = (forked_chain(), incarnation(2));
    reconcile(&mut third, 3, 2, usize::MAX).unwrap();
    let mut strayed = third.remove(3);
    strayed.log.append(chain, "note.add", b"elsewhere".to_vec(), AT, &key).unwrap();
    nodes.push(strayed);
    for (a, b) in [(0, 1), (2, 1), (0, 2), (1, 0), (1, 2)] {
        let (report, _) = reconcile(&mut nodes, a, b, usize::MAX).unwrap();
        assert!(report.committed, "{a} {b}: {report:?}");
    }
    let heads: Vec<_> = nodes.iter().map(|node| node.log.head()).collect();
    assert_eq!((heads[0], heads[1]), (heads[2], heads[2]));
    let branches = nodes[2].log.tips().into_iter().filter(|tip| tip.chain == chain);
    assert_eq!(branches.count(), 3);
}

#[test]
fn a_locator_that_fits_nothing_is_refused() {
    let nodes = forked();
    let tips = nodes[1].log.tips();
    let newest = tips.iter().find(|tip| tip.chain == forked_chain()).copied().unwrap();
    let genesis = Tip { seq: 0, id: EventId(newest.chain.0), ..newest };
    let unnamed = vec![Tip { id: EventId([7; 32]), ..newest }, genesis];
    let right = vec![newest, genesis];
    for locators in [vec![unnamed], vec![right.clone(), right]] {
        let mut session = receiving(&nodes[0], &nodes[1], tips.clone());
        let last = locators
            .into_iter()
            .map(|points| session.handle_message(Message::Locator(points), &nodes[0].log));
        assert_eq!(last.last().unwrap(), Err(SessionError::WrongLocator));
    }
    let mut session = receiving(&nodes[0], &nodes[1], tips);
    let unasked = session.handle_message(Message::Common(genesis), &nodes[0].log);
    assert_eq!(unasked, Err(SessionError::WrongLocator));
}

/// A peer whose history is shorter than what it signed for is told as stale, and gets what it lost.
#[test]
fn a_peer_that_fell_back_is_told_and_brought_up_again() {
    let mut nodes = mesh_of(2);
    let old = nodes[1].log.clone();
    nodes[1].capture("lost with the old disk");
    reconcile(&mut nodes, 0, 1, usize::MAX).unwrap();
    let lost = nodes[1].log.tips();
    nodes[1].log = old;
    nodes[1].bases.clear();
    let (report, _) = reconcile(&mut nodes, 0, 1, usize::MAX).unwrap();
    let lost: Vec<_> = lost.into_iter().filter(|tip| !report.stale.contains(tip)).collect();
    assert_eq!((lost, report.sent, report.received), (vec![], 2, 0));
    assert!(report.committed);
}

/// Answers as a log does, and keeps which chains it was asked of.
struct Asked<'a>(&'a MemoryLog, RefCell<BTreeSet<ChainId>>);

impl Known for Asked<'_> {
    fn tips(&self, chain: &ChainId) -> Vec<Point> {
        self.1.borrow_mut().insert(*chain);
        Known::tips(self.0, chain)
    }

    fn point(&self, event: &Tip) -> Option<Point> {
        self.1.borrow_mut().insert(event.chain);
        self.0.point(event)
    }

    fn ancestor(&self, event: &Tip, seq: u64) -> Option<Point> {
        self.1.borrow_mut().insert(event.chain);
        self.0.ancestor(event, seq)
    }

    fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        self.1.borrow_mut().insert(*chain);
        self.0.key(chain)
    }
}

/// What a session asks of the store grows with the news, not with the mesh.
#[test]
fn nothing_is_looked_up_of_a_chain_that_stands_where_both_signed() {
    let mut nodes = mesh_of(5);
    for other in [2, 3, 4, 1] {
        reconcile(&mut nodes, 0, other, usize::MAX).unwrap();
    }
    nodes[1].capture("names the others");
    reconcile(&mut nodes, 0, 1, usize::MAX).unwrap();
    nodes[1].capture("news");

    let before = nodes[0].log.clone();
    let asked = Asked(&before, RefCell::default());
    let mut session = Session::initiate(nodes[0].local(&nodes[1]));
    session.handle_message(says(&nodes[1], nodes[1].log.tips()), &asked).unwrap();
    let news = all(&nodes[1].log).into_iter().find(|run| run.head.tip.chain == nodes[1].chain);
    session.handle_message(Message::Run(news.unwrap()), &asked).unwrap();
    while let Some(event) = session.poll_event() {
        if let SessionEvent::Commit(batch) = event {
            let stored = nodes[0].log.store(&batch);
            session.stored(stored, vec![]);
        }
    }
    let asked = Asked(&nodes[0].log, asked.1);
    session.handle_message(Message::Done(false), &asked).unwrap();
    session.runs_sent(&asked);
    while let Some(event) = session.poll_event() {
        assert!(!matches!(event, SessionEvent::Finished(_)), "it signs what both hold");
    }
    assert_eq!(asked.1.into_inner(), BTreeSet::from([nodes[1].chain]));
}

// Bounds

#[test]
fn what_the_peer_did_not_name_is_refused() {
    let mut nodes = mesh_of(3);
    nodes[1].capture("one");
    let named = nodes[1].log.tips();
    nodes[1].capture("two");
    let mut session = receiving(&nodes[0], &nodes[1], named);
    let beyond = all(&nodes[1].log).remove(0);
    let other = all(&nodes[2].log).remove(0);
    for run in [beyond, other] {
        session.handle_message(Message::Run(run), &nodes[0].log).unwrap();
    }
    let report = report(session, &nodes[0].log);
    for refused in &report.refused[..2] {
        assert_eq!(refused.reason, "the peer did not name it among its tips");
    }
    assert_eq!(report.refused[2].reason, "2 events that the peer named did not come");
}

#[test]
fn a_report_lists_a_hundred_refusals_and_counts_the_rest() {
    let nodes = mesh_of(3);
    let mut session = receiving(&nodes[0], &nodes[1], nodes[1].log.tips());
    let other = all(&nodes[2].log).remove(0);
    for _ in 0..150 {
        session.handle_message(Message::Run(other.clone()), &nodes[0].log).unwrap();
    }
    session.stored(0, vec![Refused { what: "run".into(), reason: "policy".into() }]);
    let report = report(session, &nodes[0].log);
    assert_eq!(report.refused.len(), 101);
    // 150 runs, the policy's, and the chain that did not come.
    assert_eq!(report.refused[100].what, "52 more");
}

#[test]
fn the_whole_vector_is_asked_for_once() {
    let nodes = mesh_of(2);
    let mut session = Session::initiate(nodes[0].local(&nodes[1]));
    session.poll_transmit();
    session.handle_message(Message::NeedTips, &nodes[0].log).unwrap();
    assert_eq!(session.poll_transmit(), Some(Message::Tips(nodes[0].log.tips())));
    let error = session.handle_message(Message::NeedTips, &nodes[0].log).unwrap_err();
    assert_eq!(error.to_string(), "unexpected NeedTips while waiting for Open");
}

#[test]
fn nothing_follows_an_error() {
    let nodes = mesh_of(2);
    let mut session = Session::respond(nodes[0].local(&nodes[1]));
    session.handle_message(says(&nodes[1], nodes[1].log.tips()), &nodes[0].log).unwrap();
    let error = session.handle_message(Message::NeedTips, &nodes[0].log).unwrap_err();
    assert_eq!(error.to_string(), "unexpected NeedTips while sending runs");
    assert!(session.is_over());
    session.send_run(all(&nodes[0].log).remove(0));
    session.runs_sent(&nodes[0].log);
    assert_eq!(session.poll_transmit(), Some(Message::Refuse(RefuseCode::Failed)));
    assert_eq!(session.poll_transmit(), None);
    for message in [Message::Done(true), Message::Refuse(RefuseCode::Failed)] {
        let error = session.handle_message(message, &nodes[0].log).unwrap_err();
        assert!(error.to_string().ends_with("while over"), "{error}");
    }
    assert_eq!(session.poll_transmit(), None);
}

#[test]
fn tips_that_do_not_give_the_named_head_are_refused() {
    let nodes = mesh_of(2);
    let Message::Open(mut open) = says(&nodes[1], nodes[1].log.tips()) else { panic!() };
    open.head = CanonicalHead([1; 32]);
    let mut session = Session::respond(nodes[0].local(&nodes[1]));
    let error = session.handle_message(Message::Open(open), &nodes[0].log).unwrap_err();
    assert_eq!(error, SessionError::WrongTips);
}

#[test]
fn a_lost_base_costs_exactly_one_round_trip_more() {
    let mut nodes = mesh_of(2);
    reconcile(&mut nodes, 0, 1, usize::MAX).unwrap();
    nodes[0].capture("new");
    let mut lost: Vec<_> = nodes;
    let mut kept: Vec<Node> = mesh_of(2);
    reconcile(&mut kept, 0, 1, usize::MAX).unwrap();
    kept[0].capture("new");
    lost[1].bases.clear();
    let (with_base, _) = reconcile(&mut kept, 0, 1, usize::MAX).unwrap();
    let (without, _) = reconcile(&mut lost, 0, 1, usize::MAX).unwrap();
    assert_eq!((with_base.round_trips, without.round_trips), (2, 3));
    assert_eq!((without.sent, without.committed), (1, true));
    assert_eq!(lost[0].log.head(), lost[1].log.head());
}

#[test]
fn a_peer_of_another_version_is_refused() {
    let nodes = mesh_of(2);
    let Message::Open(mut open) = says(&nodes[1], nodes[1].log.tips()) else { panic!() };
    open.version = 2;
    let mut session = Session::respond(nodes[0].local(&nodes[1]));
    let error = session.handle_message(Message::Open(open), &nodes[0].log).unwrap_err();
    assert_eq!(error, SessionError::Version { theirs: 2 });
    assert_eq!(session.poll_transmit(), Some(Message::Refuse(RefuseCode::Version)));
}

#[test]
fn a_commitment_under_something_else_is_refused() {
    let mut nodes = mesh_of(3);
    reconcile(&mut nodes, 0, 1, usize::MAX).unwrap();
    nodes[0].bases.clear();
    let (node, peer, other) = (&nodes[0], &nodes[1], &nodes[2]);
    let (head, ours) = (node.log.head(), public_key(&node.key));
    let sign = |mesh, head, device, to, key: &SigningKey| {
        Message::Commit(Commitment::sign(mesh, head, device, to, key))
    };
    let wrong = [
        sign(MeshId([9; 32]), head, peer.device, ours, &peer.key),
        sign(peer.mesh, CanonicalHead([9; 32]), peer.device, ours, &peer.key),
        sign(peer.mesh, head, other.device, ours, &peer.key),
        sign(peer.mesh, head, peer.device, public_key(&other.key), &peer.key),
        sign(peer.mesh, head, peer.device, ours, &other.key),
    ];
    let right = sign(peer.mesh, head, peer.device, ours, &peer.key);
    for (message, fits) in wrong.into_iter().map(|m| (m, false)).chain([(right, true)]) {
        let mut session = Session::initiate(node.local(peer));
        session.handle_message(says(peer, peer.log.tips()), &node.log).unwrap();
        let taken = session.handle_message(message, &node.log);
        assert_eq!(taken.err(), (!fits).then_some(SessionError::WrongCommitment));
    }
}
