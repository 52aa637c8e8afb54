//! What becomes of shared folders and the files in them, and the state digest.

use std::collections::BTreeMap;

use mirror_domain::body::{Cause, VaultShare, VaultWrite};
use mirror_domain::share::may_share;
use mirror_domain::{Body, Entry, FileGraph, FileRevision, Role, Shares, StateDigest};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::{BlobId, ChunkListHash, EventId, Tip};
use serde_json::{Value, json};

use super::mesh::{Member, all, take};
use super::world::{Reader, bundle, gathered, hears, hex, mesh, revoke_at, say};

fn share(by: &mut Member, folder: &str, shared: bool) -> Tip {
    say(by, &Body::VaultShare(VaultShare { folder: folder.to_owned(), shared }))
}

/// A shared version: its content is told by a number, `None` for a file that is gone.
fn version(path: &str, replaces: &[EventId], content: Option<u8>) -> VaultWrite {
    VaultWrite {
        path: path.to_owned(),
        replaces: replaces.to_vec(),
        from: None,
        to: content.map(|n| BlobId([n; 32])),
        bytes: content.map_or(0, |_| 9),
        cause: Cause::Write,
        by: None,
        reason: None,
        sources: vec![],
        shared: true,
        chunks: content.map(|n| ChunkListHash([n; 32])),
    }
}

fn write(by: &mut Member, path: &str, replaces: &[EventId], content: Option<u8>) -> EventId {
    say(by, &Body::VaultWrite(version(path, replaces, content))).id
}

/// What a reader of all that these devices have makes of it.
fn case(name: &str, devices: &[&Member]) -> Value {
    let runs = all(&gathered(devices));
    let mut log = MemoryLog::default();
    take(&mut log, runs.clone());
    let input = bundle(devices[0], &log, runs);
    let reader = Reader::new(&log, devices[0].open.mesh);
    let (mut digest, mut said) = (StateDigest::default(), Vec::new());
    let mut files: BTreeMap<String, Vec<FileRevision>> = BTreeMap::new();
    for member in reader.membership.all() {
        let revoked = member.revoked.is_some();
        digest.add(Entry::member(&member.device, &member.name, member.role, revoked));
    }
    for event in reader.ordered().into_iter().filter(|event| reader.counts(event)) {
        let author = reader.author(event);
        match Body::read(event) {
            Ok(Body::VaultWrite(write)) if write.shared => {
                let revision = FileRevision::new(&write, author, event.header.at, event.order());
                files.entry(write.path).or_default().push(revision);
            }
            Ok(Body::VaultShare(share)) => {
                digest.add(Entry::share(&event.id));
                let role = reader.membership.member(&author).map(|member| member.role);
                said.extend(may_share(role).then_some((event.order(), share)));
            }
            _ => {}
        }
    }
    let shares = Shares::fold(said);
    let mut told = Vec::new();
    for (path, revisions) in files {
        let graph = FileGraph::new(revisions);
        let leaves: Vec<EventId> = graph.leaves().iter().map(|leaf| leaf.id).collect();
        digest.add(Entry::file(&path, &leaves));
        let distinct = graph.distinct_leaves();
        told.push(json!({
            "path": path, "held": shares.hold(&path), "leaves": leaves,
            "contents": distinct.iter().map(|leaf| leaf.content).collect::<Vec<_>>(),
        }));
    }
    let folders: Vec<_> =
        shares.folders().map(|(folder, id, shared)| json!([folder, id, shared])).collect();
    let expect = json!({ "folders": folders, "files": told, "digest": hex(digest.0) });
    json!({ "name": name, "input": input, "expect": expect })
}

pub fn files() -> Value {
    Value::Array([folders(), versions(), others()].concat())
}

fn three() -> [Member; 3] {
    mesh(&[("laptop", Role::Node), ("phone", Role::Capture)]).try_into().ok().unwrap()
}

fn meet(a: &mut Member, b: &mut Member) {
    hears(a, b);
    hears(b, a);
}

fn folders() -> Vec<Value> {
    let [mut mac, mut laptop, mut phone] = three();
    share(&mut mac, "work", true);
    let plan = write(&mut mac, "work/plan.md", &[], Some(1));
    write(&mut mac, "worker.md", &[], Some(2));
    write(&mut mac, "work/open/deep/a.md", &[], Some(3));
    let mut cases = vec![case("a shared folder", &[&mac])];
    meet(&mut mac, &mut laptop);
    share(&mut laptop, "work", false);
    share(&mut laptop, "work/open", true);
    cases.push(case("the innermost folder of which something was said", &[&mac, &laptop]));
    share(&mut mac, "work", true);
    write(&mut mac, "work/plan.md", &[plan], Some(4));
    cases.push(case("two devices say otherwise of a folder", &[&mac, &laptop]));
    hears(&mut phone, &mac);
    hears(&mut phone, &laptop);
    share(&mut phone, "", true);
    share(&mut phone, "work", false);
    cases.push(case("a phone has no say", &[&mac, &laptop, &phone]));
    hears(&mut mac, &phone);
    share(&mut mac, "", true);
    share(&mut mac, "work", false);
    cases.push(case("the whole vault without a folder", &[&mac, &laptop, &phone]));
    cases
}

fn versions() -> Vec<Value> {
    let [mut mac, mut laptop, phone] = three();
    share(&mut mac, "", true);
    let first = write(&mut mac, "plan.md", &[], Some(1));
    meet(&mut mac, &mut laptop);
    let mine = write(&mut mac, "plan.md", &[first], Some(2));
    let mut cases = vec![case("a later version", &[&mac, &laptop])];
    let theirs = write(&mut laptop, "plan.md", &[first], Some(3));
    cases.push(case("two versions at once", &[&mac, &laptop, &phone]));
    meet(&mut mac, &mut laptop);
    let merged = write(&mut laptop, "plan.md", &[mine, theirs], Some(4));
    cases.push(case("two versions made one", &[&mac, &laptop]));
    write(&mut mac, "plan.md", &[mine, theirs], Some(4));
    cases.push(case("the same version twice", &[&mac, &laptop]));
    let gone = write(&mut laptop, "plan.md", &[merged], None);
    cases.push(case("a removal beside a version", &[&mac, &laptop]));

    let [mut mac, mut laptop, _] = three();
    let first = write(&mut mac, "plan.md", &[], Some(1));
    meet(&mut mac, &mut laptop);
    write(&mut mac, "plan.md", &[first], None);
    let away = write(&mut laptop, "plan.md", &[first], None);
    cases.push(case("removed on two devices", &[&mac, &laptop]));
    write(&mut laptop, "plan.md", &[away, gone], Some(5));
    cases.push(case("written anew beside a removal", &[&mac, &laptop]));

    let [mut mac, mut laptop, _] = three();
    write(&mut mac, "plan.md", &[], Some(1));
    write(&mut laptop, "plan.md", &[], Some(2));
    write(&mut laptop, "other.md", &[mine], Some(2));
    cases.push(case("two files of one name", &[&mac, &laptop]));
    cases
}

fn others() -> Vec<Value> {
    let [mut mac, mut laptop, _] = three();
    share(&mut mac, "", true);
    let first = write(&mut mac, "plan.md", &[], Some(1));
    meet(&mut mac, &mut laptop);
    let cut = share(&mut laptop, "in time", true);
    meet(&mut mac, &mut laptop);
    write(&mut laptop, "plan.md", &[first], Some(2));
    share(&mut laptop, "", false);
    revoke_at(&mut mac, &laptop, vec![cut]);
    let mut cases = vec![case("a version and a say beyond a cut", &[&mac, &laptop])];

    let mut says = |write: VaultWrite| {
        mac.add("vault.write", Body::VaultWrite(write).encode());
    };
    says(VaultWrite { shared: false, chunks: None, ..version("own.md", &[], Some(1)) });
    for path in ["", "/a", "a//b", "../a", "a/..", "a\nb", &"x".repeat(1025)] {
        says(version(path, &[], Some(1)));
    }
    says(VaultWrite { chunks: None, ..version("no list.md", &[], Some(1)) });
    says(VaultWrite { bytes: 0, ..version("no bytes.md", &[], Some(1)) });
    says(VaultWrite { bytes: 1 << 32, ..version("large.md", &[], Some(1)) });
    says(VaultWrite { bytes: 1, ..version("gone.md", &[], None) });
    says(VaultWrite { bytes: 0, chunks: None, ..version("not empty.md", &[], Some(1)) });
    says(version("17.md", &[first; 17], Some(1)));
    cases.push(case("what is no version", &[&mac, &laptop]));
    let empty = data_encoding::HEXLOWER
        .decode(b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let empty = BlobId(empty.unwrap().try_into().unwrap());
    let mut says = |write: VaultWrite| {
        mac.add("vault.write", Body::VaultWrite(write).encode());
    };
    says(VaultWrite {
        to: Some(empty),
        bytes: 0,
        chunks: None,
        ..version("empty.md", &[], Some(1))
    });
    says(VaultWrite { reason: Some("why".into()), ..version("a/16.md", &[first; 16], Some(1)) });
    cases.push(case("an empty file, and one that replaces sixteen", &[&mac, &laptop]));
    cases
}
