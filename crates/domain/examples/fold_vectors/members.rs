//! Who is a member, and what counts.

use mirror_domain::Role;
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::session::Range;
use mirror_protocol::{EventId, Known, Run, Tip};
use serde_json::{Value, json};

use super::mesh::{Member, all, take};
use super::world::{
    Reader, admit, admit_device, bundle, device, gathered, hears, hex, mesh, place, rename, revoke,
    revoke_at, revokes_itself, with_log, writes,
};

const ANCHOR: Role = Role::Anchor;
const NODE: Role = Role::Node;
const CAPTURE: Role = Role::Capture;
/// Seeds of cases by chance, in which revocations undo each other in ways that nobody thought of.
const WARS: [u64; 6] = [22, 39, 46, 79, 87, 155];

/// What a reader of all that these devices have makes of it.
fn case(name: &str, devices: &[&Member]) -> Value {
    ordered(name, devices, |_| {})
}

fn ordered(name: &str, devices: &[&Member], order: impl Fn(&mut Vec<Run>)) -> Value {
    let log = gathered(devices);
    let mut runs = all(&log);
    order(&mut runs);
    let input = bundle(devices[0], &log, runs);
    let reader = Reader::new(&log, devices[0].open.mesh);
    let members: Vec<_> = (reader.membership.all().iter())
        .map(|member| {
            let heads = member.revoked.as_ref();
            json!({
                "device": member.device, "name": member.name, "role": member.role.number(),
                "anchor": reader.membership.is_anchor(&member.device),
                "cut": heads.map(|heads| heads.iter().map(place).collect::<Vec<_>>()),
            })
        })
        .collect();
    let void = reader.ordered().into_iter().filter(|event| !reader.counts(event));
    let void: Vec<_> = void.map(|event| hex(event.id.0)).collect();
    json!({ "name": name, "input": input, "expect": { "members": members, "void": void } })
}

pub fn members() -> Value {
    let wars = WARS.map(war).to_vec();
    let cases = [admissions(), names(), revocations(), anchors(), forks(), bodies(), wars];
    Value::Array(cases.concat())
}

fn admissions() -> Vec<Value> {
    let mut cases = Vec::new();
    let mut founder = Member::join(1, None);
    writes(&mut founder, 1);
    cases.push(case("the founder", &[&founder]));

    let mut devices = mesh(&[("phone", CAPTURE), ("home server", NODE)]);
    writes(&mut devices[1], 2);
    writes(&mut devices[2], 1);
    cases.push(case("admitted by an anchor", &[&devices[0], &devices[1], &devices[2]]));
    cases.push(ordered(
        "runs in another order",
        &[&devices[0], &devices[1], &devices[2]],
        |runs| runs.reverse(),
    ));

    let mut tablet = device(4, &devices[2]);
    admit(&mut devices[2], &tablet, "tablet", NODE);
    writes(&mut tablet, 1);
    cases.push(case("admitted by a node", &[&devices[0], &devices[2], &tablet]));

    let (mut stranger, friend) = (device(5, &devices[0]), device(6, &devices[0]));
    admit(&mut stranger, &friend, "friend", ANCHOR);
    cases.push(case("admitted by a stranger", &[&devices[0], &stranger, &friend]));

    let mut devices = mesh(&[("desk", ANCHOR)]);
    let (early, late) = (device(3, &devices[0]), device(4, &devices[0]));
    admit(&mut devices[1], &early, "early", NODE);
    let desk = [devices.remove(1)];
    hears(&mut devices[0], &desk[0]);
    admit(&mut devices[0], &desk[0], "desk, a phone now", CAPTURE);
    let [mut desk] = desk;
    hears(&mut desk, &devices[0]);
    admit(&mut desk, &late, "late", NODE);
    cases.push(case("another role by a second admission", &[&devices[0], &desk, &early, &late]));
    cases
}

fn names() -> Vec<Value> {
    let mut devices = mesh(&[("phone", CAPTURE), ("home server", NODE)]);
    let (phone, server) = (devices[1].open.device, devices[2].open.device);
    rename(&mut devices[1], phone, "Pixel");
    let own = case("a device names itself", &[&devices[0], &devices[1], &devices[2]]);
    rename(&mut devices[1], server, "named by a phone");
    let other = case("a capture device names another", &[&devices[0], &devices[1], &devices[2]]);
    rename(&mut devices[0], server, "named by an anchor");
    let anchor = case("an anchor names another", &[&devices[0], &devices[1], &devices[2]]);
    vec![own, other, anchor]
}

fn revocations() -> Vec<Value> {
    let mut cases = Vec::new();
    let mut devices = mesh(&[("phone", NODE), ("desk", ANCHOR), ("tablet", NODE)]);
    let [mac, phone, desk, tablet] = devices.as_mut_slice() else { panic!() };
    writes(phone, 2);
    hears(mac, phone);
    writes(phone, 2);
    revoke(mac, phone);
    cases.push(case("late events of a revoked device", &[mac, phone]));
    rename(phone, phone.open.device, "a thief's");
    cases.push(case("a late name", &[mac, phone]));

    admit(desk, phone, "phone, again", CAPTURE);
    cases.push(case("an admission and a revocation at once", &[mac, phone, desk]));
    writes(desk, 5);
    admit(desk, phone, "phone, still", NODE);
    cases.push(case("an admission at once, later in the order", &[mac, phone, desk]));
    hears(desk, mac);
    admit(desk, phone, "phone, once more", ANCHOR);
    cases.push(case("admitted again after a revocation", &[mac, phone, desk]));

    let mut fresh = device(6, mac);
    revoke(mac, &fresh);
    admit(mac, &fresh, "fresh", NODE);
    writes(&mut fresh, 1);
    cases.push(case("revoked before it was admitted", &[mac, &fresh]));

    revoke(tablet, desk);
    cases.push(case("revoked by a node", &[mac, tablet, desk]));

    let mut devices = mesh(&[("phone", NODE), ("desk", ANCHOR)]);
    let [mac, phone, desk] = devices.as_mut_slice() else { panic!() };
    writes(phone, 2);
    hears(mac, phone);
    writes(phone, 2);
    hears(desk, phone);
    revoke(desk, phone);
    revoke(mac, phone);
    cases.push(case("of two cuts the strictest", &[mac, phone, desk]));
    let mut other = mesh(&[("phone", NODE)]);
    let [mac, phone] = other.as_mut_slice() else { panic!() };
    writes(phone, 1);
    let nowhere = Tip { seq: 9, id: EventId([9; 32]), ..phone.tip() };
    revoke_at(mac, phone, vec![nowhere]);
    cases.push(case("a cut at an event that is not here", &[mac, phone]));
    cases
}

fn anchors() -> Vec<Value> {
    let mut cases = vec![reaching_back(), own_ground(), worn_out(), ring()];
    let mut devices = mesh(&[("desk", ANCHOR), ("tower", ANCHOR)]);
    let [mac, desk, tower] = devices.as_mut_slice() else { panic!() };
    writes(mac, 3);
    revoke(mac, desk);
    revoke(desk, mac);
    cases.push(case("two anchors that revoke each other", &[mac, desk]));
    revoke(tower, mac);
    cases.push(case("a third anchor settles who revokes whom", &[mac, desk, tower]));

    let mut devices = mesh(&[("desk", ANCHOR)]);
    let [mac, desk] = devices.as_mut_slice() else { panic!() };
    revokes_itself(desk);
    let x = device(5, desk);
    admit(desk, &x, "too late", NODE);
    cases.push(case("an anchor revokes itself", &[mac, desk, &x]));

    let mut devices = mesh(&[("desk", ANCHOR), ("phone", NODE)]);
    let [mac, desk, phone] = devices.as_mut_slice() else { panic!() };
    let founder = mac.open.device;
    admit_device(mac, founder, "founder, a node now", NODE);
    revoke(mac, phone);
    cases.push(case("the founder without the role", &[mac, desk, phone]));
    hears(desk, mac);
    revokes_itself(desk);
    hears(mac, desk);
    let new = device(6, mac);
    revoke(mac, phone);
    admit(mac, &new, "after the last anchor", ANCHOR);
    cases.push(case("no anchor left, the founder acts", &[mac, desk, phone, &new]));
    cases
}

/// A stolen anchor that hears nothing new keeps a low clock: what it says stands before its revocation.
fn reaching_back() -> Value {
    let mut devices = mesh(&[("desk", ANCHOR), ("phone", NODE)]);
    let [mac, desk, phone] = devices.as_mut_slice() else { panic!() };
    writes(mac, 8);
    revoke(mac, desk);
    let mut creature = device(7, desk);
    admit(desk, &creature, "creature", ANCHOR);
    hears(&mut creature, desk);
    revoke(desk, phone);
    revoke(&mut creature, phone);
    revoke(&mut creature, desk);
    writes(phone, 1);
    case("what an anchor says beyond its cut", &[mac, desk, phone, &creature])
}

/// Beyond this cut is the founder's first event, on which all rests.
fn own_ground() -> Value {
    let mut devices = mesh(&[("desk", ANCHOR)]);
    let [mac, desk] = devices.as_mut_slice() else { panic!() };
    revoke_at(desk, mac, vec![]);
    case("a revocation that takes its own ground away", &[mac, desk])
}

/// A thief's creatures undo an honest revocation and are undone, many times.
fn worn_out() -> Value {
    let mut devices = mesh(&[("desk", ANCHOR), ("tower", ANCHOR), ("phone", NODE)]);
    let [mac, desk, tower, phone] = devices.as_mut_slice() else { panic!() };
    // The founder hears of the others only up to here.
    let (before, cut) = (mac.tip(), desk.tip());
    revoke(mac, phone);
    let mut creatures: Vec<Member> = (10..19).map(|n| device(n, desk)).collect();
    for creature in &creatures {
        admit(desk, creature, "creature", ANCHOR);
    }
    for creature in &mut creatures {
        let first = creature.tip();
        hears(creature, desk);
        revoke_at(creature, mac, vec![before]);
        writes(desk, 1);
        revoke_at(desk, creature, vec![first]);
    }
    writes(tower, 30);
    revoke_at(tower, desk, vec![cut]);
    let mut all: Vec<&Member> = vec![mac, desk, tower, phone];
    all.extend(&creatures);
    case("a revocation undone many times", &all)
}

fn ring() -> Value {
    let mut devices = mesh(&[("one", ANCHOR), ("two", ANCHOR), ("three", ANCHOR)]);
    let [mac, one, two, three] = devices.as_mut_slice() else { panic!() };
    writes(one, 3);
    revoke(one, two);
    writes(two, 1);
    revoke(two, three);
    revoke(three, one);
    case("a ring of three", &[mac, one, two, three])
}

/// The phone's keys are used twice behind one event.
fn forks() -> Vec<Value> {
    let mut devices = mesh(&[("phone", NODE), ("desk", ANCHOR)]);
    let [mac, phone, desk] = devices.as_mut_slice() else { panic!() };
    writes(phone, 1);
    let mut stolen = with_log(phone, phone.log.clone());
    phone.note("the owner's", &[]);
    phone.note("the owner's too", &[]);
    stolen.note("the thief's", &[]);
    hears(mac, phone);
    hears(desk, &stolen);
    let mut both = with_log(mac, gathered(&[mac, desk]));
    revoke(&mut both, phone);
    revoke(mac, phone);
    let one = case("a cut on one branch of a fork", &[mac, phone, &stolen]);
    let two = case("a cut that names both branches", &[&both, phone, &stolen]);
    revoke(desk, phone);
    let three = case("two cuts on two branches", &[mac, phone, &stolen, desk]);
    let branches = Known::tips(&gathered(&[mac, &stolen]), &phone.chain);
    assert_eq!(branches.len(), 2);
    vec![one, two, three]
}

fn bodies() -> Vec<Value> {
    let mut devices = mesh(&[("phone", NODE)]);
    let [mac, phone] = devices.as_mut_slice() else { panic!() };
    let admission = mac.tip();
    let mut other = device(3, mac);
    // {0: device, 1: "later", 2: 1, 9: true}
    let mut body = [&[0xa4, 0, 0x58, 0x20], other.open.device.0.as_slice()].concat();
    body.extend([&[1, 0x65], b"later".as_slice(), &[2, 1, 9, 0xf5]].concat());
    mac.add("device.admit", body);
    writes(&mut other, 1);
    let keys = case("an admission with a key of a later version", &[mac, phone, &other]);

    let nameless = device(4, mac);
    admit(mac, &nameless, "Mac\u{202e}", NODE);
    admit(mac, &device(5, mac), " ", NODE);
    mac.add("device.admit", vec![0xff]);
    let bad = case("admissions that do not read", &[mac, phone, &nameless]);

    // The first device has forgotten the body of the phone's admission.
    let range = Range { tip: mac.tip(), after: None };
    let mut runs = mac.log.runs(&[range]);
    let at = usize::try_from(admission.seq).unwrap();
    runs[0].events[at].body = None;
    let mut forgetful = with_log(mac, MemoryLog::default());
    let first: Vec<_> =
        all(&other.log).into_iter().filter(|r| r.head.tip.chain != mac.chain).collect();
    take(&mut forgetful.log, [runs, first].concat());
    let forgotten = case("an admission whose body is missing", &[&forgetful]);
    vec![keys, bad, forgotten]
}

/// Devices admit, revoke and cut one another as a seed has it, and hear of little.
fn war(seed: u64) -> Value {
    let mut state = seed;
    // The generator of Knuth's MMIX; its low bits are weak.
    let mut dice = move |sides: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % sides
    };
    let role = [("one", ANCHOR), ("two", ANCHOR), ("three", ANCHOR), ("four", NODE)];
    let mut devices = mesh(&role[..2 + dice(3)]);
    for n in 20..22 {
        let new = device(n, &devices[dice(2)]);
        devices.push(new);
    }
    if dice(2) == 0 {
        let twin = with_log(&devices[1], devices[1].log.clone());
        devices.push(twin);
    }
    for _ in 0..12 {
        let count = devices.len();
        let (by, whom) = (dice(count), dice(count));
        if by == whom {
            writes(&mut devices[by], 1);
            continue;
        }
        let [one, other] = devices.get_disjoint_mut([by, whom]).unwrap();
        if Known::tips(&one.log, &one.chain).len() > 1 {
            continue;
        }
        let said = dice(8);
        if said == 0 {
            hears(one, other);
        } else if said < 3 {
            admit(one, other, "a device", [ANCHOR, ANCHOR, NODE][dice(3)]);
        } else if said == 3 {
            rename(one, other.open.device, "renamed");
        } else if said < 6 {
            revoke(one, other);
        } else {
            let cut = other.log.ancestor(&other.tip(), dice(4) as u64).unwrap();
            revoke_at(one, other, vec![cut.in_chain(other.chain)]);
        }
    }
    let all: Vec<&Member> = devices.iter().collect();
    case(&format!("anchors at war, {seed}"), &all)
}
