//! What goes in and out of a session, as values.

use crate::head::{Commitment, Tip};
use crate::id::{CanonicalHead, DeviceId, MeshId, PublicKey};
use crate::message::{RefuseCode, SESSION_VERSION};
use crate::run::VerifiedRun;

/// A vector that both sides signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Its canonical head.
    pub head: CanonicalHead,
    /// Its tips.
    pub tips: Vec<Tip>,
}

/// This side, as it stood when the session began.
#[derive(Debug, Clone)]
pub struct Local {
    /// The mesh.
    pub mesh: MeshId,
    /// This device.
    pub device: DeviceId,
    /// This incarnation.
    pub key: PublicKey,
    /// The peer's incarnation, as the link authenticated it.
    pub peer: PublicKey,
    /// Tips, of a forked chain one a branch.
    pub tips: Vec<Tip>,
    /// The version of the fold.
    pub fold_version: u32,
    /// The state digest.
    pub state: [u8; 32],
    /// The last checkpoint with this peer.
    pub base: Option<Base>,
    /// Where this side can be reached.
    pub addresses: Vec<String>,
}

/// Consecutive events of one branch that the peer lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The last event to send, a tip of this side.
    pub tip: Tip,
    /// The last position of its branch that the peer has.
    pub after: Option<u64>,
}

impl Range {
    /// How many events it covers.
    pub fn events(&self) -> u64 {
        let to = self.tip.seq;
        self.after.map_or(to.saturating_add(1), |after| to.saturating_sub(after))
    }
}

/// Something that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The run or chain.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// What the peer said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The device.
    pub device: DeviceId,
    /// Its canonical head.
    pub head: CanonicalHead,
    /// The version of its fold.
    pub fold_version: u32,
    /// Its state digest.
    pub state: [u8; 32],
    /// Its chain tips.
    pub tips: Vec<Tip>,
    /// Where it can be reached.
    pub addresses: Vec<String>,
    /// Events that it will send.
    pub to_receive: u64,
    /// Events that it lacks.
    pub to_send: u64,
}

/// What the session asks of its shell, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// The peer has introduced itself.
    Peer(Peer),
    /// Store these together; answer with [`Session::stored`] before the next message.
    Commit(Vec<VerifiedRun>),
    /// Send the runs of these ranges with [`Session::send_run`], in the order of their last events' Lamport times, and
    /// close with [`Session::runs_sent`].
    Send(Vec<Range>),
    /// Sign this head towards the peer; answer with [`Session::signed`].
    Sign(CanonicalHead),
    /// Both signed: keep it.
    Checkpoint {
        /// The vector.
        base: Base,
        /// Our signature.
        ours: Commitment,
        /// Theirs.
        theirs: Commitment,
    },
    /// These runs' causes have not come; keep them visible.
    Quarantine(Vec<(VerifiedRun, String)>),
    /// The session is over.
    Finished(Report),
}

/// What a session did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// As the initiator counts them.
    pub round_trips: u32,
    /// New events stored.
    pub received: u64,
    /// Events sent.
    pub sent: u64,
    /// Events that came but were here.
    pub duplicates: u64,
    /// Events that wait for their causes.
    pub quarantined: u64,
    /// What was not taken.
    pub refused: Vec<Refused>,
    /// Events that the peer once signed for and no longer has: it was restored from an old copy, or is made to look so.
    pub stale: Vec<Tip>,
    /// Both sides signed one head.
    pub committed: bool,
    /// The heads were equal from the start.
    pub equal: bool,
}

/// Why a session ends early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The peer is of another mesh.
    #[error("the peer belongs to another mesh, {theirs}")]
    OtherMesh {
        /// Its mesh.
        theirs: MeshId,
    },
    /// The peer speaks another format.
    #[error("the peer speaks session version {theirs}, this program speaks {SESSION_VERSION}")]
    Version {
        /// Its version.
        theirs: u16,
    },
    /// The peer ended it.
    #[error("the peer refused: {code:?}")]
    Refused {
        /// Its reason.
        code: RefuseCode,
    },
    /// A message that has no place here.
    #[error("unexpected {message} while {phase}")]
    Unexpected {
        /// What came.
        message: &'static str,
        /// What was under way.
        phase: &'static str,
    },
    /// A locator or its answer does not fit what the peer said before.
    #[error("the peer's locator does not fit its tips")]
    WrongLocator,
    /// The peer's vector does not hash to its head.
    #[error("the peer's tips do not give the head that it names")]
    WrongTips,
    /// The peer's signature under the head does not hold, or is under another head.
    #[error("the peer's commitment is not its signature under the agreed head")]
    WrongCommitment,
}

/// Why a run waits, for a person.
pub fn waiting_reason(missing: Option<Tip>) -> String {
    match missing {
        Some(dep) => format!("waits for event {} of chain {}, {}", dep.seq, dep.chain, dep.id),
        None => "waits for a run that waits itself".to_owned(),
    }
}
