//! Blobs: what is here of the content that events name. The bytes are in files, see [`crate::BlobFiles`].

use mirror_protocol::{BlobId, BlobRef, ChunkListHash, ChunkSet, Lamport};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::events::Pos;
use crate::store::{Tx, View};

/// How much of a blob is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobState {
    /// Nothing.
    Absent,
    /// Some chunks.
    Partial,
    /// All of it.
    Present,
    /// No content has this name: what its list names is another content.
    False,
}

impl BlobState {
    fn number(self) -> i64 {
        match self {
            Self::Absent => 0,
            Self::Partial => 1,
            Self::Present => 2,
            Self::False => 3,
        }
    }

    fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Partial,
            2 => Self::Present,
            3 => Self::False,
            _ => Self::Absent,
        }
    }
}

/// A blob that an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRow {
    /// Its name.
    pub blob: BlobRef,
    /// How much of it is here.
    pub state: BlobState,
    /// A person asked for it.
    pub wanted: bool,
    /// Its chunks that are here.
    pub have: ChunkSet,
}

const ROW: &str = "SELECT id, bytes, chunks, state, wanted, have FROM blobs";

impl View<'_> {
    /// A blob by its name.
    pub fn blob(&self, blob: &BlobRef) -> Result<Option<BlobRow>, StoreError> {
        let sql = format!("{ROW} WHERE id = ?1 AND chunks = ?2 AND bytes = ?3");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement
            .query_row(params![blob.id.0, blob.chunks.0, blob.bytes as i64], read)
            .optional()?)
    }

    /// The names of a content; one of them may be here whole, false ones may stand beside it.
    pub fn blobs_of(&self, id: &BlobId) -> Result<Vec<BlobRow>, StoreError> {
        let sql = format!("{ROW} WHERE id = ?1 ORDER BY state = 2 DESC, chunks, bytes");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map([id.0], read)?.collect::<Result<_, _>>()?)
    }

    /// Every blob that an event names, newest first.
    pub fn blobs(&self) -> Result<Vec<BlobRow>, StoreError> {
        let sql = format!("{ROW} ORDER BY newest DESC, bytes, id");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
    }

    /// Calls back with the blobs that are not whole here, until it answers `false`: those that a person asked for first,
    /// then the newest, of one event's the smallest.
    pub fn missing_blobs<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(BlobRow) -> Result<bool, E>,
    ) -> Result<(), E> {
        let sql = format!("{ROW} WHERE state < 2 ORDER BY wanted DESC, newest DESC, bytes");
        let mut statement = self.conn.prepare_cached(&sql).map_err(StoreError::from)?;
        let mut rows = statement.query([]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            if !visit(read(row).map_err(StoreError::from)?)? {
                break;
            }
        }
        Ok(())
    }

    /// The bytes of all blobs that are here or have begun to come.
    pub fn blob_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(bytes), 0) FROM blobs WHERE state IN (1, 2)";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))? as u64)
    }

    /// A blob's encoded chunk list, if it is here.
    pub fn chunk_list(&self, blob: &BlobRef) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT list FROM blobs WHERE id = ?1 AND chunks = ?2 AND bytes = ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        let values = params![blob.id.0, blob.chunks.0, blob.bytes as i64];
        Ok(statement.query_row(values, |row| row.get(0)).optional()?.flatten())
    }

    /// The events that name a blob.
    pub fn blob_refs(&self, blob: &BlobRef) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM blob_refs WHERE id = ?1 AND chunks = ?2 AND bytes = ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        let values = params![blob.id.0, blob.chunks.0, blob.bytes as i64];
        let found = statement.query_map(values, |row| Ok(Pos(row.get(0)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// An event names a blob.
    pub fn name_blob(&self, blob: &BlobRef, pos: Pos, at: Lamport) -> Result<(), StoreError> {
        let sql = "INSERT INTO blobs (id, bytes, chunks, newest) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET newest = max(newest, excluded.newest)";
        let (id, chunks, bytes) = (blob.id.0, blob.chunks.0, blob.bytes as i64);
        self.conn.prepare_cached(sql)?.execute(params![id, bytes, chunks, at.0 as i64])?;
        let sql =
            "INSERT OR IGNORE INTO blob_refs (id, chunks, bytes, pos) VALUES (?1, ?2, ?3, ?4)";
        self.conn.prepare_cached(sql)?.execute(params![id, chunks, bytes, pos.0])?;
        Ok(())
    }

    /// The content of a blob is here whole, in its file, with its chunk list.
    pub fn own_blob(&self, blob: &BlobRef, list: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO blobs (id, bytes, chunks, state, list) VALUES (?1, ?2, ?3, 2, ?4)
                   ON CONFLICT DO UPDATE
                   SET state = 2, wanted = 0, have = x'', list = excluded.list";
        let values = params![blob.id.0, blob.bytes as i64, blob.chunks.0, list];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// A chunk list came: from now on the blob is here in part.
    pub fn begin_blob(&self, blob: &BlobRef, list: &[u8]) -> Result<(), StoreError> {
        let sql = "UPDATE blobs SET list = ?4, state = max(state, 1)
                   WHERE id = ?1 AND chunks = ?2 AND bytes = ?3 AND state < 2";
        let values = params![blob.id.0, blob.chunks.0, blob.bytes as i64, list];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// These chunks of a part are in its file. Another process may have added others.
    pub fn add_chunks(&self, blob: &BlobRef, more: &ChunkSet) -> Result<(), StoreError> {
        if let Some(mut row) = self.blob(blob)?.filter(|row| row.state == BlobState::Partial) {
            row.have.extend(more);
            self.put_blob(&row)?;
        }
        Ok(())
    }

    /// Says anew how much of a blob is here, and whether a person asked for it.
    pub fn put_blob(&self, row: &BlobRow) -> Result<(), StoreError> {
        let sql = "UPDATE blobs SET state = ?4, wanted = ?5, have = ?6
                   WHERE id = ?1 AND chunks = ?2 AND bytes = ?3";
        let BlobRow { blob, state, wanted, have } = row;
        let have = if *state == BlobState::Partial { have.bits() } else { &[] };
        let values =
            params![blob.id.0, blob.chunks.0, blob.bytes as i64, state.number(), wanted, have];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<BlobRow, rusqlite::Error> {
    let (id, bytes) = (BlobId(row.get(0)?), row.get::<_, i64>(1)? as u64);
    let blob = BlobRef { id, bytes, chunks: ChunkListHash(row.get(2)?) };
    let state = BlobState::from_number(row.get(3)?);
    let have = match state {
        BlobState::Present => ChunkSet::all(blob.count()),
        _ => ChunkSet::from_bits(blob.count(), &row.get::<_, Vec<u8>>(5)?),
    };
    Ok(BlobRow { blob, state, wanted: row.get(4)?, have })
}
