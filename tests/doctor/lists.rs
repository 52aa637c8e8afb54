//! What follows from the events, and the full-text index.

use crate::ward::{Case, End, see_through};

pub const CASES: &[Case] = &[
    Case {
        kind: "notes-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("UPDATE notes SET at_ms = at_ms + 1"),
    },
    Case {
        kind: "tags-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("DELETE FROM note_tags"),
    },
    Case {
        kind: "revisions-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("INSERT INTO revisions VALUES (randomblob(32), 1)"),
    },
    Case {
        kind: "members-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("UPDATE members SET role = 2"),
    },
    Case {
        kind: "forgotten-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("INSERT INTO forgotten VALUES (randomblob(32), randomblob(32), 5)"),
    },
    Case {
        kind: "file-names-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("DELETE FROM blob_refs"),
    },
    Case {
        kind: "vault-list-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("DELETE FROM vault_events"),
    },
    Case {
        kind: "sessions-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("INSERT INTO session_replaced VALUES (randomblob(32), 1)"),
    },
    Case {
        kind: "state-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| {
            // The fold's version, and behind it the digest.
            let sql = "SELECT hex(value) FROM meta WHERE key = 'state'";
            let database = rusqlite::Connection::open(home.path("mirror.db")).unwrap();
            let hex: String = database.query_row(sql, [], |row| row.get(0)).unwrap();
            let wrong = format!("{}{}", &hex[..8], "ab".repeat(32));
            home.sql(&format!("UPDATE meta SET value = x'{wrong}' WHERE key = 'state'"));
        },
    },
    Case {
        kind: "count-wrong",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("UPDATE meta SET value = x'0000000000000063' WHERE key = 'notes'"),
    },
    Case {
        kind: "full-text-damaged",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| {
            home.sql("UPDATE search_data SET block = zeroblob(length(block)) WHERE id > 10")
        },
    },
    Case {
        kind: "full-text-short",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("INSERT INTO search (search) VALUES ('delete-all')"),
    },
    Case {
        kind: "full-text-behind",
        also: &[],
        exit: 0,
        end: End::Stays,
        make: |home| drop(home.home.captures("not indexed yet")),
    },
];

#[test]
fn damages_of_lists() {
    see_through(CASES);
}

/// The kept number is part of what `verify --deep` compares.
#[test]
fn a_wrong_number_of_notes_is_found_by_verify_too() {
    let patient = crate::ward::patient("count");
    patient.sql("UPDATE meta SET value = x'0000000000000063' WHERE key = 'notes'");
    let found = patient.home.run(&["--json", "verify", "--deep"]).exits(4).json();
    assert_eq!(found["first_bad"]["what"], "projection", "{found}");
    assert_eq!(found["first_bad"]["id"], "count", "{found}");
    patient.home.run(&["doctor", "--rebuild"]).exits(0);
    patient.home.verifies();
}
