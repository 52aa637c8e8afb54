//! What a bundle's reader refuses, and which record it names.
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing, clippy::panic)]

use mirror_protocol::bundle::{BundleError, BundleReader, BundleWriter, Manifest};
use mirror_protocol::message::Message;
use mirror_protocol::public_key;

mod common;
use common::{Node, all, mesh_of};

fn manifest(node: &Node) -> Manifest {
    Manifest {
        mesh: node.mesh,
        device: node.device,
        key: public_key(&node.key),
        head: node.log.head(),
        since: None,
        unix_ms: 0,
        tips: node.log.tips(),
    }
}

/// A bundle of the given records after the manifest, closed by a right end that claims `events`.
fn bundle(node: &Node, records: &[Vec<u8>], events: u64) -> Vec<u8> {
    use mirror_protocol::id::hash;
    use sha2::{Digest, Sha256};
    let (_, bytes) =
        BundleWriter::new(Vec::new(), &manifest(node), &node.key).unwrap().finish().unwrap();
    let end = 4 + 1 + 1 + 1 + 2 + 64;
    let mut bytes = bytes[..bytes.len() - end].to_vec();
    let record = |bytes: &mut Vec<u8>, record: &[u8]| {
        bytes.extend_from_slice(&u32::try_from(record.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(record);
    };
    for content in records {
        record(&mut bytes, content);
    }
    let before: [u8; 32] = Sha256::digest(&bytes).into();
    let message = hash("mirrordna/bundle/1", &[&before, &events.to_be_bytes()]);
    let mut e = minicbor::Encoder::new(Vec::new());
    let signature = ed25519_dalek::Signer::sign(&node.key, &message).to_bytes();
    e.array(3).unwrap().u8(11).unwrap().u64(events).unwrap().bytes(&signature).unwrap();
    record(&mut bytes, &e.into_writer());
    bytes
}

fn errors(bytes: &[u8]) -> Vec<String> {
    let mut reader = match BundleReader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return vec![error.to_string()],
    };
    let mut errors = Vec::new();
    while let Some(run) = reader.next_run() {
        errors.extend(run.err().map(|error: BundleError| error.to_string()));
    }
    errors
}

#[test]
fn a_bundles_end_counts_its_events() {
    let nodes = mesh_of(1);
    let run = Message::Run(all(&nodes[0].log).remove(0)).encode();
    assert_eq!(errors(&bundle(&nodes[0], std::slice::from_ref(&run), 1)), Vec::<String>::new());
    let expected = "record 2: the bundle's end counts 2 events, its runs hold 1";
    assert_eq!(errors(&bundle(&nodes[0], &[run], 2)), [expected]);
}

#[test]
fn records_that_do_not_belong_into_a_bundle_are_named() {
    let nodes = mesh_of(1);
    let wrong = |record: Vec<u8>| errors(&bundle(&nodes[0], &[record], 0));
    assert_eq!(wrong(vec![0x82, 0x18, 0x2a, 0x00]), ["record 1: unknown type 42"]);
    assert_eq!(wrong(Message::Done(true).encode()), ["record 1: expected a run or the end"]);
    assert_eq!(wrong(vec![0x82, 0x0a, 0x00]), ["record 1: expected a run or the end"]);
    let mut other = bundle(&nodes[0], &[], 0);
    // The manifest's type, behind the magic, its length, and the array's head.
    assert_eq!(other[13], 0x0a);
    other[13] = 0x0c;
    assert_eq!(errors(&other), ["record 0: unknown type 12"]);
}
