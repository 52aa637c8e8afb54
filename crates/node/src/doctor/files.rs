//! The folder, the database's file and pages, the keys.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mirror_store::{Meta, StoreError};

use super::kinds::Kind;
use super::{Exam, Findings, io, mended};
use crate::error::{Error, Result};
use crate::node::{DATABASE, Node};
use crate::platform::{self, secrets};
use crate::view::Code;

/// What the names of our unfinished files begin with.
const UNFINISHED: &str = ".tmp";
/// Nothing of ours takes so long.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);
/// Room for a day of notes.
const ROOM_BYTES: u64 = 100 * 1024 * 1024;

/// What can be seen without opening anything.
pub fn before(home: &Path, repair: bool, findings: &mut Findings) -> Result<()> {
    let database = home.join(DATABASE);
    let there = |name: &str| home.join(name).exists();
    if !database.exists() {
        // Otherwise there is no device here, and opening says so.
        if there(secrets::FILE)
            || there(secrets::SEALED)
            || there("blobs")
            || there("mirror.db-wal")
        {
            findings.add(Kind::DatabaseMissing, DATABASE, "it is not there", false);
        }
        return Ok(());
    }
    let mut header = [0; 20];
    match File::open(&database).and_then(|mut file| file.read_exact(&mut header)) {
        Ok(()) if !header.starts_with(b"SQLite format 3\0") => {
            findings.add(
                Kind::DatabaseForeign,
                DATABASE,
                "it does not begin as SQLite's do",
                false,
            );
        }
        // Opening switches it back, and checks that it took.
        Ok(()) if header.get(18..) == Some(&[1, 1]) => {
            let detail = "header bytes 18-19 are 1 1; opening it switched it back";
            findings.add(Kind::WalOff, DATABASE, detail, true);
        }
        Ok(()) => {}
        // An interrupted creation; opening says that there is no device.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof && header == [0; 20] => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            findings.add(Kind::DatabaseForeign, DATABASE, "it is too short", false);
        }
        Err(error) => return Err(io(&database, error)),
    }
    if let Err(error) = tempfile::tempfile_in(home) {
        findings.add(Kind::HomeUnwritable, home.display(), error, false);
        return Ok(());
    }
    open_to_others(home, repair, findings)?;
    unfinished(home, repair, findings)?;
    if let Some(free) = platform::free_bytes(home) {
        // Erasing what is forgotten writes the database anew.
        let needed = database.metadata().map_or(0, |meta| meta.len()).max(ROOM_BYTES);
        if free < needed {
            let detail = format!("{free} bytes are free, {needed} are wished for");
            findings.add(Kind::DiskNearlyFull, home.display(), detail, false);
        }
    }
    Ok(())
}

#[cfg(unix)]
fn open_to_others(home: &Path, repair: bool, findings: &mut Findings) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for name in [DATABASE, "mirror.db-wal", "mirror.db-shm", secrets::FILE, secrets::SEALED] {
        let path = home.join(name);
        let Ok(meta) = fs::metadata(&path) else { continue };
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let close = || Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?);
            let repaired = repair && mended(close());
            findings.add(Kind::FilesOpen, name, format!("its mode is {mode:o}"), repaired);
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn open_to_others(_: &Path, _: bool, _: &mut Findings) -> Result<()> {
    Ok(())
}

fn unfinished(home: &Path, repair: bool, findings: &mut Findings) -> Result<()> {
    let mut found: Vec<PathBuf> = mirror_store::BlobFiles::new(home).unfinished()?;
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            found.push(entry.path());
        }
    }
    for path in found {
        let age = fs::metadata(&path).and_then(|meta| meta.modified()).map(|at| at.elapsed());
        if !age.is_ok_and(|age| age.is_ok_and(|age| age > OLD)) {
            continue;
        }
        let repaired = repair && mended(fs::remove_file(&path).map_err(Into::into));
        let name = path.strip_prefix(home).unwrap_or(&path).display().to_string();
        findings.add(Kind::TempFiles, name, "it is older than a day", repaired);
    }
    Ok(())
}

/// Opens the home, with keys of its own or, to look at the rest, without.
pub fn open(home: &Path, findings: &mut Findings) -> Result<(Node, bool)> {
    let opened = Node::open_to_examine(home);
    if let Err(error) = &opened
        && let Err(StoreError::NotAStore { .. }) = mirror_store::Store::open(&home.join(DATABASE))
    {
        findings.add(Kind::DatabaseForeign, DATABASE, error, false);
    }
    let (node, found) = opened?;
    let keyed = found.is_none();
    if let Some(error) = found {
        let kind = match error.code {
            Code::NotFound => Kind::KeysMissing,
            Code::Refused => Kind::KeysForeign,
            _ => Kind::KeysDamaged,
        };
        findings.add(kind, node.inner.key_store, error, false);
    }
    Ok((node, keyed))
}

/// SQLite's own check.
pub fn pages(exam: &mut Exam) -> Result<()> {
    let found = exam.node.check_integrity()?;
    let (text, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|line| is_of_full_text(line));
    let (index, pages): (Vec<_>, Vec<_>) = rest.into_iter().partition(|line| is_of_index(line));
    if let Some(first) = pages.first() {
        exam.add(Kind::PagesDamaged, DATABASE, first, false);
        return Err(Error::integrity(first));
    }
    if let Some(first) = index.first() {
        let repaired = exam.repair && mended(exam.node.reindex());
        exam.add(Kind::IndexWrong, DATABASE, first, repaired);
    }
    if let Some(first) = text.first() {
        let repaired = exam.repair && mended(exam.node.clear_index());
        exam.add(Kind::FullTextDamaged, "search", first, repaired);
    }
    if exam.repair && exam.node.read(|view| Ok(view.meta(Meta::Remains)?.is_some()))? {
        exam.node.erase_now();
        let repaired = !exam.node.read(|view| Ok(view.has_remains()?))?;
        exam.add(Kind::Remains, DATABASE, "something was forgotten", repaired);
    }
    Ok(())
}

fn is_of_index(line: &str) -> bool {
    ["missing from index", "wrong # of entries in index", "non-unique entry in index"]
        .iter()
        .any(|words| line.contains(words))
}

fn is_of_full_text(line: &str) -> bool {
    line.contains("FTS5") || line.contains("main.search") || line.contains("fts5")
}
