//! The two ways into the store: what this device says, and what others said.

use std::collections::BTreeSet;

use mirror_domain::{Body, Membership, NOTE_ADD};
use mirror_protocol::event::Dep;
use mirror_protocol::head::Point;
use mirror_protocol::intake::in_causal_order;
use mirror_protocol::limits::{MAX_CHAINS, MAX_DEPS};
use mirror_protocol::session::Refused;
use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, DeviceId, Event, Header, Known, Lamport, SignedHead, Tip,
    VerifiedRun, WallTime,
};
use mirror_store::{ChainRow, Meta, Tx};

use crate::clock;
use crate::error::{Error, Result};
use crate::fold;
use crate::keys::random;
use crate::node::Inner;

/// Seals and stores an event of this device: reads the own tip, seals, inserts, signs and folds in one transaction, so
/// that no two processes can fork the chain.
pub fn append(node: &Inner, tx: &Tx<'_>, body: &Body, at: WallTime) -> Result<Event> {
    let chain = own_chain(node, tx)?;
    let tip = Point { seq: chain.tip.seq, id: chain.tip.id, lamport: chain.lamport };
    let (deps, lamport) = causes(tx, Some((chain.tip.chain, tip)))?;
    let kind = body.kind().ok_or_else(|| Error::integrity("an unknown body can't be written"))?;
    let header = Header {
        chain: Some(chain.tip.chain),
        seq: tip.seq + 1,
        prev: Some(tip.id),
        deps,
        lamport,
        at,
        kind: kind.to_owned(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    let event = Event::new(header, body.encode())
        .map_err(|error| Error::invalid(error, "make it shorter, or split it"))?;
    store_own(node, tx, &event)?;
    Ok(event)
}

/// The chain that this home writes. A home that has joined, and has not written yet, opens it now.
fn own_chain(node: &Inner, tx: &Tx<'_>) -> Result<ChainRow> {
    let id = match tx.meta_id(Meta::Chain)? {
        Some(id) => ChainId(id),
        None => {
            let keys = &node.keys;
            let recipient = keys.sealing.recipient();
            let open =
                ChainOpen::new(node.mesh, &keys.authority, &keys.incarnation, recipient, random()?);
            open_chain(node, tx, &open, clock::now())?
        }
    };
    tx.chain(&id)?.ok_or_else(|| Error::integrity("this device's own chain is gone"))
}

/// Starts this home's chain.
pub fn open_chain(node: &Inner, tx: &Tx<'_>, open: &ChainOpen, at: WallTime) -> Result<ChainId> {
    let (deps, lamport) = causes(tx, None)?;
    let event = Event::new(ChainOpen::header(deps, lamport, at), open.encode())
        .map_err(Error::integrity)?;
    let chain = event.chain();
    tx.open_chain(chain, open)?;
    tx.set_meta(Meta::Chain, &chain.0)?;
    store_own(node, tx, &event)?;
    Ok(chain)
}

/// Opens the own chain if that has not happened, so that a device that joined is seen by the others.
pub fn ensure_chain(node: &Inner, tx: &Tx<'_>) -> Result<()> {
    own_chain(node, tx).map(drop)
}

fn store_own(node: &Inner, tx: &Tx<'_>, event: &Event) -> Result<()> {
    let pos = tx.insert(event)?;
    let tip = Tip { chain: event.chain(), seq: event.header.seq, id: event.id };
    tx.set_head(&SignedHead::sign(tip, &node.keys.incarnation), event.header.lamport)?;
    fold::event(tx, node.mesh, event, pos)
}

/// The heads of other chains that moved since the own chain last named them, and the clock that follows.
fn causes(tx: &Tx<'_>, own: Option<(ChainId, Point)>) -> Result<(Vec<Dep>, Lamport)> {
    let mut latest = own.map_or(Lamport(0), |(_, tip)| tip.lamport);
    let mut deps = Vec::new();
    for row in tx.frontier()? {
        // More than a header can name wait for the next event.
        if own.is_some_and(|(chain, _)| chain == row.tip.chain) || deps.len() == MAX_DEPS {
            continue;
        }
        latest = latest.max(row.lamport);
        tx.cover(&row.tip.chain, row.tip.seq)?;
        deps.push(Dep::from(row.tip));
    }
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
    /// Runs that rest on refused ones.
    pub held: Vec<(VerifiedRun, String)>,
}

/// Stores a batch that is closed under causes: who may write is decided by the membership as the batch leaves it, a
/// refused run goes as a whole, and what rests on it waits.
pub fn store_batch(node: &Inner, tx: &Tx<'_>, batch: Vec<VerifiedRun>) -> Result<Stored> {
    let mut stored = Stored::default();
    let membership = membership_with(node, tx, &batch)?;
    let chains = tx.chains()?.len();
    let mut accepted = Vec::new();
    for run in batch {
        // Another process may have stored the same events since the batch was made ready.
        let Some(run) = unstored(tx, run)? else { continue };
        match permitted(node, tx, &membership, &run, chains) {
            Ok(()) => accepted.push(run),
            Err(reason) => stored.refused.push(Refused { what: name(&run), reason }),
        }
    }
    let accepted = split_held(tx, accepted, &mut stored.held);
    for run in &accepted {
        if let Some(open) = &run.open {
            tx.open_chain(run.chain, open)?;
        }
    }
    for (run, event) in in_causal_order(&accepted) {
        let Some(event) = accepted.get(run).and_then(|run| run.events.get(event)) else { continue };
        let pos = tx.insert(event)?;
        fold::event(tx, node.mesh, event, pos)?;
        stored.events += 1;
        stored.notes += u64::from(event.header.kind.as_str() == NOTE_ADD);
    }
    for run in &accepted {
        let lamport = run.last().map_or(Lamport(0), |last| last.lamport);
        tx.set_head(&run.head, lamport)?;
        tx.end_quarantine(&run.chain, run.head.tip.seq)?;
    }
    Ok(stored)
}

/// What a report calls a run.
pub fn name(run: &VerifiedRun) -> String {
    format!("run of {} from {} to {}", run.chain, run.first_seq(), run.head.tip.seq)
}

/// The run without the events that are here; `None` when nothing of it is new.
fn unstored(tx: &Tx<'_>, mut run: VerifiedRun) -> Result<Option<VerifiedRun>> {
    if let Some(tip) = tx.tip(&run.chain) {
        run.events.retain(|event| event.header.seq > tip.seq);
        if run.events.first().is_some_and(|first| first.header.prev != Some(tip.id)) {
            return Ok(None);
        }
        run.open = None;
    }
    Ok((!run.events.is_empty()).then_some(run))
}

fn membership_with(node: &Inner, tx: &Tx<'_>, batch: &[VerifiedRun]) -> Result<Membership> {
    let mut events = fold::member_events(tx)?;
    for run in batch {
        let Some(device) = device_of(tx, run)? else { continue };
        for event in &run.events {
            if let Ok(body) = Body::read(event)
                && body.is_about_members()
            {
                events.push((device, event.clone(), body));
            }
        }
    }
    Ok(Membership::fold(node.mesh, &events))
}

fn device_of(tx: &Tx<'_>, run: &VerifiedRun) -> Result<Option<DeviceId>> {
    match &run.open {
        Some(open) => Ok(Some(open.device)),
        None => Ok(tx.device_of(&run.chain)?),
    }
}

fn permitted(
    node: &Inner,
    tx: &Tx<'_>,
    membership: &Membership,
    run: &VerifiedRun,
    chains: usize,
) -> std::result::Result<(), String> {
    if let Some(open) = &run.open {
        if open.mesh != node.mesh {
            return Err(format!("the chain belongs to another mesh, {}", open.mesh));
        }
        if chains >= MAX_CHAINS {
            return Err(format!("the mesh has {chains} chains, the limit is {MAX_CHAINS}"));
        }
    }
    let device = device_of(tx, run).map_err(|error| error.detail)?;
    let device = device.ok_or("the chain has no first event here")?;
    membership
        .may_write(&device, &run.chain, run.head.tip.seq)
        .map_err(|refusal| refusal.to_string())
}

/// Keeps the runs whose causes are stored or kept with them; the others are held back.
fn split_held(
    tx: &Tx<'_>,
    mut runs: Vec<VerifiedRun>,
    held: &mut Vec<(VerifiedRun, String)>,
) -> Vec<VerifiedRun> {
    loop {
        let coming: BTreeSet<(ChainId, u64)> = runs
            .iter()
            .flat_map(|run| run.events.iter().map(|event| (run.chain, event.header.seq)))
            .collect();
        let here = |chain: &ChainId, seq: u64| {
            coming.contains(&(*chain, seq)) || tx.point(chain, seq).is_some()
        };
        let complete = |run: &VerifiedRun| {
            let before = run.first_seq().checked_sub(1);
            before.is_none_or(|seq| here(&run.chain, seq))
                && run.events.iter().flat_map(|e| &e.header.deps).all(|d| here(&d.chain, d.seq))
        };
        let (kept, out): (Vec<_>, Vec<_>) = runs.into_iter().partition(complete);
        if out.is_empty() {
            return kept;
        }
        held.extend(out.into_iter().map(|run| (run, "rests on a run that was refused".to_owned())));
        runs = kept;
    }
}
