//! Small facts of a home, by name.

use rusqlite::{OptionalExtension, params};

use crate::error::StoreError;
use crate::store::{Tx, View};

/// The names in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meta {
    /// The mesh id.
    Mesh,
    /// This device's id.
    Device,
    /// The chain that this home writes.
    Chain,
    /// Under which account the keychain has this home's keys.
    Account,
    /// `keychain` or `file`.
    KeyStore,
    /// Fold version and state digest.
    State,
    /// How many notes are listed, archived ones left out.
    Notes,
    /// The text that is being written.
    Draft,
    /// The name to take once admitted.
    Name,
    /// The port that was listened on last.
    Port,
    /// The own chain's branch, while no other has moved since it named them all.
    CaughtUp,
    /// Bytes of something forgotten may still stand in the files.
    Remains,
    /// The bytes that blobs may take up unless a person asks for them.
    BlobCap,
    /// Where the database's file was made, see `mirror-node`'s `place`.
    Marker,
    /// When the file was found in another place, in milliseconds since 1970.
    Moved,
    /// The vault's folder.
    Vault,
    /// The speech model that a person chose, as JSON.
    SpeechModel,
    /// Recordings that could not be heard, as JSON.
    SpeechFailures,
    /// The sum of the lines of sessions and distillates.
    Sessions,
}

impl Meta {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::Device => "device",
            Self::Chain => "chain",
            Self::Account => "account",
            Self::KeyStore => "key_store",
            Self::State => "state",
            Self::Notes => "notes",
            Self::Draft => "draft",
            Self::Name => "name",
            Self::Port => "port",
            Self::CaughtUp => "caught_up",
            Self::Remains => "remains",
            Self::BlobCap => "blob_cap",
            Self::Marker => "marker",
            Self::Moved => "moved",
            Self::Vault => "vault",
            Self::SpeechModel => "speech_model",
            Self::SpeechFailures => "speech_failures",
            Self::Sessions => "sessions",
        }
    }
}

impl View<'_> {
    /// A fact's bytes.
    pub fn meta(&self, name: Meta) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(statement.query_row(params![name.key()], |row| row.get(0)).optional()?)
    }

    /// A fact of 32 bytes.
    pub fn meta_id(&self, name: Meta) -> Result<Option<[u8; 32]>, StoreError> {
        let bytes = self.meta(name)?;
        bytes
            .map(|bytes| {
                <[u8; 32]>::try_from(bytes)
                    .map_err(|_| StoreError::damaged(name.key(), "not 32 bytes"))
            })
            .transpose()
    }

    /// A fact of text.
    pub fn meta_text(&self, name: Meta) -> Result<Option<String>, StoreError> {
        let bytes = self.meta(name)?;
        bytes
            .map(|bytes| {
                String::from_utf8(bytes).map_err(|_| StoreError::damaged(name.key(), "not UTF-8"))
            })
            .transpose()
    }
}

impl Tx<'_> {
    /// Sets a fact.
    pub fn set_meta(&self, name: Meta, value: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.conn.prepare_cached(sql)?.execute(params![name.key(), value])?;
        Ok(())
    }

    /// Lets a fact go.
    pub fn clear_meta(&self, name: Meta) -> Result<(), StoreError> {
        let sql = "DELETE FROM meta WHERE key = ?1";
        self.conn.prepare_cached(sql)?.execute(params![name.key()])?;
        Ok(())
    }
}
