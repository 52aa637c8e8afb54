//! Writers of known quality, which prove the harness: it has to catch the careless and to pass the careful.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use mirror_node::Result;
use rusqlite::Connection;

use super::found::text;
use super::{Checked, Place, Workload, say};

const WRITES: u64 = 12;

pub fn all() -> Vec<Workload> {
    let file = |name, work| writer(name, work, check_file);
    let base = |name, work| writer(name, work, check_database);
    vec![
        file("writer-naive", |place| replaces(place, naive)),
        file("writer-rename-only", |place| replaces(place, rename_only)),
        file("writer-no-folder-sync", |place| replaces(place, no_folder_sync)),
        file("writer-atomic", |place| replaces(place, atomic)),
        file("writer-atomic-retries", |place| replaces(place, atomic_retries)),
        writer("writer-log", append, check_log),
        base("sqlite-wal-full", |place| inserts(place, "wal", "FULL")),
        base("sqlite-wal-normal", |place| inserts(place, "wal", "NORMAL")),
        base("sqlite-wal-off", |place| inserts(place, "wal", "OFF")),
        base("sqlite-delete-full", |place| inserts(place, "delete", "FULL")),
    ]
}

fn writer(
    name: &'static str,
    work: fn(&Place) -> Result<()>,
    check: fn(&Place) -> Checked,
) -> Workload {
    let prepare = |_: &Place| Ok(());
    Workload { name, in_order: true, before: &[], faults: false, prepare, work, check }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn name(number: u64) -> String {
    format!("version {number}")
}

type Replace = fn(&Path, &[u8]) -> io::Result<()>;

/// One file, replaced again and again; the writer stops at its first error.
fn replaces(place: &Place, replace: Replace) -> Result<()> {
    for number in 0..WRITES {
        say("attempt", &name(number))?;
        replace(&place.dir, text(&name(number)).as_bytes())?;
        say("acked", &name(number))?;
    }
    Ok(())
}

fn naive(dir: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(dir.join("file"), bytes)
}

fn temporary(dir: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::create(dir.join(".temporary"))?;
    file.write_all(bytes)?;
    Ok(file)
}

fn rename(dir: &Path) -> io::Result<()> {
    fs::rename(dir.join(".temporary"), dir.join("file"))
}

fn rename_only(dir: &Path, bytes: &[u8]) -> io::Result<()> {
    temporary(dir, bytes)?;
    rename(dir)
}

fn no_folder_sync(dir: &Path, bytes: &[u8]) -> io::Result<()> {
    temporary(dir, bytes)?.sync_all()?;
    rename(dir)
}

fn atomic(dir: &Path, bytes: &[u8]) -> io::Result<()> {
    no_folder_sync(dir, bytes)?;
    sync_folder(dir)
}

/// Takes a sync that works the second time for one that worked: the mistake of 2018.
fn atomic_retries(dir: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = temporary(dir, bytes)?;
    file.sync_all().or_else(|_| file.sync_all())?;
    rename(dir)?;
    sync_folder(dir)
}

/// The newest version, and with it all before.
fn check_file(place: &Place) -> Checked {
    match fs::read_to_string(place.dir.join("file")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error.to_string()),
        Ok(found) => {
            let last = (0..WRITES).find(|number| text(&name(*number)) == found);
            let last = last.ok_or_else(|| format!("{} bytes of no version", found.len()))?;
            Ok((0..=last).map(name).collect())
        }
    }
}

/// Records one behind the other in one file.
fn append(place: &Place) -> Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(place.dir.join("log"))?;
    sync_folder(&place.dir)?;
    for number in 0..WRITES {
        say("attempt", &name(number))?;
        let record = text(&name(number));
        file.write_all(&[&(record.len() as u32).to_le_bytes(), record.as_bytes()].concat())?;
        file.sync_data()?;
        say("acked", &name(number))?;
    }
    Ok(())
}

/// A torn end is no record.
fn check_log(place: &Place) -> Checked {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(place.dir.join("log")) {
        file.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    }
    let (mut rest, mut found) = (bytes.as_slice(), BTreeSet::new());
    for number in 0..WRITES {
        let record = rest.split_first_chunk::<4>().and_then(|(length, behind)| {
            behind.split_at_checked(u32::from_le_bytes(*length) as usize)
        });
        match record {
            Some((record, behind)) if record == text(&name(number)).as_bytes() => {
                found.insert(name(number));
                rest = behind;
            }
            _ => break,
        }
    }
    Ok(found)
}

fn database(dir: &Path, mode: &str, synchronous: &str) -> rusqlite::Result<Connection> {
    let conn = Connection::open(dir.join("rows.db"))?;
    // To its end: the row with the new mode comes before the change is committed.
    let mut statement = conn.prepare(&format!("PRAGMA journal_mode = {mode}"))?;
    statement
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    drop(statement);
    conn.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 8"
    ))?;
    Ok(conn)
}

fn inserts(place: &Place, mode: &str, synchronous: &str) -> Result<()> {
    let failed = |error: rusqlite::Error| io::Error::other(error.to_string());
    let conn = database(&place.dir, mode, synchronous).map_err(failed)?;
    conn.execute_batch("CREATE TABLE rows (number INTEGER PRIMARY KEY, text TEXT)")
        .map_err(failed)?;
    sync_folder(&place.dir)?;
    for number in 0..WRITES {
        say("attempt", &name(number))?;
        let row = (number as i64, text(&name(number)));
        conn.execute("INSERT INTO rows VALUES (?1, ?2)", row).map_err(failed)?;
        say("acked", &name(number))?;
    }
    Ok(())
}

fn check_database(place: &Place) -> Checked {
    if !place.dir.join("rows.db").exists() {
        return Ok(BTreeSet::new());
    }
    rows(&place.dir).map_err(|error| error.to_string())?
}

fn rows(dir: &Path) -> rusqlite::Result<Checked> {
    let conn = Connection::open(dir.join("rows.db"))?;
    let answer: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if answer != "ok" {
        return Ok(Err(answer));
    }
    let exists = "SELECT count(*) FROM sqlite_schema WHERE name = 'rows'";
    if conn.query_row::<i64, _, _>(exists, [], |row| row.get(0))? == 0 {
        return Ok(Ok(BTreeSet::new()));
    }
    let mut statement = conn.prepare("SELECT number, text FROM rows ORDER BY number")?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let mut found = BTreeSet::new();
    for row in rows {
        let (number, stored) = row?;
        let name = name(number as u64);
        if text(&name) != stored {
            return Ok(Err(format!("row {number} has other bytes")));
        }
        found.insert(name);
    }
    Ok(Ok(found))
}
