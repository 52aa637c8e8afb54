//! The fuzzer's corpus, replayed: what it once found, and every turn that it knows, holds.

#[path = "../fuzz/checks/mod.rs"]
mod checks;

/// What the checks test.
use mirror_link as link;

use std::path::{Path, PathBuf};

use checks::TARGETS;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn everything_that_the_fuzzer_knows_holds() {
    for (target, check) in TARGETS {
        let folder = root().join("fuzz/corpus").join(target);
        let mut files: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() > 5, "{} holds {} files", folder.display(), files.len());
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            // A check that fails says what; this says on which file.
            let held = std::panic::catch_unwind(|| check(&bytes));
            assert!(held.is_ok(), "{target} does not hold for {}", file.display());
        }
    }
}

#[test]
fn every_vector_holds() {
    for (target, bytes) in vectors() {
        checks::check(target, &bytes);
    }
}

/// Where the fuzzer begins: `cargo xtask fuzz` runs this.
#[test]
#[ignore = "writes files: the seeds under target/fuzz"]
fn seeds() {
    let folder =
        PathBuf::from(std::env::var_os("MIRROR_SEEDS").expect("MIRROR_SEEDS names a folder"));
    for (target, _) in TARGETS {
        std::fs::create_dir_all(folder.join(target)).unwrap();
    }
    for (number, (target, bytes)) in vectors().into_iter().enumerate() {
        std::fs::write(folder.join(target).join(format!("seed-{number}")), bytes).unwrap();
    }
}

/// The inputs of the vectors, and what the vectors do not have, each for its target.
fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let cases = |name: &str| -> Vec<Value> {
        let path = root().join(format!("tests/vectors/{name}.json"));
        let cases: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        cases.as_array().unwrap().iter().map(|case| case["input"].clone()).collect()
    };
    let bytes = |value: &Value| value.as_str().map(unhex).unwrap_or_default();
    let mut all = Vec::new();
    for input in cases("headers") {
        let (header, body) = (bytes(&input["header"]), bytes(&input["body"]));
        let length = u16::try_from(header.len()).unwrap().to_be_bytes();
        all.push(("event", [length.as_slice(), &header, &body].concat()));
        all.push(("header", header));
    }
    all.extend(cases("opens").iter().map(|input| ("open", bytes(&input["body"]))));
    all.extend(cases("runs").iter().map(|input| ("run", bytes(&input["run"]))));
    all.extend(cases("messages").iter().map(|input| ("message", bytes(&input["message"]))));
    all.extend(cases("bundles").iter().map(|input| ("bundle", bytes(&input["bundle"]))));
    let blobs = cases("blobs");
    for (target, field) in [("blob", "message"), ("bundle", "bundle")] {
        let has = blobs.iter().filter(|input| input[field].is_string());
        all.extend(has.map(|input| (target, bytes(&input[field]))));
    }
    all.extend(bodies());
    all.extend(links());
    // A session that is honest to its end, and each of the liar's habits by itself.
    all.extend((0..16).map(|habit| {
        ("session", [0, 0, 15, 15].repeat(4).into_iter().chain([habit; 40]).collect())
    }));
    all.extend(
        (0..16).map(|habit| ("session", vec![200, 200, 15, habit, habit, 15, habit, 8, 1, habit])),
    );
    all
}

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    use mirror_domain::body::{
        DeviceAdmit, DeviceRename, DeviceRevoke, NoteAdd, NoteArchive, NoteEdit,
    };
    use mirror_domain::{Body, Role};
    use mirror_protocol::{ChainId, DeviceId, EventId, Tip};
    let (note, device) = (EventId([1; 32]), DeviceId([2; 32]));
    let (text, tags) = ("शुभ 🙂".to_owned(), vec!["idea".to_owned()]);
    let (name, heads) =
        ("Pixel".to_owned(), vec![Tip { chain: ChainId([3; 32]), seq: 4, id: note }]);
    let bodies = [
        Body::NoteAdd(NoteAdd { text: text.clone(), tags: tags.clone(), attachments: vec![] }),
        Body::NoteEdit(NoteEdit { note, replaces: vec![note], text, tags, attachments: None }),
        Body::NoteArchive(NoteArchive { note, replaces: vec![note] }),
        Body::DeviceAdmit(DeviceAdmit { device, name: name.clone(), role: Role::Node }),
        Body::DeviceRename(DeviceRename { device, name }),
        Body::DeviceRevoke(DeviceRevoke { device, heads }),
    ];
    let kinds = bodies.iter().enumerate();
    kinds.map(|(kind, body)| ("body", [&[kind as u8], body.encode().as_slice()].concat())).collect()
}

fn links() -> Vec<(&'static str, Vec<u8>)> {
    use mirror_link::pair::{PairAnswer, PairRequest};
    use mirror_link::{SealError, Sealing, Ticket, write_sealed};
    use mirror_protocol::{DeviceId, MeshId, PublicKey};
    let ticket = Ticket {
        mesh: MeshId([1; 32]),
        key: PublicKey([2; 32]),
        addresses: vec!["127.0.0.1:4711".into(), "[::1]:4711".into()],
        secret: [3; 16],
        expires_ms: 1_795_000_000_000,
    };
    let request = PairRequest { secret: [1; 16], device: DeviceId([2; 32]), name: "Pixel".into() };
    let mut all = vec![
        ("ticket", ticket.to_string().into_bytes()),
        ("ticket", format!(" {}\n", ticket.to_string().to_uppercase()).into_bytes()),
        ("ticket", b"mirror2abc".to_vec()),
        ("pair", request.encode()),
        ("pair", PairAnswer { refused: None }.encode()),
        ("pair", PairAnswer { refused: Some("this ticket is unknown here".into()) }.encode()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealed");
    let ours = Sealing::from_secret(checks::SEALING).unwrap().recipient();
    for (to, length) in
        [(vec![ours], 0), (vec![ours], 100), (vec![Sealing::generate().recipient(), ours], 66_000)]
    {
        write_sealed::<_, SealError>(&path, &to, |out| Ok(out.write_all(&vec![7; length])?))
            .unwrap();
        all.push(("sealed", std::fs::read(&path).unwrap()));
    }
    all
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}
