//! A session says where it stands, and how it ended.

use std::path::Path;

use mirror_domain::Body;
use mirror_domain::body::{
    MAX_REPLACES, Rejection, RepoCheck, SessionCheckpoint, SessionClose, SessionOpen,
    SessionRecover, Why, Work,
};
use mirror_domain::session::repo as claims;
use mirror_domain::session::{ItemKind, continuity, quote};
use mirror_protocol::EventId;
use mirror_store::{SessionRow, View};
use serde_json::{Map, Value};

use super::distill::NewDistillate;
use super::fold::{CLOSED, OPEN, close_of};
use super::open::check_body;
use super::{excerpt, repo};
use crate::error::{Error, Result};
use crate::node::Node;
use crate::notes::event_id;
use crate::view::{self, Code};
use crate::{clock, commit, convert};

/// What an agent says of its work, as `session close --from` reads it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claim {
    /// Where it stands; as before, when it does not say.
    pub now: Option<String>,
    /// What comes next; as before, when it does not say.
    pub next: Option<Vec<String>>,
    /// What is still open.
    pub open_loops: Option<Vec<String>>,
    /// Files that it changed.
    pub files: Option<Vec<String>>,
    /// Commits that it made.
    pub commits: Option<Vec<String>>,
    /// What was decided.
    pub decisions: Option<Vec<String>>,
    /// What went wrong.
    pub errors: Option<Vec<String>>,
    /// Distillates to be sealed.
    pub distillates: Vec<Sealing>,
}

/// A distillate to be sealed with a close.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealing {
    /// Its file's name.
    pub name: String,
    /// What it says.
    pub text: String,
    /// What it is about.
    pub topics: Vec<String>,
    /// The events that it was made of.
    pub sources: Vec<String>,
}

/// The lists that a close has to give, if only as `[]`.
const DEMANDED: [&str; 5] = ["files", "commits", "decisions", "errors", "open_loops"];
const KNOWN: [&str; 8] =
    ["now", "next", "open_loops", "files", "commits", "decisions", "errors", "distillates"];

/// Reads what an agent says of its work from JSON; the error names the field. A close has to give all of its lists.
pub fn claim(json: &str, whole: bool) -> Result<Claim> {
    let hint = "see docs/CONTINUITY.md: {\"files\":[],\"commits\":[],\"decisions\":[],\"errors\":[],\"open_loops\":[],\"now\":\"…\",\"next\":[]}";
    let wrong = |detail: String| Error::invalid(detail, hint);
    let value: Value =
        serde_json::from_str(json).map_err(|e| wrong(format!("it is no JSON: {e}")))?;
    let Value::Object(map) = value else { return Err(wrong("it is no JSON object".to_owned())) };
    let missing: Vec<&str> =
        DEMANDED.into_iter().filter(|name| whole && !map.contains_key(*name)).collect();
    if !missing.is_empty() {
        return Err(wrong(format!(
            "a close has to say {}: [] when there are none",
            missing.join(", ")
        )));
    }
    if let Some(name) = map.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(wrong(format!("{name:?} is no field of it")));
    }
    let text = |map: &Map<String, Value>, name: &str| match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(format!("{name} is no text"))),
    };
    let list = |map: &Map<String, Value>, name: &str| -> Result<Option<Vec<String>>> {
        let Some(value) = map.get(name) else { return Ok(None) };
        let no_list = || wrong(format!("{name} is no list of texts"));
        let lines = value.as_array().ok_or_else(no_list)?;
        let lines = lines.iter().map(|line| line.as_str().map(one_line).ok_or_else(no_list));
        let lines: Vec<String> = lines.collect::<Result<_>>()?;
        if lines.iter().any(String::is_empty) {
            return Err(wrong(format!("{name} holds an empty line")));
        }
        Ok(Some(lines))
    };
    let mut distillates = Vec::new();
    let no_list = || wrong("distillates is no list of objects".to_owned());
    for one in
        map.get("distillates").map_or(Ok(&Vec::new()), |l| l.as_array().ok_or_else(no_list))?
    {
        let one = one.as_object().ok_or_else(no_list)?;
        let need = |name: &str| {
            text(one, name)?.ok_or_else(|| wrong(format!("a distillate has to say its {name}")))
        };
        distillates.push(Sealing {
            name: need("name")?,
            text: need("text")?,
            topics: list(one, "topics")?.unwrap_or_default(),
            sources: list(one, "sources")?.unwrap_or_default(),
        });
    }
    Ok(Claim {
        now: text(&map, "now")?,
        next: list(&map, "next")?,
        open_loops: list(&map, "open_loops")?,
        files: list(&map, "files")?,
        commits: list(&map, "commits")?,
        decisions: list(&map, "decisions")?,
        errors: list(&map, "errors")?,
        distillates,
    })
}

fn one_line(line: &str) -> String {
    line.split(['\n', '\r'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A session that something is said of.
struct Speaking {
    row: SessionRow,
    open: SessionOpen,
    context: String,
    folder: String,
    /// Where it stood until now.
    before: Work,
}

impl Node {
    /// Says where a session stands, should it end without a close; durable when it returns.
    pub fn session_checkpoint(
        &self,
        session: Option<&str>,
        claim: &Claim,
    ) -> Result<view::SessionSaid> {
        let speaking = self.speaking(session)?;
        let (work, wrong) = taken_in(claim, &speaking);
        let id = speaking.row.id;
        let body = Body::SessionCheckpoint(SessionCheckpoint { session: id, work });
        check_body(&body)?;
        let (event, told) = self.write(|tx| {
            let event = commit::append(&self.inner, tx, &body, clock::now())?;
            Ok((event, self.say_rejections(tx, id, &wrong)?))
        })?;
        Ok(said(&speaking.row, event.id, told))
    }

    /// Ends a session: its claims are held against the repository, its distillates sealed, and `continuity.md` written.
    pub fn session_close(
        &self,
        session: Option<&str>,
        claim: &Claim,
        folder: Option<&Path>,
    ) -> Result<view::SessionSaid> {
        let speaking = self.speaking(session)?;
        let id = speaking.row.id;
        let (work, wrong) = taken_in(claim, &speaking);
        let folder = folder.or_else(|| Some(Path::new(&speaking.folder)));
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let repo = folder.and_then(|folder| repo_check(folder, &speaking.open, &work));
        for sealing in &claim.distillates {
            let Sealing { name, text, topics, sources } = sealing.clone();
            self.distill(NewDistillate {
                name,
                text,
                project: speaking.row.project.clone(),
                topics,
                sources,
                replaces: Vec::new(),
                session: Some(id.to_string()),
                by: Some(speaking.row.agent.clone()),
            })?;
        }
        let differences: Vec<String> =
            repo.iter().flat_map(|repo| repo.differences.iter().map(claims::words)).collect();
        let (event, told) = self.write(|tx| {
            let replaces = replaced(tx, &speaking.row, &speaking.open)?;
            let body = Body::SessionClose(SessionClose { session: id, work, replaces, repo });
            check_body(&body)?;
            let event = commit::append(&self.inner, tx, &body, clock::now())?;
            let told = self.say_rejections(tx, id, &wrong)?;
            tx.drop_told(&id)?;
            Ok((event, told))
        })?;
        let mut said = said(&speaking.row, event.id, told);
        said.differences = differences;
        let continuity = ItemKind::Continuity.number();
        let seen = speaking.open.items.iter().find(|item| item.kind == continuity);
        let mut wrong = Vec::new();
        let file =
            self.continuity_file(&speaking.row.project, seen.map(|i| i.content), &mut wrong)?;
        if !wrong.is_empty() {
            let told = self.write(|tx| self.say_rejections(tx, id, &wrong))?;
            said.rejections.extend(told);
            said.rejected = convert::count(said.rejections.len());
        }
        if let Some(file) = file {
            said.continuity = Some(continuity::path_of(&speaking.row.project));
            said.hash = Some(mirror_vault::Hash::of(&file.bytes).to_string());
        }
        Ok(said)
    }

    /// Recovers a session that ended without a close, or all of this device whose processes are gone.
    pub fn session_recover(&self, session: Option<&str>) -> Result<Vec<String>> {
        let Some(session) = session else {
            let open = self.read(|view| Ok(view.open_sessions(&self.inner.device)?))?;
            let mut pairs: Vec<_> = open.into_iter().map(|row| (row.agent, row.project)).collect();
            pairs.sort();
            pairs.dedup();
            let mut recovered = Vec::new();
            for (agent, project) in pairs {
                let ended = self.recover_ended(&agent, &project)?;
                if !ended.is_empty() {
                    self.continuity_file(&project, None, &mut Vec::new())?;
                }
                recovered.extend(ended.iter().map(EventId::to_string));
            }
            return Ok(recovered);
        };
        let row = self.read(|view| own_session(self, view, session))?;
        if row.state != OPEN {
            return Err(over(&row));
        }
        self.recover(&row)?;
        self.continuity_file(&row.project, None, &mut Vec::new())?;
        Ok(vec![row.id.to_string()])
    }

    /// The session stands as its last checkpoint left it.
    pub(super) fn recover(&self, row: &SessionRow) -> Result<()> {
        self.write(|tx| {
            // Another process may have been faster.
            let Some(row) = tx.session(&row.id)?.filter(|row| row.state == OPEN) else {
                return Ok(());
            };
            let last = tx.event_at(row.last)?.map(|event| event.id);
            let open = opening(tx, &row)?;
            let checkpoint = last.filter(|last| *last != row.id);
            let replaces =
                if checkpoint.is_some() { replaced(tx, &row, &open)? } else { Vec::new() };
            let body =
                Body::SessionRecover(SessionRecover { session: row.id, checkpoint, replaces });
            commit::append(&self.inner, tx, &body, clock::now())?;
            Ok(tx.drop_told(&row.id)?)
        })
    }

    fn speaking(&self, session: Option<&str>) -> Result<Speaking> {
        self.read(|view| {
            let row = match session {
                Some(session) => own_session(self, view, session)?,
                None => the_open_one(self, view)?,
            };
            if row.state == CLOSED {
                return Err(over(&row));
            }
            let open = opening(view, &row)?;
            let told = view.told(&row.id)?.unwrap_or_default();
            let before = before(view, &row, &open)?;
            Ok(Speaking { row, open, context: told.context, folder: told.folder, before })
        })
    }
}

fn said(
    row: &SessionRow,
    event: EventId,
    rejections: Vec<view::SessionRejection>,
) -> view::SessionSaid {
    view::SessionSaid {
        session: row.id.to_string(),
        id: event.to_string(),
        project: row.project.clone(),
        rejected: convert::count(rejections.len()),
        rejections,
        differences: Vec::new(),
        continuity: None,
        hash: None,
    }
}

fn over(row: &SessionRow) -> Error {
    let state = if row.state == CLOSED { "closed already" } else { "not open" };
    let detail = format!("the session {} is {state}", row.id);
    Error::new(Code::Conflict, detail, "open another with `mirror session open`")
}

/// A session of this device, by its id or a unique beginning.
fn own_session(node: &Node, view: &View<'_>, text: &str) -> Result<SessionRow> {
    let id = event_id(view, text)?;
    let none = || Error::not_found(format!("{id} is no session; see `mirror session show`"));
    let row = view.session(&id)?.ok_or_else(none)?;
    if row.device != node.inner.device {
        let detail = format!("the session {id} is another device's");
        return Err(Error::new(Code::Refused, detail, "end it on that device"));
    }
    Ok(row)
}

fn the_open_one(node: &Node, view: &View<'_>) -> Result<SessionRow> {
    let mut open = view.open_sessions(&node.inner.device)?;
    match (open.pop(), open.pop()) {
        (Some(row), None) => Ok(row),
        (None, _) => {
            let detail = "no session is open on this device";
            Err(Error::new(Code::NotFound, detail, "begin one with `mirror session open`"))
        }
        (Some(_), Some(_)) => Err(Error::invalid(
            "several sessions are open on this device",
            "name one with --session; see `mirror session show`",
        )),
    }
}

fn opening(view: &View<'_>, row: &SessionRow) -> Result<SessionOpen> {
    let event = super::fold::event(view, &row.id)?;
    match Body::read(&event) {
        Ok(Body::SessionOpen(open)) => Ok(open),
        _ => Err(Error::integrity(format!("the opening of {} does not read", row.id))),
    }
}

/// The closes that a session goes on from: those that it knew when it began, and its own recovery. What came meanwhile stays
/// beside it.
fn replaced(view: &View<'_>, row: &SessionRow, open: &SessionOpen) -> Result<Vec<EventId>> {
    let mut replaces = Vec::new();
    for (_, id) in view.close_leaves(&row.project)? {
        let event = super::fold::event(view, &id)?;
        let own = close_of(view, &event)?.is_some_and(|(session, ..)| session == row.id);
        if own || open.closes.contains(&id) {
            replaces.push(id);
        }
    }
    replaces.truncate(MAX_REPLACES);
    Ok(replaces)
}

/// Where a session stood until now: its last checkpoint, or what it began with.
fn before(view: &View<'_>, row: &SessionRow, open: &SessionOpen) -> Result<Work> {
    if let Some(event) = view.event_at(row.last)?
        && let Ok(Body::SessionCheckpoint(checkpoint)) = Body::read(&event)
    {
        return Ok(checkpoint.work);
    }
    let mut work = Work::default();
    for id in &open.closes {
        let event = super::fold::event(view, id)?;
        let Some((_, closed, _)) = close_of(view, &event)? else { continue };
        if work.now.is_empty() {
            work.now = closed.now;
        }
        for (to, from) in [(&mut work.next, closed.next), (&mut work.loops, closed.loops)] {
            let new: Vec<String> = from.into_iter().filter(|line| !to.contains(line)).collect();
            to.extend(new);
        }
    }
    Ok(work)
}

/// What is taken in of a claim: not what was handed out to the session and came back as if it were new. That an open loop is
/// still open, or comes next, is no new memory, and may be said in the same words.
fn taken_in(claim: &Claim, speaking: &Speaking) -> (Work, Vec<Rejection>) {
    let Speaking { context, before, .. } = speaking;
    let mut wrong = Vec::new();
    let mut came_back = |field: &str, text: &str| {
        wrong.push(Rejection {
            why: Why::Injected,
            what: format!("{field} of the session"),
            source: Some(speaking.row.id),
            expected: None,
            found: Some(super::gather::sha(text)),
            content: excerpt(text.as_bytes()),
            detail: "it was handed out to this session, and is not new".to_owned(),
            repaired: false,
        });
    };
    let mut now = before.now.clone();
    if let Some(said) = &claim.now {
        // The same again is no news either.
        let (new, back) = match said.trim() == before.now.trim() && !quote::is_injected(said) {
            true => (said.clone(), Vec::new()),
            false => quote::without_injected(said, context),
        };
        back.iter().for_each(|line| came_back("now", line));
        now = new;
    }
    let mut lines = |field: &str, said: &Option<Vec<String>>, was: &[String], carries: bool| {
        let Some(said) = said else { return was.to_vec() };
        let mut kept = Vec::new();
        for line in said {
            let known = carries && !quote::is_injected(line);
            if known || quote::without_injected(line, context).1.is_empty() {
                kept.push(line.clone());
            } else {
                came_back(field, line);
            }
        }
        kept
    };
    let work = Work {
        next: lines("next", &claim.next, &before.next, true),
        loops: lines("open_loops", &claim.open_loops, &before.loops, true),
        files: lines("files", &claim.files, &before.files, true),
        commits: lines("commits", &claim.commits, &before.commits, true),
        decisions: lines("decisions", &claim.decisions, &before.decisions, false),
        errors: lines("errors", &claim.errors, &before.errors, false),
        now,
    };
    (work, wrong)
}

fn repo_check(folder: &Path, open: &SessionOpen, work: &Work) -> Option<RepoCheck> {
    let before = open.repo.clone()?;
    let (state, happened) = repo::happened(folder, &before, work)?;
    Some(claims::check(work, state, &happened))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_close_has_to_say_everything_and_the_error_names_what_is_missing() {
        let error = claim(r#"{"files":[],"errors":[]}"#, true).unwrap_err();
        assert!(error.detail.contains("commits, decisions, open_loops"), "{error}");
        assert!(claim(r#"{"now":"x"}"#, false).is_ok());
        let wrong =
            claim(r#"{"files":"a","commits":[],"decisions":[],"errors":[],"open_loops":[]}"#, true);
        assert!(wrong.unwrap_err().detail.contains("files is no list"));
        assert!(claim(r#"{"surprise":1}"#, false).unwrap_err().detail.contains("surprise"));
    }
}
