//! Devices that say things, and what a reader of all of it makes of the members.

use data_encoding::HEXLOWER;
use mirror_domain::body::{DeviceAdmit, DeviceRename, DeviceRevoke};
use mirror_domain::{Body, Membership, Role};
use mirror_protocol::bundle::{BundleWriter, Manifest};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::{ChainOpen, DeviceId, Event, Known, MeshId, Run, Tip, public_key};
use serde_json::{Value, json};

use super::mesh::{AT, Member, all, take};

/// What each device has, taken together.
pub fn gathered(devices: &[&Member]) -> MemoryLog {
    let mut log = MemoryLog::default();
    for device in devices {
        take(&mut log, all(&device.log));
    }
    log
}

/// A device hears all that another has.
pub fn hears(to: &mut Member, from: &Member) {
    take(&mut to.log, all(&from.log));
}

/// A device says something.
pub fn say(device: &mut Member, body: &Body) -> Tip {
    device.add(body.kind().unwrap(), body.encode()).tip()
}

pub fn admit(by: &mut Member, whom: &Member, name: &str, role: Role) -> Tip {
    admit_device(by, whom.open.device, name, role)
}

pub fn admit_device(by: &mut Member, device: DeviceId, name: &str, role: Role) -> Tip {
    say(by, &Body::DeviceAdmit(DeviceAdmit { device, name: name.to_owned(), role }))
}

pub fn rename(by: &mut Member, whom: DeviceId, name: &str) -> Tip {
    say(by, &Body::DeviceRename(DeviceRename { device: whom, name: name.to_owned() }))
}

/// Revokes a device at what `by` has of it.
pub fn revoke(by: &mut Member, whom: &Member) -> Tip {
    revoke_at(by, whom, heads_of(by, whom))
}

pub fn revokes_itself(device: &mut Member) -> Tip {
    let (heads, device_id) = (heads_of(device, device), device.open.device);
    say(device, &Body::DeviceRevoke(DeviceRevoke { device: device_id, heads }))
}

fn heads_of(by: &Member, whom: &Member) -> Vec<Tip> {
    let tips = Known::tips(&by.log, &whom.chain);
    tips.iter().map(|point| point.in_chain(whom.chain)).collect()
}

pub fn revoke_at(by: &mut Member, whom: &Member, heads: Vec<Tip>) -> Tip {
    say(by, &Body::DeviceRevoke(DeviceRevoke { device: whom.open.device, heads }))
}

/// Lets time pass: the clock of a device that writes stands higher.
pub fn writes(device: &mut Member, notes: usize) {
    for n in 1..=notes {
        device.note(&format!("note {n}"), &[]);
    }
}

/// A device of a mesh that has heard of what `from` has.
pub fn device(n: u8, from: &Member) -> Member {
    Member::join(n, Some(from))
}

/// The same device with its keys, and another history.
pub fn with_log(device: &Member, log: MemoryLog) -> Member {
    Member { log, chain: device.chain, key: device.key.clone(), open: device.open }
}

/// A founder and devices that it admits; all have met.
pub fn mesh(others: &[(&str, Role)]) -> Vec<Member> {
    let mut devices = vec![Member::join(1, None)];
    for ((name, role), n) in others.iter().zip(2..) {
        let new = device(n, &devices[0]);
        admit(&mut devices[0], &new, name, *role);
        devices.push(new);
    }
    let (founder, others) = devices.split_first_mut().unwrap();
    for other in others.iter() {
        hears(founder, other);
    }
    for other in others {
        hears(other, founder);
    }
    devices
}

/// The members as a reader of this log finds them.
pub struct Reader<'a> {
    pub log: &'a MemoryLog,
    pub membership: Membership,
    opens: Vec<(Event, ChainOpen)>,
}

impl<'a> Reader<'a> {
    pub fn new(log: &'a MemoryLog, mesh: MeshId) -> Self {
        let first = log.events().filter(|event| event.header.seq == 0);
        let opens: Vec<_> =
            first.map(|event| (event.clone(), ChainOpen::read(event).unwrap())).collect();
        let mut reader = Self { log, membership: Membership::default(), opens };
        let said: Vec<_> = log
            .events()
            .filter_map(|event| {
                Some((reader.author(event), event.clone(), Body::read(event).ok()?))
            })
            .filter(|(_, _, body)| body.is_about_members())
            .collect();
        reader.membership = Membership::fold(mesh, &said, log);
        reader
    }

    pub fn author(&self, event: &Event) -> DeviceId {
        let open = self.opens.iter().find(|(first, _)| first.chain() == event.chain());
        open.unwrap().1.device
    }

    pub fn counts(&self, event: &Event) -> bool {
        self.membership.counts(&self.author(event), &event.tip(), self.log).is_ok()
    }

    /// All events in canonical order.
    pub fn ordered(&self) -> Vec<&Event> {
        let mut events: Vec<_> = self.log.events().collect();
        events.sort_by_key(|event| event.order());
        events
    }
}

/// A plain bundle of all of a log, its runs in an order.
pub fn bundle(author: &Member, log: &MemoryLog, runs: Vec<Run>) -> Value {
    let manifest = Manifest {
        mesh: author.open.mesh,
        device: author.open.device,
        key: public_key(&author.key),
        head: log.head(),
        since: None,
        unix_ms: AT.unix_ms,
        tips: log.tips(),
    };
    let mut writer = BundleWriter::new(Vec::new(), &manifest, &author.key).unwrap();
    for run in runs {
        writer.run(run).unwrap();
    }
    json!({ "bundle": hex(writer.finish().unwrap().1) })
}

pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

pub fn place(tip: &Tip) -> Value {
    json!([tip.chain, tip.seq, tip.id])
}
