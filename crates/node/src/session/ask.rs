//! Sessions, asked about.

use mirror_domain::Body;
use mirror_domain::body::{SessionClose, Work};
use mirror_domain::session::repo;
use mirror_store::{SessionRow, View};

use super::answer::ratio;
use super::fold::{CLOSED, OPEN, RECOVERED, checkpoint_work};
use crate::error::{Error, Result};
use crate::fold::author;
use crate::names::name_of;
use crate::node::Node;
use crate::notes::event_id;
use crate::view;
use crate::{clock, convert};

impl Node {
    /// A session as it stands: by its id or a unique beginning.
    pub fn session(&self, session: &str) -> Result<view::Session> {
        self.read(|view| {
            let id = event_id(view, session)?;
            let none =
                || Error::not_found(format!("{id} is no session; see `mirror session show`"));
            session_view(view, &view.session(&id)?.ok_or_else(none)?)
        })
    }

    /// Sessions, newest first; of one project, or of all.
    pub fn sessions(&self, project: Option<&str>, limit: u32) -> Result<Vec<view::Session>> {
        self.read(|view| {
            let rows = view.newest_sessions(project, limit)?;
            rows.iter().map(|row| session_view(view, row)).collect()
        })
    }

    /// What an open session of this device was handed, to be handed out once more: its agent may have forgotten it.
    pub fn session_context(&self, session: &str) -> Result<Option<String>> {
        self.read(|view| {
            let told = view.told(&event_id(view, session)?)?;
            Ok(told.map(|told| told.context).filter(|context| !context.is_empty()))
        })
    }

    /// This device's open session that its agent calls so.
    pub fn session_named(&self, name: &str) -> Result<Option<view::Session>> {
        self.read(|view| {
            for row in view.open_sessions(&self.inner.device)?.iter().rev() {
                if let Ok(Body::SessionOpen(open)) = Body::read(&super::fold::event(view, &row.id)?)
                    && open.name.as_deref() == Some(name)
                {
                    return session_view(view, row).map(Some);
                }
            }
            Ok(None)
        })
    }
}

fn session_view(view: &View<'_>, row: &SessionRow) -> Result<view::Session> {
    let event = super::fold::event(view, &row.id)?;
    let Ok(Body::SessionOpen(open)) = Body::read(&event) else {
        return Err(Error::integrity(format!("the opening of {} does not read", row.id)));
    };
    let mut rejected = 0;
    for pos in view.session_events(&row.id)? {
        if let Some(Ok(Body::SessionReject(said))) = view.event_at(pos)?.as_ref().map(Body::read) {
            rejected += said.rejections.len();
        }
    }
    let last = view.event_at(row.last)?;
    let last = last.ok_or_else(|| Error::integrity("an event of a session is gone"))?;
    let (work, differences) = match Body::read(&last) {
        Ok(Body::SessionCheckpoint(said)) => (said.work, Vec::new()),
        Ok(Body::SessionClose(SessionClose { work, repo, .. })) => {
            (work, repo.map_or_else(Vec::new, |repo| repo.differences))
        }
        Ok(Body::SessionRecover(said)) => (checkpoint_work(view, &said)?, Vec::new()),
        _ => (Work::default(), Vec::new()),
    };
    let device = author(view, &event.chain())?;
    let state = match row.state {
        OPEN => "open",
        CLOSED => "closed",
        RECOVERED => "recovered",
        _ => "refused",
    };
    Ok(view::Session {
        session: row.id.to_string(),
        agent: row.agent.clone(),
        project: row.project.clone(),
        state: state.to_owned(),
        at: clock::rfc3339(event.header.at),
        device: device.to_string(),
        device_name: name_of(view, &device)?,
        coherence: ratio(open.coherence),
        context_hash: open.context.to_string(),
        items: convert::count(open.items.len()),
        rejected: convert::count(rejected),
        last: last.id.to_string(),
        now: work.now,
        next: work.next,
        open_loops: work.loops,
        files: work.files,
        commits: work.commits,
        decisions: work.decisions,
        errors: work.errors,
        differences: differences.iter().map(repo::words).collect(),
    })
}
