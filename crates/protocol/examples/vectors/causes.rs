//! What rests on what.

use mirror_protocol::intake::{Intake, in_causal_order};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::{ChainId, Dep, Event, EventId, Header, Known, Lamport, Run, Tip};
use serde_json::{Value, json};

use super::bundles::plain;
use super::codes::{Code, of_intake, of_run};
use super::mesh::{Member, Mesh, all, events, sealed};
use super::{case, hex};

pub fn causes(mesh: &Mesh) -> Value {
    let (mac, phone) = (&mesh.mac, &mesh.phone);
    let check = |name: &str, runs: Vec<Run>| {
        let bytes: Vec<_> = runs.iter().map(|run| hex(minicbor::to_vec(run).unwrap())).collect();
        let input = json!({ "stored": hex(plain(mac, all(&mac.log))), "runs": bytes });
        case(name, input, offered(mac.log.clone(), runs))
    };
    let next = |member: &Member, spoil: &dyn Fn(&mut Header)| {
        let mut header = member.next();
        spoil(&mut header);
        sealed(&[Event::new(header, b"next".to_vec()).unwrap()], &member.key)
    };
    let above = |tip: Tip| {
        let point = mac.log.point(&tip).unwrap();
        Lamport(point.lamport.max(mac.point().lamport).0 + 1)
    };
    let tip = phone.tip();
    let dep = move |header: &mut Header| {
        (header.deps, header.lamport) = (vec![Dep::from(tip)], above(tip));
    };
    let first = next(mac, &dep);
    let first_lamport = above(tip);
    let resting = next(phone, &|header| {
        header.deps = vec![Dep::from(first.head.tip)];
        header.lamport = Lamport(first_lamport.0 + 1);
    });
    let coming = Dep { chain: ChainId([7; 32]), seq: 0, id: EventId([7; 32]) };
    let before = events(mac).into_iter().rev().nth(1).unwrap();
    let lamport = Lamport(before.header.lamport.0 + 1);
    let place = (before.header.seq + 1, Some(before.id));
    let branch = Header { seq: place.0, prev: place.1, lamport, ..mac.next() };
    let branch = Event::new(branch, b"b".to_vec()).unwrap();
    let both = next(phone, &|header| {
        let tips = [mac.tip(), branch.tip()].map(Dep::from);
        header.deps = std::collections::BTreeSet::from(tips).into_iter().collect();
        header.lamport = Lamport(phone.point().lamport.max(mac.point().lamport).0 + 1);
    });
    let branch = sealed(&[branch], &mac.key);
    Value::Array(vec![
        check("the next event", vec![next(mac, &|_| {})]),
        check("an event that rests on another chain", vec![first.clone()]),
        check("a run before its cause", vec![resting, first]),
        check("what is stored already", vec![mac.run(Some(1))]),
        check("a cause that has not come", vec![next(mac, &|h| h.deps = vec![coming])]),
        check("an inflated clock", vec![next(mac, &|h| h.lamport = Lamport(u64::MAX))]),
        check("a clock that stands", vec![next(mac, &|h| h.lamport.0 -= 1)]),
        check(
            "a clock below a dep's",
            vec![next(mac, &|h| {
                h.deps = vec![Dep::from(tip)];
                h.lamport = Lamport(above(tip).0 - 1);
            })],
        ),
        check(
            "a dep on another event",
            vec![next(mac, &|h| {
                h.deps = vec![Dep { id: EventId([7; 32]), ..Dep::from(tip) }];
            })],
        ),
        check("a branch", vec![branch.clone()]),
        check("an event that rests on both branches", vec![both, branch]),
        check("another event before it", vec![next(mac, &|h| h.prev = Some(EventId([7; 32])))]),
    ])
}

/// Offers runs in their order; what leaves together is listed in canonical order.
fn offered(mut log: MemoryLog, runs: Vec<Run>) -> Result<Value, Code> {
    let mut intake = Intake::default();
    let mut taken: Vec<EventId> = Vec::new();
    for run in runs {
        let key = log.key(&run.head.tip.chain);
        let run = run.verify(key).map_err(|error| of_run(&error))?;
        intake.offer(run, &log).map_err(|error| of_intake(&error))?;
        let ready = intake.take_ready(&log);
        if let Some((_, error)) = ready.refused.first() {
            return Err(of_intake(error));
        }
        let order = in_causal_order(&ready.batch);
        taken.extend(order.iter().map(|(run, event)| ready.batch[*run].events[*event].id));
        log.store(&ready.batch);
    }
    let waiting: Vec<_> = intake.waiting().map(|(run, _)| run.head.tip.id).collect();
    Ok(json!({ "taken": taken, "waiting": waiting, "head": log.head() }))
}
