//! The events as they lie, checked from the bytes: hashes, links, clocks, signatures. In parts, on all cores.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use mirror_protocol::{
    CHAIN_OPEN, ChainId, ChainOpen, Dep, Event, EventId, Lamport, SignedHead, Tip,
};
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

/// What is remembered of a part, so that causes need not be looked up where they lie, all over the database: 24 bytes an
/// event.
#[derive(Default)]
struct Seen {
    clocks: Vec<(Lamport, [u8; 16])>,
    resting: Vec<Resting>,
}

/// An event with causes in other chains.
struct Resting {
    id: EventId,
    lamport: Lamport,
    before: Lamport,
    deps: Vec<Dep>,
}

/// The work and what was found, shared by all threads.
struct Check {
    parts: Vec<Part>,
    seen: Vec<OnceLock<Seen>>,
    /// The first part and the first position of chains that are not forked.
    single: BTreeMap<ChainId, (usize, u64)>,
    next: AtomicUsize,
    /// The first part that holds something wrong: those behind it need not be looked at.
    wrong: AtomicUsize,
    events: AtomicU64,
    bodies: AtomicU64,
}

/// The first record that is not what it should be, with its part.
type Found = Option<(usize, BadRecord)>;

/// Looks at one part.
type Look = fn(&Check, &View<'_>, usize) -> Result<Option<BadRecord>>;

/// Checks all events; the first bad record in the order of chains.
pub fn check(node: &Node) -> Result<(Counts, Option<BadRecord>)> {
    let chains = node.read(|view| Ok(view.chains()?))?;
    let mut check = Check {
        parts: Vec::new(),
        seen: Vec::new(),
        single: BTreeMap::new(),
        next: AtomicUsize::new(0),
        wrong: AtomicUsize::new(usize::MAX),
        events: AtomicU64::new(0),
        bodies: AtomicU64::new(0),
    };
    for rows in chains.chunk_by(|a, b| a.tip.chain == b.tip.chain) {
        if let [row] = rows {
            check.single.insert(row.tip.chain, (check.parts.len(), row.first));
        }
        check.parts.extend(rows.iter().flat_map(parts));
    }
    check.seen.resize_with(check.parts.len(), OnceLock::new);
    let mut found = check.run(node, Check::part)?;
    if found.is_none() {
        found = check.run(node, Check::causes)?;
    }
    let counts = Counts {
        events: check.events.into_inner(),
        chains: chains.iter().filter(|chain| chain.parent.is_none()).count() as u64,
        bodies: check.bodies.into_inner(),
    };
    Ok((counts, found))
}

fn parts(chain: &ChainRow) -> Vec<Part> {
    let begins = (chain.first..=chain.tip.seq).step_by(PART as usize);
    let last = |from: u64| chain.tip.seq - from < PART;
    let part =
        |from: u64| Part { branch: chain.branch, from, to: (!last(from)).then(|| from + PART - 1) };
    begins.map(part).collect()
}

impl Check {
    /// Has all cores look at all parts; the first that is bad.
    fn run(&self, node: &Node, look: Look) -> Result<Option<BadRecord>> {
        self.next.store(0, Ordering::Relaxed);
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let more = cores.min(self.parts.len()).saturating_sub(1);
        let found: Vec<Result<Found>> = thread::scope(|scope| {
            let one = || node.read_apart(|view| self.take_parts(view, look));
            let others: Vec<_> = (0..more).map(|_| scope.spawn(one)).collect();
            let mut found = vec![node.read(|view| self.take_parts(view, look))];
            for other in others {
                let lost = |_| Err(Error::integrity("a thread that checked the events died"));
                found.push(other.join().unwrap_or_else(lost));
            }
            found
        });
        let found = found.into_iter().collect::<Result<Vec<Found>>>()?;
        let first = found.into_iter().flatten().min_by_key(|(part, _)| *part);
        Ok(first.map(|(_, bad)| bad))
    }

    /// Takes parts until there are no more.
    fn take_parts(&self, view: &View<'_>, look: Look) -> Result<Found> {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.parts.len() || index > self.wrong.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if let Some(bad) = look(self, view, index)? {
                self.wrong.fetch_min(index, Ordering::Relaxed);
                return Ok(Some((index, bad)));
            }
        }
    }

    /// Each event by itself and against the one before it.
    fn part(&self, view: &View<'_>, index: usize) -> Result<Option<BadRecord>> {
        let Some(part) = self.parts.get(index) else { return Ok(None) };
        let gone = || Error::integrity("a chain went while it was checked");
        // As this very read sees it: another may have been taken earlier.
        let chain = view.branch(part.branch)?.ok_or_else(gone)?;
        let within = if part.from == chain.first { chain.parent } else { Some(part.branch) };
        let at = part.from.checked_sub(1).zip(within);
        // One that does not read is named by the part that it lies in.
        let mut before = at.and_then(|(seq, branch)| view.event_in(branch, seq).ok().flatten());
        let (mut found, mut bodies, mut seen) = (None, 0, Seen::default());
        let walked = view.walk_stored::<Error>(part.branch, part.from, part.to, |id, event| {
            bodies += u64::from(event.body.is_some());
            found = check_event(&chain, before.as_ref(), id, &event);
            if found.is_none() && event.body.is_none() && !is_forgotten(view, &event)? {
                found = Some(bad("body", event.id, NO_BODY));
            }
            seen.remember(before.as_ref(), &event);
            before = Some(event);
            Ok(found.is_none())
        });
        self.events.fetch_add(seen.clocks.len() as u64, Ordering::Relaxed);
        self.bodies.fetch_add(bodies, Ordering::Relaxed);
        if let Some(slot) = self.seen.get(index) {
            slot.get_or_init(|| seen);
        }
        if let Err(error) = walked {
            // The event that does not read is the one behind the last that did.
            let at = before.map_or(part.from, |event: Event| event.header.seq + 1);
            let id = match view.id_of(part.branch, at)? {
                Some(id) => id.to_string(),
                None => format!("{} {at}", chain.tip.chain),
            };
            return Ok(Some(bad("event", id, error)));
        }
        Ok(found.or_else(|| if part.to.is_none() { check_head(&chain, before) } else { None }))
    }

    /// Each event's clock against its causes.
    fn causes(&self, view: &View<'_>, index: usize) -> Result<Option<BadRecord>> {
        let seen = self.seen.get(index).and_then(OnceLock::get);
        for event in seen.map(|seen| seen.resting.as_slice()).unwrap_or_default() {
            let mut latest = event.before;
            for dep in &event.deps {
                match self.clock(view, &Tip::from(*dep)) {
                    Some(lamport) => latest = latest.max(lamport),
                    None => {
                        let reason = format!("its cause {} is not here", dep.id);
                        return Ok(Some(bad("link", event.id, reason)));
                    }
                }
            }
            if let Some(bad) = check_clock(event.id, event.lamport, latest) {
                return Ok(Some(bad));
            }
        }
        Ok(None)
    }

    /// The clock of an event that is here. Whoever finds two events whose ids begin with the same 16 bytes can have
    /// anything else, too.
    fn clock(&self, view: &View<'_>, event: &Tip) -> Option<Lamport> {
        let remembered = || {
            let (first_part, first) = *self.single.get(&event.chain)?;
            let at = event.seq.checked_sub(first)?;
            let part = first_part + usize::try_from(at / PART).ok()?;
            let seen = self.seen.get(part)?.get()?;
            let (lamport, id) = seen.clocks.get(usize::try_from(at % PART).ok()?)?;
            event.id.0.starts_with(id).then_some(*lamport)
        };
        // In a forked chain, or stored since.
        let here = || view.point_of(event).ok().flatten().map(|point| point.lamport);
        remembered().or_else(here)
    }
}

impl Seen {
    fn remember(&mut self, before: Option<&Event>, event: &Event) {
        let (lamport, deps) = (event.header.lamport, &event.header.deps);
        let start = event.id.0.first_chunk().copied().unwrap_or_default();
        self.clocks.push((lamport, start));
        if !deps.is_empty() {
            let before = before.map_or(Lamport(0), |before| before.header.lamport);
            self.resting.push(Resting { id: event.id, lamport, before, deps: deps.clone() });
        }
    }
}

/// Reading an event has checked its header, its id and its body's hash.
fn check_event(
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
    let latest = before.map_or(Lamport(0), |before| before.header.lamport);
    if header.deps.is_empty() { check_clock(event.id, header.lamport, latest) } else { None }
}

fn check_clock(id: EventId, found: Lamport, latest: Lamport) -> Option<BadRecord> {
    let expected = latest.0.checked_add(1);
    (Some(found.0) != expected).then(|| {
        let reason = format!("it says {}, its latest cause says {}", found.0, latest.0);
        bad("lamport", id, reason)
    })
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
