//! Whether a signed head vouches for an event: its bytes, the links up to the next kept head, the signature, the owner.

use std::collections::BTreeMap;

use mirror_protocol::{ChainId, ChainOpen, Event, EventId, Header, PublicKey};
use mirror_store::{BranchRef, Pos, View};

use crate::error::Result;
use crate::fold::counts;

/// A stretch of a branch that a verified head vouches for.
struct Span {
    from: u64,
    /// The event there.
    id: EventId,
    to: u64,
}

/// What was proved in one read, so that neighbours are proved once.
pub struct Proof<'v> {
    view: &'v View<'v>,
    spans: BTreeMap<BranchRef, Vec<Span>>,
    keys: BTreeMap<ChainId, Option<PublicKey>>,
}

impl<'v> Proof<'v> {
    /// Nothing is proved yet.
    pub fn of(view: &'v View<'v>) -> Self {
        Self { view, spans: BTreeMap::new(), keys: BTreeMap::new() }
    }

    /// Why nothing vouches for an event; nothing when its chain verifies and it counts.
    pub fn fault(&mut self, event: &Event, pos: Pos) -> Result<Option<&'static str>> {
        if !counts(self.view, event)? {
            return Ok(Some("it does not count: its device was revoked, or never a member"));
        }
        let (branch, seq) = (pos.branch(), pos.seq());
        let proved = self.spans.entry(branch).or_default();
        if proved.iter().any(|span| (span.from..=span.to).contains(&seq)) {
            return Ok(None);
        }
        let Some(chain) = self.view.branch(branch)? else {
            return Ok(Some("its chain is not here"));
        };
        let head = self.view.head_behind(&chain, seq)?;
        // What is proved already need not be proved again: the links lead there.
        let next = proved.iter_mut().filter(|span| span.from > seq && span.from <= head.tip.seq);
        if let Some(span) = next.min_by_key(|span| span.from) {
            let led = links(self.view, event, pos, (span.from, span.id))?;
            if led.is_none() {
                (span.from, span.id) = (seq, event.id);
            }
            return Ok(led);
        }
        let Some(key) = self.key(&event.chain())? else {
            return Ok(Some("its chain's first event does not verify"));
        };
        if let Some(fault) = links(self.view, event, pos, (head.tip.seq, head.tip.id))? {
            return Ok(Some(fault));
        }
        if head.verify(&key).is_err() {
            return Ok(Some("the signature over its chain does not hold"));
        }
        let span = Span { from: seq, id: event.id, to: head.tip.seq };
        self.spans.entry(branch).or_default().push(span);
        Ok(None)
    }

    /// Whether everything is here that an event's header rests on.
    pub fn has_causes(&self, event: &Event) -> Result<bool> {
        let deps = event.header.deps.iter().map(|dep| dep.id);
        for id in deps.chain(event.header.prev) {
            if self.view.pos(&id)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The key that a chain's first event names, which its device's authority has signed.
    fn key(&mut self, chain: &ChainId) -> Result<Option<PublicKey>> {
        if let Some(key) = self.keys.get(chain) {
            return Ok(*key);
        }
        let first = self.view.event(&EventId(chain.0))?;
        let open = first.and_then(|event| ChainOpen::read(&event).ok());
        let key = open.map(|open| open.key);
        self.keys.insert(*chain, key);
        Ok(key)
    }
}

/// Why the links of a branch don't lead from an event to another further on; nothing when they do.
fn links(
    view: &View<'_>,
    event: &Event,
    pos: Pos,
    (to, last): (u64, EventId),
) -> Result<Option<&'static str>> {
    let mut before: Option<(u64, EventId)> = None;
    for row in view.raw_events_at(pos, to)? {
        let Ok(header) = Header::decode(&row.header) else {
            return Ok(Some("an event behind it in its chain does not read"));
        };
        let id = mirror_protocol::event::id_of(&row.header);
        let linked = before.map_or(id == event.id, |(_, before)| header.prev == Some(before));
        if !linked || id != row.id || header.seq != row.seq {
            return Ok(Some("its chain is broken behind it"));
        }
        before = Some((row.seq, id));
    }
    Ok((before != Some((to, last))).then_some("no signed head stands behind it"))
}
