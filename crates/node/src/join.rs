//! Joining a mesh with a ticket.

use std::path::Path;
use std::time::Instant;

use mirror_domain::text::DeviceName;
use mirror_link::pair::{MAX_PAIR_BYTES, PairAnswer, PairRequest};
use mirror_link::{Channel, Endpoint, PAIR, Ticket};
use mirror_protocol::DeviceId;

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::keys::Keys;
use crate::node::Node;
use crate::reconcile::refusal;
use crate::view::{Code, PeerReport, TicketFacts};
use crate::{clock, commit, convert};

/// A device that has joined.
pub struct Joined {
    /// It.
    pub node: Node,
    /// The six digits that the inviter shows too.
    pub digits: String,
    /// What came with the first sessions.
    pub report: PeerReport,
}

impl Node {
    /// What a ticket says, for a person to compare before joining.
    pub fn read_ticket(ticket: &str) -> Result<TicketFacts> {
        let ticket = parse(ticket)?;
        let expires = clock::local_rfc3339(ticket.expires_ms);
        Ok(TicketFacts { digits: ticket.digits(), expires })
    }

    /// Joins the mesh of a ticket as a new device. Nothing is laid down until the other side has said yes.
    pub async fn join(home: &Path, ticket: &str, name: Option<&str>) -> Result<Joined> {
        let ticket = parse(ticket)?;
        if ticket.expires_ms < clock::now_ms() {
            return Err(Error::new(
                Code::Refused,
                format!("this ticket ended at {}", clock::local_rfc3339(ticket.expires_ms)),
                "make a new one with `mirror invite`",
            ));
        }
        if Self::is_initialised(home)? {
            return Err(Error::invalid(
                format!("{} holds a device already", home.display()),
                "choose another folder with --home",
            ));
        }
        let name = DeviceName::new(name.unwrap_or(&machine_name()))
            .map_err(|error| Error::invalid(error, "give it a short name with --name"))?;
        let (begun, keys) = (Instant::now(), Keys::generate()?);
        let endpoint = Endpoint::bind(keys.incarnation.as_bytes(), &[]).await?;
        let mut channel = endpoint.connect(ticket.key, &ticket.addresses, PAIR).await?;
        ask(&mut channel, &ticket, keys.device(), &name).await?;

        let node = Self::create(home, keys, ticket.mesh)?;
        let report = node.first_sessions(&mut channel, &ticket).await;
        let bytes = channel.bytes();
        channel.finish().await;
        endpoint.close().await;
        let mut report = report?;
        report.bytes_in = convert::count(bytes.0);
        report.bytes_out = convert::count(bytes.1);
        report.ms = convert::count(begun.elapsed().as_millis());
        Ok(Joined { digits: ticket.digits(), node, report })
    }

    /// The first session brings the mesh; then this device opens its chain, which rests on it, and the second session
    /// takes that back.
    async fn first_sessions(&self, channel: &mut Channel, ticket: &Ticket) -> Result<PeerReport> {
        let never = CancelToken::default();
        let head_before = self.head()?.head;
        // Whose device the key is, only the events will tell.
        let device = inviter(channel, self, &never).await?;
        self.write(|tx| {
            // A chain that does not rest on its own admission could be refused by devices that see it first, and all
            // that rests on it with it.
            if !tx.is_named(&self.inner.device)? {
                let detail = "the mesh that came does not admit this device";
                return Err(Error::integrity(detail));
            }
            let mut row = tx.peer(&device)?;
            row.addresses = ticket.addresses.clone();
            tx.put_peer(&device, &row)?;
            commit::ensure_chain(&self.inner, tx)?;
            self.belong(tx)
        })?;
        let second = Exchange::initiate(self, channel, device, &never)?.run().await?;
        let head = self.head()?;
        let name = self.read(|view| Ok(crate::names::Names::of(view)?.name(&device)))?;
        Ok(PeerReport {
            device: device.to_string(),
            name,
            link: "iroh".to_owned(),
            ok: true,
            round_trips: 3 + second.round_trips,
            bytes_in: 0,
            bytes_out: 0,
            received: head.events.saturating_sub(convert::count(second.sent)),
            sent: convert::count(second.sent),
            duplicates: convert::count(second.duplicates),
            quarantined: convert::count(second.quarantined),
            blobs_received: 0,
            blobs_sent: 0,
            blob_bytes_in: 0,
            blob_bytes_out: 0,
            refused: second.refused.into_iter().map(refusal).collect(),
            stale: Vec::new(),
            head_before,
            head_after: head.head,
            committed: second.committed,
            ms: 0,
            error: None,
        })
    }
}

pub(crate) fn parse(ticket: &str) -> Result<Ticket> {
    ticket.parse().map_err(|error| {
        Error::invalid(error, "copy the whole ticket, or make a new one with `mirror invite`")
    })
}

async fn inviter(channel: &mut Channel, node: &Node, cancel: &CancelToken) -> Result<DeviceId> {
    let key = channel.peer();
    Exchange::first(node, channel, cancel)?.run().await?;
    let found = node.read(|view| {
        let chains = view.chains()?;
        Ok(chains.into_iter().find(|chain| chain.key == key).map(|chain| chain.device))
    })?;
    found.ok_or_else(|| Error::integrity("the mesh that came does not hold the inviting device"))
}

async fn ask(
    channel: &mut Channel,
    ticket: &Ticket,
    device: DeviceId,
    name: &DeviceName,
) -> Result<()> {
    let request = PairRequest { secret: ticket.secret, device, name: name.to_string() };
    channel.send(&request.encode()).await?;
    let bytes = channel.recv(MAX_PAIR_BYTES).await?.unwrap_or_default();
    let answer = PairAnswer::decode(&bytes)
        .map_err(|_| Error::integrity("the other device answered with something else"))?;
    match answer.refused {
        None => Ok(()),
        Some(reason) => Err(Error::new(
            Code::Refused,
            format!("the other device refused: {}", mirror_link::printable(&reason)),
            "make a new ticket with `mirror invite`, or choose another name",
        )),
    }
}

/// What this machine is called.
fn machine_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name = name.split('.').next().unwrap_or_default().to_owned();
    if name.is_empty() { "new device".to_owned() } else { name }
}
