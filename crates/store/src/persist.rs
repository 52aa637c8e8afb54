//! The one call that rusqlite has no safe form for.
#![allow(unsafe_code)]

use rusqlite::{Connection, ffi};

use crate::error::StoreError;

/// Keeps the write-ahead log's file when the last connection closes, so that its directory entry, once synced, stays.
pub fn keep_wal(conn: &Connection) -> Result<(), StoreError> {
    let mut on: std::ffi::c_int = 1;
    // SAFETY: the handle is open for as long as `conn` is borrowed, the name is a C string, and SQLite reads and writes
    // one int through the pointer during the call only.
    let code = unsafe {
        ffi::sqlite3_file_control(
            conn.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_PERSIST_WAL,
            (&raw mut on).cast(),
        )
    };
    if code == ffi::SQLITE_OK {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into())
}
