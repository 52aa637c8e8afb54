//! Nodes in memory that meet, for the tests of this crate.
#![allow(dead_code)]

use mirror_protocol::bundle::BundleReader;
use mirror_protocol::intake::Intake;
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::message::Message;
use mirror_protocol::run::WireEvent;
use mirror_protocol::session::{Base, Local, Report, Session, SessionEvent};
use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, Commitment, DeviceId, Event, Header, Known, Lamport, MeshId,
    PublicKey, Run, SignedHead, SigningKey, Tip, VerifiedRun, WallTime, public_key,
};
use std::collections::BTreeMap;

pub const AT: WallTime = WallTime { unix_ms: 1_795_000_000_000, offset_min: 330 };

pub struct Node {
    pub log: MemoryLog,
    pub chain: ChainId,
    pub key: SigningKey,
    pub device: DeviceId,
    pub mesh: MeshId,
    pub bases: BTreeMap<PublicKey, Base>,
}

pub fn mesh_of(count: u8) -> Vec<Node> {
    let founder = open(0, None);
    (0..count)
        .map(|n| {
            let open = if n == 0 { founder } else { open(n, Some(founder.mesh)) };
            let key = incarnation(n);
            let mut log = MemoryLog::default();
            let chain = log.open(&open, AT, &key).unwrap();
            let (device, mesh) = (open.device, open.mesh);
            Node { log, chain, key, device, mesh, bases: BTreeMap::new() }
        })
        .collect()
}

pub fn incarnation(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n + 1; 32])
}

pub fn open(n: u8, mesh: Option<MeshId>) -> ChainOpen {
    let authority = SigningKey::from_bytes(&[n + 100; 32]);
    match mesh {
        Some(mesh) => ChainOpen::new(mesh, &authority, &incarnation(n), [n; 32], [n; 32]),
        None => ChainOpen::found(&authority, &incarnation(n), [n; 32], [n; 32]),
    }
}

impl Node {
    pub fn capture(&mut self, text: &str) -> Event {
        let body = text.as_bytes().to_vec();
        self.log.append(self.chain, "note.add", body, AT, &self.key).unwrap().unwrap()
    }

    pub fn local(&self, peer: &Node) -> Local {
        Local {
            mesh: self.mesh,
            device: self.device,
            key: public_key(&self.key),
            peer: public_key(&peer.key),
            tips: self.log.tips(),
            fold_version: 1,
            state: [0; 32],
            base: self.bases.get(&public_key(&peer.key)).cloned(),
            addresses: vec![],
        }
    }

    fn handle(&mut self, session: &mut Session, peer: PublicKey) -> Option<Report> {
        while let Some(event) = session.poll_event() {
            match event {
                SessionEvent::Commit(batch) => {
                    let stored = self.log.store(&batch);
                    session.stored(stored, vec![]);
                }
                SessionEvent::Send(ranges) => {
                    for run in self.log.runs(&ranges) {
                        session.send_run(run);
                    }
                    session.runs_sent(&self.log);
                }
                SessionEvent::Sign(head) => {
                    let ours = Commitment::sign(self.mesh, head, self.device, peer, &self.key);
                    session.signed(ours);
                }
                SessionEvent::Checkpoint { base, .. } => {
                    self.bases.insert(peer, base);
                }
                SessionEvent::Finished(report) => return Some(report),
                SessionEvent::Peer(_) | SessionEvent::Quarantine(_) => {}
            }
        }
        None
    }
}

/// Runs a session between two nodes; `cut` loses the connection after so many messages.
pub fn reconcile(nodes: &mut [Node], a: usize, b: usize, cut: usize) -> Option<(Report, Report)> {
    let mut left = Session::initiate(nodes[a].local(&nodes[b]));
    let mut right = Session::respond(nodes[b].local(&nodes[a]));
    let (left_key, right_key) = (public_key(&nodes[a].key), public_key(&nodes[b].key));
    let (mut left_report, mut right_report) = (None, None);
    let mut messages = 0;
    loop {
        let (message, to_right) = match (left.poll_transmit(), right.poll_transmit()) {
            (Some(message), _) => (message, true),
            (None, Some(message)) => (message, false),
            (None, None) => break,
        };
        messages += 1;
        if messages > cut {
            return None;
        }
        let message = Message::decode(&message.encode()).unwrap();
        if to_right {
            right.handle_message(message, &nodes[b].log).unwrap();
            right_report = nodes[b].handle(&mut right, left_key).or(right_report);
        } else {
            left.handle_message(message, &nodes[a].log).unwrap();
            left_report = nodes[a].handle(&mut left, right_key).or(left_report);
        }
    }
    Some((left_report.unwrap(), right_report.unwrap()))
}

pub fn take(bytes: &[u8]) -> Result<MemoryLog, String> {
    let mut reader = BundleReader::new(bytes).map_err(|e| e.to_string())?;
    let (mut log, mut intake) = (MemoryLog::default(), Intake::default());
    while let Some(run) = reader.next_run() {
        let run = run.map_err(|e| e.to_string())?;
        let key = log_key(&log, &intake, &run.head.tip.chain);
        let run = run.verify(key).map_err(|e| e.to_string())?;
        intake.offer(run, &log).map_err(|e| e.to_string())?;
        let ready = intake.take_ready(&log);
        assert!(ready.refused.is_empty());
        log.store(&ready.batch);
    }
    Ok(log)
}

pub fn log_key(log: &MemoryLog, intake: &Intake, chain: &ChainId) -> Option<PublicKey> {
    log.key(chain).or_else(|| intake.key(chain))
}

/// All of a log, as runs.
pub fn all(log: &MemoryLog) -> Vec<Run> {
    log.runs(&log.all())
}

pub fn verified(log: &MemoryLog, run: Run) -> VerifiedRun {
    let key = log.key(&run.head.tip.chain);
    run.verify(key).unwrap()
}

/// A run of one event that follows `prev` in `chain`, with a header that the caller spoils.
pub fn forged(node: &Node, spoil: impl FnOnce(&mut Header)) -> Run {
    let prev = Known::tips(&node.log, &node.chain)[0];
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

pub fn sealed(events: &[Event], key: &SigningKey) -> Run {
    let last = events.last().unwrap();
    let tip = Tip { chain: last.chain(), seq: last.header.seq, id: last.id };
    let wire = |e: &Event| WireEvent { header: e.bytes.clone(), body: e.body.clone() };
    Run { events: events.iter().map(wire).collect(), head: SignedHead::sign(tip, key) }
}
