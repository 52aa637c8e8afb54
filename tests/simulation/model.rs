//! The reference model: sets and sorting, nothing clever. The homes must agree with it after every step.

use std::collections::{BTreeMap, BTreeSet};

use mirror_domain::{Body, Entry, StateDigest};
use mirror_protocol::id::hash;
use mirror_protocol::session::Base;
use mirror_protocol::{CanonicalHead, ChainId, DeviceId, Event, EventId, MeshId, Tip};

use crate::fold::{self, Listed};
use crate::naive;
use crate::shell::Shell;

/// An event that somebody sealed with the right key.
#[derive(Debug, Clone)]
pub struct Fact {
    /// The event.
    pub event: Event,
    /// Whose chain.
    pub author: DeviceId,
    /// What it says; `None` when that does not read.
    pub body: Option<Body>,
}

/// What a home must hold.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// It was acknowledged, and survives.
    pub acked: BTreeSet<EventId>,
    tips: BTreeSet<Tip>,
}

/// Everything that was ever said, and what each home has acknowledged of it.
#[derive(Debug)]
pub struct Model {
    mesh: MeshId,
    /// Every event ever sealed.
    pub said: BTreeMap<EventId, Fact>,
    owners: BTreeMap<ChainId, DeviceId>,
    /// By home.
    pub homes: Vec<Seen>,
    /// Digests by canonical head.
    meaning: BTreeMap<CanonicalHead, StateDigest>,
}

/// What must not be.
pub type Wrong = String;

impl Model {
    /// An empty world.
    pub fn new(mesh: MeshId) -> Self {
        let (said, owners, meaning) = Default::default();
        Self { mesh, said, owners, homes: Vec::new(), meaning }
    }

    /// The mesh.
    pub fn mesh(&self) -> MeshId {
        self.mesh
    }

    /// Somebody has revoked a device, and this home does not know.
    pub fn revocations_unknown_to(&self, home: usize) -> bool {
        let acked = &self.homes[home].acked;
        let revocation = |fact: &Fact| matches!(fact.body, Some(Body::DeviceRevoke(_)));
        self.said.iter().any(|(id, fact)| revocation(fact) && !acked.contains(id))
    }

    /// Somebody sealed an event.
    pub fn created(&mut self, event: Event) {
        let body = fold::body(&event);
        if let Some(Body::ChainOpen(open)) = &body {
            self.owners.insert(event.chain(), open.device);
        }
        let author = self.owners[&event.chain()];
        self.said.insert(event.id, Fact { event, author, body });
    }

    /// A home has acknowledged events, in this order.
    pub fn stored(&mut self, home: usize, shell: &Shell, ids: &[EventId]) -> Result<(), Wrong> {
        for id in ids {
            self.keep(home, shell, id)?;
        }
        Ok(())
    }

    fn keep(&mut self, home: usize, shell: &Shell, id: &EventId) -> Result<(), Wrong> {
        let Some(fact) = self.said.get(id) else {
            return Err(format!("invented: nobody sealed {id}, home {home} holds it"));
        };
        let seen = &mut self.homes[home];
        if shell.is_up() && shell.state().events.get(id) != Some(&fact.event) {
            return Err(format!("home {home} holds {id} otherwise than it was sealed"));
        }
        let mut clock = 0;
        let header = &fact.event.header;
        for cause in header.prev.iter().chain(header.deps.iter().map(|dep| &dep.id)) {
            let Some(known) = self.said.get(cause).filter(|_| seen.acked.contains(cause)) else {
                return Err(format!("home {home} holds {id} without its cause {cause}"));
            };
            clock = clock.max(known.event.header.lamport.0);
        }
        if header.lamport.0 != clock + 1 {
            let found = header.lamport.0;
            return Err(format!("home {home} holds {id} with clock {found}, not {}", clock + 1));
        }
        if !seen.acked.insert(*id) {
            return Err(format!("home {home} was given {id} twice"));
        }
        seen.tips.retain(|tip| Some(tip.id) != header.prev);
        seen.tips.insert(Tip { chain: fact.event.chain(), seq: header.seq, id: *id });
        Ok(())
    }

    /// A home signed a vector: all of it must be durable there.
    pub fn signed(&self, home: usize, base: &Base) -> Result<(), Wrong> {
        let acked = &self.homes[home].acked;
        match base.tips.iter().find(|tip| !acked.contains(&tip.id)) {
            Some(tip) => Err(format!("home {home} signed a head with {} and lacks it", tip.id)),
            None => Ok(()),
        }
    }

    /// The cheap part of the comparison, after every step.
    pub fn glance(&mut self, home: usize, shell: &Shell) -> Result<(), Wrong> {
        let (state, seen) = (shell.state(), &self.homes[home]);
        let mut tips = state.log.tips();
        tips.sort_unstable();
        if !tips.iter().eq(&seen.tips) {
            return Err(format!("home {home} has tips {tips:?}, expected {:?}", seen.tips));
        }
        if state.events.len() != seen.acked.len() {
            let (found, expected) = (state.events.len(), seen.acked.len());
            return Err(format!("home {home} holds {found} events, expected {expected}"));
        }
        let head = naive_head(&seen.tips);
        if state.log.head() != head {
            return Err(format!("home {home} has another canonical head than its tips give"));
        }
        let digest = *self.meaning.entry(head).or_insert(state.fold.digest);
        if digest != state.fold.digest {
            return Err(format!("home {home} understands {head} otherwise than another home"));
        }
        Ok(())
    }

    /// A home has come up again: all that it acknowledged must be there. What it holds beyond that was written and never
    /// acknowledged; from now on it counts.
    pub fn recovered(&mut self, home: usize, shell: &Shell) -> Result<(), Wrong> {
        let state = shell.state();
        let acked = std::mem::take(&mut self.homes[home]).acked;
        if let Some(lost) = acked.iter().find(|id| !state.events.contains_key(id)) {
            return Err(format!("lost: home {home} had acknowledged {lost}"));
        }
        let mut events: Vec<&Event> = state.events.values().collect();
        events.sort_by_key(|event| event.order());
        let ids: Vec<EventId> = events.into_iter().map(|event| event.id).collect();
        self.stored(home, shell, &ids)?;
        self.compare(home, shell)
    }

    /// The whole comparison: every event, every note, every member, folded anew by naive rules.
    pub fn compare(&mut self, home: usize, shell: &Shell) -> Result<(), Wrong> {
        self.glance(home, shell)?;
        let (state, acked) = (shell.state(), &self.homes[home].acked);
        for id in acked {
            if state.events.get(id) != Some(&self.said[id].event) {
                return Err(format!("home {home} lost {id}, or holds it otherwise"));
            }
        }
        let facts: Vec<&Fact> = acked.iter().map(|id| &self.said[id]).collect();
        let meaning = naive::fold(self.mesh, &facts);
        let mut digest = StateDigest::default();
        for (note, Listed { state, leaves }) in &meaning.notes {
            digest.add(Entry::note(note, leaves, *state));
        }
        if meaning.notes != state.fold.notes {
            return Err(format!("home {home} lists its notes otherwise than a naive fold"));
        }
        for (device, member) in &meaning.members {
            digest.add(Entry::member(device, &member.name, member.role, member.revoked));
        }
        let found: BTreeMap<_, _> = state
            .fold
            .membership
            .all()
            .into_iter()
            .map(|m| (m.device, naive::Member::of(m)))
            .collect();
        if found != meaning.members {
            return Err(format!(
                "home {home} has members {found:#?}, by the rule {:#?}",
                meaning.members
            ));
        }
        if digest != state.fold.digest {
            return Err(format!("home {home} keeps another digest than its entries give"));
        }
        Ok(())
    }
}

fn naive_head(tips: &BTreeSet<Tip>) -> CanonicalHead {
    let mut bytes = Vec::new();
    for tip in tips {
        bytes.extend(tip.chain.0);
        bytes.extend(tip.seq.to_be_bytes());
        bytes.extend(tip.id.0);
    }
    CanonicalHead(hash("mirrordna/canonical/1", &[&bytes]))
}
