//! What is known of the other devices: where they were reached, what they said, what both signed.

use mirror_protocol::{CanonicalHead, Commitment, DeviceId, Tip};
use rusqlite::{OptionalExtension, params};

use crate::error::StoreError;
use crate::members::{tips_bytes, tips_from};
use crate::store::{Tx, View};

/// A device as the last contacts left it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerRow {
    /// Where it was reached, or said that it can be.
    pub addresses: Vec<String>,
    /// The last session, in milliseconds since 1970.
    pub contact_ms: Option<i64>,
    /// The last attempt.
    pub attempt_ms: Option<i64>,
    /// Why the last attempt failed; `None` after one that did not.
    pub error: Option<String>,
    /// The tips that it told of.
    pub told: Vec<Tip>,
    /// The tips of the last checkpoint.
    pub signed: Vec<Tip>,
    /// Its canonical head.
    pub signed_head: Option<CanonicalHead>,
}

/// A head that two devices signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// The peer.
    pub device: DeviceId,
    /// The head.
    pub head: CanonicalHead,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl View<'_> {
    /// What is known of a device; nothing at all is a row of nothing.
    pub fn peer(&self, device: &DeviceId) -> Result<PeerRow, StoreError> {
        let sql = "SELECT addresses, contact_ms, attempt_ms, error, told, signed, signed_head
                   FROM peers WHERE device = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement
            .query_row(params![device.0], |row| {
                let addresses: String = row.get(0)?;
                let (told, signed): (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(5)?);
                let peer = PeerRow {
                    addresses: addresses.lines().map(str::to_owned).collect(),
                    contact_ms: row.get(1)?,
                    attempt_ms: row.get(2)?,
                    error: row.get(3)?,
                    told: Vec::new(),
                    signed: Vec::new(),
                    signed_head: row.get::<_, Option<[u8; 32]>>(6)?.map(CanonicalHead),
                };
                Ok((peer, told, signed))
            })
            .optional()?;
        let Some((peer, told, signed)) = found else { return Ok(PeerRow::default()) };
        Ok(PeerRow { told: tips_from(&told)?, signed: tips_from(&signed)?, ..peer })
    }

    /// The newest checkpoint with anyone.
    pub fn last_checkpoint(&self) -> Result<Option<CheckpointRow>, StoreError> {
        let sql = "SELECT device, head, at_ms FROM checkpoints ORDER BY number DESC LIMIT 1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row([], |row| {
            Ok(CheckpointRow {
                device: DeviceId(row.get(0)?),
                head: CanonicalHead(row.get(1)?),
                at_ms: row.get(2)?,
            })
        });
        Ok(found.optional()?)
    }
}

impl Tx<'_> {
    /// Keeps what is known of a device.
    pub fn put_peer(&self, device: &DeviceId, peer: &PeerRow) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO peers
                   (device, addresses, contact_ms, attempt_ms, error, told, signed, signed_head)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.conn.prepare_cached(sql)?.execute(params![
            device.0,
            peer.addresses.join("\n"),
            peer.contact_ms,
            peer.attempt_ms,
            peer.error,
            tips_bytes(&peer.told),
            tips_bytes(&peer.signed),
            peer.signed_head.map(|head| head.0),
        ])?;
        Ok(())
    }

    /// Adds a checkpoint to the history.
    pub fn add_checkpoint(
        &self,
        device: &DeviceId,
        ours: &Commitment,
        theirs: &Commitment,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO checkpoints (device, head, ours, theirs, at_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        // Writing to a Vec can't fail.
        let bytes = |commitment| minicbor::to_vec(commitment).unwrap_or_default();
        let values = params![device.0, ours.head.0, bytes(ours), bytes(theirs), at_ms];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}
