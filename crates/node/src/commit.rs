//! The two ways into the store: what this device says, and what others said.

use std::collections::{BTreeMap, BTreeSet};

use mirror_domain::body::needs_body;
use mirror_domain::membership::is_within;
use mirror_domain::{Body, DEVICE_ADMIT, NOTE_ADD, NotMember};
use mirror_protocol::event::Dep;
use mirror_protocol::intake::in_causal_order;
use mirror_protocol::limits::{MAX_BRANCHES, MAX_CHAINS, MAX_DEPS};
use mirror_protocol::session::Refused;
use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, DeviceId, Event, EventId, Header, Known, Lamport, MeshId,
    SignedHead, Tip, VerifiedRun, WallTime,
};
use mirror_store::{BranchRef, ChainRow, Meta, Pos, Tx};

use crate::clock;
use crate::error::{Error, Result};
use crate::fold;
use crate::keys::random;
use crate::meaning::{Meaning, ReadAhead};
use crate::node::Inner;

/// Seals and stores an event of this device: reads the own tip, seals, inserts, signs and folds in one transaction, so
/// that no two processes can fork the chain.
pub fn append(node: &Inner, tx: &Tx<'_>, body: &Body, at: WallTime) -> Result<Event> {
    let chain = own_chain(node, tx)?;
    let (deps, lamport) = causes(tx, Some(&chain))?;
    let kind = body.kind().ok_or_else(|| Error::integrity("an unknown body can't be written"))?;
    let header = Header {
        chain: Some(chain.tip.chain),
        seq: chain.tip.seq + 1,
        prev: Some(chain.tip.id),
        deps,
        lamport,
        at,
        kind: kind.to_owned(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    let event = Event::new(header, body.encode())
        .map_err(|error| Error::invalid(error, "make it shorter, or split it"))?;
    store_own(node, tx, chain.branch, &event)?;
    Ok(event)
}

/// The chain that this home writes. A home that has joined, and has not written yet, opens it now; and so does one whose
/// chain is forked: from there on nobody could tell which branch it goes on with. The new chain's first event names the
/// tips of all branches as its causes.
fn own_chain(node: &Inner, tx: &Tx<'_>) -> Result<ChainRow> {
    if let Some(id) = tx.meta_id(Meta::Chain)? {
        match tx.branches(&ChainId(id))?.as_slice() {
            [] => return Err(Error::integrity("this device's own chain is gone")),
            [chain] => return Ok(chain.clone()),
            _ => tracing::warn!("this device's chain is forked; it goes on in a new one"),
        }
    }
    let keys = &node.keys;
    let recipient = keys.sealing.recipient();
    let open = ChainOpen::new(node.mesh, &keys.authority, &keys.incarnation, recipient, random()?);
    let id = open_chain(node, tx, &open, clock::now())?;
    let opened = tx.branches(&id)?.into_iter().next();
    opened.ok_or_else(|| Error::integrity("this device's own chain is gone"))
}

/// Starts this home's chain.
pub fn open_chain(node: &Inner, tx: &Tx<'_>, open: &ChainOpen, at: WallTime) -> Result<ChainId> {
    let (deps, lamport) = causes(tx, None)?;
    let event = Event::new(ChainOpen::header(deps, lamport, at), open.encode())
        .map_err(Error::integrity)?;
    let chain = event.chain();
    let branch = tx.open_chain(chain, open)?;
    tx.set_meta(Meta::Chain, &chain.0)?;
    store_own(node, tx, branch, &event)?;
    Ok(chain)
}

/// Opens the own chain if that has not happened, so that a device that joined is seen by the others.
pub fn ensure_chain(node: &Inner, tx: &Tx<'_>) -> Result<()> {
    own_chain(node, tx).map(drop)
}

fn store_own(node: &Inner, tx: &Tx<'_>, branch: BranchRef, event: &Event) -> Result<()> {
    let pos = tx.insert(branch, event)?;
    let head = SignedHead::sign(event.tip(), &node.keys.incarnation);
    tx.set_head(branch, &head, event.header.lamport)?;
    fold::events(tx, node.mesh, &[(event, pos)], &[&Meaning::of(event)])
}

/// The heads of other chains that moved since the own chain last named them, and the clock that follows.
fn causes(tx: &Tx<'_>, own: Option<&ChainRow>) -> Result<(Vec<Dep>, Lamport)> {
    let mut latest = own.map_or(Lamport(0), |own| own.lamport);
    let own = own.map(|own| own.branch);
    if own.map_or(Ok(false), |own| tx.is_caught_up(own))? {
        return Ok((Vec::new(), Lamport(latest.0.saturating_add(1))));
    }
    let moved = tx.frontier(own)?;
    // More than a header can name wait for the next event.
    let named = moved.get(..MAX_DEPS).unwrap_or(&moved);
    for row in named {
        latest = latest.max(row.lamport);
        tx.cover(row.branch, row.tip.seq)?;
    }
    if let Some(own) = own.filter(|_| named.len() == moved.len()) {
        tx.set_caught_up(own)?;
    }
    let deps = named.iter().map(|row| Dep::from(row.tip)).collect();
    Ok((deps, Lamport(latest.0.saturating_add(1))))
}

/// What a batch from a peer or a bundle became.
#[derive(Debug, Default)]
pub struct Stored {
    /// New events.
    pub events: u64,
    /// New notes among them.
    pub notes: u64,
    /// Runs that policy refused.
    pub refused: Vec<Refused>,
    /// Some of them only for who brought them.
    pub late: bool,
    /// Runs that rest on refused ones.
    pub held: Vec<(VerifiedRun, String)>,
}

/// Who brought a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Courier {
    /// A member: it may bring what a revoked device wrote beyond its cut, which it got before it heard.
    Member,
    /// Anybody else, the revoked device perhaps.
    Unknown,
}

/// Stores a batch that is closed under causes. A refused run goes as a whole, and what rests on it waits.
pub fn store_batch(
    node: &Inner,
    tx: &Tx<'_>,
    batch: Vec<VerifiedRun>,
    courier: Courier,
    mut ahead: ReadAhead,
) -> Result<Stored> {
    let mut stored = Stored::default();
    let mut policy = Policy::of(node, tx, &batch)?;
    let mut accepted = Vec::new();
    for run in batch {
        // Another process may have stored the same events since the batch was made ready.
        let Some(run) = unstored(tx, run)? else { continue };
        let checked = policy.check(&run)?;
        if checked.is_err() && run.open.is_some() {
            policy.turned_away.insert(run.chain);
        }
        let refusal = match checked {
            Ok(()) if courier == Courier::Unknown => {
                let late = late(tx, &run)?;
                stored.late |= late.is_some();
                late
            }
            checked => checked.err(),
        };
        match refusal {
            None => accepted.push(run),
            Some(reason) => stored.refused.push(Refused { what: name(&run), reason }),
        }
    }
    // A batch is closed under causes: only what was refused can leave a gap in it.
    let mut accepted = match stored.refused.is_empty() {
        true => accepted,
        false => split_held(tx, accepted, &mut stored.held),
    };
    // What a run branches off from lies before it: so a run that goes on where another ends finds the place free.
    accepted.sort_by_key(|run| run.events.first().map(Event::order));
    let mut places = Vec::new();
    for run in &accepted {
        places.push(insert(tx, run)?);
    }
    tx.end_quarantine()?;
    keep_named(node, tx, &accepted)?;
    let read: Vec<_> = accepted.iter().map(|run| ahead.take(run)).collect();
    let (mut events, mut meanings) = (Vec::new(), Vec::new());
    for (run, event) in in_causal_order(&accepted) {
        let found = accepted.get(run).and_then(|run| run.events.get(event));
        let pos = places.get(run).and_then(|places| places.get(event));
        events.extend(found.zip(pos.copied()));
        meanings.extend(read.get(run).and_then(|read| read.get(event)));
    }
    fold::events(tx, node.mesh, &events, &meanings)?;
    stored.events = events.len() as u64;
    let added = events.iter().filter(|(event, _)| event.header.kind.as_str() == NOTE_ADD);
    stored.notes = added.count() as u64;
    Ok(stored)
}

fn insert(tx: &Tx<'_>, run: &VerifiedRun) -> Result<Vec<Pos>> {
    let Some((first, last)) = run.events.first().zip(run.events.last()) else {
        return Ok(Vec::new());
    };
    let branch = match &run.open {
        Some(open) => tx.open_chain(run.chain, open)?,
        None => tx.attach(first)?,
    };
    let places = tx.insert_all(branch, &run.events)?;
    tx.set_head(branch, &run.head, last.header.lamport)?;
    tx.keep_head(branch, &run.head)?;
    Ok(places)
}

/// Signs the own events that others name once more and keeps the heads. A run that holds more of this chain than was
/// named could rest on the one that names it, and then neither could come without the other.
fn keep_named(node: &Inner, tx: &Tx<'_>, runs: &[VerifiedRun]) -> Result<()> {
    let Some(own) = tx.meta_id(Meta::Chain)? else { return Ok(()) };
    let deps = runs.iter().flat_map(|run| run.events.iter().flat_map(|event| &event.header.deps));
    for dep in deps.filter(|dep| dep.chain.0 == own) {
        let tip = Tip::from(*dep);
        // Nothing is signed that this device has not said: an event at another place is none of its own.
        if tx.point(&tip).is_some()
            && let Some(pos) = tx.pos(&dep.id)?
        {
            let head = SignedHead::sign(tip, &node.keys.incarnation);
            tx.keep_head(pos.branch(), &head)?;
        }
    }
    Ok(())
}

/// What a report calls a run.
pub fn name(run: &VerifiedRun) -> String {
    name_of(run.first_seq(), &run.head.tip)
}

/// The same, of a run that begins at `first`.
pub fn name_of(first: u64, last: &Tip) -> String {
    format!("run of {} from {first} to {}", last.chain, last.seq)
}

/// The run without the events that are here; `None` when nothing of it is new.
fn unstored(tx: &Tx<'_>, mut run: VerifiedRun) -> Result<Option<VerifiedRun>> {
    let mut here = 0;
    for event in &run.events {
        if tx.pos(&event.id)?.is_none() {
            break;
        }
        here += 1;
    }
    run.cut_front(here);
    Ok((!run.events.is_empty()).then_some(run))
}

/// What may be stored of what verifies.
struct Policy<'a, 'c> {
    mesh: MeshId,
    tx: &'a Tx<'c>,
    /// Devices that the batch itself admits.
    admitted: BTreeSet<DeviceId>,
    /// Chains that the batch may still open.
    room: usize,
    /// Events of the batch that others of it follow, and branches that come with it.
    followed: BTreeSet<EventId>,
    branches: BTreeMap<ChainId, usize>,
    /// Chains of the batch whose first run is refused.
    turned_away: BTreeSet<ChainId>,
}

impl<'a, 'c> Policy<'a, 'c> {
    fn of(node: &Inner, tx: &'a Tx<'c>, batch: &[VerifiedRun]) -> Result<Self> {
        let opens = batch.iter().filter_map(|run| run.open);
        let founder = opens.filter(|open| open.is_founder()).map(|open| open.device);
        let mut admitted: BTreeSet<DeviceId> = founder.collect();
        let events = batch.iter().flat_map(|run| &run.events);
        for event in events.filter(|event| event.header.kind.as_str() == DEVICE_ADMIT) {
            if let Ok(Body::DeviceAdmit(admit)) = Body::read(event) {
                admitted.insert(admit.device);
            }
        }
        let opens = batch.iter().any(|run| run.open.is_some());
        let chains = if opens { tx.chain_count()? } else { 0 };
        Ok(Self {
            mesh: node.mesh,
            tx,
            admitted,
            room: MAX_CHAINS.saturating_sub(chains),
            followed: BTreeSet::new(),
            branches: BTreeMap::new(),
            turned_away: BTreeSet::new(),
        })
    }

    /// A chain is stored when some event admits its device, whether or not that counts: what counts can change with what
    /// comes later, and is for the fold to say.
    fn check(&mut self, run: &VerifiedRun) -> Result<std::result::Result<(), String>> {
        let bare = |event: &&Event| event.body.is_none() && needs_body(&event.header.kind);
        if let Some(event) = run.events.iter().find(bare) {
            let kind = &event.header.kind;
            return Ok(Err(format!("{} is a {kind} without its body", event.id)));
        }
        if let Some(open) = &run.open {
            if open.mesh != self.mesh {
                return Ok(Err(format!("the chain belongs to another mesh, {}", open.mesh)));
            }
            let named = self.admitted.contains(&open.device);
            if !named && !self.tx.is_named(&open.device)? {
                let stranger = NotMember::Stranger { device: open.device };
                return Ok(Err(stranger.to_string()));
            }
            if self.room == 0 {
                return Ok(Err(format!("the mesh has {MAX_CHAINS} chains, which is the limit")));
            }
            self.room -= 1;
        } else if self.turned_away.contains(&run.chain) {
            return Ok(Err("the chain's first run is refused".to_owned()));
        } else if self.branches_off(run)? {
            let more = self.branches.entry(run.chain).or_default();
            if self.tx.branches(&run.chain)?.len() + *more >= MAX_BRANCHES {
                let reason = format!("the chain has {MAX_BRANCHES} branches, which is the limit");
                return Ok(Err(reason));
            }
            *more += 1;
        }
        self.followed.extend(run.events.iter().filter_map(|event| event.header.prev));
        Ok(Ok(()))
    }

    fn branches_off(&self, run: &VerifiedRun) -> Result<bool> {
        let Some(first) = run.events.first() else { return Ok(false) };
        let followed = first.header.prev.is_some_and(|prev| self.followed.contains(&prev));
        Ok(followed || self.tx.is_followed(first)?)
    }
}

/// Why a run is beyond the cut of a revoked device, if it is.
fn late(tx: &Tx<'_>, run: &VerifiedRun) -> Result<Option<String>> {
    let device = match &run.open {
        Some(open) => Some(open.device),
        None => tx.device_of(&run.chain)?,
    };
    let member = device.map(|device| tx.member(&device)).transpose()?.flatten();
    let Some(member) = member.filter(|member| member.revoked) else { return Ok(None) };
    if is_within(&run.head.tip, &member.heads, &**tx) {
        return Ok(None);
    }
    let cut = member.heads.iter().filter(|head| head.chain == run.chain).map(|head| head.seq);
    let (device, chain, cut) = (member.device, run.chain, cut.max());
    Ok(Some(NotMember::Revoked { device, chain, cut }.to_string()))
}

/// Keeps the runs whose causes are stored or kept with them; the others are held back.
fn split_held(
    tx: &Tx<'_>,
    mut runs: Vec<VerifiedRun>,
    held: &mut Vec<(VerifiedRun, String)>,
) -> Vec<VerifiedRun> {
    loop {
        let coming: BTreeSet<EventId> =
            runs.iter().flat_map(|run| run.events.iter().map(|event| event.id)).collect();
        let here = |cause: &Tip| coming.contains(&cause.id) || tx.point(cause).is_some();
        let complete = |run: &VerifiedRun| run.causes().all(|cause| here(&cause));
        let (kept, out): (Vec<_>, Vec<_>) = runs.into_iter().partition(complete);
        if out.is_empty() {
            return kept;
        }
        held.extend(out.into_iter().map(|run| (run, "rests on a run that was refused".to_owned())));
        runs = kept;
    }
}
