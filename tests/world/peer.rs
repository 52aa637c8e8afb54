//! A member with real keys, on the real link, that says what it likes.

use std::time::Duration;

use mirror_link::{Channel, Endpoint, RECONCILE};
use mirror_protocol::limits::MAX_MESSAGE_BYTES;
use mirror_protocol::message::{Message, MessageError};
use mirror_protocol::{PublicKey, public_key};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::courier::Keys;
use crate::home::Home;

/// No honest device takes as long to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// The liar.
pub struct Liar {
    runtime: Runtime,
    endpoint: Endpoint,
}

/// A conversation that it has.
pub struct Talk<'a> {
    liar: &'a Liar,
    channel: Channel,
}

impl Liar {
    /// With a home's keys. Nothing else may run on that home meanwhile.
    pub fn with_keys_of(home: &Home) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let seed = Keys::of(home).incarnation.to_bytes();
        let here = ["127.0.0.1:0".parse().expect("an address")];
        let endpoint = runtime.block_on(Endpoint::bind(&seed, &here)).expect("an endpoint");
        endpoint.listen();
        Self { runtime, endpoint }
    }

    /// Where it answers.
    pub fn address(&self) -> String {
        self.endpoint.addresses().remove(0)
    }

    /// Calls a home that serves.
    pub fn calls(&self, victim: &Home, address: &str) -> Talk<'_> {
        let key: PublicKey = public_key(&Keys::of(victim).incarnation);
        let to = [address.to_owned()];
        let channel = self.runtime.block_on(self.endpoint.connect(key, &to, RECONCILE));
        Talk { liar: self, channel: channel.expect("a member is let in") }
    }

    /// Takes the next call.
    pub fn answers(&self) -> Talk<'_> {
        let channel = self.runtime.block_on(async {
            loop {
                let knock = timeout(LIMIT, self.endpoint.accept()).await.expect("a call");
                if let Some(caller) = knock.expect("an open endpoint").answer().await {
                    return caller.channel().await.expect("a channel");
                }
            }
        });
        Talk { liar: self, channel }
    }
}

impl Talk<'_> {
    /// Says these bytes. The other side may have hung up already.
    pub fn say(&mut self, bytes: &[u8]) {
        let _ = self.liar.runtime.block_on(self.channel.send(bytes));
    }

    /// The next message, or the reason why none comes.
    pub fn hear(&mut self) -> Result<Message, String> {
        let heard = self.channel.recv(MAX_MESSAGE_BYTES);
        let heard = self.liar.runtime.block_on(async { timeout(LIMIT, heard).await });
        match heard.map_err(|_| "silence".to_owned())?.map_err(|error| error.to_string())? {
            Some(bytes) => match Message::decode(&bytes) {
                Ok(message) => Ok(message),
                // Blobs follow the session.
                Err(MessageError::Unknown { .. }) => Err("the session is over".to_owned()),
                Err(error) => panic!("an honest device says {error}"),
            },
            None => Err("the end".to_owned()),
        }
    }

    /// Listens until it is its turn: the other side waits for an answer.
    pub fn hears_out(&mut self) -> Vec<Message> {
        let mut heard = Vec::new();
        loop {
            let message = self.hear().unwrap_or_else(|error| panic!("{error} after {heard:?}"));
            let turn = matches!(message, Message::Done(_) | Message::NeedTips | Message::Commit(_));
            heard.push(message);
            if turn {
                return heard;
            }
        }
    }

    /// Listens to the end: what is still said.
    pub fn hears_the_end(mut self) -> Vec<Message> {
        let mut heard = Vec::new();
        loop {
            match self.hear() {
                Ok(message) => heard.push(message),
                Err(reason) => {
                    assert_ne!(reason, "silence", "after {heard:?}");
                    self.liar.runtime.block_on(self.channel.finish());
                    return heard;
                }
            }
        }
    }

    /// Hangs up.
    pub fn hangs_up(self) {
        self.liar.runtime.block_on(self.channel.finish());
    }
}
