//! What the store promises.
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing, clippy::panic)]

use mirror_protocol::known::shared;
use mirror_protocol::{
    BodyHash, ChainId, ChainOpen, Event, Header, Known, Lamport, Point, SignedHead, SigningKey,
    Tip, VerifiedRun, WallTime,
};
use mirror_store::{Meta, NoteRow, Place, Store, StoreError, Tx};

const AT: WallTime = WallTime { unix_ms: 1_795_000_000_000, offset_min: 60 };

fn key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

fn home() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(&folder.path().join("mirror.db")).unwrap();
    let open = ChainOpen::found(&SigningKey::from_bytes(&[1; 32]), &key(), [3; 32], [4; 32]);
    let first = open.first_event(AT).unwrap();
    store
        .write::<_, StoreError>(|tx| {
            let branch = tx.open_chain(first.chain(), &open)?;
            tx.insert(branch, &first)?;
            tx.set_head(branch, &signed(&first), Lamport(1))
        })
        .unwrap();
    (folder, store)
}

fn signed(event: &Event) -> SignedHead {
    let tip = Tip { chain: event.chain(), seq: event.header.seq, id: event.id };
    SignedHead::sign(tip, &key())
}

/// Reads the tip, seals and inserts in one transaction, as every writer does.
fn append(store: &mut Store, text: &str) -> Event {
    store
        .write::<_, StoreError>(|tx| {
            let row = tx.chains()?.remove(0);
            let before = Point { seq: row.tip.seq, id: row.tip.id, lamport: row.lamport };
            let event = next(&before, row.tip.chain, text);
            tx.insert(row.branch, &event)?;
            tx.set_head(row.branch, &signed(&event), event.header.lamport)?;
            Ok(event)
        })
        .unwrap()
}

fn next(before: &Point, chain: ChainId, text: &str) -> Event {
    let header = Header {
        chain: Some(chain),
        seq: before.seq + 1,
        prev: Some(before.id),
        deps: vec![],
        lamport: Lamport(before.lamport.0 + 1),
        at: AT,
        kind: "note.add".into(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    Event::new(header, text.as_bytes().to_vec()).unwrap()
}

/// Stores events that follow a stored one, as they came from elsewhere.
fn follow(store: &mut Store, before: &Event, texts: &[&str]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut point = Point::of(before);
    for text in texts {
        let event = next(&point, before.chain(), text);
        point = Point::of(&event);
        events.push(event);
    }
    store
        .write::<_, StoreError>(|tx| {
            let branch = tx.attach(&events[0])?;
            for event in &events {
                tx.insert(branch, event)?;
            }
            tx.set_head(branch, &signed(events.last().unwrap()), point.lamport)
        })
        .unwrap();
    events
}

#[test]
fn an_event_is_found_by_id_by_place_and_by_the_beginning_of_its_id() {
    let (_folder, mut store) = home();
    let event = append(&mut store, "hello");
    store
        .read::<_, StoreError>(|view| {
            assert_eq!(view.event(&event.id)?, Some(event.clone()));
            assert_eq!(view.event_by_prefix(&event.id.to_string()[..9])?, Some(event.id));
            assert_eq!(view.event_by_prefix("zz")?, None);
            assert_eq!(view.point(&event.tip()), Some(Point::of(&event)));
            assert_eq!(view.point(&Tip { seq: 2, ..event.tip() }), None);
            view.take_error()
        })
        .unwrap();
}

#[test]
fn a_failed_write_leaves_nothing() {
    let (_folder, mut store) = home();
    let result = store.write::<(), StoreError>(|tx| {
        tx.set_meta(Meta::Draft, b"half")?;
        Err(StoreError::Ambiguous { prefix: "ab".into() })
    });
    assert!(result.is_err());
    assert_eq!(store.read(|view| view.meta(Meta::Draft)).unwrap(), None);
}

#[test]
fn the_number_of_notes_follows_every_change_of_the_list() {
    let (_folder, mut store) = home();
    let events: Vec<Event> = ["one", "two", "three"].map(|text| append(&mut store, text)).into();
    let row = |tx: &Tx<'_>, event: &Event, state| {
        let pos = tx.pos(&event.id).unwrap().unwrap();
        NoteRow { note: pos, latest: pos, lamport: event.header.lamport, at_ms: 0, state }
    };
    let counted = |store: &mut Store| store.read(|view| view.note_count()).unwrap();
    store
        .write::<_, StoreError>(|tx| {
            tx.lister()?.list_new(&events[0].id, &row(tx, &events[0], 0))?;
            tx.put_note(&row(tx, &events[1], 1), &[], None)?;
            tx.put_note(&row(tx, &events[2], 2), &[], None)
        })
        .unwrap();
    assert_eq!(counted(&mut store), 2, "one is put away");
    store
        .write::<_, StoreError>(|tx| {
            let before = row(tx, &events[0], 0);
            tx.put_note(&row(tx, &events[0], 2), &[], Some(&before))
        })
        .unwrap();
    assert_eq!(counted(&mut store), 1, "another one is");
    let undone = store.write::<(), StoreError>(|tx| {
        let before = row(tx, &events[0], 2);
        tx.put_note(&row(tx, &events[0], 0), &[], Some(&before))?;
        Err(StoreError::NoChain { event: events[0].id })
    });
    assert!(undone.is_err());
    assert_eq!(counted(&mut store), 1, "what is undone is not counted");
    store.write::<_, StoreError>(|tx| tx.clear_projections()).unwrap();
    assert_eq!(counted(&mut store), 0);
}

#[test]
fn pages_of_the_log_cover_every_event_once_newest_first() {
    let (_folder, mut store) = home();
    for n in 0..25 {
        append(&mut store, &format!("note {n}"));
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = store.read::<_, StoreError>(|v| v.newest_events(before, None, 10)).unwrap();
        let Some(last) = page.last() else { break };
        let (lamport, chain, seq, id) = last.order();
        before = Some(Place { lamport, chain, seq, id });
        seen.extend(page.iter().map(|event| event.header.seq));
    }
    assert_eq!(seen, (0..26).rev().collect::<Vec<_>>());
}

#[test]
fn runs_are_cut_where_heads_are_kept() {
    let (_folder, mut store) = home();
    for n in 0..300 {
        append(&mut store, &format!("note {n}"));
    }
    let last = store.read::<_, StoreError>(|v| Ok(v.chains()?.remove(0).head())).unwrap();
    append(&mut store, "after the last head was looked up");
    let chain = last.tip.chain;
    let (mut after, mut lengths) = (None, Vec::new());
    while let Some(run) = store.read(|view| view.run(after, &last)).unwrap() {
        let known = store.read::<_, StoreError>(|view| Ok(view.key(&chain))).unwrap();
        after = Some(run.head.tip.seq);
        lengths.push(run.verify(known).unwrap().events.len());
    }
    assert_eq!(lengths, [128, 128, 45]);
}

#[test]
fn branches_lie_beside_each_other_and_travel_whole() {
    let (_folder, mut store) = home();
    let main: Vec<Event> = (0..140).map(|n| append(&mut store, &format!("note {n}"))).collect();
    // From the 129th event on, another; and from that one's second, a third.
    let other = follow(&mut store, &main[128], &["a", "b", "c"]);
    let third = follow(&mut store, &other[1], &["d"]);
    assert_eq!(follow(&mut store, &other[2], &["e"])[0].header.seq, 133);
    let (rows, count) =
        store.read::<_, StoreError>(|v| Ok((v.chains()?, v.event_count()?))).unwrap();
    assert_eq!(count, 1 + 140 + 4 + 1);
    let seqs: Vec<_> = rows.iter().map(|row| (row.first, row.tip.seq)).collect();
    assert_eq!(seqs, [(132, 132), (130, 133), (0, 140)]);

    store
        .read::<_, StoreError>(|view| {
            let tip = third[0].tip();
            let at = |seq| view.ancestor(&tip, seq).map(|point| point.id);
            assert_eq!([at(128), at(129)], [Some(main[127].id), Some(main[128].id)]);
            assert_eq!([at(130), at(131)], [Some(other[0].id), Some(other[1].id)]);
            assert_eq!([at(132), at(133)], [Some(third[0].id), None]);
            assert_eq!(shared(view, &tip, &main[139].tip()), Some(Point::of(&main[128])));
            // A run of a branch reaches over from its parent; the kept head at 127 is of both.
            let head = rows[0].head();
            let first = view.run(None, &head)?.unwrap().verify(None).unwrap();
            assert_eq!(first.head.tip.seq, 127);
            let rest = view.run(Some(127), &head)?.unwrap();
            let rest = rest.verify(view.key(&tip.chain)).unwrap();
            let ids: Vec<_> = rest.events.iter().map(|event| event.id).collect();
            let expected = [&main[127], &main[128], &other[0], &other[1], &third[0]];
            assert_eq!(ids, expected.map(|event| event.id));
            view.take_error()
        })
        .unwrap();
}

#[test]
fn pages_of_the_log_cover_branches_too() {
    let (_folder, mut store) = home();
    let main: Vec<Event> = (0..9).map(|n| append(&mut store, &format!("note {n}"))).collect();
    follow(&mut store, &main[3], &["a", "b", "c", "d", "e", "f"]);
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = store.read::<_, StoreError>(|v| v.newest_events(before, None, 1)).unwrap();
        let Some(last) = page.last() else { break };
        let (lamport, chain, seq, id) = last.order();
        before = Some(Place { lamport, chain, seq, id });
        seen.push(last.order());
    }
    assert_eq!(seen.len(), 1 + 9 + 6);
    assert!(seen.is_sorted_by(|newer, older| newer > older));
}

#[test]
fn a_home_of_the_future_is_named_and_left_alone() {
    let (folder, store) = home();
    drop(store);
    let path = folder.path().join("mirror.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let error = Store::open(&path).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::TooNew { found: 99, supported: mirror_store::SCHEMA_VERSION, .. }
        ),
        "{error}"
    );
}

#[test]
fn a_home_of_the_first_version_is_brought_up_by_whoever_opens_it_first() {
    let (folder, mut store) = home();
    let event = append(&mut store, "written long ago");
    drop(store);
    let path = folder.path().join("mirror.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("DROP TABLE vault_events; DROP TABLE vault_files; PRAGMA user_version = 1;")
        .unwrap();
    drop(raw);
    let homes: Vec<_> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..4).map(|_| scope.spawn(|| Store::open(&path))).collect();
        openers.into_iter().map(|opener| opener.join().unwrap().unwrap()).collect()
    });
    for mut store in homes {
        let found = store.read(|view| {
            Ok::<_, StoreError>((view.event(&event.id)?.is_some(), view.vault_file_count()?))
        });
        assert_eq!(found.unwrap(), (true, 0));
    }
}

#[test]
fn garbage_and_absence_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mirror.db");
    assert!(matches!(Store::open(&path), Err(StoreError::Missing { .. })));
    std::fs::write(&path, b"this is no database at all").unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::NotAStore { .. })));
    std::fs::write(&path, b"SQLite format 3\0 and then garbage").unwrap();
    assert!(Store::open(&path).is_err());
}

#[test]
fn the_file_itself_says_write_ahead_log() {
    let (folder, _store) = home();
    let bytes = std::fs::read(folder.path().join("mirror.db")).unwrap();
    assert_eq!(bytes[18..20], [2, 2]);
}

#[test]
fn search_works_in_every_script_and_takes_signs_literally() {
    let (_folder, mut store) = home();
    let texts = ["नमस्ते दुनिया", "今天天气很好", "Crème brûlée AND \"quotes\" (x)", "plain words"];
    let mut places = Vec::new();
    for text in texts {
        let event = append(&mut store, text);
        let pos = store.read::<_, StoreError>(|v| Ok(v.pos(&event.id)?.unwrap())).unwrap();
        store.write::<_, StoreError>(|tx| tx.index_note(pos, text)).unwrap();
        places.push(pos);
    }
    let find = |store: &mut Store, terms: &[&str]| {
        store.read::<_, StoreError>(|v| Ok(v.search(terms, 10)?.unwrap_or_default())).unwrap()
    };
    assert_eq!(find(&mut store, &["दुनिया"]), [places[0]]);
    assert_eq!(find(&mut store, &["天天气"]), [places[1]]);
    assert_eq!(find(&mut store, &["creme", "AND"]), [places[2]]);
    assert_eq!(find(&mut store, &["\"quotes\" (x)"]), [places[2]]);
    assert_eq!(find(&mut store, &["nothing*"]), []);
    store.write::<_, StoreError>(|tx| tx.index_note(places[3], "other words")).unwrap();
    assert_eq!(find(&mut store, &["plain"]), []);
}

#[test]
fn two_connections_append_one_chain_without_a_gap() {
    let (folder, store) = home();
    drop(store);
    let path = folder.path().join("mirror.db");
    let writers: Vec<_> = (0..3)
        .map(|w| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut store = Store::open(&path).unwrap();
                for n in 0..60 {
                    append(&mut store, &format!("{w} {n}"));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let mut store = Store::open(&path).unwrap();
    let mut prev = None;
    store
        .read::<_, StoreError>(|view| {
            let branch = view.chains()?.remove(0).branch;
            assert_eq!(view.event_count()?, 181);
            view.walk::<StoreError>(branch, 0, |_, event| {
                assert_eq!(event.header.prev, prev);
                prev = Some(event.id);
                Ok(true)
            })
        })
        .unwrap();
}

/// A run of the only chain, from one position to another.
fn run(store: &mut Store, after: u64, to: u64) -> VerifiedRun {
    let run = store.read::<_, StoreError>(|view| {
        let row = view.chains()?.remove(0);
        let event = view.event_in(row.branch, to)?.unwrap();
        Ok((view.run(Some(after), &signed(&event))?.unwrap(), view.key(&row.tip.chain)))
    });
    let (run, key) = run.unwrap();
    run.verify(key).unwrap()
}

#[test]
fn a_waiting_run_stays_until_all_of_it_has_come() {
    let (_folder, mut store) = home();
    for n in 0..6 {
        append(&mut store, &format!("note {n}"));
    }
    let (long, short) = (run(&mut store, 2, 6), run(&mut store, 2, 4));
    // Another home that has come as far as the fourth.
    let (_other, mut store) = home();
    for n in 0..4 {
        append(&mut store, &format!("note {n}"));
    }
    let lasts = |store: &mut Store| -> Vec<u64> {
        let rows = store.read::<_, StoreError>(|view| view.quarantine()).unwrap();
        rows.iter().map(|row| row.run.head.tip.seq).collect()
    };
    store
        .write::<_, StoreError>(|tx| {
            assert!(tx.add_quarantine(&long, "waits", 1)?);
            assert!(tx.add_quarantine(&short, "waits", 2)?);
            assert!(tx.add_quarantine(&long, "waits still", 3)?, "once is enough");
            Ok(())
        })
        .unwrap();
    assert_eq!(lasts(&mut store), [6, 4]);

    store.write(|tx| tx.end_quarantine()).unwrap();

    assert_eq!(lasts(&mut store), [6]);
    let taken = store.write(|tx| tx.take_quarantine()).unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].reason, "waits still");
    assert!(lasts(&mut store).is_empty());
}

#[test]
fn waiting_runs_have_a_limit_and_the_one_beyond_it_is_not_kept() {
    let (_folder, mut store) = home();
    let text = "x".repeat(64 * 1024);
    for _ in 0..128 {
        append(&mut store, &text);
    }
    let mut adds = |after| {
        let run = run(&mut store, after, 128);
        store.write(|tx| tx.add_quarantine(&run, "waits", 1)).unwrap()
    };
    // Each is nearly 8 MiB, and 64 MiB may wait.
    assert!((0..8).all(&mut adds));
    assert!(!adds(8));
    assert!(adds(127), "a small one still has room");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, mut store) = home();
    append(&mut store, "secret");
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.path());
    }
}

#[test]
fn an_interrupted_creation_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mirror.db");
    std::fs::write(&path, []).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Missing { .. })));

    Store::create(&path).unwrap();

    Store::open(&path).unwrap();
}
