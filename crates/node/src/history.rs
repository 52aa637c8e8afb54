//! The events as they lie, checked from the bytes: hashes, links, clocks, signatures. In parts, on all cores.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use mirror_protocol::head::Point;
use mirror_protocol::{CHAIN_OPEN, ChainOpen, Event, EventId, Known, Lamport, SignedHead, Tip};
use mirror_store::{BranchRef, ChainRow, View};

use crate::error::{Error, Result};
use crate::forget::is_forgotten;
use crate::node::Node;
use crate::view::BadRecord;

/// Events in a part: enough that beginning one costs nothing beside it.
const PART: u64 = 4096;

const NO_BODY: &str = "it is not here, and nothing has forgotten it";

/// What was looked at.
#[derive(Debug, Default)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Chains, forked or not.
    pub chains: u64,
    /// Bodies that are here.
    pub bodies: u64,
}

/// A piece of a branch.
struct Part {
    branch: BranchRef,
    from: u64,
    /// Its last position; `None` in the last piece, which ends with the branch.
    to: Option<u64>,
}

/// The work and what was found, shared by all threads.
struct Check {
    parts: Vec<Part>,
    next: AtomicUsize,
    /// The first part that holds something wrong: those behind it need not be looked at.
    wrong: AtomicUsize,
    events: AtomicU64,
    bodies: AtomicU64,
}

/// The first record that is not what it should be.
type Found = Option<(usize, BadRecord)>;

/// Checks all events; the first bad record in the order of chains.
pub fn check(node: &Node) -> Result<(Counts, Option<BadRecord>)> {
    let chains = node.read(|view| Ok(view.chains()?))?;
    let check = Check {
        parts: chains.iter().flat_map(parts).collect(),
        next: AtomicUsize::new(0),
        wrong: AtomicUsize::new(usize::MAX),
        events: AtomicU64::new(0),
        bodies: AtomicU64::new(0),
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let more = cores.min(check.parts.len()).saturating_sub(1);
    let found: Vec<Result<Found>> = thread::scope(|scope| {
        let others: Vec<_> =
            (0..more).map(|_| scope.spawn(|| node.read_apart(|view| check.run(view)))).collect();
        let mut found = vec![node.read(|view| check.run(view))];
        for other in others {
            let lost = |_| Err(Error::integrity("a thread that checked the events died"));
            found.push(other.join().unwrap_or_else(lost));
        }
        found
    });
    let found = found.into_iter().collect::<Result<Vec<Found>>>()?;
    let counts = Counts {
        events: check.events.into_inner(),
        chains: chains.iter().filter(|chain| chain.parent.is_none()).count() as u64,
        bodies: check.bodies.into_inner(),
    };
    let first = found.into_iter().flatten().min_by_key(|(part, _)| *part);
    Ok((counts, first.map(|(_, bad)| bad)))
}

fn parts(chain: &ChainRow) -> Vec<Part> {
    let begins = (chain.first..=chain.tip.seq).step_by(PART as usize);
    let last = |from: u64| chain.tip.seq - from < PART;
    let part =
        |from: u64| Part { branch: chain.branch, from, to: (!last(from)).then(|| from + PART - 1) };
    begins.map(part).collect()
}

impl Check {
    /// Takes parts until there are no more.
    fn run(&self, view: &View<'_>) -> Result<Found> {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = self.parts.get(index) else { break };
            if index > self.wrong.load(Ordering::Relaxed) {
                break;
            }
            if let Some(bad) = self.part(view, part)? {
                self.wrong.fetch_min(index, Ordering::Relaxed);
                return Ok(Some((index, bad)));
            }
        }
        view.take_error()?;
        Ok(None)
    }

    fn part(&self, view: &View<'_>, part: &Part) -> Result<Option<BadRecord>> {
        let gone = || Error::integrity("a chain went while it was checked");
        // As this very read sees it: another may have been taken earlier.
        let chain = view.branch(part.branch)?.ok_or_else(gone)?;
        let mut before: Option<Event> = match part.from.checked_sub(1) {
            Some(seq) if part.from == chain.first => match chain.parent {
                Some(parent) => view.event_in(parent, seq)?,
                None => None,
            },
            Some(seq) => view.event_in(part.branch, seq)?,
            None => None,
        };
        let (mut found, mut events, mut bodies) = (None, 0, 0);
        let walked = view.walk_stored::<Error>(part.branch, part.from, part.to, |id, event| {
            events += 1;
            bodies += u64::from(event.body.is_some());
            found = check_event(view, &chain, before.as_ref(), id, &event);
            if found.is_none() && event.body.is_none() && !is_forgotten(view, &event)? {
                found = Some(bad("body", event.id, NO_BODY));
            }
            before = Some(event);
            Ok(found.is_none())
        });
        self.events.fetch_add(events, Ordering::Relaxed);
        self.bodies.fetch_add(bodies, Ordering::Relaxed);
        if let Err(error) = walked {
            // The event that does not read is the one behind the last that did.
            let at = before.map_or(0, |event| event.header.seq + 1);
            let id = match view.id_of(part.branch, at)? {
                Some(id) => id.to_string(),
                None => format!("{} {at}", chain.tip.chain),
            };
            return Ok(Some(bad("event", id, error)));
        }
        Ok(found.or_else(|| if part.to.is_none() { check_head(&chain, before) } else { None }))
    }
}

/// Names a bad record.
pub fn bad(what: &str, id: impl ToString, reason: impl ToString) -> BadRecord {
    BadRecord { what: what.to_owned(), id: id.to_string(), reason: reason.to_string() }
}

fn check_head(chain: &ChainRow, last: Option<Event>) -> Option<BadRecord> {
    let last = last.map(|event| (event.header.seq, event.id));
    if last != Some((chain.tip.seq, chain.tip.id)) {
        let reason =
            format!("the chain ends at {:?}, its head names {}", last.map(|l| l.0), chain.tip.seq);
        return Some(bad("head", chain.tip.chain, reason));
    }
    let head = SignedHead { tip: chain.tip, signature: chain.signature };
    head.verify(&chain.key).err().map(|error| bad("head", chain.tip.chain, error))
}

/// Reading an event has checked its header, its id and its body's hash.
fn check_event(
    view: &View<'_>,
    chain: &ChainRow,
    before: Option<&Event>,
    id: EventId,
    event: &Event,
) -> Option<BadRecord> {
    let header = &event.header;
    if event.id != id {
        return Some(bad("event", event.id, "its bytes have another id than the one stored"));
    }
    let expected = before.map_or((0, None), |e| (e.header.seq + 1, Some(e.id)));
    if event.chain() != chain.tip.chain || (header.seq, header.prev) != expected {
        return Some(bad("link", event.id, "it does not follow the event before it"));
    }
    if header.seq == 0 {
        match ChainOpen::read(event) {
            Ok(open) if open.key == chain.key && open.device == chain.device => {}
            Ok(_) => return Some(bad("event", event.id, "the chain's stored owner is another")),
            Err(error) => return Some(bad("event", event.id, error)),
        }
    } else if header.kind == CHAIN_OPEN {
        return Some(bad("event", event.id, "it opens a chain that is open"));
    }
    let mut latest = before.map_or(Lamport(0), |before| before.header.lamport);
    for dep in &header.deps {
        match view.point(&Tip::from(*dep)) {
            Some(Point { lamport, .. }) => latest = latest.max(lamport),
            _ => return Some(bad("link", event.id, format!("its cause {} is not here", dep.id))),
        }
    }
    (header.lamport.0 != latest.0 + 1).then(|| {
        let reason = format!("it says {}, its causes make it {}", header.lamport.0, latest.0 + 1);
        bad("lamport", event.id, reason)
    })
}
