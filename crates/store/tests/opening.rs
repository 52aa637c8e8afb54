//! How a database begins, and what is not taken for one.
#![allow(clippy::unwrap_used, clippy::panic)]

mod home;

use home::{append, home};
use mirror_store::{Store, StoreError};

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

/// What the second version and the third brought.
const SECOND: &str = "DROP TABLE vault_events; DROP TABLE vault_files; DROP TABLE shared_versions;
    DROP TABLE shared_replaced; DROP TABLE shared_conflicts; DROP TABLE shares;
    DROP TABLE shared_open; DROP TABLE shared_taken;";
const THIRD: &str = "DROP TABLE sessions; DROP TABLE session_events; DROP TABLE session_closes;
    DROP TABLE session_replaced; DROP TABLE distillates; DROP TABLE distillate_topics;
    DROP TABLE session_paths; DROP TABLE session_reviews; DROP TABLE session_search;
    DROP TABLE session_indexed; DROP TABLE session_marks; DROP TABLE session_told;
    DROP TABLE map_said; DROP TABLE checkpoint_clocks;";

#[test]
fn a_home_of_an_earlier_version_is_brought_up_by_whoever_opens_it_first() {
    for (version, lacks) in [(1, [SECOND, THIRD].concat()), (2, THIRD.to_owned())] {
        let (folder, mut store) = home();
        let event = append(&mut store, "written long ago");
        drop(store);
        let path = folder.path().join("mirror.db");
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.execute_batch(&format!("{lacks} PRAGMA user_version = {version};")).unwrap();
        drop(raw);
        let homes: Vec<_> = std::thread::scope(|scope| {
            let openers: Vec<_> = (0..4).map(|_| scope.spawn(|| Store::open(&path))).collect();
            openers.into_iter().map(|opener| opener.join().unwrap().unwrap()).collect()
        });
        for mut store in homes {
            let found = store.read(|view| {
                let sessions = view.newest_sessions(None, 1)?.len();
                let here = view.event(&event.id)?.is_some();
                Ok::<_, StoreError>((here, view.vault_file_count()?, sessions))
            });
            assert_eq!(found.unwrap(), (true, 0, 0), "from version {version}");
        }
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

/// What a power cut can leave of the first page: its place, without its bytes.
#[test]
fn a_creation_that_lost_power_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let (path, log) = (folder.path().join("mirror.db"), folder.path().join("mirror.db-wal"));
    for bytes in [4096, 5] {
        std::fs::write(&path, vec![0; bytes]).unwrap();
        std::fs::write(&log, b"what was committed").unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::NotAStore { .. })), "with a log");
        std::fs::remove_file(&log).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Missing { .. })));

        Store::create(&path).unwrap();

        Store::open(&path).unwrap();
    }
}

#[test]
fn a_database_that_starts_over_is_a_new_one() {
    let (_folder, mut store) = home();
    append(&mut store, "of an earlier attempt");

    store.write::<_, StoreError>(|tx| tx.start_over()).unwrap();

    assert_eq!(store.read::<_, StoreError>(|view| view.event_count()).unwrap(), 0);
    assert_eq!(store.check_pages().unwrap(), None);
}
