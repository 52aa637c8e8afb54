//! Opening the database so that an acknowledged commit is really on disk, and the two kinds of transaction.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::{Fault, StoreError};

/// The schema that this program writes.
pub const SCHEMA_VERSION: i64 = 3;
/// "MDNA": tells our databases from others.
const APPLICATION_ID: i64 = 0x4d44_4e41;
/// KiB of page cache: a home of a million events is read within 64 MiB.
const CACHE_KIB: i64 = 8 * 1024;
/// Pages that the log may hold before a commit moves them into the database: SQLite's own measure, and 128 MiB while very
/// much is written. What many commits have changed is then written there once.
const LOG_PAGES: i64 = 1000;
const LOG_PAGES_IN_BULK: i64 = 32 * 1024;
/// More than there are different statements.
const STATEMENTS: usize = 128;
/// SQLite's pages, as it makes them.
const PAGE_BYTES: u64 = 4096;
const BUSY: Duration = Duration::from_secs(20);

/// A home's database, as one connection. Several processes may have one each.
#[derive(Debug)]
pub struct Store {
    pub(crate) conn: Connection,
    path: PathBuf,
    poisoned: bool,
    /// Bytes of something forgotten may still stand in the files.
    remains: bool,
}

/// A consistent read of the whole database.
pub struct View<'c> {
    pub(crate) conn: &'c Connection,
    /// The first error inside a lookup that can't return one; see [`View::take_error`].
    pub(crate) hidden: RefCell<Option<StoreError>>,
    /// Whether something was dropped whose bytes have to be erased.
    pub(crate) remains: Cell<bool>,
}

/// An exclusive write; everything in it commits together or not at all.
pub struct Tx<'c> {
    view: View<'c>,
    /// How many more notes are listed than before.
    pub(crate) listed: Cell<i64>,
}

impl<'c> std::ops::Deref for Tx<'c> {
    type Target = View<'c>;

    fn deref(&self) -> &View<'c> {
        &self.view
    }
}

impl View<'_> {
    /// The error that a lookup through [`mirror_protocol::Known`] met, which can only answer "not here".
    pub fn take_error(&self) -> Result<(), StoreError> {
        self.hidden.take().map_or(Ok(()), Err)
    }
}

impl Tx<'_> {
    /// Drops everything that is stored, as if the database were new.
    pub fn start_over(&self) -> Result<(), StoreError> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                       AND name NOT LIKE 'search_%' AND name NOT LIKE 'session_search_%' ORDER BY rowid DESC";
        let tables = self
            .conn
            .prepare(sql)?
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        self.conn.pragma_update(None, "defer_foreign_keys", true)?;
        for table in tables {
            self.conn.execute_batch(&format!("DROP TABLE {table}"))?;
        }
        lay_down(self.conn)
    }
}

impl Store {
    /// Makes a new database, or opens one that an interrupted creation left without a schema.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        make_private(path)?;
        if is_blank(path)? {
            File::options().write(true).open(path)?.set_len(0)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY)?;
        // Another program's database is not even switched to its write-ahead log.
        if tables(&conn, path)? > 0 {
            check_version(&conn, path)?;
        }
        configure(&conn, path)?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&tx)? == 0 {
            lay_down(&tx)?;
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        tx.commit()?;
        sync_folder(path)?;
        Self::checked(conn, path)
    }

    /// Opens a database.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut magic = [0; 16];
        match File::open(path).and_then(|mut file| file.read_exact(&mut magic)) {
            Ok(()) if magic == *b"SQLite format 3\0" => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { path: path.to_owned() });
            }
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                return Err(error.into());
            }
            _ if is_blank(path)? => return Err(StoreError::Missing { path: path.to_owned() }),
            _ => return Err(StoreError::NotAStore { path: path.to_owned() }),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY)?;
        // A home of the future is looked at before anything in it is touched.
        if tables(&conn, path)? == 0 {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        check_version(&conn, path)?;
        configure(&conn, path)?;
        upgrade(&mut conn)?;
        Self::checked(conn, path)
    }

    /// Opens a database that is open in this process already, to be read only.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY)?;
        tune(&conn)?;
        Self::checked(conn, path)
    }

    fn checked(conn: Connection, path: &Path) -> Result<Self, StoreError> {
        check_version(&conn, path)?;
        Ok(Self { conn, path: path.to_owned(), poisoned: false, remains: false })
    }

    /// One consistent read.
    pub fn read<T, E: From<StoreError>>(
        &mut self,
        read: impl FnOnce(&View<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact(TransactionBehavior::Deferred, |tx| read(tx))
    }

    /// One exclusive write (`BEGIN IMMEDIATE`): durable when it returns, undone when it fails.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact(TransactionBehavior::Immediate, write)
    }

    fn transact<T, E: From<StoreError>>(
        &mut self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.poisoned {
            return Err(StoreError::Poisoned { path: self.path.clone() }.into());
        }
        let begun = self.conn.transaction_with_behavior(behavior);
        let transaction = begun.map_err(|error| E::from(error.into()))?;
        let tx = Tx {
            view: View {
                conn: &transaction,
                hidden: RefCell::new(None),
                remains: Cell::new(false),
            },
            listed: Cell::new(0),
        };
        let result = work(&tx).and_then(|result| {
            let counted = tx.take_error().and_then(|()| tx.count_listed());
            counted.map(|()| result).map_err(E::from)
        });
        let remains = tx.remains.get();
        drop(tx);
        // SQLite undoes a transaction by itself only after an error that it does not trust itself to go on from.
        self.poisoned |= transaction.is_autocommit();
        let result = result?;
        transaction.commit().map_err(|error| {
            let error = StoreError::from(error);
            self.poisoned |= error.is_fatal();
            E::from(error)
        })?;
        self.remains |= remains;
        Ok(result)
    }

    /// Whether a transaction of this connection has dropped something whose bytes still have to be erased. Tells it once.
    pub fn take_remains(&mut self) -> bool {
        std::mem::take(&mut self.remains)
    }

    /// Erases the bytes of what was dropped from the database's files; takes as long as to write them anew. When it fails,
    /// [`View::has_remains`] goes on saying so.
    pub fn erase_remains(&mut self) -> Result<(), StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned { path: self.path.clone() });
        }
        crate::forgotten::erase_remains(&self.conn).inspect_err(|error| {
            self.poisoned |= error.is_fatal();
        })
    }

    /// Very much is about to be written, in many transactions; or that is over.
    pub fn set_bulk(&mut self, bulk: bool) -> Result<(), StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned { path: self.path.clone() });
        }
        let pages = if bulk { LOG_PAGES_IN_BULK } else { LOG_PAGES };
        self.conn.pragma_update(None, "wal_autocheckpoint", pages)?;
        if bulk { Ok(()) } else { unless_busy(&self.conn, || checkpoint(&self.conn)) }
    }

    /// Changes when another connection, in this process or another, has committed.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.conn.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// SQLite's own check of its pages; the first problem in words.
    pub fn check_pages(&self) -> Result<Option<String>, StoreError> {
        let answer: String = self.conn.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        Ok((answer != "ok").then_some(answer))
    }
}

fn lay_down(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(include_str!("schema.sql"))?;
    conn.execute_batch(include_str!("blobs.sql"))?;
    conn.execute_batch(include_str!("vault.sql"))?;
    conn.execute_batch(include_str!("sessions.sql"))?;
    Ok(conn.execute_batch(include_str!("map.sql"))?)
}

/// A new database is its owner's alone; SQLite gives its log and index the same mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether a database was being made when power went: the file is empty, or the bytes of its first page never came.
fn is_blank(path: &Path) -> Result<bool, StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // What was committed would stand in the log.
    let committed = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
    if committed || path.metadata()?.len() > PAGE_BYTES {
        return Ok(false);
    }
    Ok(std::fs::read(path)?.iter().all(|byte| *byte == 0))
}

fn version(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn tables(conn: &Connection, path: &Path) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM sqlite_schema";
    conn.query_row(sql, [], |row| row.get(0)).map_err(|error| no_database(path, error))
}

/// Garbage is told from a database that is only busy, or can't be read just now.
fn no_database(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            StoreError::NotAStore { path: path.to_owned() }
        }
        _ => error.into(),
    }
}

fn check_version(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = conn
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| no_database(path, error))?;
    let id: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if found > SCHEMA_VERSION && id == APPLICATION_ID {
        let path = path.to_owned();
        return Err(StoreError::TooNew { path, found, supported: SCHEMA_VERSION });
    }
    if id != APPLICATION_ID || found == 0 {
        return Err(StoreError::NotAStore { path: path.to_owned() });
    }
    Ok(())
}

/// Brings a database of an earlier version up to this one, in one transaction. Versions only add.
fn upgrade(conn: &mut Connection) -> Result<(), StoreError> {
    if version(conn)? == SCHEMA_VERSION {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let found = version(&tx)?;
    if found < 2 {
        tx.execute_batch(include_str!("vault.sql"))?;
    }
    if found < 3 {
        tx.execute_batch(include_str!("sessions.sql"))?;
        tx.execute_batch(include_str!("map.sql"))?;
    }
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(tx.commit()?)
}

/// DESIGN 5a: the mode is checked in the file itself, the log file is kept, and the folder is synced by us, because
/// SQLite ignores a folder sync that fails.
fn configure(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    conn.busy_timeout(BUSY)?;
    let no_wal = |reason: String| StoreError::NoWal { path: path.to_owned(), reason };
    let mut statement = conn.prepare("PRAGMA journal_mode = WAL")?;
    let modes =
        statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    if modes != ["wal"] {
        return Err(no_wal(format!("it answered {modes:?}")));
    }
    drop(statement);
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Only macOS knows these: its fsync leaves the bytes in the drive's cache.
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    tune(conn)?;
    crate::persist::keep_wal(conn)?;
    settle_log(conn, path)?;
    let mut header = [0; 20];
    match File::open(path)?.read_exact(&mut header) {
        Ok(()) if header.get(18..) == Some(&[2, 2]) => {}
        // A database without a page yet: its first commit writes the header, and `open` checks it from then on.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
        Ok(()) => return Err(no_wal(format!("header bytes 18-19 are {:?}", header.get(18..)))),
        Err(error) => return Err(error.into()),
    }
    sync_folder(path)
}

fn tune(conn: &Connection) -> Result<(), StoreError> {
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this SQLite compiles a statement anew whenever other values are bound to it, in case they make another plan
    // better.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// A commit whose sync failed can still stand in the log as the system's cache shows it, and later commits would rest on
/// it. So the log is made durable anew, and moved into the database, before anything is written. Whoever has company need
/// not: then the log was not recovered from the file.
fn settle_log(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    unless_busy(conn, || rewrite_log(conn, path).and_then(|()| checkpoint(conn)))
}

/// Moves the log into the database.
fn checkpoint(conn: &Connection) -> Result<(), StoreError> {
    Ok(conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Does what others may be in the way of, or leaves it.
fn unless_busy(
    conn: &Connection,
    work: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    conn.busy_timeout(Duration::ZERO)?;
    let done = work();
    conn.busy_timeout(BUSY)?;
    match done {
        Err(error) if error.fault() == Fault::Busy => Ok(()),
        other => other,
    }
}

/// Writes the log's own bytes anew and syncs them, while nobody else writes. After a sync that failed the system takes pages
/// for written that are not, and a second sync writes nothing: power that goes while the log is moved into the database
/// would leave them in neither.
fn rewrite_log(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = match File::options().read(true).write(true).open(log) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        log => log?,
    };
    if log.metadata()?.len() == 0 {
        return Ok(());
    }
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let rewritten = rewrite(&log);
    conn.execute_batch("ROLLBACK")?;
    Ok(rewritten?)
}

fn rewrite(mut file: &File) -> std::io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        file.seek(SeekFrom::Current(-i64::try_from(count).unwrap_or(0)))?;
        file.write_all(bytes)?;
    }
    file.sync_all()
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No test that kills a process would notice: what was written without a sync survives that.
    #[test]
    fn a_commit_returns_only_after_a_sync() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(&folder.path().join("mirror.db")).unwrap();
        let asked = |name| {
            store.read(|view| {
                Ok::<i64, StoreError>(view.conn.pragma_query_value(None, name, |r| r.get(0))?)
            })
        };
        let [synchronous, full] = ["synchronous", "fullfsync"].map(asked).map(Result::unwrap);
        assert_eq!((synchronous, full), (2, 1), "FULL");
    }
}
