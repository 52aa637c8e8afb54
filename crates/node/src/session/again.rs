//! A session that goes on: whether what it was told still holds, and that told once more.

use mirror_domain::Body;
use mirror_domain::body::{Rejection, SessionOpen, Why};
use mirror_store::{SessionRow, ToldRow, View};

use super::answer::behind_first_line;
use super::fold::OPEN;
use super::gather::sha;
use super::proof::Proof;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::view;

impl Node {
    /// This device's open session that an agent calls so, when what it was told still holds. An error when this device's chain,
    /// or an event that the session was told of, does not verify.
    pub fn session_standing(
        &self,
        agent: &str,
        name: &str,
    ) -> Result<Option<view::SessionStanding>> {
        self.check_own_chain()?;
        let found = self.read(|view| {
            let Some((row, open)) = self.open_named(view, agent, name)? else { return Ok(None) };
            let mut proof = Proof::of(view);
            for item in open.items.iter().filter(|item| item.ok) {
                let gone = || Error::integrity(format!("the event {} is gone", item.source));
                let (pos, event) = view.find(&item.source)?.ok_or_else(gone)?;
                if let Some(fault) = proof.fault(&event, pos)? {
                    return Err(Error::integrity(format!("the event {}: {fault}", item.source)));
                }
            }
            Ok(Some((view.told(&row.id)?.unwrap_or_default(), row, open)))
        })?;
        let Some((told, row, open)) = found else { return Ok(None) };
        if sha(behind_first_line(&told.context)) != open.context {
            self.let_go(&row, &told, &open)?;
            return Ok(None);
        }
        let spoke = self.read(|view| Ok(view.pos(&row.id)? != Some(row.last)))?;
        let ToldRow { context, pid, .. } = told;
        Ok(Some(view::SessionStanding { session: row.id.to_string(), pid, context, spoke }))
    }

    fn open_named(
        &self,
        view: &View<'_>,
        agent: &str,
        name: &str,
    ) -> Result<Option<(SessionRow, SessionOpen)>> {
        for row in view.open_sessions(&self.inner.device)?.into_iter().rev() {
            if row.agent != agent || row.state != OPEN {
                continue;
            }
            if let Ok(Body::SessionOpen(open)) = Body::read(&super::fold::event(view, &row.id)?)
                && open.name.as_deref() == Some(name)
            {
                return Ok(Some((row, open)));
            }
        }
        Ok(None)
    }

    /// What is kept of what a session was told is not that: it is logged, and the session ends as its last checkpoint left it.
    fn let_go(&self, row: &SessionRow, told: &ToldRow, open: &SessionOpen) -> Result<()> {
        let rejection = Rejection {
            why: Why::Tampered,
            what: "what the session was told".to_owned(),
            source: Some(row.id),
            expected: Some(open.context),
            found: Some(sha(behind_first_line(&told.context))),
            content: super::excerpt(told.context.as_bytes()),
            detail: "it is not what was handed out; gathered anew".to_owned(),
            repaired: true,
        };
        self.write(|tx| self.say_rejections(tx, row.id, &[rejection]))?;
        self.recover(row)
    }
}
