//! Connections between homes: messages in order, until the connection breaks; and those with somebody in the middle.

use std::collections::VecDeque;

use crate::coverage::Fault;
use crate::exchange::{Broken, Exchange};
use crate::hostile;
use crate::world::{Due, Failure, World};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A reconcile of two members.
    Reconcile,
    /// The first session of a device that joins.
    Join,
    /// Its second, which brings back its own chain.
    Joined,
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    /// The caller and the one who answers.
    pub ends: [usize; 2],
    /// Their sides, while they are at it.
    pub sides: [Option<Exchange>; 2],
    /// Both ran to their end.
    finished: [bool; 2],
    /// Messages under way, by sender.
    queues: [VecDeque<Vec<u8>>; 2],
    purpose: Purpose,
    /// How it will break, if it lives as long.
    pub breaks: Option<Fault>,
    /// Somebody sits in the middle.
    tampered: bool,
    /// Milliseconds that a message takes.
    latency: u64,
}

/// How a connection behaves.
#[derive(Debug, Clone, Copy)]
pub struct Quality {
    /// Somebody sits in the middle.
    pub tampered: bool,
    /// Milliseconds that a message takes.
    pub latency: u64,
}

impl World {
    /// Connects two homes and lets the first begin.
    pub fn connect(
        &mut self,
        ends: [usize; 2],
        purpose: Purpose,
        quality: Quality,
    ) -> Result<u64, Failure> {
        let Quality { tampered, latency } = quality;
        let (sides, queues) = Default::default();
        let breaks = None;
        let wire =
            Wire { breaks, ends, sides, finished: [false; 2], queues, purpose, tampered, latency };
        let id = self.tie();
        if ends.iter().any(|end| self.wires.values().any(|wire| wire.ends.contains(end))) {
            self.coverage.hit(Fault::OverlappingSessions);
        }
        self.wires.insert(id, wire);
        self.begin(id)?;
        Ok(id)
    }

    fn begin(&mut self, id: u64) -> Result<(), Failure> {
        let Some(wire) = self.wires.get_mut(&id) else { return Ok(()) };
        let [a, b] = wire.ends;
        let key = |n: usize| (self.homes[n].shell.keys.public, self.homes[n].shell.keys.device);
        let ((a_key, a_device), (b_key, b_device)) = (key(a), key(b));
        let expected = (wire.purpose != Purpose::Join).then_some(b_device);
        let caller = Exchange::new(&self.homes[a].shell, true, b_key, expected);
        let callee = Exchange::new(&self.homes[b].shell, false, a_key, Some(a_device));
        wire.sides = [Some(caller), Some(callee)];
        wire.finished = [false; 2];
        self.advance(id, 0, None)
    }

    /// The next message of one direction arrives.
    pub fn deliver(&mut self, id: u64, from: usize) -> Result<(), Failure> {
        let Some(wire) = self.wires.get_mut(&id) else { return Ok(()) };
        let Some(bytes) = wire.queues[from].pop_front() else { return Ok(()) };
        let tampered = wire.tampered && self.rng.one_in(3);
        if !tampered {
            self.capture(&bytes);
            return self.advance(id, 1 - from, Some(bytes));
        }
        if let Some(next) = wire.queues[from].front_mut()
            && self.rng.one_in(4)
        {
            self.coverage.hit(Fault::Reordered);
            let next = std::mem::replace(next, bytes);
            return self.advance(id, 1 - from, Some(next));
        }
        let (messages, fault) = hostile::tamper(self, &bytes);
        self.coverage.hit(fault);
        self.note(|| format!("wire {id}: {fault:?}"));
        for message in messages {
            self.advance(id, 1 - from, Some(message))?;
        }
        self.close_if_done(id)
    }

    /// One side takes a message, or begins.
    fn advance(&mut self, id: u64, side: usize, message: Option<Vec<u8>>) -> Result<(), Failure> {
        let Some(wire) = self.wires.get_mut(&id) else { return Ok(()) };
        let home = wire.ends[side];
        let Some(exchange) = &mut wire.sides[side] else { return self.close_if_done(id) };
        let shell = &mut self.homes[home].shell;
        let (out, result) = match message {
            Some(bytes) => exchange.receive(shell, &bytes),
            None => exchange.pump(shell),
        };
        let finished = exchange.report.is_some();
        let latency = wire.latency;
        let count = out.len();
        wire.queues[side].extend(out);
        if finished || result.is_err() {
            wire.sides[side] = None;
            wire.finished[side] = finished && result.is_ok();
        }
        for _ in 0..count {
            self.after(latency, Due::Deliver(id, side));
        }
        if let Err(broken) = result {
            self.note(|| format!("wire {id}: home {home} stops: {broken:?}"));
            if broken == Broken::Crashed {
                self.coverage.hit(Fault::CrashInSession);
                return self.crash(home);
            }
        }
        self.absorb(home)?;
        self.close_if_done(id)
    }

    /// A side that is done and has nothing under way hangs up.
    fn close_if_done(&mut self, id: u64) -> Result<(), Failure> {
        let Some(wire) = self.wires.get(&id) else { return Ok(()) };
        let gone = |side: usize| wire.sides[side].is_none() && wire.queues[side].is_empty();
        let over = match (wire.sides[0].is_none(), wire.sides[1].is_none()) {
            (true, true) => true,
            (true, false) => gone(0),
            (false, true) => gone(1),
            (false, false) => false,
        };
        if over { self.end(id) } else { Ok(()) }
    }

    /// The connection is over, for whatever reason.
    pub fn end(&mut self, id: u64) -> Result<(), Failure> {
        let Some(mut wire) = self.wires.remove(&id) else { return Ok(()) };
        let [a, b] = wire.ends;
        let shell = &self.homes[a].shell;
        let admitted =
            shell.is_up() && shell.state().fold.membership.active(&shell.keys.device).is_some();
        if wire.finished == [true; 2] && wire.purpose == Purpose::Join && admitted {
            let (at, nonce) = (self.wall(a), self.rng.bytes32());
            let opened = self.homes[a].shell.ensure_chain(at, nonce);
            self.absorb(a)?;
            if opened.is_err() {
                return self.crash(a);
            }
            wire.purpose = Purpose::Joined;
            wire.queues = Default::default();
            self.wires.insert(id, wire);
            return self.begin(id);
        }
        if wire.finished == [true; 2] && wire.purpose == Purpose::Joined {
            self.homes[a].joined = true;
        }
        for home in [a, b] {
            if self.homes[home].shell.is_up() {
                let tried = self.homes[home].shell.retry_waiting();
                self.absorb(home)?;
                if tried.is_err() {
                    self.crash(home)?;
                }
            }
        }
        Ok(())
    }

    /// Runs a connection to its end at once.
    pub fn run_to_end(&mut self, id: u64) -> Result<(), Failure> {
        while let Some(wire) = self.wires.get(&id) {
            let from = usize::from(wire.queues[0].is_empty());
            if wire.queues[from].is_empty() {
                // Nobody has anything to say: one waits in vain.
                return self.end(id);
            }
            self.deliver(id, from)?;
        }
        Ok(())
    }
}
