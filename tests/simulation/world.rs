//! The world: homes, connections, virtual time, and whatever goes wrong.

use std::collections::BTreeMap;

use mirror_protocol::limits::{MAX_PENDING_BYTES, MAX_REFUSED};
use mirror_protocol::{ChainOpen, EventId, WallTime};

use crate::carry;
use crate::coverage::{Coverage, Fault};
use crate::disk::Lost;
use crate::model::{Model, Seen};
use crate::plan::{Plan, Size};
use crate::rng::Rng;
use crate::shell::{Entry, Fuse, Keys, Shell, Told};
use crate::wire::{Purpose, Quality, Wire};

/// When the world begins, by a clock that is right.
const BEGIN_MS: i64 = 1_795_000_000_000;
/// Messages of other sessions that somebody in the middle remembers.
const CAPTURED: usize = 32;

/// Where and how a seed failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The step.
    pub step: u64,
    /// What was wrong.
    pub what: String,
}

/// What is due at a time.
#[derive(Debug, Clone, Copy)]
pub enum Due {
    /// A message arrives: the connection, and the side that sent it.
    Deliver(u64, usize),
    /// A connection ends, as the link gives up.
    Break(u64),
    /// A home comes up again.
    Start(usize),
}

/// A device in the world.
#[derive(Debug)]
pub struct Home {
    /// The real thing.
    pub shell: Shell,
    /// It keeps to the rules, and is compared with the model.
    pub honest: bool,
    /// It has been let in.
    pub joined: bool,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
    /// Its offset from UTC, in minutes.
    pub zone: i16,
    /// Which part of a partitioned world it is in.
    pub group: usize,
    /// An old image of its disk.
    pub backup: Option<(Vec<u8>, std::collections::BTreeSet<EventId>)>,
}

/// Everything.
#[derive(Debug)]
pub struct World {
    /// All chance.
    pub rng: Rng,
    /// What must hold.
    pub model: Model,
    /// The devices.
    pub homes: Vec<Home>,
    /// Connections that are open.
    pub wires: BTreeMap<u64, Wire>,
    /// Bundles that lie around.
    pub bundles: Vec<Vec<u8>>,
    /// Messages that somebody in the middle remembers.
    pub captured: Vec<Vec<u8>>,
    /// What happened.
    pub coverage: Coverage,
    /// What is likely in this world.
    pub plan: Plan,
    /// Milliseconds since the world began.
    pub now: u64,
    /// Steps so far.
    pub step: u64,
    /// Says what it does.
    pub trace: bool,
    queue: BTreeMap<(u64, u64), Due>,
    ties: u64,
}

impl World {
    /// A founder and some devices that it has let in.
    pub fn new(seed: u64, trace: bool) -> Result<Self, Failure> {
        let mut rng = Rng::new(seed);
        let plan = Plan::new(&mut rng);
        let keys = Keys::new(&mut rng);
        let open = ChainOpen::found(&keys.authority, &keys.incarnation, [7; 32], rng.bytes32());
        let mut world = Self {
            rng,
            model: Model::new(open.mesh),
            homes: Vec::new(),
            wires: BTreeMap::new(),
            bundles: Vec::new(),
            captured: Vec::new(),
            coverage: Coverage::default(),
            plan,
            now: 0,
            step: 0,
            trace,
            queue: BTreeMap::new(),
            ties: 0,
        };
        let founder = world.arrive(keys, true);
        let at = world.wall(founder);
        let opened = world.homes[founder].shell.open_chain(&open, at);
        world.homes[founder].joined = true;
        world.absorb(founder)?;
        opened.map_err(|_| world.failure("the founder crashed".to_owned()))?;
        let Size { homes, hostile } = world.plan.size;
        for n in 1..homes {
            world.admit_new(founder, n >= homes - hostile)?;
        }
        Ok(world)
    }

    /// A device appears. It belongs to nothing yet.
    pub fn arrive(&mut self, keys: Keys, honest: bool) -> usize {
        let shell = Shell::new(keys, self.model.mesh(), honest);
        self.model.homes.push(Seen::default());
        let (skew, zone) = (0, 330);
        let (joined, group, backup) = (false, 0, None);
        self.homes.push(Home { shell, honest, joined, skew, zone, group, backup });
        self.homes.len() - 1
    }

    /// A number that was not given before.
    pub fn tie(&mut self) -> u64 {
        self.ties += 1;
        self.ties
    }

    /// Something is due in a while.
    pub fn after(&mut self, ms: u64, due: Due) {
        let tie = self.tie();
        self.queue.insert((self.now + ms, tie), due);
    }

    /// What a home's clock shows.
    pub fn wall(&self, home: usize) -> WallTime {
        let home = &self.homes[home];
        let unix_ms = (BEGIN_MS + self.now as i64).saturating_add(home.skew);
        WallTime { unix_ms, offset_min: home.zone }
    }

    /// A line for whoever replays.
    pub fn note(&self, what: impl FnOnce() -> String) {
        if self.trace {
            let hours = self.now as f64 / 3_600_000.0;
            eprintln!("{:>5} {hours:>8.3} h  {}", self.step, what());
        }
    }

    /// It failed here.
    pub fn failure(&self, what: String) -> Failure {
        Failure { step: self.step, what }
    }

    /// Remembers a message.
    pub fn capture(&mut self, bytes: &[u8]) {
        if self.plan.tamper == 0 || bytes.len() > 4096 {
            return;
        }
        if self.captured.len() < CAPTURED {
            self.captured.push(bytes.to_vec());
        } else {
            let at = self.rng.below(CAPTURED);
            self.captured[at] = bytes.to_vec();
        }
    }

    /// One step: what is due next, or something new.
    pub fn step(&mut self) -> Result<(), Failure> {
        self.step += 1;
        let pause = self.plan.pause(&mut self.rng);
        match self.queue.first_key_value().map(|(key, due)| (*key, *due)) {
            Some((key, due)) if key.0 <= self.now + pause => {
                self.queue.remove(&key);
                self.now = self.now.max(key.0);
                self.due(due)
            }
            _ => {
                self.now += pause;
                self.happen()
            }
        }
    }

    fn due(&mut self, due: Due) -> Result<(), Failure> {
        match due {
            Due::Deliver(wire, from) => self.deliver(wire, from),
            Due::Break(wire) => {
                let breaks = self.wires.get(&wire).and_then(|wire| wire.breaks);
                breaks.into_iter().for_each(|fault| self.coverage.hit(fault));
                self.end(wire)
            }
            Due::Start(home) => self.start(home),
        }
    }

    /// The model learns what happened in a home, and they are compared.
    pub fn absorb(&mut self, home: usize) -> Result<(), Failure> {
        let told = std::mem::take(&mut self.homes[home].shell.told);
        let changed = !told.is_empty();
        for told in told {
            self.learn(home, told).map_err(|what| self.failure(what))?;
        }
        let Home { shell, honest, .. } = &self.homes[home];
        if changed && *honest && shell.is_up() {
            self.model.glance(home, shell).map_err(|what| self.failure(what))?;
        }
        Ok(())
    }

    fn learn(&mut self, home: usize, told: Told) -> Result<(), String> {
        if let Told::Ended(report) = &told {
            let (received, sent) = (report.received, report.sent);
            self.note(|| {
                format!("home {home}: {received} came, {sent} went, {:?}", report.refused)
            });
        }
        let Home { shell, honest, .. } = &self.homes[home];
        match told {
            Told::AcrossSpans => self.coverage.hit(Fault::RunAcrossSpans),
            Told::Created(event) => self.model.created(event),
            Told::Stored(ids) if *honest => self.model.stored(home, shell, &ids)?,
            Told::Checkpoint(base) if *honest => self.model.signed(home, &base)?,
            Told::Waited(bytes) if bytes > MAX_PENDING_BYTES => {
                return Err(format!("home {home} held {bytes} bytes of runs that wait"));
            }
            Told::Ended(report) if report.refused.len() > MAX_REFUSED + 1 => {
                return Err(format!("home {home} reports {} refusals", report.refused.len()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The power goes in a home.
    pub fn crash(&mut self, home: usize) -> Result<(), Failure> {
        self.absorb(home)?;
        match self.homes[home].shell.blown.take() {
            Some(Fuse::BeforeSync) => self.coverage.hit(Fault::CrashBeforeSync),
            Some(Fuse::AfterSync) => self.coverage.hit(Fault::CrashAfterSync),
            None => {}
        }
        let lost = self.homes[home].shell.crash(&mut self.rng);
        self.note(|| format!("home {home}: crash, {lost:?}"));
        match lost {
            Lost::Nothing => {}
            Lost::All => self.coverage.hit(Fault::DiskLostAll),
            Lost::None => self.coverage.hit(Fault::DiskLostNone),
            Lost::Torn => self.coverage.hit(Fault::DiskTorn),
            Lost::Reordered => self.coverage.hit(Fault::DiskReordered),
        }
        let wires: Vec<u64> = self.wires_of(home);
        let down = self.rng.between(1_000, 7_200_000);
        self.after(down, Due::Start(home));
        wires.into_iter().try_for_each(|wire| self.end(wire))
    }

    /// The connections of a home.
    pub fn wires_of(&self, home: usize) -> Vec<u64> {
        let of = self.wires.iter().filter(|(_, wire)| wire.ends.contains(&home));
        of.map(|(id, _)| *id).collect()
    }

    /// A home comes up again.
    pub fn start(&mut self, home: usize) -> Result<(), Failure> {
        if self.homes[home].shell.is_up() {
            return Ok(());
        }
        self.homes[home].shell.start();
        let Home { shell, honest, .. } = &self.homes[home];
        if *honest {
            self.model.recovered(home, shell).map_err(|what| self.failure(what))?;
        }
        self.note(|| format!("home {home}: up again"));
        Ok(())
    }

    /// A number that another run of the seed must give too.
    pub fn fingerprint(&self) -> u64 {
        let up = self.homes.iter().filter(|home| home.shell.is_up());
        let heads = up.map(|home| home.shell.state().log.head());
        heads.fold(self.now, |sum, head| {
            let part = head.0.first_chunk().map_or(0, |part| u64::from_le_bytes(*part));
            sum.rotate_left(7) ^ part
        })
    }

    /// A home takes a file in.
    pub fn import(&mut self, home: usize, bytes: &[u8]) -> Result<(), Failure> {
        let taken = carry::import(&mut self.homes[home].shell, bytes);
        self.note(|| format!("home {home}: import of {} bytes, {taken:?}", bytes.len()));
        self.absorb(home)?;
        if taken.is_err() { self.crash(home) } else { Ok(()) }
    }

    /// A new device is let in by an anchor, over a connection that holds.
    pub fn admit_new(&mut self, anchor: usize, hostile: bool) -> Result<(), Failure> {
        let keys = Keys::new(&mut self.rng);
        let guest = self.arrive(keys, !hostile);
        if !self.admit(anchor, guest)? {
            return Ok(());
        }
        if self.plan.size.homes > 8 {
            return self.copy(anchor, guest);
        }
        let quality = Quality { tampered: false, latency: 0 };
        let wire = self.connect([guest, anchor], Purpose::Join, quality)?;
        self.run_to_end(wire)
    }

    /// As joining does, without its messages: large meshes would spend their time on it.
    fn copy(&mut self, anchor: usize, guest: usize) -> Result<(), Failure> {
        let runs = carry::runs(&self.homes[anchor].shell);
        let (at, nonce) = (self.wall(guest), self.rng.bytes32());
        let shell = &mut self.homes[guest].shell;
        let done = shell.commit(&[Entry::Runs(runs)]).and_then(|()| shell.ensure_chain(at, nonce));
        let mut runs = carry::runs(shell);
        runs.retain(|run| Some(run.head.tip.chain) == shell.state().chain);
        self.absorb(guest)?;
        let done = done.and_then(|()| self.homes[anchor].shell.commit(&[Entry::Runs(runs)]));
        self.absorb(anchor)?;
        self.homes[guest].joined = true;
        done.map_err(|_| self.failure("a crash without a cause".to_owned()))
    }
}
