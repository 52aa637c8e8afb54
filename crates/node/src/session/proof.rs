//! Whether a signed head vouches for an event: its bytes, the links up to the next kept head, the signature, the owner.

use std::collections::BTreeMap;

use mirror_protocol::{ChainId, ChainOpen, Event, EventId, Header, PublicKey};
use mirror_store::{BranchRef, Pos, View};

use crate::error::Result;
use crate::fold::counts;

/// What was proved in one read, so that neighbours are proved once.
pub struct Proof<'v> {
    view: &'v View<'v>,
    /// By branch: from where to where.
    spans: BTreeMap<BranchRef, Vec<(u64, u64)>>,
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
        let proved = self.spans.get(&branch).into_iter().flatten();
        if proved.clone().any(|(from, to)| (*from..=*to).contains(&seq)) {
            return Ok(None);
        }
        let Some(chain) = self.view.branch(branch)? else {
            return Ok(Some("its chain is not here"));
        };
        let Some(key) = self.key(&event.chain())? else {
            return Ok(Some("its chain's first event does not verify"));
        };
        let head = self.view.head_behind(&chain, seq)?;
        let mut before: Option<EventId> = None;
        let rows = self.view.raw_events_at(pos, head.tip.seq)?;
        for row in &rows {
            let Ok(header) = Header::decode(&row.header) else {
                return Ok(Some("an event behind it in its chain does not read"));
            };
            let id = mirror_protocol::event::id_of(&row.header);
            let linked = before.map_or(id == event.id, |before| header.prev == Some(before));
            if !linked || id != row.id || header.seq != row.seq {
                return Ok(Some("its chain is broken behind it"));
            }
            before = Some(id);
        }
        if before != Some(head.tip.id) || rows.last().map(|row| row.seq) != Some(head.tip.seq) {
            return Ok(Some("no signed head stands behind it"));
        }
        if head.verify(&key).is_err() {
            return Ok(Some("the signature over its chain does not hold"));
        }
        self.spans.entry(branch).or_default().push((seq, head.tip.seq));
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
