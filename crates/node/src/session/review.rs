//! What was rejected, and what a person makes of it.

use mirror_domain::Body;
use mirror_domain::body::{Cause, Rejection, SessionReview, Verdict, Why};
use mirror_domain::text::check_reason;
use mirror_protocol::EventId;
use mirror_store::View;

use super::rejection_view;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::notes::event_id;
use crate::vault::{Author, Expect, checked_path};
use crate::view::{self, Code};
use crate::{clock, commit};

/// A decision about a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// The content that was found is right: it is told from now on.
    Accept,
    /// It stays out.
    KeepOut,
    /// What is wrong is put right from bytes that verify.
    Fix,
}

impl Node {
    /// What a session was not told, and what was not taken in from it; of this device's last session, without one.
    pub fn session_rejections(&self, session: Option<&str>) -> Result<Vec<view::SessionRejection>> {
        self.read(|view| {
            let id = match session {
                Some(session) => event_id(view, session)?,
                None => {
                    let newest = view.newest_sessions(None, 64)?;
                    let own = newest.into_iter().find(|row| row.device == self.inner.device);
                    own.ok_or_else(|| Error::not_found("no session was opened on this device yet"))?
                        .id
                }
            };
            if view.session(&id)?.is_none() {
                return Err(Error::not_found(format!("{id} is no session")));
            }
            let mut told = Vec::new();
            for pos in view.session_events(&id)? {
                let Some(event) = view.event_at(pos)? else { continue };
                let Ok(Body::SessionReject(reject)) = Body::read(&event) else { continue };
                for (n, one) in reject.rejections.iter().enumerate() {
                    let verdict = verdict_of(view, one)?;
                    told.push(rejection_view(format!("{}.{n}", event.id), one, verdict));
                }
            }
            Ok(told)
        })
    }

    /// Decides about a rejection, by its id as `session rejections` prints it; the decision is an event.
    pub fn session_review(
        &self,
        rejection: &str,
        review: Review,
        reason: &str,
    ) -> Result<view::SessionRejection> {
        check_reason(reason).map_err(|error| Error::invalid(error, "say why in a few words"))?;
        let (id, number, one) = self.read(|view| find(view, rejection))?;
        let verdict = match review {
            Review::KeepOut => Verdict::KeepOut,
            Review::Accept if one.why == Why::OverBudget => {
                let detail = "there was no room for it; nothing is wrong with it";
                return Err(Error::invalid(detail, "ask for more with --budget"));
            }
            Review::Accept if one.why == Why::Injected => {
                let detail = "memory that was handed out is not taken in again as new";
                return Err(Error::new(Code::Refused, detail, "write it down in your own words"));
            }
            Review::Accept if one.found.is_none() => {
                let detail = "nothing was found that could be accepted";
                return Err(Error::invalid(detail, "keep it out, or fix it"));
            }
            Review::Accept => {
                self.restore_accepted(&one, reason)?;
                Verdict::Accept
            }
            Review::Fix => {
                self.fix(&one, reason)?;
                Verdict::Fixed
            }
        };
        let body = Body::SessionReview(SessionReview {
            rejection: id,
            number,
            verdict,
            reason: reason.to_owned(),
            what: one.what.clone(),
            content: one.found,
        });
        self.write(|tx| commit::append(&self.inner, tx, &body, clock::now()))?;
        Ok(rejection_view(format!("{id}.{number}"), &one, Some(verdict)))
    }

    /// A content that was taken for damage and repaired comes back into its place.
    fn restore_accepted(&self, one: &Rejection, reason: &str) -> Result<()> {
        let Some(found) = one.found.filter(|_| one.why == Why::Tampered && one.repaired) else {
            return Ok(());
        };
        let Ok(path) = checked_path(&one.what) else { return Ok(()) };
        let Some(bytes) = self.version_of_content(&found) else {
            let detail = format!("the bytes that were found at {path} are not kept");
            return Err(Error::not_found(detail));
        };
        let author = Author { by: None, reason: Some(reason.to_owned()), sources: Vec::new() };
        // As what it is: an edit by somebody else than us, that a person has accepted.
        let anything = Expect::Anything;
        self.write_as(&path, &mut bytes.as_slice(), anything, &author, Cause::Outside).map(drop)
    }

    fn fix(&self, one: &Rejection, reason: &str) -> Result<()> {
        if one.repaired {
            return Ok(());
        }
        let cannot = |hint: &str| {
            let detail = format!("{} can't be put right from what is here", one.what);
            Error::new(Code::Integrity, detail, hint)
        };
        match one.why {
            Why::Stale | Why::Superseded => {
                Err(cannot("seal the distillate anew with `mirror distill seal`"))
            }
            Why::Tampered => {
                let path = checked_path(&one.what);
                let bytes = one.expected.and_then(|expected| self.version_of_content(&expected));
                let (Ok(path), Some(bytes)) = (path, bytes) else {
                    return Err(cannot(
                        "run `mirror doctor --repair --from BUNDLE` with another device's bundle",
                    ));
                };
                let author =
                    Author { by: None, reason: Some(reason.to_owned()), sources: Vec::new() };
                let anything = Expect::Anything;
                self.write_as(&path, &mut bytes.as_slice(), anything, &author, Cause::Rollback)
                    .map(drop)
            }
            _ => Err(cannot("run `mirror doctor --repair`")),
        }
    }
}

fn verdict_of(view: &View<'_>, one: &Rejection) -> Result<Option<Verdict>> {
    let Some(found) = &one.found else { return Ok(None) };
    let number = view.review_of(&one.what, found)?;
    Ok(number.and_then(|number| {
        [Verdict::KeepOut, Verdict::Accept, Verdict::Fixed].into_iter().find(|v| *v as u8 == number)
    }))
}

fn find(view: &View<'_>, text: &str) -> Result<(EventId, u32, Rejection)> {
    let wrong = || {
        Error::invalid(
            format!("{text:?} is no rejection"),
            "name it as `mirror session rejections` prints it: EVENT.NUMBER",
        )
    };
    let (event, number) = text.split_once('.').unwrap_or((text, "0"));
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let id = event_id(view, event)?;
    let event = super::fold::event(view, &id)?;
    let Ok(Body::SessionReject(reject)) = Body::read(&event) else { return Err(wrong()) };
    let one = reject.rejections.into_iter().nth(number as usize).ok_or_else(wrong)?;
    Ok((id, number, one))
}
