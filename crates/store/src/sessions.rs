//! Sessions of agents and distillates, as folded, and what this device alone keeps of its own.

use mirror_protocol::{BlobId, DeviceId, EventId, Lamport, Tip};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::events::Pos;
use crate::members::{tips_bytes, tips_from};
use crate::store::{Tx, View};

/// A session's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session: its opening.
    pub id: EventId,
    /// Where that lies.
    pub pos: Pos,
    /// Its clock.
    pub lamport: Lamport,
    /// Whose.
    pub device: DeviceId,
    /// On what.
    pub project: String,
    /// By whom.
    pub agent: String,
    /// 0 open, 1 closed, 2 recovered, 3 refused.
    pub state: u8,
    /// The event that says last where it stands.
    pub last: Pos,
}

/// A distillate's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistillateRow {
    /// The seal.
    pub id: EventId,
    /// Where it lies.
    pub pos: Pos,
    /// Its clock.
    pub lamport: Lamport,
    /// The project.
    pub project: String,
    /// The file.
    pub path: String,
    /// Its content.
    pub content: BlobId,
    /// The content's size.
    pub bytes: u64,
    /// Another stands in its place, or it was withdrawn.
    pub gone: bool,
}

/// What this device keeps of a session of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldRow {
    /// The context as it was handed out.
    pub context: String,
    /// The process that it belongs to; 0 when nobody said.
    pub pid: u32,
    /// The folder that it works in; empty when nobody said.
    pub folder: String,
}

const SESSION: &str = "SELECT id, pos, lamport, device, project, agent, state, last FROM sessions";
const DISTILLATE: &str =
    "SELECT id, pos, lamport, project, path, content, bytes, gone FROM distillates";

fn session(row: &Row<'_>) -> Result<SessionRow, rusqlite::Error> {
    Ok(SessionRow {
        id: EventId(row.get(0)?),
        pos: Pos(row.get(1)?),
        lamport: Lamport(row.get::<_, i64>(2)? as u64),
        device: DeviceId(row.get(3)?),
        project: row.get(4)?,
        agent: row.get(5)?,
        state: row.get(6)?,
        last: Pos(row.get(7)?),
    })
}

fn distillate(row: &Row<'_>) -> Result<DistillateRow, rusqlite::Error> {
    Ok(DistillateRow {
        id: EventId(row.get(0)?),
        pos: Pos(row.get(1)?),
        lamport: Lamport(row.get::<_, i64>(2)? as u64),
        project: row.get(3)?,
        path: row.get(4)?,
        content: BlobId(row.get(5)?),
        bytes: row.get::<_, i64>(6)? as u64,
        gone: row.get(7)?,
    })
}

fn position(row: &Row<'_>) -> Result<Pos, rusqlite::Error> {
    Ok(Pos(row.get(0)?))
}

impl SessionRow {
    /// All of it, as bytes: what a digest is made of.
    pub fn line(&self) -> Vec<u8> {
        let mut line = b"session".to_vec();
        line.extend(self.id.0);
        line.extend(self.lamport.0.to_be_bytes());
        line.extend(self.device.0);
        line.push(self.state);
        line.extend([self.project.as_bytes(), &[0], self.agent.as_bytes()].concat());
        line
    }
}

impl DistillateRow {
    /// All of it, as bytes: what a digest is made of.
    pub fn line(&self) -> Vec<u8> {
        let mut line = b"distillate".to_vec();
        line.extend(self.id.0);
        line.extend(self.lamport.0.to_be_bytes());
        line.extend(self.content.0);
        line.extend(self.bytes.to_be_bytes());
        line.push(self.gone.into());
        line.extend([self.project.as_bytes(), &[0], self.path.as_bytes()].concat());
        line
    }
}

impl View<'_> {
    /// A session.
    pub fn session(&self, id: &EventId) -> Result<Option<SessionRow>, StoreError> {
        let sql = format!("{SESSION} WHERE id = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([id.0], session).optional()?)
    }

    /// Calls back with every session, in no order that means something.
    pub fn sessions(
        &self,
        mut each: impl FnMut(SessionRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(SESSION)?;
        let mut rows = statement.query_map([], session)?;
        rows.try_for_each(|row| each(row?))
    }

    /// Sessions, newest first; of one project, or of all.
    pub fn newest_sessions(
        &self,
        project: Option<&str>,
        limit: u32,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let sql = format!(
            "{SESSION} WHERE ?1 IS NULL OR project = ?1 ORDER BY lamport DESC, pos DESC LIMIT ?2"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map(params![project, limit], session)?.collect::<Result<_, _>>()?)
    }

    /// A device's sessions that are open.
    pub fn open_sessions(&self, device: &DeviceId) -> Result<Vec<SessionRow>, StoreError> {
        let sql = format!("{SESSION} WHERE device = ?1 AND state = 0 ORDER BY lamport, pos");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map([device.0], session)?.collect::<Result<_, _>>()?)
    }

    /// Events that name a session, oldest first.
    pub fn session_events(&self, id: &EventId) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM session_events WHERE session = ?1 ORDER BY lamport, pos";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_map([id.0], position)?.collect::<Result<_, _>>()?)
    }

    /// The latest closes of a project, newest first.
    pub fn close_leaves(&self, project: &str) -> Result<Vec<(Pos, EventId)>, StoreError> {
        let sql = "SELECT pos, id FROM session_closes WHERE project = ?1 AND leaf = 1
                   ORDER BY lamport DESC, pos DESC";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows =
            statement.query_map([project], |row| Ok((Pos(row.get(0)?), EventId(row.get(1)?))));
        Ok(rows?.collect::<Result<_, _>>()?)
    }

    /// Closes of a project, newest first.
    pub fn newest_closes(&self, project: &str, limit: u32) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM session_closes WHERE project = ?1
                   ORDER BY lamport DESC, pos DESC LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_map(params![project, limit], position)?.collect::<Result<_, _>>()?)
    }

    /// Whether something stands in the place of a close or a seal, or withdraws it.
    pub fn is_replaced(&self, id: &EventId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM session_replaced WHERE id = ?1";
        Ok(self.conn.prepare_cached(sql)?.exists([id.0])?)
    }

    /// What stands in its place, or withdraws it.
    pub fn replaced_by(&self, id: &EventId) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM session_replaced WHERE id = ?1 ORDER BY pos";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_map([id.0], position)?.collect::<Result<_, _>>()?)
    }

    /// A distillate.
    pub fn distillate(&self, id: &EventId) -> Result<Option<DistillateRow>, StoreError> {
        let sql = format!("{DISTILLATE} WHERE id = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([id.0], distillate).optional()?)
    }

    /// Calls back with every distillate, in no order that means something.
    pub fn distillates(
        &self,
        mut each: impl FnMut(DistillateRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(DISTILLATE)?;
        let mut rows = statement.query_map([], distillate)?;
        rows.try_for_each(|row| each(row?))
    }

    /// Distillates, newest first: of a project or of all, with a topic or any, those that are gone too or not.
    pub fn newest_distillates(
        &self,
        project: Option<&str>,
        topic: Option<&str>,
        gone: bool,
        limit: u32,
    ) -> Result<Vec<DistillateRow>, StoreError> {
        let sql = format!(
            "{DISTILLATE} WHERE (?1 IS NULL OR project = ?1) AND (?3 OR gone = 0)
               AND (?2 IS NULL OR id IN (SELECT id FROM distillate_topics WHERE topic = ?2))
             ORDER BY lamport DESC, pos DESC LIMIT ?4"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(params![project, topic, gone, limit], distillate)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Seals of a file.
    pub fn seals_of(&self, path: &str) -> Result<Vec<DistillateRow>, StoreError> {
        let sql = format!("{DISTILLATE} WHERE path = ?1 ORDER BY lamport, pos");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map([path], distillate)?.collect::<Result<_, _>>()?)
    }

    /// Closes and seals that name a file.
    pub fn session_paths(&self, path: &str) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM session_paths WHERE path = ?1 ORDER BY pos DESC LIMIT 64";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_map([path], position)?.collect::<Result<_, _>>()?)
    }

    /// What was decided last of a content that was found, as its number.
    pub fn review_of(&self, what: &str, content: &BlobId) -> Result<Option<u8>, StoreError> {
        let sql = "SELECT verdict FROM session_reviews WHERE what = ?1 AND content = ?2
                   ORDER BY lamport DESC, pos DESC LIMIT 1";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_row(params![what, content.0], |row| row.get(0)).optional()?)
    }

    /// Closes and distillates whose text holds any of these terms, best match first.
    pub fn search_sessions(&self, terms: &[&str], limit: u32) -> Result<Vec<Pos>, StoreError> {
        let quoted: Vec<String> = terms
            .iter()
            .flat_map(|term| term.split('\0'))
            .filter(|term| term.chars().count() >= 3)
            .map(|term| format!("\"{}\"", term.replace('"', "\"\"")))
            .collect();
        if quoted.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT rowid FROM session_search WHERE session_search MATCH ?1
                   ORDER BY rank LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params![quoted.join(" OR "), limit], position)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Distillates whose whole text is not indexed, some of them.
    pub fn unindexed_distillates(&self, limit: u32) -> Result<Vec<DistillateRow>, StoreError> {
        let sql =
            format!("{DISTILLATE} WHERE pos NOT IN (SELECT pos FROM session_indexed) LIMIT ?1");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_map([limit], distillate)?.collect::<Result<_, _>>()?)
    }

    /// Up to where the last session of a project and an agent had seen each chain.
    pub fn session_mark(&self, project: &str, agent: &str) -> Result<Option<Vec<Tip>>, StoreError> {
        let sql = "SELECT tips FROM session_marks WHERE project = ?1 AND agent = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let tips = statement.query_row([project, agent], |row| row.get::<_, Vec<u8>>(0));
        tips.optional()?.map(|tips| tips_from(&tips)).transpose()
    }

    /// What this device keeps of a session of its own.
    pub fn told(&self, session: &EventId) -> Result<Option<ToldRow>, StoreError> {
        let sql = "SELECT context, pid, folder FROM session_told WHERE session = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let row = statement.query_row([session.0], |row| {
            Ok(ToldRow { context: row.get(0)?, pid: row.get(1)?, folder: row.get(2)? })
        });
        Ok(row.optional()?)
    }

    /// Places in a branch from a position on, newest first, whatever the chain's row says of its end.
    pub fn newest_places(
        &self,
        branch: crate::chains::BranchRef,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Pos>, StoreError> {
        let sql = "SELECT pos FROM events WHERE pos >= ?1 AND pos < ?2 ORDER BY pos DESC LIMIT ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        let end = Pos::new(crate::chains::BranchRef(branch.0 + 1), 0).0;
        let bounds = params![Pos::new(branch, from).0, end, limit];
        Ok(statement.query_map(bounds, position)?.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Sets a session's line.
    pub fn put_session(&self, row: &SessionRow) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO sessions
                   (id, pos, lamport, device, project, agent, state, last)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.conn.prepare_cached(sql)?.execute(params![
            row.id.0,
            row.pos.0,
            row.lamport.0 as i64,
            row.device.0,
            row.project,
            row.agent,
            row.state,
            row.last.0,
        ])?;
        Ok(())
    }

    /// An event names a session.
    pub fn add_session_event(
        &self,
        session: &EventId,
        at: Lamport,
        pos: Pos,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT OR IGNORE INTO session_events (session, lamport, pos) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![session.0, at.0 as i64, pos.0])?;
        Ok(())
    }

    /// A close or a recovery of a session of this project. Others may name it already.
    pub fn add_close(
        &self,
        project: &str,
        at: Lamport,
        pos: Pos,
        id: &EventId,
    ) -> Result<(), StoreError> {
        let leaf = !self.is_replaced(id)?;
        let sql = "INSERT OR REPLACE INTO session_closes (project, lamport, pos, id, leaf)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        self.conn.prepare_cached(sql)?.execute(params![project, at.0 as i64, pos.0, id.0, leaf])?;
        Ok(())
    }

    /// Something stands in the place of a close or a seal, or withdraws it.
    pub fn add_replaced(&self, id: &EventId, by: Pos) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO session_replaced (id, pos) VALUES (?1, ?2)";
        self.conn.prepare_cached(sql)?.execute(params![id.0, by.0])?;
        let sql = "UPDATE session_closes SET leaf = 0 WHERE id = ?1";
        self.conn.prepare_cached(sql)?.execute([id.0])?;
        Ok(())
    }

    /// Sets a distillate's line.
    pub fn put_distillate(&self, row: &DistillateRow) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO distillates
                   (id, pos, lamport, project, path, content, bytes, gone)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.conn.prepare_cached(sql)?.execute(params![
            row.id.0,
            row.pos.0,
            row.lamport.0 as i64,
            row.project,
            row.path,
            row.content.0,
            row.bytes as i64,
            row.gone,
        ])?;
        Ok(())
    }

    /// A distillate is about something.
    pub fn add_topic(&self, topic: &str, id: &EventId) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO distillate_topics (topic, id) VALUES (?1, ?2)";
        self.conn.prepare_cached(sql)?.execute(params![topic, id.0])?;
        Ok(())
    }

    /// A close or a seal names a file.
    pub fn add_session_path(&self, path: &str, pos: Pos) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO session_paths (path, pos) VALUES (?1, ?2)";
        self.conn.prepare_cached(sql)?.execute(params![path, pos.0])?;
        Ok(())
    }

    /// A content that was found was decided about.
    pub fn add_review(
        &self,
        what: &str,
        content: &BlobId,
        at: Lamport,
        pos: Pos,
        verdict: u8,
    ) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO session_reviews (what, content, lamport, pos, verdict)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![what, content.0, at.0 as i64, pos.0, verdict];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Sets the text that a close or a distillate is found by; `whole`, when it is all that a distillate says.
    pub fn index_session(&self, pos: Pos, text: &str, whole: bool) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO session_search (rowid, text) VALUES (?1, ?2)";
        self.conn.prepare_cached(sql)?.execute(params![pos.0, text])?;
        if whole {
            let sql = "INSERT OR IGNORE INTO session_indexed (pos) VALUES (?1)";
            self.conn.prepare_cached(sql)?.execute([pos.0])?;
        }
        Ok(())
    }

    /// Keeps up to where a session has seen each chain.
    pub fn set_session_mark(
        &self,
        project: &str,
        agent: &str,
        tips: &[Tip],
    ) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO session_marks (project, agent, tips) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![project, agent, tips_bytes(tips)])?;
        Ok(())
    }

    /// Keeps what a session of this device was told.
    pub fn set_told(&self, session: &EventId, told: &ToldRow) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO session_told (session, context, pid, folder)
                   VALUES (?1, ?2, ?3, ?4)";
        let values = params![session.0, told.context, told.pid, told.folder];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Lets go what a session was told, when it is over.
    pub fn drop_told(&self, session: &EventId) -> Result<(), StoreError> {
        let sql = "DELETE FROM session_told WHERE session = ?1";
        self.conn.prepare_cached(sql)?.execute([session.0])?;
        Ok(())
    }

    /// Empties what is folded of sessions and distillates.
    pub fn clear_sessions(&self) -> Result<(), StoreError> {
        Ok(self.conn.execute_batch(
            "DELETE FROM sessions; DELETE FROM session_events; DELETE FROM session_closes;
             DELETE FROM session_replaced; DELETE FROM distillates; DELETE FROM distillate_topics;
             DELETE FROM session_paths; DELETE FROM session_reviews; DELETE FROM session_indexed;
             DELETE FROM meta WHERE key = 'sessions';
             INSERT INTO session_search (session_search) VALUES ('delete-all');",
        )?)
    }
}
