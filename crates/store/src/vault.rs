//! The vault's files: what was said of each, and how it lay on this disk when that was recorded.

use mirror_protocol::{BlobId, DeviceId, Lamport};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::events::Pos;
use crate::store::{Tx, View};

/// A file as it was recorded last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultFileRow {
    /// Where it lies in the vault.
    pub path: String,
    /// The event of its version.
    pub pos: Pos,
    /// Its content.
    pub content: BlobId,
    /// The content's size.
    pub bytes: u64,
    /// When it was changed last, by the file system; 0 when it has to be read to be sure.
    pub mtime_ns: i64,
    /// Its number in the file system.
    pub inode: u64,
}

/// A place in the vault's audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VaultCursor {
    /// The clock of the last event of the page.
    pub lamport: i64,
    /// Its place.
    pub pos: i64,
}

fn file(row: &Row<'_>) -> Result<VaultFileRow, rusqlite::Error> {
    Ok(VaultFileRow {
        path: row.get(0)?,
        pos: Pos(row.get(1)?),
        content: BlobId(row.get(2)?),
        bytes: row.get::<_, i64>(3)? as u64,
        mtime_ns: row.get(4)?,
        inode: row.get::<_, i64>(5)? as u64,
    })
}

impl View<'_> {
    /// A file as it was recorded last.
    pub fn vault_file(&self, path: &str) -> Result<Option<VaultFileRow>, StoreError> {
        let sql = "SELECT path, pos, content, bytes, mtime_ns, inode FROM vault_files
                   WHERE path = ?1";
        Ok(self.conn.prepare_cached(sql)?.query_row([path], file).optional()?)
    }

    /// All of them, by path.
    pub fn vault_files(
        &self,
        mut each: impl FnMut(VaultFileRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql =
            "SELECT path, pos, content, bytes, mtime_ns, inode FROM vault_files ORDER BY path";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query_map([], file)?;
        rows.try_for_each(|row| each(row?))
    }

    /// How many files are recorded.
    pub fn vault_file_count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM vault_files";
        Ok(self.conn.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64)
    }

    /// Events of a device about a file, oldest first.
    pub fn vault_history(&self, path: &str, device: &DeviceId) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM vault_events
                   WHERE path = ?1 AND (pos >> 40) IN (SELECT ref FROM chains WHERE device = ?2)
                   ORDER BY lamport, pos";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_map(params![path, device.0], |row| Ok(Pos(row.get(0)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// A page of everything that was said of the vault, newest first.
    pub fn vault_audit(
        &self,
        path: Option<&str>,
        before: Option<VaultCursor>,
        limit: u32,
    ) -> Result<Vec<(VaultCursor, Pos)>, StoreError> {
        let sql = match path {
            Some(_) => {
                "SELECT lamport, pos FROM vault_events
                 WHERE path = ?4 AND (lamport, pos) < (?1, ?2)
                 ORDER BY lamport DESC, pos DESC LIMIT ?3"
            }
            None => {
                "SELECT DISTINCT lamport, pos FROM vault_events
                 WHERE (lamport, pos) < (?1, ?2) AND ?4 IS NULL
                 ORDER BY lamport DESC, pos DESC LIMIT ?3"
            }
        };
        let before = before.unwrap_or(VaultCursor { lamport: i64::MAX, pos: i64::MAX });
        let mut statement = self.conn.prepare_cached(sql)?;
        let values = params![before.lamport, before.pos, limit, path];
        let found = statement.query_map(values, |row| {
            let cursor = VaultCursor { lamport: row.get(0)?, pos: row.get(1)? };
            Ok((cursor, Pos(cursor.pos)))
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Keeps an event findable by the file that it speaks of.
    pub fn add_vault_event(&self, path: &str, at: Lamport, pos: Pos) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO vault_events (path, lamport, pos) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![path, at.0 as i64, pos.0])?;
        Ok(())
    }

    /// Records a file as it lies on the disk.
    pub fn put_vault_file(&self, row: &VaultFileRow) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO vault_files (path, pos, content, bytes, mtime_ns, inode)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (bytes, inode) = (row.bytes as i64, row.inode as i64);
        let values = params![row.path, row.pos.0, row.content.0, bytes, row.mtime_ns, inode];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Records that a file is gone.
    pub fn remove_vault_file(&self, path: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached("DELETE FROM vault_files WHERE path = ?1")?.execute([path])?;
        Ok(())
    }

    /// Forgets how all files lay: the vault is elsewhere now.
    pub fn clear_vault_files(&self) -> Result<(), StoreError> {
        self.conn.prepare_cached("DELETE FROM vault_files")?.execute([])?;
        Ok(())
    }
}
