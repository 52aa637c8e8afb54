//! Tickets that were given out, and the processes that can honour them.

use mirror_protocol::DeviceId;
use rusqlite::{OptionalExtension, params};

use crate::error::StoreError;
use crate::store::{Tx, View};

/// A ticket that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteRow {
    /// The caller's number for the role that it grants.
    pub role: u8,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: i64,
    /// The device that used it.
    pub used_by: Option<DeviceId>,
}

impl View<'_> {
    /// A ticket by the hash of its secret.
    pub fn invite(&self, secret: &[u8; 32]) -> Result<Option<InviteRow>, StoreError> {
        let sql = "SELECT role, expires_ms, used_by FROM invites WHERE secret = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row(params![secret], |row| {
            Ok(InviteRow {
                role: row.get(0)?,
                expires_ms: row.get(1)?,
                used_by: row.get::<_, Option<[u8; 32]>>(2)?.map(DeviceId),
            })
        });
        Ok(found.optional()?)
    }

    /// Processes that said they serve this home, newest first; whether they still live, the caller asks the system.
    pub fn serving(&self) -> Result<Vec<(u32, Vec<String>)>, StoreError> {
        let sql = "SELECT pid, addresses FROM serving ORDER BY at_ms DESC";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            let addresses: String = row.get(1)?;
            Ok((row.get(0)?, addresses.lines().map(str::to_owned).collect()))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Keeps a ticket, by the hash of its secret.
    pub fn add_invite(
        &self,
        secret: &[u8; 32],
        role: u8,
        expires_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO invites (secret, role, expires_ms) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![secret, role, expires_ms])?;
        Ok(())
    }

    /// Marks a ticket as used; `false` when it is not there, or somebody was first.
    pub fn use_invite(&self, secret: &[u8; 32], device: &DeviceId) -> Result<bool, StoreError> {
        let sql = "UPDATE invites SET used_by = ?2 WHERE secret = ?1 AND used_by IS NULL";
        Ok(self.conn.prepare_cached(sql)?.execute(params![secret, device.0])? == 1)
    }

    /// Forgets a ticket that nobody used.
    pub fn end_invite(&self, secret: &[u8; 32]) -> Result<(), StoreError> {
        let sql = "DELETE FROM invites WHERE secret = ?1 AND used_by IS NULL";
        self.conn.prepare_cached(sql)?.execute(params![secret])?;
        Ok(())
    }

    /// Forgets the tickets that ended a day ago or earlier: until then the answer can say why one admits nobody.
    pub fn end_invites(&self, now_ms: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM invites WHERE expires_ms < ?1";
        self.conn.prepare_cached(sql)?.execute(params![now_ms - 24 * 60 * 60 * 1000])?;
        Ok(())
    }

    /// This process serves the home at these addresses.
    pub fn set_serving(
        &self,
        pid: u32,
        addresses: &[String],
        at_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO serving (pid, addresses, at_ms) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![pid, addresses.join("\n"), at_ms])?;
        Ok(())
    }

    /// A process serves no longer.
    pub fn end_serving(&self, pid: u32) -> Result<(), StoreError> {
        self.conn.prepare_cached("DELETE FROM serving WHERE pid = ?1")?.execute(params![pid])?;
        Ok(())
    }
}
