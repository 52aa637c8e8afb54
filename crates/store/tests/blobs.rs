//! What the store promises of blobs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;

use mirror_protocol::limits::CHUNK_BYTES;
use mirror_protocol::{BlobRef, ChainOpen, ChunkList, ChunkSet, Lamport, SigningKey, WallTime};
use mirror_store::{BlobFiles, BlobRow, BlobState, Completed, Pos, Store, StoreError, read_chunk};

const AT: WallTime = WallTime { unix_ms: 1_795_000_000_000, offset_min: 60 };

fn home() -> (tempfile::TempDir, Store, Pos) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(&folder.path().join("mirror.db")).unwrap();
    let key = SigningKey::from_bytes(&[2; 32]);
    let open = ChainOpen::found(&SigningKey::from_bytes(&[1; 32]), &key, [3; 32], [4; 32]);
    let first = open.first_event(AT).unwrap();
    let insert = store.write::<_, StoreError>(|tx| {
        let branch = tx.open_chain(first.chain(), &open)?;
        tx.insert(branch, &first)
    });
    (folder, store, insert.unwrap())
}

fn content(seed: u8, bytes: usize) -> (Vec<u8>, ChunkList) {
    let content: Vec<u8> =
        (0..bytes).map(|at| (at / CHUNK_BYTES) as u8 ^ (at as u8) ^ seed).collect();
    let list = ChunkList::of(&content).unwrap();
    (content, list)
}

fn names(store: &mut Store, pos: Pos, blob: &BlobRef, at: u64) {
    store.write::<_, StoreError>(|tx| tx.name_blob(blob, pos, Lamport(at))).unwrap();
}

fn row(store: &mut Store, blob: &BlobRef) -> BlobRow {
    store.read::<_, StoreError>(|view| view.blob(blob)).unwrap().unwrap()
}

#[test]
fn content_that_is_taken_in_lies_under_its_hash_once() {
    let (folder, ..) = home();
    let files = BlobFiles::new(folder.path());
    let (bytes, list) = content(1, 2 * CHUNK_BYTES + 5);
    for _ in 0..2 {
        assert_eq!(files.take_in(&mut bytes.as_slice()).unwrap(), list);
    }
    let name = list.name();
    assert_eq!(fs::read(files.path(&name.id)).unwrap(), bytes);
    assert!(files.holds(&name).unwrap());
    let found: Vec<_> = fs::read_dir(folder.path().join("blobs")).unwrap().collect();
    assert_eq!(found.len(), 1, "one folder, and no copy left over: {found:?}");
    // A part of it that was coming from elsewhere is of no use any more.
    files.part(&name).unwrap();
    files.take_in(&mut bytes.as_slice()).unwrap();
    assert!(files.open_part(&name).is_err() && files.holds(&name).unwrap());
    let error = files.take_in(&mut std::io::empty()).unwrap_err();
    assert!(matches!(error, StoreError::Blob(_)), "{error}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(files.path(&name.id)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_part_goes_on_where_it_was_cut_and_becomes_whole() {
    let (folder, ..) = home();
    let files = BlobFiles::new(folder.path());
    let (bytes, list) = content(2, 3 * CHUNK_BYTES + 5);
    let name = list.name();
    let chunks: Vec<_> = bytes.chunks(CHUNK_BYTES).collect();
    let mut part = files.part(&name).unwrap();
    part.write(0, chunks[0]).unwrap();
    part.write(2, chunks[2]).unwrap();
    // A write that was cut.
    part.write(3, &chunks[3][..2]).unwrap();
    drop(part);

    let mut part = files.part(&name).unwrap();
    let here = part.recover(&list, &ChunkSet::none(4)).unwrap();

    assert_eq!([0, 1, 2, 3].map(|index| here.contains(index)), [true, false, true, false]);
    assert_eq!(read_chunk(&files.open_part(&name).unwrap(), &name, 2).unwrap(), chunks[2]);
    assert!(!files.holds(&name).unwrap());
    part.write(3, chunks[3]).unwrap();
    assert_eq!(
        files.complete(&name, &list).unwrap(),
        Completed::Damaged({
            let mut good = ChunkSet::all(4);
            good = ChunkSet::from_bits(4, &[good.bits()[0] & 0b1101]);
            good
        })
    );
    part.write(1, chunks[1]).unwrap();
    part.sync().unwrap();
    assert_eq!(files.complete(&name, &list).unwrap(), Completed::Whole);
    assert_eq!(fs::read(files.path(&name.id)).unwrap(), bytes);
    assert_eq!(files.complete(&name, &list).unwrap(), Completed::Whole, "another process, too");
}

#[test]
fn a_name_of_another_content_is_found_false() {
    let (folder, ..) = home();
    let files = BlobFiles::new(folder.path());
    let (bytes, list) = content(3, CHUNK_BYTES + 1);
    let (_, other) = content(4, 9);
    let lie = BlobRef { id: other.name().id, ..list.name() };
    let mut part = files.part(&lie).unwrap();
    for (index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
        part.write(index as u32, chunk).unwrap();
    }
    assert_eq!(files.complete(&lie, &list).unwrap(), Completed::False);
    assert!(!files.path(&lie.id).exists());
}

#[test]
fn damaged_content_is_moved_aside_and_kept() {
    let (folder, ..) = home();
    let files = BlobFiles::new(folder.path());
    let (bytes, list) = content(5, 99);
    let name = list.name();
    files.take_in(&mut bytes.as_slice()).unwrap();
    fs::write(files.path(&name.id), b"rot").unwrap();
    assert!(!files.holds(&name).unwrap());
    let aside = files.set_aside(&name.id, 7).unwrap().unwrap();
    assert_eq!(fs::read(aside).unwrap(), b"rot");
    assert!(!files.path(&name.id).exists());
    assert_eq!(files.set_aside(&name.id, 8).unwrap(), None);
}

#[test]
fn what_is_missing_is_listed_wanted_first_then_newest_then_smallest() {
    let (_folder, mut store, pos) = home();
    let [old, new, small, wanted, whole] =
        [50, 40, 30, 60, 10].map(|bytes| content(bytes as u8, bytes).1);
    names(&mut store, pos, &old.name(), 3);
    names(&mut store, pos, &new.name(), 9);
    names(&mut store, pos, &small.name(), 9);
    names(&mut store, pos, &wanted.name(), 1);
    names(&mut store, pos, &whole.name(), 10);
    let mut asked = row(&mut store, &wanted.name());
    asked.wanted = true;
    store
        .write::<_, StoreError>(|tx| {
            tx.put_blob(&asked)?;
            tx.own_blob(&whole.name(), &whole.encode())
        })
        .unwrap();
    let mut order = Vec::new();
    store
        .read::<_, StoreError>(|view| {
            view.missing_blobs::<StoreError>(|row| {
                order.push(row.blob);
                Ok(order.len() < 9)
            })
        })
        .unwrap();
    assert_eq!(order, [wanted.name(), small.name(), new.name(), old.name()]);
    // An event that names it again makes it new.
    names(&mut store, pos, &old.name(), 12);
    let blobs = store.read::<_, StoreError>(|view| view.blobs()).unwrap();
    assert_eq!(blobs[0].blob, old.name());
    let bytes = store.read::<_, StoreError>(|view| view.blob_bytes()).unwrap();
    assert_eq!(bytes, 10, "what is not here takes no room");
}

#[test]
fn a_blob_is_absent_then_in_part_then_whole() {
    let (_folder, mut store, pos) = home();
    let (_, list) = content(6, 3 * CHUNK_BYTES);
    let name = list.name();
    names(&mut store, pos, &name, 1);
    assert_eq!(row(&mut store, &name).state, BlobState::Absent);
    store.write::<_, StoreError>(|tx| tx.begin_blob(&name, &list.encode())).unwrap();
    for index in [0, 2] {
        let mut more = ChunkSet::none(3);
        more.insert(index);
        store.write::<_, StoreError>(|tx| tx.add_chunks(&name, &more)).unwrap();
    }
    let part = row(&mut store, &name);
    assert_eq!((part.state, part.have.count()), (BlobState::Partial, 2));
    store.write::<_, StoreError>(|tx| tx.own_blob(&name, &list.encode())).unwrap();
    let whole = row(&mut store, &name);
    assert!(whole.state == BlobState::Present && whole.have.is_whole());
    // A second peer's list does not make less of it.
    store.write::<_, StoreError>(|tx| tx.begin_blob(&name, &list.encode())).unwrap();
    assert_eq!(row(&mut store, &name), whole);
    let kept = store.read::<_, StoreError>(|view| view.chunk_list(&name)).unwrap();
    assert_eq!(kept, Some(list.encode()));
    let refs = store.read::<_, StoreError>(|view| view.blob_refs(&name)).unwrap();
    assert_eq!(refs, [pos]);
}
