//! Answering other devices: sessions for members, pairing for ticket holders, a refusal for everybody else.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mirror_domain::{Role, decide};
use mirror_link::pair::{MAX_PAIR_BYTES, PairAnswer, PairRequest};
use mirror_link::{Caller, Channel, Endpoint, INCARNATION, PAIR, Ticket};
use mirror_protocol::{ChainOpen, DeviceId, PublicKey};
use mirror_store::{MemberRow, Meta};
use tokio::sync::{Semaphore, watch};

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::node::Node;
use crate::view::{self, Code};
use crate::{blob_exchange, clock, commit, convert, fold, intake};

/// How long a ticket is good for.
const TICKET_MS: i64 = 10 * 60 * 1000;
/// A call may take so long in all; a slow link with much to say reconciles again and goes on where it was.
const CALL_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Calls at a time, handshakes included.
const MAX_CALLS: usize = 64;

/// A home that answers, until it is stopped.
pub struct Serving {
    node: Node,
    endpoint: Endpoint,
    addresses: Vec<String>,
    joined: watch::Receiver<Option<DeviceId>>,
    answering: tokio::task::JoinHandle<()>,
}

impl Node {
    /// Begins to answer at an address (every interface, without one), and says so in the home, so that tickets of any
    /// process can name it. Where any port will do, it is the last one again: that is where the others look.
    pub async fn serve(&self, listen: Option<SocketAddr>) -> Result<Serving> {
        let endpoint = self.listen(listen).await?;
        endpoint.listen();
        let addresses = endpoint.addresses();
        self.quiet_write(|tx| {
            if living(tx.serving()?).is_empty()
                && let Some(port) = addresses.first().and_then(|text| port_of(text))
            {
                tx.set_meta(Meta::Port, port.to_string().as_bytes())?;
            }
            Ok(tx.set_serving(std::process::id(), &addresses, clock::now_ms())?)
        })?;
        let (tell_joined, joined) = watch::channel(None);
        let (node, listening) = (self.clone(), endpoint.clone());
        let calls = Arc::new(Semaphore::new(MAX_CALLS));
        let answering = tokio::spawn(async move {
            while let Some(knock) = listening.accept().await {
                let Ok(call) = calls.clone().try_acquire_owned() else {
                    knock.turn_away();
                    continue;
                };
                let (node, tell_joined) = (node.clone(), tell_joined.clone());
                tokio::spawn(async move {
                    let _call = call;
                    let Some(caller) = knock.answer().await else { return };
                    let key = caller.key();
                    let answered = node.answer(caller, &tell_joined);
                    match tokio::time::timeout(CALL_WITHIN, answered).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::info!(%key, %error, "a call ended early"),
                        Err(_) => tracing::warn!(%key, "a call took too long"),
                    }
                });
            }
        });
        Ok(Serving { node: self.clone(), endpoint, addresses, joined, answering })
    }

    async fn listen(&self, listen: Option<SocketAddr>) -> Result<Endpoint> {
        let seed = self.inner.keys.incarnation.as_bytes();
        let last = self.read(|view| Ok(view.meta_text(Meta::Port)?))?;
        let last = last.and_then(|port| port.parse::<u16>().ok());
        let at = |port: u16| match listen {
            Some(address) => vec![SocketAddr::new(address.ip(), port)],
            None => {
                vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]
            }
        };
        match (listen, last) {
            (Some(address), _) if address.port() != 0 => {
                Ok(Endpoint::bind(seed, &[address]).await?)
            }
            (_, Some(port)) => match Endpoint::bind(seed, &at(port)).await {
                Ok(endpoint) => Ok(endpoint),
                // Somebody else has it now, another process of this home perhaps.
                Err(_) => Ok(Endpoint::bind(seed, listen.as_slice()).await?),
            },
            _ => Ok(Endpoint::bind(seed, listen.as_slice()).await?),
        }
    }

    async fn answer(&self, caller: Caller, joined: &watch::Sender<Option<DeviceId>>) -> Result<()> {
        if caller.protocol() == PAIR {
            return self.answer_pairing(caller.channel().await?, joined).await;
        }
        if caller.protocol() == INCARNATION {
            let mut channel = caller.channel().await?;
            let device = self.introduced(&mut channel).await?;
            let refused = device.err().map(str::to_owned);
            channel.send(&PairAnswer { refused }.encode()).await?;
            return match device {
                Ok(device) => self.answer_member(channel, device).await,
                Err(_) => {
                    channel.finish().await;
                    Ok(())
                }
            };
        }
        let device = match self.member_of(&caller.key())? {
            Ok(device) => device,
            Err(reason) => {
                tracing::info!(key = %caller.key(), reason, "refused a caller");
                caller.refuse(reason);
                return Ok(());
            }
        };
        self.answer_member(caller.channel().await?, device).await
    }

    /// The member whose new incarnation calls: its first message is the first body of its chain, in which the device's
    /// authority names the key that the link has proved.
    async fn introduced(
        &self,
        channel: &mut Channel,
    ) -> Result<std::result::Result<DeviceId, &'static str>> {
        let body = channel.recv(MAX_PAIR_BYTES).await?.unwrap_or_default();
        let (mesh, key) = (self.inner.mesh, channel.peer());
        let open = ChainOpen::read_body(&body).ok();
        let Some(open) = open.filter(|open| open.mesh == mesh && open.key == key) else {
            return Ok(Err("not a member of this mesh"));
        };
        let member = self.read(|view| Ok(view.member(&open.device)?))?;
        Ok(standing(member.as_ref()))
    }

    async fn answer_member(&self, mut channel: Channel, device: DeviceId) -> Result<()> {
        let never = CancelToken::default();
        let report = Exchange::respond(self, &mut channel, device, &never)?.run().await;
        if report.is_ok() {
            let name = self.read(|view| crate::names::name_of(view, &device))?;
            let blobs = blob_exchange::run(self, &mut channel, false, &name, &never).await;
            if let Some(error) = blobs.error {
                tracing::info!(%name, %error, "an exchange of blobs ended early");
            }
        }
        channel.finish().await;
        intake::retry_waiting(self)?;
        let node = self.clone();
        let settled = tokio::task::spawn_blocking(move || {
            node.settle_or_warn();
            node.forget_orphans_or_warn();
        });
        settled.await.map_err(|error| Error::integrity(format!("the shared files: {error}")))?;
        report.map(drop)
    }

    /// The member behind a key, or why it is not spoken to.
    fn member_of(&self, key: &PublicKey) -> Result<std::result::Result<DeviceId, &'static str>> {
        self.read(|view| {
            let Some(chain) = view.chains()?.into_iter().find(|chain| chain.key == *key) else {
                return Ok(Err("not a member of this mesh"));
            };
            Ok(standing(view.member(&chain.device)?.as_ref()))
        })
    }

    async fn answer_pairing(
        &self,
        mut channel: Channel,
        joined: &watch::Sender<Option<DeviceId>>,
    ) -> Result<()> {
        let bytes = channel.recv(MAX_PAIR_BYTES).await?.unwrap_or_default();
        let request = PairRequest::decode(&bytes).map_err(Error::integrity)?;
        let admitted = self.admit(&request);
        let refused = admitted.as_ref().err().map(|error| error.detail.clone());
        channel.send(&PairAnswer { refused }.encode()).await?;
        if let Err(error) = admitted {
            channel.finish().await;
            return Err(error);
        }
        // The first session gives the new device the mesh, the second brings back its own first event.
        let never = CancelToken::default();
        for _ in 0..2 {
            Exchange::respond(self, &mut channel, request.device, &never)?.run().await?;
        }
        channel.finish().await;
        joined.send_replace(Some(request.device));
        Ok(())
    }

    /// Uses a ticket up and admits the device, in one transaction.
    fn admit(&self, request: &PairRequest) -> Result<()> {
        let refuse = |detail: &str| {
            Error::new(Code::Refused, detail, "make a new ticket with `mirror invite`")
        };
        let secret = Ticket::secret_hash(&request.secret);
        self.write(|tx| {
            let invite =
                tx.invite(&secret)?.ok_or_else(|| refuse("this ticket is unknown here"))?;
            if invite.used_by.is_some() {
                return Err(refuse("this ticket was used already"));
            }
            if invite.expires_ms < clock::now_ms() {
                return Err(refuse("this ticket has expired"));
            }
            let role = Role::from_number(invite.role).unwrap_or(Role::Capture);
            let membership = fold::membership(tx, self.inner.mesh)?;
            let here = &self.inner.device;
            let body = decide::admit(&membership, here, request.device, &request.name, role)?;
            if !tx.use_invite(&secret, &request.device)? {
                return Err(refuse("this ticket was used already"));
            }
            commit::append(&self.inner, tx, &body, clock::now())?;
            Ok(())
        })
    }

    /// A ticket for one new device. Some process has to serve this home for it to be of use.
    pub fn invite(&self, role: view::Role) -> Result<view::Invite> {
        let addresses = living(self.read(|view| Ok(view.serving()?))?);
        if addresses.is_empty() {
            return Err(Error::new(
                Code::Offline,
                "nothing answers for this home, so a ticket would lead nowhere",
                "open the app or run `mirror serve`, or let this command wait: `mirror invite --wait`",
            ));
        }
        let secret: [u8; 16] = crate::keys::random()?;
        let expires_ms = clock::now_ms() + TICKET_MS;
        self.quiet_write(|tx| {
            if !fold::membership(tx, self.inner.mesh)?.is_anchor(&self.inner.device) {
                return Err(mirror_domain::Refusal::NotAnchor.into());
            }
            let role = convert::role_from(role).number();
            tx.end_invites(clock::now_ms())?;
            Ok(tx.add_invite(&Ticket::secret_hash(&secret), role, expires_ms)?)
        })?;
        let key = self.inner.keys.public();
        let ticket = Ticket { mesh: self.inner.mesh, key, addresses, secret, expires_ms };
        Ok(view::Invite {
            digits: ticket.digits(),
            ticket: ticket.to_string(),
            expires: clock::local_rfc3339(expires_ms),
            role,
        })
    }
}

impl Node {
    /// Takes a ticket back: from now on it admits nobody.
    pub fn withdraw(&self, ticket: &str) -> Result<()> {
        let ticket = crate::join::parse(ticket)?;
        self.quiet_write(|tx| Ok(tx.end_invite(&Ticket::secret_hash(&ticket.secret))?))
    }
}

impl Serving {
    /// Where others reach it.
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.clone()
    }

    /// Waits until a ticket was used, and tells who came.
    pub async fn joined(&self) -> Result<view::Device> {
        let mut joined = self.joined.clone();
        let came = joined.wait_for(Option::is_some).await;
        let device = came.ok().and_then(|device| *device);
        let device = device.map(|device| device.to_string());
        let devices = self.node.devices()?;
        devices
            .into_iter()
            .find(|one| Some(&one.device) == device.as_ref())
            .ok_or_else(Error::cancelled)
    }

    /// Stops answering.
    pub async fn stop(self) {
        self.endpoint.close().await;
        self.answering.abort();
        let ended = self.node.quiet_write(|tx| Ok(tx.end_serving(std::process::id())?));
        if let Err(error) = ended {
            tracing::warn!(%error, "the home still names this process as serving");
        }
    }
}

fn standing(member: Option<&MemberRow>) -> std::result::Result<DeviceId, &'static str> {
    match member {
        Some(member) if member.revoked => Err("this device was revoked"),
        Some(member) => Ok(member.device),
        None => Err("not a member of this mesh"),
    }
}

fn port_of(address: &str) -> Option<u16> {
    address.parse::<SocketAddr>().ok().map(|address| address.port())
}

/// The addresses of the processes that still live, newest first.
pub fn living(serving: Vec<(u32, Vec<String>)>) -> Vec<String> {
    let alive = |pid: &u32| *pid == std::process::id() || crate::platform::process_lives(*pid);
    serving.into_iter().filter(|(pid, _)| alive(pid)).flat_map(|(_, addresses)| addresses).collect()
}
