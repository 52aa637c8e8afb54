//! Files that notes carry.

use std::fs;
use std::path::PathBuf;

use crate::ward::{Case, End, Patient, see_through};

pub const CASES: &[Case] = &[
    Case {
        kind: "blob-damaged",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.flip(&memo(home)),
    },
    Case {
        kind: "blob-missing",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| fs::remove_file(memo(home)).unwrap(),
    },
    Case {
        kind: "blob-part-damaged",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| {
            fs::remove_file(memo(home)).unwrap();
            home.sql("UPDATE blobs SET state = 1, have = x'03'");
        },
    },
    Case {
        kind: "blob-list-damaged",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("UPDATE blobs SET list = x'00'"),
    },
    Case {
        kind: "blob-unnoticed",
        also: &[],
        exit: 1,
        end: End::Mends,
        make: |home| home.sql("UPDATE blobs SET state = 0"),
    },
    Case {
        kind: "blob-orphan",
        also: &[],
        exit: 0,
        end: End::Stays,
        make: |home| {
            fs::create_dir_all(home.path("blobs/ab")).unwrap();
            fs::write(home.path("blobs/ab").join("cd".repeat(31)), "whose?").unwrap();
        },
    },
];

#[test]
fn damages_of_files_that_notes_carry() {
    see_through(CASES);
}

/// The one file in the blobs' folder.
fn memo(home: &Patient) -> PathBuf {
    let mut folders = fs::read_dir(home.path("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let folder = folders.find(|path| path.file_name().unwrap().len() == 2).unwrap();
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}
