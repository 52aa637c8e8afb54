//! What waits, other devices, clocks.

use mirror_store::Store;

use crate::ward::{Case, End, Patient, see_through};

pub const CASES: &[Case] = &[
    Case {
        kind: "vault-damaged",
        also: &[],
        exit: 4,
        end: End::Stays,
        make: |home| home.flip(&version(home)),
    },
    Case {
        kind: "vault-gone",
        also: &[],
        exit: 4,
        end: End::Stays,
        make: |home| std::fs::rename(home.path("vault"), home.path("unmounted")).unwrap(),
    },
    Case { kind: "waiting", also: &[], exit: 1, end: End::Stays, make: waiting },
    Case {
        kind: "waiting-full",
        also: &["waiting-damaged"],
        exit: 4,
        end: End::Mends,
        make: |home| waits(home, "zeroblob(63000000)"),
    },
    Case {
        kind: "waiting-damaged",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| waits(home, "x'00'"),
    },
    Case {
        kind: "remains",
        also: &[],
        exit: 1,
        end: End::Mends,
        make: |home| home.sql("INSERT INTO meta VALUES ('remains', x'31')"),
    },
    Case {
        kind: "leaving",
        also: &[],
        exit: 1,
        end: End::Mends,
        make: |home| home.sql("INSERT INTO leaving VALUES (randomblob(32), randomblob(32), 5)"),
    },
    Case {
        kind: "peer-damaged",
        also: &[],
        exit: 4,
        end: End::Mends,
        make: |home| home.sql("UPDATE peers SET told = x'ff'"),
    },
    Case {
        kind: "peer-silent",
        also: &[],
        exit: 0,
        end: End::Stays,
        make: |home| home.sql("UPDATE peers SET contact_ms = 1"),
    },
    Case {
        kind: "clock-off",
        also: &["full-text-behind"],
        exit: 1,
        end: End::Stays,
        make: |home| {
            home.home.json(&["note", "add", "soon", "--at", "2199-01-01T00:00:00Z"]);
        },
    },
    Case { kind: "forked", also: &["full-text-behind"], exit: 0, end: End::Stays, make: forked },
];

#[test]
fn troubles_with_others() {
    see_through(CASES);
}

fn waits(home: &Patient, run: &str) {
    home.sql(&format!(
        "INSERT INTO quarantine (chain, first_seq, last_seq, tip, run, reason, at_ms)
         VALUES (randomblob(32), 1, 2, randomblob(32), {run}, 'waits', 1)"
    ));
}

/// A run of the desk whose beginning has not come.
fn waiting(home: &Patient) {
    let desk = home.ward.desk.clone_as("Desk", home.ward.world.path("desk-ahead"));
    desk.captures("not here yet");
    desk.captures("nor this");
    let mut store = Store::open(&desk.folder().join("mirror.db")).unwrap();
    let chain = home.number("SELECT seq FROM chains WHERE ref = 2") as u64;
    let run = store.read(|view| {
        let row = view.chains()?.into_iter().find(|row| row.tip.seq == chain + 2).unwrap();
        view.run(Some(chain + 1), &row.head())
    });
    let run = minicbor::to_vec(run.unwrap().unwrap()).unwrap();
    waits(home, &format!("x'{}'", data_encoding::HEXLOWER.encode(&run)));
}

fn forked(home: &Patient) {
    let other = home.home.clone_as("Mac", home.ward.world.path("other-branch"));
    home.home.captures("on one branch");
    other.captures("on the other");
    let bundle = home.ward.world.path("branch.bundle");
    other.json(&["export", "-o", bundle.to_str().unwrap()]);
    home.home.json(&["import", bundle.to_str().unwrap()]);
}

/// One of the vault's kept versions.
fn version(home: &Patient) -> std::path::PathBuf {
    let mut folders = std::fs::read_dir(home.path("vault/.mirror/versions")).unwrap();
    let folder = folders.next().unwrap().unwrap().path();
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

/// What the doctor leaves to the scrub, the scrub mends.
#[test]
fn a_damaged_version_is_mended_by_the_scrub() {
    let patient = crate::ward::patient("scrub");
    let file = patient.path("vault/plans/garden.md");
    let now = std::fs::read(&file).unwrap();
    let versions = walk(&patient.path("vault/.mirror/versions"));
    let same = versions.into_iter().find(|path| std::fs::read(path).unwrap() == now).unwrap();
    patient.flip(&same);
    patient.home.run(&["doctor"]).exits(4);
    patient.home.run(&["vault", "scrub"]);
    patient.home.run(&["doctor"]).exits(0);
    patient.home.verifies();
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    folders.flat_map(|at| std::fs::read_dir(at).unwrap().map(|e| e.unwrap().path())).collect()
}
