//! Notes as a list: which revision of each is shown, newest first. What the revisions mean, the caller has folded.

use std::cell::Cell;

use mirror_protocol::{DeviceId, EventId, Lamport};
use rusqlite::{CachedStatement, OptionalExtension, params};

use crate::error::StoreError;
use crate::events::Pos;
use crate::meta::Meta;
use crate::store::{Tx, View};

/// A note in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteRow {
    /// Its first event.
    pub note: Pos,
    /// The revision shown.
    pub latest: Pos,
    /// That revision's clock.
    pub lamport: Lamport,
    /// That revision's wall time.
    pub at_ms: i64,
    /// 0 current, 1 conflict, 2 archived.
    pub state: u8,
}

/// The state of a note that was put away.
const ARCHIVED: u8 = 2;

/// Where a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteCursor {
    /// The clock of the last note of the page.
    pub lamport: i64,
    /// Its place.
    pub latest: i64,
}

impl NoteRow {
    /// The cursor behind this note.
    pub fn cursor(&self) -> NoteCursor {
        NoteCursor { lamport: self.lamport.0 as i64, latest: self.latest.0 }
    }
}

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoteFilter {
    /// Not older than this, by the author's wall clock.
    pub since_ms: Option<i64>,
    /// Older than this, by the author's wall clock.
    pub until_ms: Option<i64>,
    /// With this tag.
    pub tag: Option<String>,
    /// Whose revision shown is of this device.
    pub device: Option<DeviceId>,
    /// Archived ones too.
    pub archived: bool,
    /// Behind this.
    pub before: Option<NoteCursor>,
    /// So many of them left out.
    pub skip: u32,
}

fn row(row: &rusqlite::Row<'_>) -> Result<NoteRow, rusqlite::Error> {
    Ok(NoteRow {
        note: Pos(row.get(0)?),
        latest: Pos(row.get(1)?),
        lamport: Lamport(row.get::<_, i64>(2)? as u64),
        at_ms: row.get(3)?,
        state: row.get(4)?,
    })
}

/// Lists notes, with its statements at hand.
pub struct Lister<'t> {
    revised: CachedStatement<'t>,
    list: CachedStatement<'t>,
    listed: &'t Cell<i64>,
}

impl Lister<'_> {
    /// Lists a note that begins with this event; `false`, and nothing done, when there are revisions of it.
    pub fn list_new(&mut self, note: &EventId, row: &NoteRow) -> Result<bool, StoreError> {
        let revised = self.revised.exists(params![note.0])?;
        if !revised {
            list(&mut self.list, row)?;
            self.listed.set(self.listed.get() + counted(row));
        }
        Ok(!revised)
    }
}

const LIST: &str = "INSERT INTO notes (lamport, latest, note, at_ms, state)
                    VALUES (?1, ?2, ?3, ?4, ?5)";

/// How a note counts in [`View::note_count`].
fn counted(row: &NoteRow) -> i64 {
    i64::from(row.state != ARCHIVED)
}

fn list(statement: &mut CachedStatement<'_>, row: &NoteRow) -> Result<(), StoreError> {
    let (lamport, latest) = (row.lamport.0 as i64, row.latest.0);
    statement.execute(params![lamport, latest, row.note.0, row.at_ms, row.state])?;
    Ok(())
}

type Values<'a> = (Option<i64>, Option<i64>, Option<&'a str>, Option<[u8; 32]>, bool, i64, i64);

/// What follows FROM for a filter, and the values of its first seven parameters.
fn wanted(filter: &NoteFilter) -> String {
    let (from, tag) = match filter.tag {
        Some(_) => ("note_tags t JOIN notes n USING (lamport, latest)", "t.tag"),
        None => ("notes n", "NULL"),
    };
    format!(
        "{from} WHERE (?1 IS NULL OR n.at_ms >= ?1) AND (?2 IS NULL OR n.at_ms < ?2)
           AND (?3 IS NULL OR {tag} = ?3)
           AND (?4 IS NULL OR (n.latest >> 40) IN (SELECT ref FROM chains WHERE device = ?4))
           AND (?5 OR n.state <> 2) AND (n.lamport, n.latest) < (?6, ?7)"
    )
}

fn values(filter: &NoteFilter) -> Values<'_> {
    let before = filter.before.unwrap_or(NoteCursor { lamport: i64::MAX, latest: i64::MAX });
    let device = filter.device.map(|device| device.0);
    let tag = filter.tag.as_deref();
    let (since, until) = (filter.since_ms, filter.until_ms);
    (since, until, tag, device, filter.archived, before.lamport, before.latest)
}

impl View<'_> {
    /// A page of notes, newest first.
    pub fn notes(&self, filter: &NoteFilter, limit: u32) -> Result<Vec<NoteRow>, StoreError> {
        let sql = format!(
            "SELECT n.note, n.latest, n.lamport, n.at_ms, n.state FROM {}
             ORDER BY n.lamport DESC, n.latest DESC LIMIT ?8 OFFSET ?9",
            wanted(filter)
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let (since, until, tag, device, archived, lamport, latest) = values(filter);
        let page =
            params![since, until, tag, device, archived, lamport, latest, limit, filter.skip];
        Ok(statement.query_map(page, row)?.collect::<Result<_, _>>()?)
    }

    /// How many there are of them.
    pub fn count_of(&self, filter: &NoteFilter) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {}", wanted(filter));
        let mut statement = self.conn.prepare_cached(&sql)?;
        let (since, until, tag, device, archived, lamport, latest) = values(filter);
        let all = params![since, until, tag, device, archived, lamport, latest];
        Ok(statement.query_row(all, |row| row.get::<_, i64>(0))? as u64)
    }

    /// The list's row of a note, given the revision that it shows.
    pub fn note_row(&self, lamport: Lamport, latest: Pos) -> Result<Option<NoteRow>, StoreError> {
        let sql = "SELECT note, latest, lamport, at_ms, state FROM notes
                   WHERE lamport = ?1 AND latest = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_row(params![lamport.0 as i64, latest.0], row).optional()?)
    }

    /// Edits and archives of a note.
    pub fn revisions(&self, note: &EventId) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM revisions WHERE note = ?1 ORDER BY pos";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_map(params![note.0], |row| Ok(Pos(row.get(0)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Notes that wait for a person.
    pub fn notes_in_conflict(&self) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT note FROM notes WHERE state = 1 ORDER BY note";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_map([], |row| Ok(Pos(row.get(0)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// How many notes wait for a person.
    pub fn conflict_count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM notes WHERE state = 1";
        Ok(self.conn.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64)
    }

    /// How many notes there are, archived ones left out.
    pub fn note_count(&self) -> Result<u64, StoreError> {
        match self.meta(Meta::Notes)?.map(<[u8; 8]>::try_from) {
            Some(Ok(bytes)) => Ok(u64::from_be_bytes(bytes)),
            Some(Err(_)) => Err(StoreError::damaged("count of notes", "not 8 bytes")),
            None => self.count_notes(),
        }
    }

    pub(crate) fn count_notes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM notes WHERE state <> ?1";
        Ok(self.conn.query_row(sql, [ARCHIVED], |row| row.get::<_, i64>(0))? as u64)
    }
}

impl Tx<'_> {
    /// Keeps an edit or archive findable by its note.
    pub fn add_revision(&self, note: &EventId, pos: Pos) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO revisions (note, pos) VALUES (?1, ?2)";
        self.conn.prepare_cached(sql)?.execute(params![note.0, pos.0])?;
        Ok(())
    }

    /// Lists a note, in place of the row that listed it before.
    pub fn put_note(
        &self,
        row: &NoteRow,
        tags: &[String],
        before: Option<&NoteRow>,
    ) -> Result<(), StoreError> {
        if let Some(before) = before {
            for sql in [
                "DELETE FROM notes WHERE lamport = ?1 AND latest = ?2",
                "DELETE FROM note_tags WHERE lamport = ?1 AND latest = ?2",
            ] {
                let values = params![before.lamport.0 as i64, before.latest.0];
                self.conn.prepare_cached(sql)?.execute(values)?;
            }
        }
        let more = counted(row) - before.map_or(0, counted);
        self.listed.set(self.listed.get() + more);
        list(&mut self.conn.prepare_cached(LIST)?, row)?;
        self.add_tags(row, tags)
    }

    /// Lists a note under its tags.
    pub fn add_tags(&self, row: &NoteRow, tags: &[String]) -> Result<(), StoreError> {
        for tag in tags {
            let sql = "INSERT OR IGNORE INTO note_tags (tag, lamport, latest) VALUES (?1, ?2, ?3)";
            let values = params![tag, row.lamport.0 as i64, row.latest.0];
            self.conn.prepare_cached(sql)?.execute(values)?;
        }
        Ok(())
    }

    /// Keeps the number of notes: counting them would read them all.
    pub(crate) fn count_listed(&self) -> Result<(), StoreError> {
        if self.listed.get() == 0 {
            return Ok(());
        }
        let more = self.listed.take();
        let count = match self.meta(Meta::Notes)? {
            Some(_) => self.note_count()?.saturating_add_signed(more),
            None => self.count_notes()?,
        };
        self.set_meta(Meta::Notes, &count.to_be_bytes())
    }

    /// Lists many new notes.
    pub fn lister(&self) -> Result<Lister<'_>, StoreError> {
        let revised =
            self.conn.prepare_cached("SELECT 1 FROM revisions WHERE note = ?1 LIMIT 1")?;
        Ok(Lister { revised, list: self.conn.prepare_cached(LIST)?, listed: &self.listed })
    }

    /// Empties everything that a fold writes, so that the events can be folded anew.
    pub fn clear_projections(&self) -> Result<(), StoreError> {
        self.conn.execute_batch(
            "DELETE FROM notes; DELETE FROM note_tags; DELETE FROM revisions; DELETE FROM blob_refs;
             DELETE FROM members; DELETE FROM member_events; DELETE FROM named;
             DELETE FROM forgotten; DELETE FROM vault_events; DELETE FROM shared_versions;
             DELETE FROM shared_replaced; DELETE FROM shared_conflicts; DELETE FROM shares;",
        )?;
        self.clear_sessions()?;
        self.clear_map()?;
        self.clear_index()?;
        self.listed.set(0);
        self.set_meta(Meta::Notes, &0u64.to_be_bytes())
    }
}
