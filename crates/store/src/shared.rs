//! Shared files: their graphs' nodes as folded, and what of them this disk does not stand for yet.

use mirror_protocol::{BlobId, EventId, Lamport};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::events::Pos;
use crate::store::{Tx, View};
use crate::vault::VaultCursor;

/// A shared file that this disk does not stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingFile {
    /// Where it is to lie in the vault.
    pub path: String,
    /// Why it does not.
    pub reason: String,
}

/// A latest version of a shared file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedLeaf {
    /// Where its event lies.
    pub pos: Pos,
    /// The event.
    pub id: EventId,
    /// Its content; none when the file is gone.
    pub content: Option<BlobId>,
}

fn content(bytes: Vec<u8>) -> Option<BlobId> {
    bytes.try_into().ok().map(BlobId)
}

fn position(row: &Row<'_>) -> Result<Pos, rusqlite::Error> {
    Ok(Pos(row.get(0)?))
}

/// The paths below a folder lie between these: `0` is the sign behind `/`.
fn below(folder: &str) -> (String, Option<String>) {
    if folder.is_empty() {
        return (String::new(), None);
    }
    (format!("{folder}/"), Some(format!("{folder}0")))
}

impl View<'_> {
    /// The latest versions of a shared file, in no order that means something.
    pub fn shared_leaves(&self, path: &str) -> Result<Vec<SharedLeaf>, StoreError> {
        let sql = "SELECT pos, id, content FROM shared_versions
                   WHERE path = ?1 AND leaf = 1 ORDER BY id";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_map([path], |row| {
            let (pos, id) = (Pos(row.get(0)?), EventId(row.get(1)?));
            Ok(SharedLeaf { pos, id, content: content(row.get(2)?) })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// All versions of a shared file.
    pub fn shared_versions(&self, path: &str) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM shared_versions WHERE path = ?1 ORDER BY pos";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_map([path], position)?.collect::<Result<_, _>>()?)
    }

    /// Whether an event is a version of a shared file.
    pub fn is_shared_version(&self, path: &str, pos: Pos) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM shared_versions WHERE path = ?1 AND pos = ?2";
        Ok(self.conn.prepare_cached(sql)?.exists(params![path, pos.0])?)
    }

    /// Shared files whose latest versions differ, by path.
    pub fn shared_conflicts(&self) -> Result<Vec<String>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT path FROM shared_conflicts ORDER BY path")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Events that say which folders are shared.
    pub fn shares(&self) -> Result<Vec<Pos>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT pos FROM shares ORDER BY pos")?;
        Ok(statement.query_map([], position)?.collect::<Result<_, _>>()?)
    }

    /// Some shared files that are to be looked at, behind a path, by path.
    pub fn shared_due(&self, after: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT path FROM shared_open WHERE due > 0 AND path > ?1 ORDER BY path LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_map(params![after, limit], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// How often something moved of a shared file since it was looked at: to be given back when it is closed.
    pub fn shared_moves(&self, path: &str) -> Result<i64, StoreError> {
        let sql = "SELECT due FROM shared_open WHERE path = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_row([path], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// Shared files that wait for something, by path.
    pub fn shared_waiting(&self) -> Result<Vec<WaitingFile>, StoreError> {
        let sql = "SELECT path, reason FROM shared_open WHERE reason <> '' ORDER BY path";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement
            .query_map([], |row| Ok(WaitingFile { path: row.get(0)?, reason: row.get(1)? }))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// How many shared files below a folder there are, removed ones left out.
    pub fn shared_count(&self, folder: &str) -> Result<u64, StoreError> {
        let (from, to) = below(folder);
        let sql = "SELECT count(DISTINCT path) FROM shared_versions
                   WHERE leaf = 1 AND content <> x'' AND path >= ?1 AND (?2 IS NULL OR path < ?2)";
        let count = self
            .conn
            .prepare_cached(sql)?
            .query_row(params![from, to], |row| row.get::<_, i64>(0))?;
        Ok(count as u64)
    }

    /// Versions of other devices that lay on this disk.
    pub fn shared_taken(&self) -> Result<Vec<(VaultCursor, Pos)>, StoreError> {
        let sql = "SELECT lamport, pos FROM shared_taken";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_map([], |row| {
            let cursor = VaultCursor { lamport: row.get(0)?, pos: row.get(1)? };
            Ok((cursor, Pos(cursor.pos)))
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Whether a version of another device lay on this disk.
    pub fn is_taken_over(&self, path: &str, pos: Pos) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM shared_taken WHERE path = ?1 AND pos = ?2";
        Ok(self.conn.prepare_cached(sql)?.exists(params![path, pos.0])?)
    }
}

impl Tx<'_> {
    /// Adds a version to a shared file's graph; `false`, and nothing done, when it is there.
    pub fn add_shared_version(
        &self,
        path: &str,
        pos: Pos,
        id: &EventId,
        content: Option<&BlobId>,
        replaces: &[EventId],
    ) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO shared_versions (path, pos, id, content, leaf)
                   VALUES (?1, ?2, ?3, ?4, NOT EXISTS
                       (SELECT 1 FROM shared_replaced WHERE path = ?1 AND id = ?3))";
        let content = content.map_or(&[][..], |content| &content.0);
        let added = self.conn.prepare_cached(sql)?.execute(params![path, pos.0, id.0, content])?;
        for parent in replaces {
            let sql = "INSERT OR IGNORE INTO shared_replaced (path, id) VALUES (?1, ?2)";
            self.conn.prepare_cached(sql)?.execute(params![path, parent.0])?;
            let sql =
                "UPDATE shared_versions SET leaf = 0 WHERE path = ?1 AND id = ?2 AND leaf = 1";
            self.conn.prepare_cached(sql)?.execute(params![path, parent.0])?;
        }
        Ok(added > 0)
    }

    /// Says whether a shared file's latest versions differ.
    pub fn set_shared_conflict(&self, path: &str, differ: bool) -> Result<(), StoreError> {
        let sql = match differ {
            true => "INSERT OR IGNORE INTO shared_conflicts (path) VALUES (?1)",
            false => "DELETE FROM shared_conflicts WHERE path = ?1",
        };
        self.conn.prepare_cached(sql)?.execute([path])?;
        Ok(())
    }

    /// Keeps an event that says which folders are shared; `false` when it is kept.
    pub fn add_share(&self, pos: Pos) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO shares (pos) VALUES (?1)";
        Ok(self.conn.prepare_cached(sql)?.execute([pos.0])? > 0)
    }

    /// A shared file is to be looked at.
    pub fn open_shared(&self, path: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO shared_open (path, due) VALUES (?1, 1)
                   ON CONFLICT DO UPDATE SET due = due + 1";
        self.conn.prepare_cached(sql)?.execute([path])?;
        Ok(())
    }

    /// All that wait are to be looked at again.
    pub fn open_waiting(&self) -> Result<(), StoreError> {
        self.conn.execute("UPDATE shared_open SET due = 1 WHERE due = 0", [])?;
        Ok(())
    }

    /// All files below a folder are to be looked at, those on this disk and those of other devices.
    pub fn open_shared_below(&self, folder: &str) -> Result<(), StoreError> {
        let (from, to) = below(folder);
        for table in ["vault_files", "shared_versions", "shared_open"] {
            let sql = format!(
                "INSERT INTO shared_open (path, due) SELECT DISTINCT path, 1 FROM {table}
                 WHERE path >= ?1 AND (?2 IS NULL OR path < ?2)
                 ON CONFLICT DO UPDATE SET due = due + 1"
            );
            self.conn.prepare_cached(&sql)?.execute(params![from, to])?;
        }
        Ok(())
    }

    /// A shared file was looked at when so much had moved of it: it waits for a reason, or nothing is left to do. What
    /// moved since is to be looked at all the same.
    pub fn close_shared(
        &self,
        path: &str,
        moves: i64,
        waits: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = match waits {
            Some(_) => {
                "UPDATE shared_open SET due = due * (due <> ?2), reason = ?3 WHERE path = ?1"
            }
            None => "DELETE FROM shared_open WHERE path = ?1 AND due = ?2 AND ?3 IS NULL",
        };
        self.conn.prepare_cached(sql)?.execute(params![path, moves, waits])?;
        Ok(())
    }

    /// A version of another device lies on this disk.
    pub fn add_taken(&self, path: &str, at: Lamport, pos: Pos) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO shared_taken (path, lamport, pos) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![path, at.0 as i64, pos.0])?;
        Ok(())
    }

    /// Asks last for a blob that only older versions name.
    pub fn ask_last(&self, id: &BlobId) -> Result<(), StoreError> {
        let sql = "UPDATE blobs SET newest = 0 WHERE id = ?1";
        self.conn.prepare_cached(sql)?.execute([id.0])?;
        Ok(())
    }

    /// Versions that name a content, other than those of one file that something replaces.
    pub fn is_named_elsewhere(&self, path: &str, id: &BlobId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM blob_refs r WHERE r.id = ?2 AND NOT EXISTS
                   (SELECT 1 FROM shared_versions v WHERE v.path = ?1 AND v.pos = r.pos AND leaf = 0)";
        Ok(self
            .conn
            .prepare_cached(sql)?
            .query_row(params![path, id.0], |_| Ok(()))
            .optional()?
            .is_some())
    }
}
