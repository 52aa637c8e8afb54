//! What an intake takes, what it lets wait, and what it refuses.
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing, clippy::panic)]

use mirror_protocol::intake::{Intake, IntakeError};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::session::Range;
use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, Dep, Event, EventId, Header, Known, Lamport, Point, PublicKey,
    SigningKey, Tip, VerifiedRun,
};
use std::cell::Cell;

mod common;
use common::{AT, Node, all, forged, mesh_of, reconcile, sealed, verified};

#[test]
fn an_inflated_clock_is_refused() {
    let nodes = mesh_of(1);
    let run = forged(&nodes[0], |header| header.lamport = Lamport(u64::MAX));
    let mut intake = Intake::default();
    intake.offer(verified(&nodes[0].log, run), &nodes[0].log).unwrap();
    let ready = intake.take_ready(&nodes[0].log);
    assert!(ready.batch.is_empty());
    let (Tip { seq: 1, .. }, IntakeError::Lamport { expected: 2, found, .. }) = ready.refused[0]
    else {
        panic!("{ready:?}")
    };
    assert_eq!(found, u64::MAX);
    assert_eq!(intake.waiting().count(), 0);
}

/// It may be of a branch that has not come.
#[test]
fn a_link_to_another_event_than_the_one_there_waits() {
    let mut nodes = mesh_of(2);
    reconcile(&mut nodes, 0, 1, usize::MAX);
    let elsewhere = Tip { chain: nodes[1].chain, seq: 1, id: EventId([7; 32]) };
    let run = forged(&nodes[0], |header| header.deps = vec![elsewhere.into()]);
    let mut intake = Intake::default();
    intake.offer(verified(&nodes[0].log, run), &nodes[0].log).unwrap();
    let ready = intake.take_ready(&nodes[0].log);
    assert!(ready.batch.is_empty() && ready.refused.is_empty());
    assert_eq!(intake.waiting().next().unwrap().1, Some(elsewhere));
}

#[test]
fn what_rests_on_a_refused_run_waits() {
    let mut nodes = mesh_of(2);
    reconcile(&mut nodes, 0, 1, usize::MAX);
    let wrong = forged(&nodes[0], |header| header.lamport = Lamport(9));
    let cause = wrong.head.tip;
    let resting = forged(&nodes[1], |header| {
        (header.deps, header.lamport) = (vec![cause.into()], Lamport(10));
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
    fn tips(&self, chain: &ChainId) -> Vec<Point> {
        self.asked.set(self.asked.get() + 1);
        Known::tips(self.log, chain)
    }

    fn point(&self, event: &Tip) -> Option<Point> {
        self.asked.set(self.asked.get() + 1);
        self.log.point(event)
    }

    fn ancestor(&self, event: &Tip, seq: u64) -> Option<Point> {
        self.asked.set(self.asked.get() + 1);
        self.log.ancestor(event, seq)
    }

    fn key(&self, chain: &ChainId) -> Option<PublicKey> {
        self.log.key(chain)
    }
}

#[test]
fn an_offered_run_costs_two_lookups_at_most() {
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
    assert_eq!((offered.duplicates, counting.asked.get()), (101, 2));
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
        let open = ChainOpen::new(founder.mesh, &key, &key, bytes, bytes);
        let mut log = MemoryLog::default();
        for run in all(&founder.log) {
            log.store(&[verified(&founder.log, run)]);
        }
        let chain = log.open(&open, AT, &key).unwrap();
        let tip = Tip { chain, seq: 0, id: EventId(chain.0) };
        let run = log.runs(&[Range { tip, after: None }]).remove(0);
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
fn branches_that_wait_together_all_come_out() {
    let nodes = mesh_of(1);
    let branch = |n: u8| forged(&nodes[0], |header| header.kind = format!("note.{n}"));
    let (first, second, third) = (branch(1), branch(2), branch(3));
    let next = Event::read(second.events[0].header.clone(), None).unwrap();
    let beyond = Header {
        seq: next.header.seq + 1,
        prev: Some(next.id),
        lamport: Lamport(next.header.lamport.0 + 1),
        ..next.header
    };
    let event = |wire: &mirror_protocol::run::WireEvent| {
        Event::read(wire.header.clone(), wire.body.clone()).unwrap()
    };
    let longer = [event(&second.events[0]), Event::new(beyond, b"beyond".to_vec()).unwrap()];
    let longer = sealed(&longer, &nodes[0].key);
    let log = &nodes[0].log;
    let mut intake = Intake::default();
    let empty = MemoryLog::default();
    for run in [longer.clone(), first.clone(), second.clone(), third, second, longer, first] {
        intake.offer(verified(log, run), &empty).unwrap();
    }
    assert_eq!(intake.waiting().map(|(run, _)| run.events.len()).sum::<usize>(), 4);
    assert!(intake.take_ready(&empty).batch.is_empty());
    intake.recheck();
    let mut log = log.clone();
    let batch = intake.take_ready(&log).batch;
    assert_eq!((log.store(&batch), intake.waiting().count()), (4, 0));
    assert_eq!(Known::tips(&log, &nodes[0].chain).len(), 3);
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
            deps: vec![Dep::from(c.head.tip)],
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
