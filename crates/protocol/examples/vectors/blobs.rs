//! The vectors of blobs: chunk lists, chunks, messages, and blobs in a bundle.

use mirror_protocol::blob::{BlobError, BlobMessage, ChunkRange, Want};
use mirror_protocol::bundle::{BundleReader, BundleWriter, Record};
use mirror_protocol::limits::{CHUNK_BYTES, MAX_BLOB_BYTES};
use mirror_protocol::{BlobId, BlobRef, ChunkList, ChunkListHash};
use serde_json::{Value, json};

use super::codes::{Code, of_bundle, of_message};
use super::{case, hex};

fn of_blob(error: &BlobError) -> Code {
    match error {
        BlobError::Size { .. } => "size",
        BlobError::OtherList { .. } => "list",
        BlobError::BadList { .. } => "malformed",
        BlobError::OtherChunk { .. } => "chunk",
        BlobError::ChunkLength { .. } => "length",
    }
}

/// Content is long, so it is told: byte `n` is `(n / 262144 + 31 * n) mod 256`.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| ((n / CHUNK_BYTES) + 31 * n) as u8).collect()
}

fn named(blob: &BlobRef) -> Value {
    json!({ "id": blob.id, "bytes": blob.bytes, "chunks": blob.chunks })
}

fn names() -> Vec<Value> {
    let name = |title: &str, bytes: usize| {
        let list = ChunkList::of(&content(bytes));
        let expect =
            list.map(|list| json!({ "blob": named(&list.name()), "list": hex(list.encode()) }));
        case(title, json!({ "content": bytes }), expect.map_err(|error| of_blob(&error)))
    };
    vec![
        name("a blob of one byte", 1),
        name("a blob of one chunk", CHUNK_BYTES),
        name("a blob of a chunk and a byte", CHUNK_BYTES + 1),
        name("a blob of three chunks", 3 * CHUNK_BYTES - 7),
        name("an empty blob", 0),
    ]
}

fn lists() -> Vec<Value> {
    let list = ChunkList::of(&content(CHUNK_BYTES + 1)).unwrap();
    let (blob, encoded) = (list.name(), list.encode());
    let read = |title: &str, blob: BlobRef, encoded: Vec<u8>| {
        let input = json!({ "blob": named(&blob), "list": hex(&encoded) });
        let read = ChunkList::read(&blob, &encoded);
        case(
            title,
            input,
            read.map(|list| json!({ "chunks": list.count() })).map_err(|e| of_blob(&e)),
        )
    };
    // What a name could bind, if whoever wrote the event lied.
    let bound = |title: &str, bytes: u64, encoded: Vec<u8>| {
        let chunks = ChunkListHash(mirror_protocol::id::hash("mirrordna/chunks/1", &[&encoded]));
        read(title, BlobRef { bytes, chunks, ..blob }, encoded)
    };
    let longer = [&encoded[..1], &[0x1b, 0, 0, 0, 0], &encoded[2..]].concat();
    vec![
        read("a chunk list", blob, encoded.clone()),
        read("another chunk list", blob, ChunkList::of(b"tea").unwrap().encode()),
        read("a chunk list cut off", blob, encoded[..40].to_vec()),
        bound("a chunk list of another size", blob.bytes + 1, encoded.clone()),
        bound("a chunk list in a longer form", blob.bytes, longer),
        bound("a byte behind the chunk list", blob.bytes, [encoded.as_slice(), &[0]].concat()),
        bound(
            "a chunk list with a chunk too few",
            blob.bytes,
            encoded[..encoded.len() - 34].to_vec(),
        ),
        bound(
            "a chunk list that claims 2^32 chunks",
            blob.bytes,
            vec![0x82, 0x01, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0],
        ),
    ]
}

fn chunks() -> Vec<Value> {
    let whole = content(CHUNK_BYTES + 1);
    let list = ChunkList::of(&whole).unwrap();
    let (blob, last) = (list.name(), vec![whole[CHUNK_BYTES]]);
    let check = |title: &str, index: u32, chunk: &[u8]| {
        let input = json!({
            "blob": named(&blob), "list": hex(list.encode()), "index": index, "chunk": hex(chunk),
        });
        case(title, input, list.check(index, chunk).map(|()| json!({})).map_err(|e| of_blob(&e)))
    };
    vec![
        check("the last chunk", 1, &last),
        check("another chunk", 1, &[last[0] ^ 1]),
        check("a chunk cut off", 0, &last),
        check("a chunk too long", 1, &[last[0], 0]),
        check("a chunk behind the last", 2, &last),
    ]
}

fn messages() -> Vec<Value> {
    let list = ChunkList::of(&content(2 * CHUNK_BYTES)).unwrap();
    let blob = list.name();
    let small = ChunkList::of(b"tea").unwrap();
    let read = |title: &str, bytes: Vec<u8>| {
        let input = json!({ "message": hex(&bytes) });
        let read = BlobMessage::decode(&bytes);
        let number = || minicbor::Decoder::new(&bytes[1..]).u8().unwrap();
        case(title, input, read.map(|_| json!({ "type": number() })).map_err(|e| of_message(&e)))
    };
    let said = |title: &str, message: BlobMessage| read(title, message.encode());
    let range = |first, count| ChunkRange { first, count };
    let want = |blob, ranges: &[ChunkRange]| Want { blob, list: true, ranges: ranges.to_vec() };
    let wants = |title: &str, wants: Vec<Want>| said(title, BlobMessage::Wants(wants));
    let chunk = |bytes: Vec<u8>| BlobMessage::Chunk { blob: small.name(), index: 0, bytes };
    let huge = BlobRef { bytes: MAX_BLOB_BYTES + 1, ..blob };
    let long: Vec<_> = (0..17).map(|n| range(2 * n, 1)).collect();
    let large = BlobRef { bytes: MAX_BLOB_BYTES, ..blob };
    let same = Want { list: false, ..want(small.name(), &[range(0, 1)]) };
    vec![
        wants("Wants", vec![want(blob, &[range(0, 2)]), same.clone()]),
        wants("the largest blob", vec![want(large, &[range(0, 1), range(2, 16_382)])]),
        said("List", BlobMessage::List { blob, list: list.encode() }),
        said("Chunk", chunk(b"tea".to_vec())),
        said("Sent", BlobMessage::Sent),
        said("Done with blobs", BlobMessage::Done),
        said("Refuse a blob", BlobMessage::Refuse),
        wants("wants nothing", vec![]),
        wants("257 wanted blobs", vec![same; 257]),
        wants("a want without a range", vec![want(blob, &[])]),
        wants("17 ranges", vec![want(large, &long)]),
        wants("an empty range", vec![want(blob, &[range(0, 0)])]),
        wants("ranges that touch", vec![want(blob, &[range(0, 1), range(1, 1)])]),
        wants("a range behind the last chunk", vec![want(blob, &[range(1, 2)])]),
        wants("a blob over the limit", vec![want(huge, &[range(0, 1)])]),
        wants("a blob of no bytes", vec![want(BlobRef { bytes: 0, ..blob }, &[range(0, 1)])]),
        read("a blob message of a later version", vec![0x81, 0x18, 0x1a]),
        read("a blob message with too many fields", vec![0x82, 0x17, 0x00]),
        read("a blob message in a longer form", vec![0x81, 0x19, 0x00, 0x18]),
        read("a blob message cut off", vec![0x82, 0x14]),
    ]
}

fn in_bundles() -> Vec<Value> {
    let mesh = super::mesh::Mesh::new();
    let mac = &mesh.mac;
    let list = ChunkList::of(b"tea").unwrap();
    let blob = list.name();
    let said = BlobMessage::List { blob, list: list.encode() };
    let tea = BlobMessage::Chunk { blob, index: 0, bytes: b"tea".to_vec() };
    let pea = BlobMessage::Chunk { blob, index: 0, bytes: b"pea".to_vec() };
    let lie = BlobRef { id: BlobId([7; 32]), ..blob };
    let liar = [
        BlobMessage::List { blob: lie, list: list.encode() },
        BlobMessage::Chunk { blob: lie, index: 0, bytes: b"tea".to_vec() },
    ];
    let bundle = |title: &str, blobs: &[BlobMessage], run_behind: bool| {
        let manifest = super::bundles::manifest(mac);
        let mut writer = BundleWriter::new(Vec::new(), &manifest, &mac.key).unwrap();
        let mut runs = super::mesh::all(&mac.log);
        let last = runs.pop().unwrap();
        runs.into_iter().for_each(|run| writer.run(run).unwrap());
        if !run_behind {
            writer.run(last.clone()).unwrap();
        }
        blobs.iter().for_each(|message| writer.blob(message).unwrap());
        if run_behind {
            writer.run(last).unwrap();
        }
        let bytes = writer.finish().unwrap().1;
        let input = json!({ "bundle": hex(&bytes) });
        match read(&bytes) {
            Ok(whole) => json!({ "name": title, "input": input, "expect": { "blobs": whole } }),
            Err((record, error)) => {
                json!({ "name": title, "input": input, "error": error, "record": record })
            }
        }
    };
    vec![
        bundle("a bundle with a blob", &[said.clone(), tea.clone()], false),
        bundle("a bundle with a part of a blob", std::slice::from_ref(&said), false),
        bundle("a chunk without its list in a bundle", &[tea], false),
        bundle("another chunk in a bundle", &[said.clone(), pea], false),
        bundle("a run behind a blob", std::slice::from_ref(&said), true),
        bundle("a message about blobs that is no blob", &[BlobMessage::Sent], false),
        bundle("a name of another content in a bundle", &liar, false),
    ]
}

/// The blobs that a bundle brings whole, or the first bad record.
fn read(bundle: &[u8]) -> Result<Vec<BlobId>, (u64, Code)> {
    let mut reader = BundleReader::new(bundle).unwrap();
    let (mut record, mut list, mut content) = (0, None::<(BlobRef, ChunkList)>, Vec::new());
    let mut whole = Vec::new();
    while let Some(next) = reader.next_record() {
        record += 1;
        let bad = |code| (record, code);
        match next.map_err(|error| bad(of_bundle(&error)))? {
            Record::Run(_) => {}
            Record::Blob(BlobMessage::List { blob, list: encoded }) => {
                let read =
                    ChunkList::read(&blob, &encoded).map_err(|error| bad(of_blob(&error)))?;
                (list, content) = (Some((blob, read)), Vec::new());
            }
            Record::Blob(BlobMessage::Chunk { blob, index, bytes }) => {
                let (of, list) = list.as_ref().filter(|(of, _)| *of == blob).ok_or(bad("list"))?;
                list.check(index, &bytes).map_err(|error| bad(of_blob(&error)))?;
                content.extend(bytes);
                if content.len() as u64 == of.bytes {
                    let found = ChunkList::of(&content).unwrap().name();
                    (found == *of).then(|| whole.push(of.id)).ok_or(bad("content"))?;
                }
            }
            Record::Blob(_) => return Err(bad("misplaced")),
        }
    }
    Ok(whole)
}

/// All cases.
pub fn cases() -> Value {
    Value::Array([names(), lists(), chunks(), messages(), in_bundles()].concat())
}
