//! Direct QUIC between devices (iroh): the endpoint's identity is the incarnation key, so a connection tells who is
//! there before anything is read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use iroh::endpoint::{Connection, ConnectionError, Incoming, RecvStream, SendStream, presets};
use iroh::{EndpointAddr, EndpointId, RelayMode, SecretKey, TransportAddr};
use mirror_protocol::PublicKey;
use mirror_protocol::limits::MAX_MESSAGE_BYTES;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::words::printable;

/// The protocol of reconcile sessions.
pub const RECONCILE: &[u8] = b"mirrordna/reconcile/1";
/// The protocol of pairing, which a session follows.
pub const PAIR: &[u8] = b"mirrordna/pair/1";
/// The protocol of a device whose incarnation is not known to the other yet; a reconcile session follows.
pub const INCARNATION: &[u8] = b"mirrordna/incarnation/1";

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
/// A peer that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);
const REFUSED: u32 = 1;

/// What can go wrong on the way.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The own endpoint can't be opened.
    #[error("can't listen on {address}: {reason}")]
    Bind {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// Nobody answered.
    #[error("nobody answers at {addresses}: {reason}")]
    Unreachable {
        /// What was tried.
        addresses: String,
        /// What was met.
        reason: String,
    },
    /// The peer would not talk.
    #[error("the other device refused: {reason}")]
    Refused {
        /// Its reason.
        reason: String,
    },
    /// The connection ended in the middle.
    #[error("the connection was lost: {reason}")]
    Lost {
        /// What was met.
        reason: String,
    },
    /// A message longer than any may be.
    #[error("the peer announced a message of {found} bytes, the limit is {limit}")]
    TooLong {
        /// What it announced.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

/// This process's endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    endpoint: iroh::Endpoint,
}

impl Endpoint {
    /// Opens an endpoint with a device's incarnation key, at these addresses (any, when there are none); port 0 picks a
    /// free one. Relays are off: bytes go from device to device or not at all.
    pub async fn bind(seed: &[u8; 32], at: &[SocketAddr]) -> Result<Self, LinkError> {
        let mut builder = iroh::Endpoint::builder(presets::Minimal)
            .secret_key(SecretKey::from_bytes(seed))
            .relay_mode(RelayMode::Disabled);
        let named: Vec<String> = at.iter().map(SocketAddr::to_string).collect();
        let bind = |reason: String| {
            let address = if named.is_empty() { "any address".into() } else { named.join(", ") };
            LinkError::Bind { address, reason }
        };
        if !at.is_empty() {
            builder = builder.clear_ip_transports();
        }
        for address in at {
            builder = builder.bind_addr(*address).map_err(|error| bind(error.to_string()))?;
        }
        let endpoint = builder.bind().await.map_err(|error| bind(error.to_string()))?;
        Ok(Self { endpoint })
    }

    /// Begins to answer.
    pub fn listen(&self) {
        self.endpoint.set_alpns([RECONCILE, PAIR, INCARNATION].map(<[u8]>::to_vec).into());
    }

    /// Where others reach this endpoint.
    pub fn addresses(&self) -> Vec<String> {
        let bound = self.endpoint.bound_sockets();
        let fixed: Vec<SocketAddr> =
            bound.iter().copied().filter(|address| !address.ip().is_unspecified()).collect();
        let found = if fixed.is_empty() {
            self.endpoint.addr().ip_addrs().copied().collect()
        } else {
            fixed
        };
        let port = bound.iter().find(|address| address.is_ipv4()).map(|address| address.port());
        let local = port.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        let addresses = if found.is_empty() { local.into_iter().collect() } else { found };
        addresses.iter().map(SocketAddr::to_string).collect()
    }

    /// Calls a device at its addresses, and opens a channel.
    pub async fn connect(
        &self,
        peer: PublicKey,
        addresses: &[String],
        protocol: &[u8],
    ) -> Result<Channel, LinkError> {
        let tried = addresses.join(", ");
        let unreachable =
            |reason: String| LinkError::Unreachable { addresses: tried.clone(), reason };
        let id = EndpointId::from_bytes(&peer.0)
            .map_err(|_| unreachable("its key is no Ed25519 key".to_owned()))?;
        let parsed: Vec<SocketAddr> = addresses.iter().filter_map(|a| a.parse().ok()).collect();
        if parsed.is_empty() {
            return Err(unreachable("no address is known".to_owned()));
        }
        let to = EndpointAddr::from_parts(id, parsed.into_iter().map(TransportAddr::Ip));
        let connection = timeout(CONNECT_WITHIN, self.endpoint.connect(to, protocol))
            .await
            .map_err(|_| unreachable(format!("no answer in {} s", CONNECT_WITHIN.as_secs())))?
            .map_err(|error| match refusal(&error) {
                Some(reason) => LinkError::Refused { reason },
                None => unreachable(error.to_string()),
            })?;
        let (send, recv) =
            connection.open_bi().await.map_err(|error| lost(&connection, error.to_string()))?;
        Ok(Channel::new(connection, send, recv))
    }

    /// The next one who knocks; `None` when the endpoint is closed.
    pub async fn accept(&self) -> Option<Knock> {
        self.endpoint.accept().await.map(|incoming| Knock { incoming })
    }

    /// Closes it; connections that are open end.
    pub async fn close(&self) {
        self.endpoint.close().await;
    }
}

/// Somebody who knocks. Who it is, the handshake tells: take each in a task of its own, or one that never finishes its
/// handshake keeps the others out.
#[derive(Debug)]
pub struct Knock {
    incoming: Incoming,
}

impl Knock {
    /// Takes the handshake, for a bounded time; `None` when it failed.
    pub async fn answer(self) -> Option<Caller> {
        let accepting = self.incoming.accept().ok()?;
        match timeout(CONNECT_WITHIN, accepting).await {
            Ok(Ok(connection)) => return Some(Caller { connection }),
            Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            Err(_) => tracing::debug!("a handshake took too long"),
        }
        None
    }

    /// Turns it away before anything is spent on it.
    pub fn turn_away(self) {
        self.incoming.refuse();
    }
}

/// Somebody who called: the key is authenticated, nothing was read.
#[derive(Debug)]
pub struct Caller {
    connection: Connection,
}

impl Caller {
    /// Who calls.
    pub fn key(&self) -> PublicKey {
        PublicKey(*self.connection.remote_id().as_bytes())
    }

    /// Which protocol it wants.
    pub fn protocol(&self) -> &[u8] {
        self.connection.alpn()
    }

    /// Ends it before a byte of content was read; the caller sees the reason.
    pub fn refuse(self, reason: &str) {
        self.connection.close(REFUSED.into(), reason.as_bytes());
    }

    /// Takes the channel that the caller opens.
    pub async fn channel(self) -> Result<Channel, LinkError> {
        let opened = timeout(SILENCE, self.connection.accept_bi()).await;
        let (send, recv) = opened
            .map_err(|_| LinkError::Lost { reason: "the caller said nothing".to_owned() })?
            .map_err(|error| lost(&self.connection, error.to_string()))?;
        Ok(Channel::new(self.connection, send, recv))
    }
}

/// One stream of messages in each direction.
#[derive(Debug)]
pub struct Channel {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    bytes_in: u64,
    bytes_out: u64,
}

impl Channel {
    fn new(connection: Connection, send: SendStream, recv: RecvStream) -> Self {
        Self { connection, send, recv, bytes_in: 0, bytes_out: 0 }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> PublicKey {
        PublicKey(*self.connection.remote_id().as_bytes())
    }

    /// Bytes received and sent, framing included.
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes_in, self.bytes_out)
    }

    /// Sends one message.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        let too_long = LinkError::TooLong { found: message.len(), limit: MAX_MESSAGE_BYTES };
        let length = u32::try_from(message.len()).map_err(|_| too_long)?;
        let written = async {
            self.send.write_all(&length.to_be_bytes()).await?;
            self.send.write_all(message).await
        };
        let sent = timeout(SILENCE, written).await;
        self.bytes_out += 4 + u64::from(length);
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(lost(&self.connection, error.to_string())),
            Err(_) => Err(LinkError::Lost { reason: "the peer takes no bytes".to_owned() }),
        }
    }

    /// The next message; `None` when the peer has said all. The buffer grows with what comes, not with what was
    /// announced.
    pub async fn recv(&mut self, limit: usize) -> Result<Option<Vec<u8>>, LinkError> {
        match timeout(SILENCE, self.read_frame(limit)).await {
            Ok(result) => result,
            Err(_) => Err(LinkError::Lost { reason: "the peer has fallen silent".to_owned() }),
        }
    }

    async fn read_frame(&mut self, limit: usize) -> Result<Option<Vec<u8>>, LinkError> {
        let mut length = [0; 4];
        let mut filled = 0;
        while let Some(rest) = length.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let read = AsyncReadExt::read(&mut self.recv, rest).await;
            match read.map_err(|error| lost(&self.connection, error.to_string()))? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(LinkError::Lost { reason: "cut off in a message".to_owned() }),
                count => filled += count,
            }
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > limit {
            return Err(LinkError::TooLong { found: length, limit });
        }
        let mut message = Vec::new();
        let mut frame = (&mut self.recv).take(length as u64);
        let read = frame.read_to_end(&mut message).await;
        read.map_err(|error| lost(&self.connection, error.to_string()))?;
        if message.len() != length {
            return Err(LinkError::Lost { reason: "cut off in a message".to_owned() });
        }
        self.bytes_in += 4 + length as u64;
        Ok(Some(message))
    }

    /// Ends the channel so that what was sent last arrives: says so, and waits for the peer to say the same.
    pub async fn finish(mut self) {
        // Either failure means that the peer has gone already.
        let _ = self.send.shutdown().await;
        let drained = async { while let Ok(Some(_)) = self.read_frame(MAX_MESSAGE_BYTES).await {} };
        let _ = timeout(CLOSE_WITHIN, drained).await;
        self.connection.close(0u32.into(), b"done");
    }

    /// Ends the channel with a reason that the peer sees.
    pub fn refuse(self, reason: &str) {
        self.connection.close(REFUSED.into(), reason.as_bytes());
    }
}

/// A refusal by the peer explains whatever error came of it.
fn lost(connection: &Connection, reason: String) -> LinkError {
    match connection.close_reason().as_ref().and_then(closed_with) {
        Some(reason) => LinkError::Refused { reason },
        None => LinkError::Lost { reason },
    }
}

/// The refusal behind an error, if the peer ended the connection already while it was made.
fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(reason) = error.downcast_ref().and_then(closed_with) {
            return Some(reason);
        }
        next = error.source();
    }
    None
}

fn closed_with(error: &ConnectionError) -> Option<String> {
    match error {
        ConnectionError::ApplicationClosed(close) if close.error_code == REFUSED.into() => {
            Some(printable(&String::from_utf8_lossy(&close.reason)))
        }
        _ => None,
    }
}
