//! One well home is made once; each case gets a copy of it, spoils it, and calls the doctor.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde_json::Value;
use world::{Home, World, text};

/// What becomes of a damage.
#[derive(Clone, Copy, PartialEq)]
pub enum End {
    /// `--repair` alone mends it.
    Mends,
    /// It takes a bundle of another device.
    MendsFrom,
    /// It stays, and so does all that is left.
    Stays,
    /// It is mended by every opening.
    Opens,
}

pub struct Case {
    /// What the doctor has to call it.
    pub kind: &'static str,
    /// What comes with it.
    pub also: &'static [&'static str],
    /// How `mirror doctor` ends.
    pub exit: i32,
    pub end: End,
    /// Spoils a home.
    pub make: fn(&Patient),
}

/// A copy of the well home.
pub struct Patient {
    pub home: Home,
    pub ward: &'static Ward,
}

pub struct Ward {
    pub world: World,
    pub mac: Home,
    pub desk: Home,
    /// Everything, as the desk has it, sealed to the Mac.
    pub bundle: PathBuf,
    pub texts: BTreeSet<String>,
    count: Mutex<usize>,
}

impl Ward {
    fn open() -> Self {
        let world = World::new();
        let mac = world.first("Mac");
        let desk = world.joins("Desk", "anchor", &mac);
        let memo = world.write("memo.m4a", vec![7; 700_000]);
        mac.json(&["note", "add", "with a memo", "--audio", memo.to_str().unwrap()]);
        let note = text(&mac.captures("milk")["note"]).to_owned();
        mac.json(&["note", "edit", &note, "oat milk", "--tag", "home"]);
        let gone = text(&mac.captures("a password")["note"]).to_owned();
        mac.json(&["forget", &gone, "--reason", "why"]);
        mac.run_with(&["vault", "write", "plans/garden.md"], "beans\n").exits(0);
        mac.run_with(&["vault", "write", "plans/garden.md"], "beans and peas\n").exits(0);
        desk.captures("from the desk");
        desk.reconciles(&mac.serve()).exits(0);
        mac.captures("the last of the Mac");
        desk.captures("the last of the desk");
        desk.reconciles(&mac.serve()).exits(0);
        mac.run(&["search", "milk"]).exits(0);
        let bundle = world.path("desk.bundle");
        desk.json(&["export", "--for", "Mac", "-o", bundle.to_str().unwrap()]);
        let texts = mac.texts();
        Self { world, mac, desk, bundle, texts, count: Mutex::new(0) }
    }
}

pub fn patient(name: &str) -> Patient {
    static WARD: OnceLock<Ward> = OnceLock::new();
    let ward = WARD.get_or_init(Ward::open);
    let mut count = ward.count.lock().unwrap();
    *count += 1;
    let place = ward.world.path(&format!("{name}-{count}"));
    Patient { home: ward.mac.clone_as("Mac", place), ward }
}

impl Patient {
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.folder().join(name)
    }

    /// Runs SQL on the home's database, as a person with a shell could; the log is moved into the file.
    pub fn sql(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.path("mirror.db")).unwrap();
        database.pragma_update(None, "foreign_keys", false).unwrap();
        database.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    }

    pub fn number(&self, sql: &str) -> i64 {
        let database = rusqlite::Connection::open(self.path("mirror.db")).unwrap();
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Changes a byte in the middle of a file.
    pub fn flip(&self, file: &std::path::Path) {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }

    fn doctor(&self, args: &[&str], exit: i32) -> Vec<Value> {
        let ran = self.home.run(&[&["--json", "doctor"], args].concat()).exits(exit);
        ran.json()["findings"].as_array().unwrap().clone()
    }
}

/// Makes each case, and sees it through.
pub fn see_through(cases: &[Case]) {
    for case in cases {
        eprintln!("case {}", case.kind);
        let patient = patient(case.kind);
        (case.make)(&patient);
        let found = patient.doctor(&[], case.exit);
        let one = found.iter().find(|one| one["kind"] == case.kind);
        let one = one.unwrap_or_else(|| panic!("{} was not found: {found:#?}", case.kind));
        for part in ["what", "detail", "meaning", "way_out"] {
            assert!(!text(&one[part]).is_empty(), "{one}");
        }
        for one in &found {
            let kind = text(&one["kind"]);
            let known = kind == case.kind || case.also.contains(&kind);
            assert!(known, "{} was taken for {one:#}", case.kind);
        }
        let words = patient.home.run(&["doctor"]);
        if case.end != End::Opens {
            assert!(words.stdout.contains(case.kind), "{words:#?}");
            assert_eq!(words.code, Some(case.exit), "looking changes nothing: {words:#?}");
        }
        end(case, &patient);
    }
}

fn end(case: &Case, patient: &Patient) {
    let bundle = patient.ward.bundle.to_str().unwrap();
    match case.end {
        End::Stays => {
            patient.doctor(&["--repair"], case.exit);
            let still = patient.doctor(&[], case.exit);
            assert!(still.iter().any(|one| one["kind"] == case.kind), "{still:#?}");
            return;
        }
        End::Opens => {}
        End::Mends | End::MendsFrom => {
            let args: &[&str] = match case.end {
                End::Mends => &["--repair"],
                _ => &["--repair", "--from", bundle],
            };
            let found = patient.doctor(args, 0);
            let one = found.iter().find(|one| one["kind"] == case.kind);
            assert_eq!(one.expect("it is told of")["repaired"], true, "{found:#?}");
        }
    }
    let left = patient.doctor(&[], 0);
    assert!(!left.iter().any(|one| one["kind"] == case.kind), "{left:#?}");
    patient.home.verifies();
    assert_eq!(patient.home.texts(), patient.ward.texts, "{}: nothing is lost", case.kind);
    patient.home.captures("it goes on");
    patient.home.verifies();
}
