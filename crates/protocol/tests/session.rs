//! What a session and an intake refuse, and what they say about it.
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing, clippy::panic)]

use mirror_protocol::bundle::{BundleError, BundleReader, BundleWriter, Manifest};
use mirror_protocol::intake::{Intake, IntakeError};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::message::{Message, Open, RefuseCode, Tips};
use mirror_protocol::run::{RunError, WireEvent};
use mirror_protocol::session::{Range, Refused, Report, Session, SessionError, SessionEvent};
use mirror_protocol::{
    BodyHash, CanonicalHead, ChainId, Commitment, Dep, Event, EventId, Header, Known, Lamport,
    MeshId, Point, PublicKey, Run, SignedHead, SigningKey, Tip, VerifiedRun, canonical_head,
    public_key,
};
use std::cell::Cell;

mod common;
use common::{AT, Node, incarnation, mesh_of, open, reconcile};

/// All of a log, as runs.
fn all(log: &MemoryLog) -> Vec<Run> {
    let whole = |tip: &Tip| Range { chain: tip.chain, after: None, to: tip.seq };
    log.runs(&log.tips().iter().map(whole).collect::<Vec<_>>())
}

fn verified(log: &MemoryLog, run: Run) -> VerifiedRun {
    let key = log.key(&run.head.tip.chain);
    run.verify(key).unwrap()
}

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

/// A run of one event that follows `prev` in `chain`, with a header that the caller spoils.
fn forged(node: &Node, spoil: impl FnOnce(&mut Header)) -> Run {
    let prev = node.log.tip(&node.chain).unwrap();
    let mut header = Header {
        chain: Some(node.chain),
        seq: prev.seq + 1,
        prev: Some(prev.id),
        deps: vec![],
        lamport: Lamport(prev.lamport.0 + 1),
        at: AT,
        kind: "note.add".into(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    spoil(&mut header);
    sealed(&[Event::new(header, b"forged".to_vec()).unwrap()], &node.key)
}

fn sealed(events: &[Event], key: &SigningKey) -> Run {
    let last = events.last().unwrap();
    let tip = Tip { chain: last.chain(), seq: last.header.seq, id: last.id };
    let wire = |e: &Event| WireEvent { header: e.bytes.clone(), body: e.body.clone() };
    Run { events: events.iter().map(wire).collect(), head: SignedHead::sign(tip, key) }
}

fn tip_of(run: &Run) -> Tip {
    run.head.tip
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

#[test]
fn both_sides_of_a_fork_learn_of_it() {
    let mut nodes = forked();
    let tip = nodes[1].log.tips().into_iter().find(|tip| tip.seq == 3).unwrap();
    for (initiator, responder) in [(0, 1), (1, 0)] {
        let (first, second) = reconcile(&mut nodes, initiator, responder, usize::MAX).unwrap();
        let (low, high) = if initiator == 0 { (first, second) } else { (second, first) };
        assert_eq!(high.refused[0].reason, "forked at or before 1");
        let what = format!("chain {}", tip.chain);
        let reason = "2 events that the peer named did not come".to_owned();
        assert_eq!(low.refused, [Refused { what, reason }]);
        assert!(!low.committed && !high.committed);
    }
}

#[test]
fn a_run_of_the_other_branch_is_refused_as_a_fork() {
    let nodes = forked();
    let chain = nodes[1].log.tips().into_iter().find(|tip| tip.seq == 3).unwrap().chain;
    for after in [None, Some(0), Some(1)] {
        let mut session = receiving(&nodes[0], &nodes[1], nodes[1].log.tips());
        for run in nodes[1].log.runs(&[Range { chain, after, to: 3 }]) {
            session.handle_message(Message::Run(run), &nodes[0].log).unwrap();
        }
        let report = report(session, &nodes[0].log);
        let reason = &report.refused[0].reason;
        assert!(reason.contains("is forked at or before 1"), "{reason}");
        assert_eq!(report.refused.len(), 1, "{report:?}");
    }
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

// Intake

#[test]
fn an_inflated_clock_is_refused() {
    let nodes = mesh_of(1);
    let run = forged(&nodes[0], |header| header.lamport = Lamport(u64::MAX));
    let mut intake = Intake::default();
    intake.offer(verified(&nodes[0].log, run), &nodes[0].log).unwrap();
    let ready = intake.take_ready(&nodes[0].log);
    assert!(ready.batch.is_empty());
    let (_, 1, IntakeError::Lamport { expected: 2, found, .. }) = ready.refused[0] else {
        panic!("{ready:?}")
    };
    assert_eq!(found, u64::MAX);
    assert_eq!(intake.waiting().count(), 0);
}

#[test]
fn a_link_to_another_event_than_the_one_there_is_refused() {
    let mut nodes = mesh_of(2);
    reconcile(&mut nodes, 0, 1, usize::MAX);
    let chain = nodes[1].chain;
    let run = forged(&nodes[0], |header| {
        header.deps = vec![Dep { chain, seq: 0, id: EventId([7; 32]) }];
    });
    let mut intake = Intake::default();
    intake.offer(verified(&nodes[0].log, run), &nodes[0].log).unwrap();
    let ready = intake.take_ready(&nodes[0].log);
    let IntakeError::Dep { expected, found, .. } = ready.refused[0].2 else { panic!("{ready:?}") };
    assert_eq!((expected.0, found), (chain.0, EventId([7; 32])));
}

#[test]
fn what_rests_on_a_refused_run_waits() {
    let mut nodes = mesh_of(2);
    reconcile(&mut nodes, 0, 1, usize::MAX);
    let wrong = forged(&nodes[0], |header| header.lamport = Lamport(9));
    let cause = Dep::from(tip_of(&wrong));
    let resting = forged(&nodes[1], |header| {
        (header.deps, header.lamport) = (vec![cause], Lamport(10));
    });
    let mut intake = Intake::default();
    for run in [resting, wrong] {
        intake.offer(verified(&nodes[0].log, run), &nodes[0].log).unwrap();
    }
    let ready = intake.take_ready(&nodes[0].log);
    assert_eq!((ready.batch.len(), ready.refused.len()), (0, 1));
    let missing: Vec<_> = intake.waiting().map(|(_, missing)| missing).collect();
    assert_eq!(missing, [Some(cause)]);
}

#[test]
fn an_intake_takes_no_more_than_its_limit() {
    let mut nodes = mesh_of(1);
    for _ in 0..1_200 {
        let (chain, key) = (nodes[0].chain, nodes[0].key.clone());
        nodes[0].log.append(chain, "note.add", vec![b'x'; 64 * 1024], AT, &key).unwrap();
    }
    let empty = MemoryLog::default();
    let mut intake = Intake::default();
    let mut runs = all(&nodes[0].log).into_iter().skip(1).map(|run| verified(&nodes[0].log, run));
    let error = runs.find_map(|run| intake.offer(run, &empty).err()).unwrap();
    assert_eq!(error, IntakeError::Full);
    assert_eq!(error.to_string(), "runs of 67108864 bytes already wait for their causes");
    assert!(intake.take_ready(&empty).batch.is_empty());
    assert_eq!(intake.waiting().count(), 7);
}

/// A log that counts how often it is asked.
struct Counting<'a> {
    log: &'a MemoryLog,
    asked: Cell<u64>,
}

impl<'a> Counting<'a> {
    fn new(log: &'a MemoryLog) -> Self {
        Self { log, asked: Cell::new(0) }
    }
}

impl Known for Counting<'_> {
    fn tip(&self, chain: &ChainId) -> Option<Point> {
        self.asked.set(self.asked.get() + 1);
        self.log.tip(chain)
    }

    fn point(&self, chain: &ChainId, seq: u64) -> Option<Point> {
        self.asked.set(self.asked.get() + 1);
        self.log.point(chain, seq)
    }

    fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        self.log.key(chain)
    }
}

#[test]
fn an_offered_run_costs_one_lookup() {
    let mut nodes = mesh_of(1);
    for n in 0..100 {
        nodes[0].capture(&format!("{n}"));
    }
    let run = verified(&nodes[0].log, all(&nodes[0].log).remove(0));
    let empty = MemoryLog::default();
    let counting = Counting::new(&empty);
    let offered = Intake::default().offer(run.clone(), &counting).unwrap();
    assert_eq!((offered.fresh, counting.asked.get()), (101, 1));
    let counting = Counting::new(&nodes[0].log);
    let offered = Intake::default().offer(run, &counting).unwrap();
    assert_eq!((offered.duplicates, counting.asked.get()), (101, 1));
}

/// 500 chains that all rest on one event of the founder's.
fn waiting_for_one() -> (Node, Vec<VerifiedRun>, MemoryLog) {
    let mut founder = mesh_of(1).remove(0);
    founder.capture("the cause");
    let mut runs = Vec::new();
    for n in 0..500u16 {
        let mut bytes = [77; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        let key = SigningKey::from_bytes(&bytes);
        let open = mirror_protocol::ChainOpen::new(founder.mesh, &key, &key, bytes, bytes);
        let mut log = MemoryLog::default();
        for run in all(&founder.log) {
            log.store(&[verified(&founder.log, run)]);
        }
        let chain = log.open(&open, AT, &key).unwrap();
        let run = log.runs(&[Range { chain, after: None, to: 0 }]).remove(0);
        runs.push(verified(&log, run));
    }
    (founder, runs, MemoryLog::default())
}

#[test]
fn waiting_runs_are_looked_at_when_their_cause_comes_and_not_before() {
    let (founder, runs, mut log) = waiting_for_one();
    let counting = Counting::new(&log);
    let mut intake = Intake::default();
    for run in runs {
        intake.offer(run, &counting).unwrap();
        assert!(intake.take_ready(&counting).batch.is_empty());
    }
    // Its tip and its missing cause, each once.
    assert_eq!(counting.asked.get(), 1_000);
    for run in all(&founder.log) {
        intake.offer(verified(&founder.log, run), &log).unwrap();
    }
    let batch = intake.take_ready(&log).batch;
    assert_eq!((batch.len(), log.store(&batch), intake.waiting().count()), (501, 502, 0));
}

#[test]
fn what_somebody_else_stored_wakes_and_does_not_come_out_twice() {
    let (founder, runs, mut log) = waiting_for_one();
    let mut intake = Intake::default();
    for run in runs.iter().take(3) {
        intake.offer(run.clone(), &log).unwrap();
    }
    assert!(intake.take_ready(&log).batch.is_empty());
    // Another process stores the cause and one of the three.
    for run in all(&founder.log) {
        log.store(&[verified(&founder.log, run)]);
    }
    log.store(&runs[..1]);
    intake.recheck();
    let batch = intake.take_ready(&log).batch;
    let chains: Vec<_> = batch.iter().map(|run| run.chain).collect();
    assert!(!chains.contains(&runs[0].chain));
    assert_eq!((chains.len(), intake.waiting().count()), (2, 0));
}

#[test]
fn a_released_run_loses_what_was_stored_since_it_was_offered() {
    let mut nodes = mesh_of(1);
    nodes[0].capture("one");
    let early = all(&nodes[0].log);
    nodes[0].capture("two");
    let mut log = MemoryLog::default();
    let mut intake = Intake::default();
    intake.offer(verified(&nodes[0].log, all(&nodes[0].log).remove(0)), &log).unwrap();
    log.store(&[verified(&nodes[0].log, early[0].clone())]);
    let batch = intake.take_ready(&log).batch;
    assert_eq!((batch[0].first_seq(), batch[0].events.len()), (2, 1));
}

#[test]
fn a_branch_that_was_stored_meanwhile_is_a_fork() {
    let nodes = mesh_of(1);
    let mut log = nodes[0].log.clone();
    let mut intake = Intake::default();
    let run = forged(&nodes[0], |_| {});
    intake.offer(verified(&nodes[0].log, run), &log).unwrap();
    log.append(nodes[0].chain, "note.add", b"other".to_vec(), AT, &nodes[0].key).unwrap();
    let ready = intake.take_ready(&log);
    assert!(ready.batch.is_empty());
    assert!(matches!(ready.refused[0].2, IntakeError::Fork { seq: 1, .. }), "{ready:?}");
}

#[test]
fn a_whole_run_waits_for_the_run_that_it_rests_on_to_be_whole() {
    // A: a1 is ready, a2 rests on c1, which comes last. B rests on a1, so it can't leave before A.
    let mut nodes = mesh_of(3);
    for _ in 0..2 {
        reconcile(&mut nodes, 0, 1, usize::MAX);
        reconcile(&mut nodes, 0, 2, usize::MAX);
    }
    reconcile(&mut nodes, 1, 2, usize::MAX);
    let mut log = nodes[0].log.clone();
    let a1 = nodes[0].capture("a1");
    let b = forged(&nodes[1], |header| {
        header.deps = vec![Dep { chain: a1.chain(), seq: a1.header.seq, id: a1.id }];
        header.lamport = Lamport(a1.header.lamport.0 + 1);
    });
    let c = forged(&nodes[2], |_| {});
    let c_lamport = Event::read(c.events[0].header.clone(), None).unwrap().header.lamport;
    let a2 = Event::new(
        Header {
            chain: Some(nodes[0].chain),
            seq: a1.header.seq + 1,
            prev: Some(a1.id),
            deps: vec![Dep::from(tip_of(&c))],
            lamport: Lamport(a1.header.lamport.max(c_lamport).0 + 1),
            at: AT,
            kind: "note.add".into(),
            body_hash: BodyHash([0; 32]),
            body_bytes: 0,
        },
        b"a2".to_vec(),
    )
    .unwrap();
    let a = sealed(&[a1, a2], &nodes[0].key);
    let mut intake = Intake::default();
    for run in [b, a] {
        intake.offer(verified(&log, run), &log).unwrap();
        assert!(intake.take_ready(&log).batch.is_empty());
    }
    intake.offer(verified(&log, c), &log).unwrap();
    let ready = intake.take_ready(&log);
    assert_eq!((ready.batch.len(), intake.waiting().count()), (3, 0));
    assert_eq!(log.store(&ready.batch), 4);
}

#[test]
fn what_rests_on_a_run_that_the_shell_did_not_store_waits_and_comes_later() {
    let (founder, runs, mut log) = waiting_for_one();
    let mut intake = Intake::default();
    let causes: Vec<_> =
        all(&founder.log).into_iter().map(|run| verified(&founder.log, run)).collect();
    for run in &causes {
        intake.offer(run.clone(), &log).unwrap();
    }
    assert_eq!(intake.take_ready(&log).batch.len(), 1);
    // The shell's policy refused it.
    intake.offer(runs[0].clone(), &log).unwrap();
    assert!(intake.take_ready(&log).batch.is_empty());
    for run in &causes {
        intake.offer(run.clone(), &log).unwrap();
    }
    let batch = intake.take_ready(&log).batch;
    assert_eq!((batch.len(), log.store(&batch)), (2, 3));
}

// Bundles

fn manifest(node: &Node) -> Manifest {
    Manifest {
        mesh: node.mesh,
        device: node.device,
        key: public_key(&node.key),
        head: node.log.head(),
        since: None,
        unix_ms: 0,
        tips: node.log.tips(),
    }
}

/// A bundle of the given records after the manifest, closed by a right end that claims `events`.
fn bundle(node: &Node, records: &[Vec<u8>], events: u64) -> Vec<u8> {
    use mirror_protocol::id::hash;
    use sha2::{Digest, Sha256};
    let (_, bytes) =
        BundleWriter::new(Vec::new(), &manifest(node), &node.key).unwrap().finish().unwrap();
    let end = 4 + 1 + 1 + 1 + 2 + 64;
    let mut bytes = bytes[..bytes.len() - end].to_vec();
    let record = |bytes: &mut Vec<u8>, record: &[u8]| {
        bytes.extend_from_slice(&u32::try_from(record.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(record);
    };
    for content in records {
        record(&mut bytes, content);
    }
    let before: [u8; 32] = Sha256::digest(&bytes).into();
    let message = hash("mirrordna/bundle/1", &[&before, &events.to_be_bytes()]);
    let mut e = minicbor::Encoder::new(Vec::new());
    let signature = ed25519_dalek::Signer::sign(&node.key, &message).to_bytes();
    e.array(3).unwrap().u8(11).unwrap().u64(events).unwrap().bytes(&signature).unwrap();
    record(&mut bytes, &e.into_writer());
    bytes
}

fn errors(bytes: &[u8]) -> Vec<String> {
    let mut reader = match BundleReader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return vec![error.to_string()],
    };
    let mut errors = Vec::new();
    while let Some(run) = reader.next_run() {
        errors.extend(run.err().map(|error: BundleError| error.to_string()));
    }
    errors
}

#[test]
fn a_bundles_end_counts_its_events() {
    let nodes = mesh_of(1);
    let run = Message::Run(all(&nodes[0].log).remove(0)).encode();
    assert_eq!(errors(&bundle(&nodes[0], std::slice::from_ref(&run), 1)), Vec::<String>::new());
    let expected = "record 2: the bundle's end counts 2 events, its runs hold 1";
    assert_eq!(errors(&bundle(&nodes[0], &[run], 2)), [expected]);
}

#[test]
fn records_that_do_not_belong_into_a_bundle_are_named() {
    let nodes = mesh_of(1);
    let wrong = |record: Vec<u8>| errors(&bundle(&nodes[0], &[record], 0));
    assert_eq!(wrong(vec![0x82, 0x18, 0x2a, 0x00]), ["record 1: unknown type 42"]);
    assert_eq!(wrong(Message::Done(true).encode()), ["record 1: expected a run or the end"]);
    assert_eq!(wrong(vec![0x82, 0x0a, 0x00]), ["record 1: expected a run or the end"]);
    let mut other = bundle(&nodes[0], &[], 0);
    // The manifest's type, behind the magic, its length, and the array's head.
    assert_eq!(other[13], 0x0a);
    other[13] = 0x0c;
    assert_eq!(errors(&other), ["record 0: unknown type 12"]);
}
