//! `invite` and `join`: one new device comes into the mesh by a ticket.

use std::time::Duration;

use jiff::Timestamp;
use mirror_node::Node;
use mirror_node::view::{Code, Identity, Invite as Ticket, PeerReport};
use serde::Serialize;
use serde_json::json;

use super::membership::{device_line, identity_words};
use super::{Here, failed};
use crate::args::{Invite, Join};
use crate::output::{Exit, Result};
use crate::platform::Stop;
use crate::words;

/// `mirror invite`
pub fn invite(here: &Here<'_>, args: &Invite) -> Result<Exit> {
    let node = here.node()?;
    if args.wait {
        return here.block_on(invite_and_wait(here, node, args));
    }
    here.out.answer(&node.invite(args.role)?, ticket_words)?;
    Ok(Exit::Done)
}

/// Serves the ticket itself: two lines, the ticket and then who came.
async fn invite_and_wait(here: &Here<'_>, node: Node, args: &Invite) -> Result<Exit> {
    let mut stop = Stop::listen().map_err(mirror_node::Error::from)?;
    let serving = node.serve(args.listen).await?;
    let ticket = node.invite(args.role)?;
    here.out.answer(&ticket, ticket_words)?;
    here.out.note("waiting for the device; Ctrl-C takes the ticket back");
    let came = tokio::select! {
        device = serving.joined() => device,
        () = tokio::time::sleep(until(&ticket.expires)) => Err(failed(
            Code::Offline,
            "nobody used the ticket before it expired",
            "make a new one with `mirror invite --wait`",
        )),
        () = stop.asked() => Err(failed(
            Code::Cancelled,
            "stopped before a device joined",
            "the ticket was taken back; make a new one any time",
        )),
    };
    serving.stop().await;
    if came.is_err() {
        node.withdraw(&ticket.ticket)?;
    }
    let device = came?;
    here.out.answer(&json!({"joined": device}), |_| format!("joined: {}", device_line(&device)))?;
    Ok(Exit::Done)
}

/// How long a ticket is still good; no time when its expiry can't be read.
fn until(expires: &str) -> Duration {
    let expires = expires.parse::<Timestamp>().unwrap_or(Timestamp::UNIX_EPOCH);
    Timestamp::now().duration_until(expires).try_into().unwrap_or(Duration::ZERO)
}

fn ticket_words(ticket: &Ticket) -> String {
    let Ticket { ticket, expires, digits, role } = ticket;
    format!(
        "ticket   {ticket}\ndigits   {digits}\nexpires  {}\n\n\
         On the new device ({}): mirror join TICKET\nBoth devices show the same six digits.",
        words::local(expires),
        words::role(*role)
    )
}

/// What `join` prints: who this device is now, and how the first exchange went.
#[derive(Serialize)]
struct Joined {
    #[serde(flatten)]
    identity: Identity,
    digits: String,
    report: PeerReport,
}

/// `mirror join`
pub fn join(here: &Here<'_>, args: &Join) -> Result<Exit> {
    here.block_on(async {
        let joined = Node::join(&here.home, args.ticket.trim(), args.name.as_deref()).await?;
        let identity = joined.node.identity()?;
        let joined = Joined { identity, digits: joined.digits, report: joined.report };
        here.out.answer(&joined, |joined| {
            let (from, got) = (&joined.report.name, words::count(joined.report.received, "event"));
            let who = identity_words(&joined.identity);
            format!("{who}\ndigits  {}\njoined through {from}, which sent {got}", joined.digits)
        })?;
        Ok(Exit::Done)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_that_is_over_is_not_waited_for() {
        assert_eq!(until("2001-01-01T00:00:00Z"), Duration::ZERO);
        assert_eq!(until("soon"), Duration::ZERO);
        assert!(until("2999-01-01T00:00:00Z") > Duration::from_secs(600));
    }
}
