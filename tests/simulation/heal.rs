//! The end of a world: everything heals, everybody meets, and all must agree.

use std::collections::BTreeSet;

use mirror_domain::decide;
use mirror_protocol::limits::SPAN_EVENTS;
use mirror_protocol::{CanonicalHead, EventId};

use crate::carry;
use crate::wire::{Purpose, Quality};
use crate::world::{Failure, Home, World};

/// Rounds in which news may still come.
const MAX_ROUNDS: usize = 12;

impl World {
    /// Heals everything, lets all meet until nothing is new, and compares.
    pub fn heal(&mut self) -> Result<(), Failure> {
        self.step += 1;
        self.note(|| "everything heals".to_owned());
        let wires: Vec<u64> = self.wires.keys().copied().collect();
        wires.into_iter().try_for_each(|wire| self.end(wire))?;
        for home in 0..self.homes.len() {
            self.homes[home].group = 0;
            self.homes[home].shell.fuse = None;
            self.start(home)?;
        }
        let homes: Vec<usize> = (0..self.homes.len())
            .filter(|n| self.homes[*n].honest && self.homes[*n].joined)
            .collect();
        let heads = |world: &Self| -> Vec<CanonicalHead> {
            homes.iter().map(|n| world.homes[*n].shell.state().log.head()).collect()
        };
        let mut before = heads(self);
        for round in 0.. {
            self.round(&homes)?;
            let after = heads(self);
            if after == before || after.windows(2).all(|pair| pair[0] == pair[1]) {
                break;
            }
            if round == MAX_ROUNDS {
                return Err(self.failure(format!("news after {MAX_ROUNDS} rounds of everybody")));
            }
            before = after;
        }
        for home in &homes {
            let Home { shell, .. } = &self.homes[*home];
            self.model.compare(*home, shell).map_err(|what| self.failure(what))?;
            // Any home could bring a newcomer everything.
            if carry::runs(shell).iter().any(|run| run.events.len() as u64 > SPAN_EVENTS) {
                return Err(self.failure(format!("home {home} can't cut its history into runs")));
            }
        }
        self.agree(&homes)
    }

    /// One after the other meets all that differ from it, twice: to collect, and to pass on.
    fn round(&mut self, homes: &[usize]) -> Result<(), Failure> {
        self.step += 1;
        let head = |world: &Self, n: usize| world.homes[n].shell.state().log.head();
        let mut homes = homes.to_vec();
        self.rng.shuffle(&mut homes);
        for a in &homes {
            for b in homes.iter().chain(&homes) {
                if head(self, *a) != head(self, *b) {
                    self.meet_if_they_may(*a, *b)?;
                }
            }
        }
        Ok(())
    }

    fn meet_if_they_may(&mut self, a: usize, b: usize) -> Result<(), Failure> {
        if self.may_talk(a, b) {
            self.meet(a, b)
        } else if self.may_talk(b, a) {
            self.meet(b, a)
        } else {
            Ok(())
        }
    }

    fn may_talk(&self, a: usize, b: usize) -> bool {
        self.would_call(a, b) && self.answers(b, a).is_ok()
    }

    fn meet(&mut self, a: usize, b: usize) -> Result<(), Failure> {
        let quality = Quality { tampered: false, latency: 0 };
        let wire = self.connect([a, b], Purpose::Reconcile, quality)?;
        self.run_to_end(wire)
    }

    /// Any two that speak to each other hold the same, and everything that was acknowledged among them.
    fn agree(&mut self, homes: &[usize]) -> Result<(), Failure> {
        let talk = |a: usize, b: usize| self.may_talk(a, b) && self.may_talk(b, a);
        let mut left: BTreeSet<usize> = homes.iter().copied().collect();
        let mut parts: Vec<Vec<usize>> = Vec::new();
        while let Some(first) = left.pop_first() {
            let (mut part, mut next) = (vec![first], 0);
            while let Some(one) = part.get(next).copied() {
                let near: Vec<usize> = left.iter().copied().filter(|b| talk(one, *b)).collect();
                left.retain(|b| !near.contains(b));
                part.extend(near);
                next += 1;
            }
            parts.push(part);
        }
        let head = |n: usize| self.homes[n].shell.state().log.head();
        for part in &parts {
            let (first, rest) = (part[0], &part[1..]);
            if let Some(other) = rest.iter().find(|n| head(**n) != head(first)) {
                let what = self.difference(first, *other);
                return Err(self.failure(what));
            }
            let held: BTreeSet<EventId> =
                part.iter().flat_map(|n| &self.model.homes[*n].acked).copied().collect();
            if held != self.model.homes[first].acked {
                return Err(self.failure(format!("home {first} lacks what others acknowledged")));
            }
        }
        // Whoever is apart was revoked in somebody's eyes, or its chain never came.
        for (n, part) in parts.iter().enumerate() {
            for other in parts.iter().skip(n + 1) {
                self.apart(part[0], other[0])?;
            }
        }
        self.everybody_can_write(homes)
    }

    /// What one of two homes lacks, for whoever looks for the reason.
    fn difference(&self, a: usize, b: usize) -> String {
        let acked = |n: usize| &self.model.homes[n].acked;
        let lacking = acked(a).symmetric_difference(acked(b)).map(|id| {
            let fact = &self.model.said[id];
            let header = &fact.event.header;
            let author = self.homes.iter().position(|home| home.shell.keys.device == fact.author);
            let lacks = if acked(a).contains(id) { b } else { a };
            format!("{lacks} lacks {} of home {author:?}'s chain, {}", header.seq, header.kind)
        });
        let lacking: Vec<String> = lacking.take(8).collect();
        format!("homes {a} and {b} do not converge: {}", lacking.join("; "))
    }

    fn apart(&self, a: usize, b: usize) -> Result<(), Failure> {
        let sees_revoked = |a: usize, b: usize| {
            let membership = &self.homes[a].shell.state().fold.membership;
            let device = &self.homes[b].shell.keys.device;
            membership.member(device).is_none_or(|member| member.revoked.is_some())
        };
        let knows = |a: usize, b: usize| {
            let key = self.homes[b].shell.keys.public;
            self.homes[a].shell.state().opens.values().any(|open| open.key == key)
        };
        let strange = !knows(a, b) || !knows(b, a);
        if strange || sees_revoked(a, b) || sees_revoked(b, a) {
            return Ok(());
        }
        Err(self.failure(format!("homes {a} and {b} do not meet, and neither was revoked")))
    }

    fn everybody_can_write(&mut self, homes: &[usize]) -> Result<(), Failure> {
        for home in homes {
            let Ok(body) = decide::add("the last word", &[]) else { continue };
            let (at, nonce) = (self.wall(*home), self.rng.bytes32());
            let said = self.homes[*home].shell.say_body(&body, at, nonce);
            self.absorb(*home)?;
            said.map_err(|_| self.failure("a crash without a cause".to_owned()))?;
        }
        Ok(())
    }
}
