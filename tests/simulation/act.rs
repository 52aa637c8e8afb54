//! What people and their devices do, and what befalls them.

use mirror_domain::attachment::Attachment;
use mirror_domain::decide::{self, Take};
use mirror_domain::{Body, NoteState, Role};
use mirror_protocol::{BlobId, BlobRef, ChunkListHash, DeviceId, EventId, Tip};

use crate::carry;
use crate::coverage::Fault;
use crate::hostile;
use crate::plan::Happening;
use crate::rng::Rng;
use crate::shell::{Fuse, Keys};
use crate::wire::{Purpose, Quality};
use crate::world::{Due, Failure, World};

impl World {
    /// Something new happens.
    pub fn happen(&mut self) -> Result<(), Failure> {
        let what = self.rng.weighted(&self.plan.odds);
        let up: Vec<usize> = (0..self.homes.len()).filter(|n| self.is_ready(*n)).collect();
        let honest: Vec<usize> = up.iter().copied().filter(|n| self.homes[*n].honest).collect();
        if what == Happening::Misbehave {
            let bad: Vec<usize> = up.into_iter().filter(|n| !self.homes[*n].honest).collect();
            let bad = self.rng.pick(&bad).copied();
            return bad.map_or(Ok(()), |home| hostile::misbehave(self, home));
        }
        let home = if what == Happening::Call { &up } else { &honest };
        let Some(home) = self.rng.pick(home).copied() else { return Ok(()) };
        self.note(|| format!("home {home}: {what:?}"));
        match what {
            Happening::Write => self.write(home),
            Happening::Burst => self.burst(home),
            Happening::Call => self.call(home),
            Happening::Crash => {
                self.coverage.hit(Fault::CrashIdle);
                self.crash(home)
            }
            Happening::Fuse => {
                self.light(home);
                Ok(())
            }
            Happening::Partition => self.partition(),
            Happening::Heal => {
                self.homes.iter_mut().for_each(|home| home.group = 0);
                Ok(())
            }
            Happening::Clock => {
                self.turn_clock(home);
                Ok(())
            }
            Happening::Backup => {
                let image = self.homes[home].shell.disk.image();
                let acked = self.model.homes[home].acked.clone();
                self.homes[home].backup = Some((image, acked));
                Ok(())
            }
            Happening::Restore => self.restore(home),
            Happening::Export => self.export(home),
            Happening::Import => {
                let bundle = self.rng.pick(&self.bundles).cloned();
                bundle.map_or(Ok(()), |bytes| self.import(home, &bytes))
            }
            Happening::Courier => hostile::courier(self, home),
            Happening::Admit => self.let_in(home),
            Happening::Rename => self.rename(home),
            Happening::Revoke => self.revoke(home),
            Happening::Stranger => self.stranger(home),
            Happening::Misbehave => Ok(()),
        }
    }

    /// It is up, and belongs to the mesh as far as it knows.
    fn is_ready(&self, home: usize) -> bool {
        let home = &self.homes[home];
        home.shell.is_up() && home.joined
    }

    /// A home says something. A crash on the way is not an error of the world.
    fn say(&mut self, home: usize, kind: &str, body: Vec<u8>) -> Result<bool, Failure> {
        let (at, nonce) = (self.wall(home), self.rng.bytes32());
        if at.unix_ms == i64::MAX || at.unix_ms == i64::MIN {
            self.coverage.hit(Fault::ImpossibleTime);
        }
        if at.offset_min != 330 {
            self.coverage.hit(Fault::WrongZone);
        }
        let said = self.homes[home].shell.say(kind, body, at, nonce);
        self.absorb(home)?;
        if said.is_err() {
            self.crash(home)?;
        }
        self.late(home, said.is_ok());
        Ok(said.is_ok())
    }

    fn say_body(&mut self, home: usize, body: &Body) -> Result<bool, Failure> {
        self.say(home, body.kind().expect("a known body"), body.encode())
    }

    fn late(&mut self, home: usize, said: bool) {
        let device = self.homes[home].shell.keys.device;
        let revoked = self.homes.iter().any(|other| {
            other.shell.is_up()
                && other
                    .shell
                    .state()
                    .fold
                    .membership
                    .member(&device)
                    .is_some_and(|member| member.revoked.is_some())
        });
        if said && revoked {
            self.coverage.hit(Fault::LateEvent);
        }
    }

    fn write(&mut self, home: usize) -> Result<(), Failure> {
        let Some(body) = self.choose_words(home) else { return Ok(()) };
        if self.rng.one_in(40) {
            self.coverage.hit(Fault::UnknownKind);
            return self.say(home, "note.of-a-later-version", body.encode()).map(drop);
        }
        self.say_body(home, &body).map(drop)
    }

    fn choose_words(&mut self, home: usize) -> Option<Body> {
        let fold = &self.homes[home].shell.state().fold;
        let here = self.homes[home].shell.keys.device;
        let rng = &mut self.rng;
        let lines: Vec<String> =
            (0..rng.between(1, 4)).map(|_| format!("line {}", rng.below(6))).collect();
        let text = lines.join("\n");
        let notes: Vec<EventId> = fold.notes.keys().copied().collect();
        let note = rng.pick(&notes).copied();
        let (Some(note), false) = (note, rng.one_in(3)) else {
            let tag = if rng.one_in(3) { vec![format!("tag{}", rng.below(4))] } else { vec![] };
            let carried = if rng.one_in(6) { vec![memo(rng)] } else { vec![] };
            return decide::add_with(&text, &tag, carried).ok();
        };
        let graph = fold.graph(&note)?;
        if graph.state() == NoteState::Conflict && rng.one_in(2) {
            self.coverage.hit(Fault::Conflict);
            let take = match rng.below(4) {
                0 => Take::Ours,
                1 => Take::Theirs,
                2 => Take::Merged,
                _ => Take::Text(text),
            };
            let body = decide::resolve(note, &graph, &here, take).ok()?;
            self.coverage.hit(Fault::Resolution);
            return Some(body);
        }
        if rng.one_in(5) {
            return decide::archive(note, &graph).ok();
        }
        // What was on the screen need not be the newest.
        let seen = graph.history();
        let base = if rng.one_in(6) { rng.pick(&seen)?.id } else { graph.shown()?.id };
        decide::edit(note, &graph, &base, &text, None).ok()
    }

    fn burst(&mut self, home: usize) -> Result<(), Failure> {
        for n in 0..self.rng.between(20, 150) {
            let Ok(body) = decide::add(&format!("note {n}"), &[]) else { break };
            if !self.say_body(home, &body)? {
                return Ok(());
            }
        }
        let tip = self.homes[home].shell.state().own_tip();
        if tip.is_some_and(|tip| tip.seq >= 128) {
            self.coverage.hit(Fault::LongChain);
        }
        Ok(())
    }

    /// A home that calls another member: one whose key it knows, and where it knows it as a member.
    fn call(&mut self, home: usize) -> Result<(), Failure> {
        let others = self.may_call(home);
        let Some(other) = self.rng.pick(&others).copied() else { return Ok(()) };
        if self.homes[home].group != self.homes[other].group || !self.homes[other].shell.is_up() {
            return Ok(());
        }
        if let Err(fault) = self.answers(other, home) {
            self.coverage.hit(fault);
            return Ok(());
        }
        let quality = self.draw_quality();
        self.open(home, other, Purpose::Reconcile, quality)
    }

    fn draw_quality(&mut self) -> Quality {
        let tampered = self.rng.below(100) < self.plan.tamper;
        let slow = self.rng.below(100) < self.plan.slow;
        if slow {
            self.coverage.hit(Fault::Delayed);
        }
        let latency =
            if slow { self.rng.between(60_000, 7_200_000) } else { self.rng.between(1, 400) };
        Quality { tampered, latency }
    }

    fn open(
        &mut self,
        a: usize,
        b: usize,
        purpose: Purpose,
        quality: Quality,
    ) -> Result<(), Failure> {
        self.note(|| format!("home {a} calls home {b}, {purpose:?}, {quality:?}"));
        let wire = self.connect([a, b], purpose, quality)?;
        let messages = if self.rng.below(100) < self.plan.breaks {
            let inside = self.rng.one_in(2);
            let fault = if inside { Fault::CutInside } else { Fault::Broken };
            self.wires.entry(wire).and_modify(|wire| wire.breaks = Some(fault));
            self.rng.between(1, 8)
        } else {
            60
        };
        self.after(quality.latency * messages + messages % 2, Due::Break(wire));
        Ok(())
    }

    /// Whom a home would call.
    fn may_call(&self, home: usize) -> Vec<usize> {
        (0..self.homes.len()).filter(|other| self.would_call(home, *other)).collect()
    }

    /// Whether a home would call another: it knows it as a member, and the key of its chain.
    pub fn would_call(&self, home: usize, other: usize) -> bool {
        let (state, keys) = (self.homes[home].shell.state(), &self.homes[other].shell.keys);
        home != other
            && state.fold.membership.active(&keys.device).is_some()
            && state.opens.values().any(|open| open.key == keys.public)
    }

    /// Whether a home answers a caller.
    pub fn answers(&self, home: usize, caller: usize) -> Result<(), Fault> {
        let state = self.homes[home].shell.state();
        let key = self.homes[caller].shell.keys.public;
        let open = state.opens.values().find(|open| open.key == key).ok_or(Fault::Stranger)?;
        let member = state.fold.membership.member(&open.device).ok_or(Fault::Stranger)?;
        if member.revoked.is_some() { Err(Fault::RevokedCaller) } else { Ok(()) }
    }

    fn stranger(&mut self, home: usize) -> Result<(), Failure> {
        let keys = Keys::new(&mut self.rng);
        let stranger = self.arrive(keys, false);
        let refused = self.answers(home, stranger);
        self.homes.pop();
        self.model.homes.pop();
        match refused {
            Err(fault) => {
                self.coverage.hit(fault);
                Ok(())
            }
            Ok(()) => Err(self.failure(format!("home {home} answers a stranger"))),
        }
    }

    fn light(&mut self, home: usize) {
        let before = self.rng.one_in(2);
        let fuse = if before { Fuse::BeforeSync } else { Fuse::AfterSync };
        self.homes[home].shell.fuse = Some(fuse);
    }

    fn partition(&mut self) -> Result<(), Failure> {
        self.coverage.hit(Fault::Partition);
        for home in &mut self.homes {
            home.group = self.rng.below(2);
        }
        let group = |end: usize| self.homes[end].group;
        let cut = self.wires.iter().filter(|(_, w)| group(w.ends[0]) != group(w.ends[1]));
        let cut: Vec<u64> = cut.map(|(id, _)| *id).collect();
        cut.into_iter().try_for_each(|wire| self.end(wire))
    }

    fn turn_clock(&mut self, home: usize) {
        self.coverage.hit(Fault::ClockJump);
        let year = 31_557_600_000;
        let skew = match self.rng.below(6) {
            0 => 0,
            1 => self.rng.between(0, 40 * year) as i64,
            2 => -(self.rng.between(0, 60 * year) as i64),
            3 => i64::MAX,
            4 => i64::MIN,
            _ => self.rng.between(0, 86_400_000) as i64,
        };
        let zone = self.rng.between(0, 2 * 1080) as i16 - 1080;
        (self.homes[home].skew, self.homes[home].zone) = (skew, zone);
    }

    fn restore(&mut self, home: usize) -> Result<(), Failure> {
        let Some((image, acked)) = self.homes[home].backup.clone() else { return Ok(()) };
        self.crash(home)?;
        self.coverage.hit(Fault::OldCopy);
        self.homes[home].shell.disk.restore(image);
        self.model.homes[home].acked = acked;
        self.start(home)
    }

    fn export(&mut self, home: usize) -> Result<(), Failure> {
        let shell = &self.homes[home].shell;
        let bases: Vec<&Vec<Tip>> = shell.state().bases.values().map(|base| &base.tips).collect();
        let since = if self.rng.one_in(2) { self.rng.pick(&bases).copied() } else { None };
        let bytes = carry::export(shell, since.map(Vec::as_slice));
        if self.bundles.len() >= 8 {
            self.bundles.remove(0);
        }
        self.bundles.push(bytes);
        Ok(())
    }

    /// An anchor says that a device is a member. `false` when it may not, or crashed.
    pub fn admit(&mut self, anchor: usize, guest: usize) -> Result<bool, Failure> {
        let role = *self.rng.pick(&[Role::Anchor, Role::Node, Role::Capture]).expect("three");
        let shell = &self.homes[anchor].shell;
        let (membership, here) = (&shell.state().fold.membership, shell.keys.device);
        let device = self.homes[guest].shell.keys.device;
        let name = format!("device {guest}");
        let body = decide::admit(membership, &here, device, &name, role);
        body.map_or(Ok(false), |body| self.say_body(anchor, &body))
    }

    /// A device is let in, over a connection that may fail.
    fn let_in(&mut self, anchor: usize) -> Result<(), Failure> {
        let pending = (0..self.homes.len()).filter(|n| {
            let home = &self.homes[*n];
            !home.joined && home.shell.is_up() && self.wires_of(*n).is_empty()
        });
        let pending: Vec<usize> = pending.collect();
        let guest = match self.rng.pick(&pending) {
            Some(guest) => *guest,
            None if self.homes.len() < 50 => {
                let keys = Keys::new(&mut self.rng);
                self.arrive(keys, true)
            }
            None => return Ok(()),
        };
        if self.admit(anchor, guest)? {
            self.coverage.hit(Fault::Admission);
            let quality = self.draw_quality();
            self.open(guest, anchor, Purpose::Join, quality)?;
        }
        Ok(())
    }

    fn rename(&mut self, home: usize) -> Result<(), Failure> {
        let shell = &self.homes[home].shell;
        let (membership, here) = (&shell.state().fold.membership, shell.keys.device);
        let all: Vec<DeviceId> = membership.all().iter().map(|member| member.device).collect();
        let Some(device) = self.rng.pick(&all) else { return Ok(()) };
        let name = format!("name {}", self.rng.below(50));
        let Ok(body) = decide::rename(membership, &here, *device, &name) else { return Ok(()) };
        self.coverage.hit(Fault::Rename);
        self.say_body(home, &body).map(drop)
    }

    fn revoke(&mut self, home: usize) -> Result<(), Failure> {
        let shell = &self.homes[home].shell;
        let (state, here) = (shell.state(), shell.keys.device);
        let membership = &state.fold.membership;
        let all: Vec<DeviceId> = membership.all().iter().map(|member| member.device).collect();
        let Some(device) = self.rng.pick(&all).copied() else { return Ok(()) };
        let of = |tip: &Tip| state.opens.get(&tip.chain).is_some_and(|o| o.device == device);
        let heads: Vec<Tip> = state.log.tips().into_iter().filter(of).collect();
        let body = decide::revoke(membership, &here, device, heads);
        let Ok(body) = body else { return Ok(()) };
        self.coverage.hit(Fault::Revocation);
        if self.model.revocations_unknown_to(home) {
            self.coverage.hit(Fault::ConcurrentRevocation);
        }
        self.say_body(home, &body).map(drop)
    }
}

fn memo(rng: &mut Rng) -> Attachment {
    let (id, chunks) = (BlobId([rng.below(4) as u8; 32]), ChunkListHash([0; 32]));
    Attachment::new(BlobRef { id, bytes: 1, chunks }, "memo.m4a", "audio/mp4")
}
