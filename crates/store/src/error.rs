//! What can go wrong with a home's database.

use std::path::PathBuf;

use mirror_protocol::EventId;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database.
    #[error("there is no database at {path}")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a MirrorDNA database")]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// Written by a later program.
    #[error("the database at {path} has format {found}, this program reads up to {supported}")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest that this program reads.
        supported: i64,
    },
    /// A short id that fits several events.
    #[error("{prefix} fits more than one event")]
    Ambiguous {
        /// What was given.
        prefix: String,
    },
    /// An event of a chain that was not opened here.
    #[error("event {event} belongs to a chain that is not here")]
    NoChain {
        /// The event.
        event: EventId,
    },
    /// A stored value that does not read.
    #[error("the stored {what} is damaged: {reason}")]
    Damaged {
        /// Which record.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// A write failed once: what is on disk is only known after reopening.
    #[error("an earlier write to {path} failed; close and open it again")]
    Poisoned {
        /// The file.
        path: PathBuf,
    },
    /// SQLite could not make the write-ahead log durable.
    #[error("the database at {path} could not be switched to its write-ahead log: {reason}")]
    NoWal {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Somebody reads from the write-ahead log, so that it can't be emptied.
    #[error("the write-ahead log is in use, and can't be emptied now")]
    LogInUse,
    /// SQLite itself.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Content that can't be a blob.
    #[error(transparent)]
    Blob(#[from] mirror_protocol::blob::BlobError),
    /// The file system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// What a person can do about an error of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full.
    Full,
    /// The file or folder may not be written.
    Denied,
    /// Another process has held it for too long.
    Busy,
    /// The file's pages are damaged.
    Corrupt,
    /// Something else.
    Other,
}

impl StoreError {
    /// What a person can do about it.
    pub fn fault(&self) -> Fault {
        use rusqlite::ErrorCode as Code;
        if let Self::LogInUse = self {
            return Fault::Busy;
        }
        let Self::Sqlite(error) = self else { return Fault::Other };
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Fault::Full,
            Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => Fault::Denied,
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Fault::Busy,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Fault::Corrupt,
            _ => Fault::Other,
        }
    }

    /// A value that was stored and no longer reads.
    pub fn damaged(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { what: what.into(), reason: reason.to_string() }
    }

    /// After this, only reopening tells what is on disk (SQLite's I/O errors; fsync may not be retried).
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::SystemIoFailure
        )
    }
}
