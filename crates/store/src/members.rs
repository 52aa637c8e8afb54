//! Members of the mesh, as the caller has folded them, and the events that decide it.

use mirror_protocol::{DeviceId, Event, Tip};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::events::Pos;
use crate::store::{Tx, View};

/// A device that is, or was, a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// The device.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// The caller's number for its role.
    pub role: u8,
    /// No longer a member.
    pub revoked: bool,
    /// Where its chains are cut.
    pub heads: Vec<Tip>,
    /// Its place in the order of admission.
    pub admitted: u32,
}

const COLUMNS: &str = "device, name, role, revoked, heads, admitted";

type Raw = ([u8; 32], String, u8, bool, Vec<u8>, u32);

fn raw(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

fn read((device, name, role, revoked, heads, admitted): Raw) -> Result<MemberRow, StoreError> {
    let heads = tips_from(&heads)?;
    Ok(MemberRow { device: DeviceId(device), name, role, revoked, heads, admitted })
}

impl View<'_> {
    /// Every device, in order of admission.
    pub fn members(&self) -> Result<Vec<MemberRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM members ORDER BY admitted");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map([], raw)?;
        rows.map(|row| read(row?)).collect()
    }

    /// One device.
    pub fn member(&self, device: &DeviceId) -> Result<Option<MemberRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM members WHERE device = ?1");
        let mut statement = self.conn.prepare_cached(&sql)?;
        statement.query_row(params![device.0], raw).optional()?.map(read).transpose()
    }

    /// Whether some event admits a device; it need not count.
    pub fn is_named(&self, device: &DeviceId) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT 1 FROM named WHERE device = ?1")?;
        Ok(statement.exists(params![device.0])?)
    }

    /// The events that decide the membership, as they lie.
    pub fn member_events(&self) -> Result<Vec<Event>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT pos FROM member_events")?;
        let places: Vec<i64> =
            statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut events = Vec::new();
        for pos in places {
            events.extend(self.event_at(Pos(pos))?);
        }
        Ok(events)
    }
}

impl Tx<'_> {
    /// Some event admits a device.
    pub fn add_named(&self, device: &DeviceId) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO named (device) VALUES (?1)";
        self.conn.prepare_cached(sql)?.execute(params![device.0])?;
        Ok(())
    }

    /// Marks an event as one that decides the membership.
    pub fn add_member_event(&self, pos: Pos) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO member_events (pos) VALUES (?1)";
        self.conn.prepare_cached(sql)?.execute(params![pos.0])?;
        Ok(())
    }

    /// Replaces the members.
    pub fn put_members(&self, members: &[MemberRow]) -> Result<(), StoreError> {
        self.conn.execute("DELETE FROM members", [])?;
        let sql = "INSERT INTO members (device, name, role, revoked, heads, admitted)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        for row in members {
            let heads = tips_bytes(&row.heads);
            let values =
                params![row.device.0, row.name, row.role, row.revoked, heads, row.admitted];
            self.conn.prepare_cached(sql)?.execute(values)?;
        }
        Ok(())
    }
}

pub(crate) fn tips_bytes(tips: &[Tip]) -> Vec<u8> {
    // Writing to a Vec can't fail.
    minicbor::to_vec(tips).unwrap_or_default()
}

pub(crate) fn tips_from(bytes: &[u8]) -> Result<Vec<Tip>, StoreError> {
    minicbor::decode(bytes).map_err(|error| StoreError::damaged("tips", error))
}
