//! What waits, other devices, clocks.

use mirror_store::Store;

use crate::ward::{Case, End, Patient, see_through};

pub const CASES: &[Case] = &[
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
