//! Bundles.

use ed25519_dalek::Signer;
use mirror_protocol::bundle::{BundleError, BundleReader, BundleWriter, Manifest};
use mirror_protocol::id::hash;
use mirror_protocol::intake::Intake;
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::{
    ChainOpen, Event, Header, Known, Lamport, MeshId, Run, SignedHead, Tip, public_key,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use super::codes::{Code, of_bundle, of_intake, of_run};
use super::hex;
use super::mesh::{AT, Member, Mesh, all, keys, sealed};

pub fn manifest(member: &Member) -> Manifest {
    Manifest {
        mesh: member.open.mesh,
        device: member.open.device,
        key: public_key(&member.key),
        head: member.log.head(),
        since: None,
        unix_ms: AT.unix_ms,
        tips: member.log.tips(),
    }
}

pub fn plain(member: &Member, runs: Vec<Run>) -> Vec<u8> {
    let mut writer = BundleWriter::new(Vec::new(), &manifest(member), &member.key).unwrap();
    for run in runs {
        writer.run(run).unwrap();
    }
    writer.finish().unwrap().1
}

pub fn bundles(mesh: &Mesh) -> Value {
    let mac = &mesh.mac;
    let whole = plain(mac, all(&mac.log));
    let check = |name: &str, bytes: Vec<u8>| match read_bundle(&bytes) {
        Ok(expect) => json!({ "name": name, "input": { "bundle": hex(&bytes) }, "expect": expect }),
        Err((record, error)) => json!({
            "name": name, "input": { "bundle": hex(&bytes) }, "error": error, "record": record,
        }),
    };
    let with = |name: &str, change: &dyn Fn(&mut Vec<Run>)| {
        let mut runs = all(&mac.log);
        change(&mut runs);
        check(name, plain(mac, runs))
    };
    let changed = |name: &str, at: usize, flip: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= flip;
        check(name, bytes)
    };
    let parts = records(&whole);
    let joined = |records: &[&[u8]]| {
        let mut bytes = b"MIRRORB1".to_vec();
        for record in records {
            bytes.extend_from_slice(&u32::try_from(record.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(record);
        }
        bytes
    };
    let closed = |name: &str, records: &[&[u8]], events: u64| {
        let mut bytes = joined(records);
        let before: [u8; 32] = Sha256::digest(&bytes).into();
        let message = hash("mirrordna/bundle/1", &[&before, &events.to_be_bytes()]);
        let mut e = minicbor::Encoder::new(Vec::new());
        e.array(3).unwrap().u8(11).unwrap().u64(events).unwrap();
        e.bytes(&mac.key.sign(&message).to_bytes()).unwrap();
        let end = e.into_writer();
        bytes.extend_from_slice(&u32::try_from(end.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&end);
        check(name, bytes)
    };
    let time = whole.windows(4).position(|window| window == [0x1b, 0, 0, 1]).unwrap();
    let (manifest, end) = (parts[0], parts[parts.len() - 1]);
    let runs = &parts[1..parts.len() - 1];
    let count = mac.log.events().count() as u64;
    let inflated = sealed(
        &[Event::new(Header { lamport: Lamport(99), ..mac.next() }, vec![]).unwrap()],
        &mac.key,
    );
    Value::Array(vec![
        check("the whole mesh", whole.clone()),
        with("runs in another order", &|runs| runs[1..].reverse()),
        with("a forgotten body", &|runs| runs[0].events[1].body = None),
        with("no runs", &Vec::clear),
        check("another file", b"PK\x03\x04 something".to_vec()),
        check("nothing", vec![]),
        check("cut off in a run", whole[..whole.len() / 2].to_vec()),
        check("cut off before the end", joined(&parts[..parts.len() - 1])),
        check("a byte behind the end", [whole.as_slice(), &[0]].concat()),
        changed("a changed time in the manifest", time + 8, 0x01),
        changed("a changed tip in the manifest", 8 + 4 + manifest.len() - 1, 0x01),
        changed("a changed signature at the end", whole.len() - 1, 0x01),
        with("a changed body", &|runs| runs[1].events[0].body = Some(vec![0x80])),
        with("an event left out", &|runs| drop(runs[0].events.remove(1))),
        with("a run signed by another", &|runs| {
            let tip = runs[2].head.tip;
            runs[2].head = SignedHead::sign(tip, &keys(9).1);
        }),
        with("a chain of another mesh", &|runs| {
            let (authority, key) = keys(9);
            let open = ChainOpen::new(MeshId([9; 32]), &authority, &key, [9; 32], [9; 32]);
            runs.push(sealed(&[open.first_event(AT).unwrap()], &key));
        }),
        with("an inflated clock", &|runs| runs.push(inflated.clone())),
        with("a run whose cause is missing", &|runs| drop(runs.remove(0))),
        closed("a wrong count", &[&[manifest], runs].concat(), count + 1),
        closed("an unknown record", &[manifest, &[0x82, 0x18, 0x2a, 0x00]], 0),
        closed("a message that is no run", &[manifest, &[0x82, 0x04, 0xf4]], 0),
        closed("two manifests", &[manifest, manifest], 0),
        check("an end first", joined(&[end])),
        closed("no manifest", &[runs, &[end]].concat(), count),
    ])
}

/// The records of a bundle.
fn records(bundle: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut records) = (&bundle[8..], Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (record, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        records.push(record);
        rest = behind;
    }
    records
}

/// Reads a bundle into an empty log: its head and canonical order, or the first bad record.
fn read_bundle(bytes: &[u8]) -> Result<Value, (Option<u64>, Code)> {
    let named = |error: BundleError, record: u64| match &error {
        BundleError::NotABundle => (None, of_bundle(&error)),
        BundleError::Truncated { record }
        | BundleError::TooLong { record, .. }
        | BundleError::Record { record, .. }
        | BundleError::Unknown { record, .. }
        | BundleError::Misplaced { record, .. } => (Some(*record), of_bundle(&error)),
        _ => (Some(record), of_bundle(&error)),
    };
    let mut reader = BundleReader::new(bytes).map_err(|error| named(error, 0))?;
    let (mut log, mut intake) = (MemoryLog::default(), Intake::default());
    let mut order = Vec::new();
    let mut places: BTreeMap<Tip, u64> = BTreeMap::new();
    let mut record = 0;
    while let Some(run) = reader.next_run() {
        record += 1;
        let run = run.map_err(|error| named(error, record))?;
        let chain = run.head.tip.chain;
        let key = log.key(&chain).or_else(|| intake.key(&chain));
        let run = run.verify(key).map_err(|error| (Some(record), of_run(&error)))?;
        run.is_of(reader.manifest().mesh).map_err(|error| (Some(record), of_run(&error)))?;
        places.insert(run.events[0].tip(), record);
        intake.offer(run, &log).map_err(|error| (Some(record), of_intake(&error)))?;
        let ready = intake.take_ready(&log);
        if let Some((first, error)) = ready.refused.first() {
            return Err((Some(places[first]), of_intake(error)));
        }
        order.extend(ready.batch.iter().flat_map(|run| &run.events).map(|e| (e.order(), e.id)));
        log.store(&ready.batch);
    }
    let waiting = intake.waiting().map(|(run, _)| places[&run.events[0].tip()]);
    if let Some(record) = waiting.min() {
        return Err((Some(record), "waits"));
    }
    order.sort_unstable();
    let order: Vec<_> = order.into_iter().map(|(_, id)| id).collect();
    Ok(json!({ "head": log.head(), "mesh": reader.manifest().mesh, "order": order }))
}
