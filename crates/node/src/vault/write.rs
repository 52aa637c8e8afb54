//! Writing a file: bytes, event, acknowledgement.

use std::io::Read;

use mirror_domain::Body;
use mirror_domain::body::{Cause, VaultRefuse, VaultWrite};
use mirror_protocol::{Event, EventId, WallTime};
use mirror_store::{Tx, VaultFileRow};
use mirror_vault::{
    Hash, InFlight, Locked, Provenance, Recovered, VaultError, VaultPath, Version, Written,
};

use super::shared::{Blobs, make_shared};
use super::{Author, Expect, checked_path, content, provenance, said};
use crate::error::{Error, Result};
use crate::node::Node;
use crate::view::{self, Code};
use crate::{clock, commit, convert};

impl Node {
    /// Writes a file; durable, with its version kept, when it returns. What another program put there since is recorded
    /// first; when it is not what was expected, the write is refused and what it offered is kept.
    pub fn vault_write(
        &self,
        path: &str,
        bytes: &mut dyn Read,
        expect: Expect,
        author: &Author,
    ) -> Result<view::VaultWritten> {
        self.write_as(&checked_path(path)?, bytes, expect, author, Cause::Write)
    }

    /// Writes an earlier version anew: nothing is undone, the old bytes become the newest version.
    pub fn vault_rollback(
        &self,
        path: &str,
        to: &str,
        author: &Author,
    ) -> Result<view::VaultWritten> {
        let path = checked_path(path)?;
        let version = self.version_of(&path, to)?;
        let hash = version.hash.ok_or_else(|| {
            Error::invalid(
                format!("{path} was gone at {}", version.version),
                "roll back to a version that holds something",
            )
        })?;
        let mut bytes = self.vault()?.version(&parse(&hash)?)?;
        self.write_as(&path, &mut bytes, Expect::Anything, author, Cause::Rollback)
    }

    pub(crate) fn write_as(
        &self,
        path: &VaultPath,
        bytes: &mut dyn Read,
        expect: Expect,
        author: &Author,
        cause: Cause,
    ) -> Result<view::VaultWritten> {
        let said = self.read(|view| said(view, path, cause, author))?;
        // Refused now, not after the bytes are in their place.
        check(&said)?;
        // What stands beside the file tells the same instant as the event, so that each can be held against the other.
        let at = clock::now();
        self.locked(|_, locked| {
            let note = Body::VaultWrite(said.clone()).encode();
            match locked.write(path, bytes, expect.into(), &provenance(&said, at), &note) {
                Ok(written) => {
                    let content = (Some(written.hash), written.bytes);
                    let event = self.record(said, written.previous, content, at)?;
                    locked.finish(&written.id)?;
                    Ok(shown(&written, event.id))
                }
                Err(VaultError::Conflict { found, kept, bytes, .. }) => {
                    self.refuse(locked, path, expect, (found, kept, bytes), author)
                }
                Err(error) => Err(error.into()),
            }
        })
    }

    /// The event of a write, after one for what another program had put there unseen.
    pub(super) fn record(
        &self,
        mut said: VaultWrite,
        from: Option<Hash>,
        (to, bytes): (Option<Hash>, u64),
        at: WallTime,
    ) -> Result<Event> {
        let held = to.filter(|_| bytes > 0);
        let blobs = self.take_in_versions(&said.path, held.into_iter().chain(from))?;
        self.write(|tx| {
            let before = self.unseen(tx, &said.path, from, &blobs)?;
            if said.replaces.is_empty() {
                said.replaces =
                    before.iter().map(|row| event_at(tx, row)).collect::<Result<_>>()?;
            }
            (said.from, said.to) = (from.map(content), to.map(content));
            said.bytes = if to.is_some() { bytes } else { 0 };
            self.append_version(tx, &said, &blobs, at)
        })
    }

    /// Records what lies at a path when it is not what was recorded last, and gives what is recorded then.
    pub(super) fn unseen(
        &self,
        tx: &Tx<'_>,
        path: &str,
        found: Option<Hash>,
        blobs: &Blobs,
    ) -> Result<Option<VaultFileRow>> {
        let before = tx.vault_file(path)?;
        if before.as_ref().map(|row| row.content) == found.map(content) {
            return Ok(before);
        }
        let bytes = match &found {
            Some(hash) => Version::bytes(&self.vault()?.version(hash)?)?,
            None => 0,
        };
        let outside = VaultWrite {
            path: path.to_owned(),
            replaces: before.iter().map(|row| event_at(tx, row)).collect::<Result<_>>()?,
            from: before.map(|row| row.content),
            to: found.map(content),
            bytes,
            cause: Cause::Outside,
            by: None,
            reason: None,
            sources: Vec::new(),
            shared: false,
            chunks: None,
        };
        self.append_version(tx, &outside, blobs, clock::now())?;
        Ok(tx.vault_file(path)?)
    }

    /// Appends a version's event and records how the file lies now. When it was changed is left open: within one tick of
    /// the file system's clock another program could have changed it again.
    pub(super) fn append_version(
        &self,
        tx: &Tx<'_>,
        said: &VaultWrite,
        blobs: &Blobs,
        at: WallTime,
    ) -> Result<Event> {
        let mut said = said.clone();
        make_shared(tx, &mut said, blobs)?;
        let body = Body::VaultWrite(said.clone());
        let event = commit::append(&self.inner, tx, &body, at)?;
        match said.to {
            None => tx.remove_vault_file(&said.path)?,
            Some(content) => {
                let pos = tx.pos(&event.id)?;
                let pos =
                    pos.ok_or_else(|| Error::integrity("an event that was just stored is gone"))?;
                let (path, bytes) = (said.path.clone(), said.bytes);
                let row = VaultFileRow { path, pos, content, bytes, mtime_ns: 0, inode: 0 };
                tx.put_vault_file(&row)?;
            }
        }
        Ok(event)
    }

    fn refuse(
        &self,
        locked: &Locked<'_>,
        path: &VaultPath,
        expect: Expect,
        (found, kept, bytes): (Option<Hash>, Hash, u64),
        author: &Author,
    ) -> Result<view::VaultWritten> {
        let expected = match expect {
            Expect::Content(hash) => Some(Hash(hash)),
            Expect::Anything | Expect::Absent => None,
        };
        if found.is_some() {
            locked.keep(path, &outside())?;
        }
        let refuse = VaultRefuse {
            path: path.as_str().to_owned(),
            expected: expected.map(content),
            found: found.map(content),
            offered: Some(content(kept)),
            bytes,
            by: author.by.clone(),
            reason: author.reason.clone(),
        };
        let blobs = self.take_in_versions(path.as_str(), found)?;
        self.write(|tx| {
            self.unseen(tx, path.as_str(), found, &blobs)?;
            commit::append(&self.inner, tx, &Body::VaultRefuse(refuse), clock::now())
        })?;
        let say = |hash: Option<Hash>| hash.map_or("no file".to_owned(), |hash| hash.to_string());
        Err(Error::new(
            Code::Conflict,
            format!("{path} holds {}, and {} was expected", say(found), say(expected)),
            format!(
                "nothing was overwritten; what you offered is kept as {kept}: look at both with `mirror vault diff {path} --to {kept}`, then write with --expect as it is now"
            ),
        ))
    }

    /// Says what a crash kept from being said, and leaves the rest as it was.
    pub(super) fn finish_interrupted(&self, locked: &Locked<'_>) -> Result<()> {
        for recovered in locked.recover()? {
            match recovered {
                Recovered::Finished(change) => {
                    self.say_interrupted(&change)?;
                    locked.finish(&change.id)?;
                }
                Recovered::RolledBack(change) => {
                    tracing::warn!(path = %change.path, "a write that was cut is undone; it had not been acknowledged");
                }
                Recovered::Unreadable { kept, .. } => {
                    tracing::warn!(
                        ?kept,
                        "the traces of a write that was cut; what it held is kept"
                    );
                }
            }
        }
        Ok(())
    }

    fn say_interrupted(&self, change: &InFlight) -> Result<()> {
        let recorded = self.read(|view| Ok(view.vault_file(change.path.as_str())?))?;
        // The event may have committed, and only the intent have been left.
        if recorded.map(|row| row.content) == change.to.map(content)
            || self.finish_taking(change)?
        {
            return Ok(());
        }
        let blank =
            self.read(|view| said(view, &change.path, Cause::Outside, &Author::default()))?;
        let said = minicbor::decode(&change.note).unwrap_or(blank);
        self.record(said, change.from, (change.to, change.bytes), clock::now()).map(drop)
    }
}

/// Where a content came from that another program wrote.
pub(super) fn outside() -> Provenance {
    let (events, tool) = (Vec::new(), "unknown".to_owned());
    Provenance { events, tool, time: clock::rfc3339(clock::now()) }
}

fn check(said: &VaultWrite) -> Result<()> {
    said.check().map_err(|error| Error::invalid(error, "change it and try again"))
}

fn event_at(tx: &Tx<'_>, row: &VaultFileRow) -> Result<EventId> {
    let event = tx.event_at(row.pos)?;
    let gone = || Error::integrity(format!("the event of {} is gone", row.path));
    Ok(event.ok_or_else(gone)?.id)
}

fn shown(written: &Written, version: EventId) -> view::VaultWritten {
    view::VaultWritten {
        path: written.path.to_string(),
        version: version.to_string(),
        hash: written.hash.to_string(),
        previous: written.previous.map(|hash| hash.to_string()),
        backup: written.previous.map(|hash| hash.to_string()),
        bytes: convert::count(written.bytes),
    }
}

pub(super) fn parse(hash: &str) -> Result<Hash> {
    hash.parse().map_err(|_| {
        Error::invalid(format!("{hash:?} is no SHA-256"), "write its 64 hexadecimal digits")
    })
}

impl From<Expect> for mirror_vault::Expect {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Anything => Self::Anything,
            Expect::Absent => Self::Absent,
            Expect::Content(hash) => Self::Is(Hash(hash)),
        }
    }
}
