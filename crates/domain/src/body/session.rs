//! What is said of agents' sessions and of the distillates that they leave.

mod limits;

use minicbor::{Decode, Encode};
use mirror_protocol::{BlobId, CanonicalHead, EventId};

pub use limits::{SessionBodyError, check_project};

/// Bytes of a project's name.
pub const MAX_PROJECT_BYTES: usize = 64;
/// Lines in one list of what a session did.
pub const MAX_LINES: usize = 128;
/// Bytes of one such line.
pub const MAX_LINE_BYTES: usize = 1024;
/// Bytes of what a session says it is at.
pub const MAX_NOW_BYTES: usize = 8 * 1024;
/// Bytes of all that a session says of its work; with the rest it fits a body.
pub const MAX_WORK_BYTES: usize = 40 * 1024;
/// Items that one opening names.
pub const MAX_ITEMS: usize = 256;
/// Rejections that one event tells in full.
pub const MAX_REJECTIONS: usize = 64;
/// Bytes of a rejected content that its rejection quotes.
pub const MAX_QUOTED_BYTES: usize = 1024;
/// Bytes of a distillate.
pub const MAX_DISTILLATE_BYTES: u64 = 1024 * 1024;

/// What a session did, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Work {
    /// Where it stands, in prose.
    #[n(0)]
    pub now: String,
    /// What comes next.
    #[n(1)]
    pub next: Vec<String>,
    /// What is still open.
    #[n(2)]
    pub loops: Vec<String>,
    /// Files that it changed.
    #[n(3)]
    pub files: Vec<String>,
    /// Commits that it made.
    #[n(4)]
    pub commits: Vec<String>,
    /// What was decided.
    #[n(5)]
    pub decisions: Vec<String>,
    /// What went wrong.
    #[n(6)]
    pub errors: Vec<String>,
}

/// A git repository as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoState {
    /// The newest commit; none in a repository without one.
    #[n(0)]
    pub head: Option<String>,
    /// The branch; none when none is checked out.
    #[n(1)]
    pub branch: Option<String>,
    /// Files that differ from the newest commit, the first of them.
    #[n(2)]
    pub dirty: Vec<String>,
}

/// What of a claim is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Differs {
    /// A commit was claimed that the repository does not have.
    #[n(0)]
    NoSuchCommit,
    /// A commit was made and not claimed.
    #[n(1)]
    UnclaimedCommit,
    /// A file was claimed that is as it was.
    #[n(2)]
    UntouchedFile,
    /// A file was changed and not claimed.
    #[n(3)]
    UnclaimedFile,
}

/// One difference between what was claimed and what is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Difference {
    /// Of what sort.
    #[n(0)]
    pub what: Differs,
    /// The commit or the file.
    #[n(1)]
    pub name: String,
}

/// A repository when a session closed, and what of its claims is not so.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoCheck {
    /// As it stood.
    #[n(0)]
    pub state: RepoState,
    /// The first differences.
    #[n(1)]
    pub differences: Vec<Difference>,
    /// All of them.
    #[n(2)]
    pub found: u64,
}

/// Something that a session was told.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ToldItem {
    /// Which kind, as its number.
    #[n(0)]
    pub kind: u8,
    /// The event that it comes from.
    #[n(1)]
    pub source: EventId,
    /// SHA-256 of its content.
    #[n(2)]
    pub content: BlobId,
    /// The content's size.
    #[n(3)]
    pub bytes: u64,
    /// How far it is trusted, as its number.
    #[n(4)]
    pub trust: u8,
    /// It was told; else it was left out.
    #[n(5)]
    pub ok: bool,
}

/// `session.open`: an agent begins, and this is what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionOpen {
    /// Which agent.
    #[n(0)]
    pub agent: String,
    /// On what; empty for nothing in particular.
    #[n(1)]
    pub project: String,
    /// Where the history stood.
    #[n(2)]
    pub head: CanonicalHead,
    /// SHA-256 of the context as it was handed out.
    #[n(3)]
    pub context: BlobId,
    /// The share of it that holds, in ten thousandths.
    #[n(4)]
    pub coherence: u32,
    /// Too little of it held: no context was handed out.
    #[n(5)]
    pub refused: bool,
    /// What it was told, and what was left out.
    #[n(6)]
    pub items: Vec<ToldItem>,
    /// The latest closes of the project that were known.
    #[n(7)]
    pub closes: Vec<EventId>,
    /// The repository that it works in.
    #[n(8)]
    pub repo: Option<RepoState>,
    /// What the agent itself calls the session.
    #[n(9)]
    pub name: Option<String>,
}

/// `session.checkpoint`: where a session stands, should it end without a close.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionCheckpoint {
    /// The session: its opening.
    #[n(0)]
    pub session: EventId,
    /// Where it stands.
    #[n(1)]
    pub work: Work,
}

/// `session.close`: a session is over.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionClose {
    /// The session.
    #[n(0)]
    pub session: EventId,
    /// What it did.
    #[n(1)]
    pub work: Work,
    /// The closes that it goes on from, or has taken in.
    #[n(2)]
    pub replaces: Vec<EventId>,
    /// The repository, and what of the claims is not so.
    #[n(3)]
    pub repo: Option<RepoCheck>,
}

/// `session.recover`: a session that ended without a close stands as its last checkpoint left it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionRecover {
    /// The session.
    #[n(0)]
    pub session: EventId,
    /// Its last checkpoint; none when it made none.
    #[n(1)]
    pub checkpoint: Option<EventId>,
    /// The closes that it goes on from.
    #[n(2)]
    pub replaces: Vec<EventId>,
}

/// Why something was not told, or not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Why {
    /// Its bytes are not those that were recorded.
    #[n(0)]
    Tampered,
    /// Nothing proves it: its chain does not verify, or a cause is missing.
    #[n(1)]
    Unverifiable,
    /// What it rests on was superseded, corrected or forgotten.
    #[n(2)]
    Stale,
    /// There was no room for it.
    #[n(3)]
    OverBudget,
    /// Something newer stands in its place.
    #[n(4)]
    Superseded,
    /// Memory that was handed out came back as if it were new.
    #[n(5)]
    Injected,
    /// It is not allowed.
    #[n(6)]
    Policy,
}

/// One thing that was not told, or not taken in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Rejection {
    /// Why.
    #[n(0)]
    pub why: Why,
    /// What: a path, an event, a part of the index.
    #[n(1)]
    pub what: String,
    /// The event that it comes from.
    #[n(2)]
    pub source: Option<EventId>,
    /// The content that was recorded.
    #[n(3)]
    pub expected: Option<BlobId>,
    /// The content that was found.
    #[n(4)]
    pub found: Option<BlobId>,
    /// What was found, its beginning.
    #[n(5)]
    pub content: String,
    /// What is wrong with it and what was done, in words.
    #[n(6)]
    pub detail: String,
    /// It was repaired, and is in the context as it should be.
    #[n(7)]
    pub repaired: bool,
}

/// `session.reject`: what a session was not told, or what was not taken in from it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionReject {
    /// The session.
    #[n(0)]
    pub session: EventId,
    /// The first of them.
    #[n(1)]
    pub rejections: Vec<Rejection>,
    /// All of them.
    #[n(2)]
    pub found: u64,
}

/// What a person makes of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Verdict {
    /// It stays out.
    #[n(0)]
    KeepOut,
    /// The content that was found is right.
    #[n(1)]
    Accept,
    /// What was wrong was put right.
    #[n(2)]
    Fixed,
}

/// `session.review`: what a person makes of a rejection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionReview {
    /// The `session.reject`.
    #[n(0)]
    pub rejection: EventId,
    /// Which of its rejections, from 0.
    #[n(1)]
    pub number: u32,
    /// The verdict.
    #[n(2)]
    pub verdict: Verdict,
    /// Why.
    #[n(3)]
    pub reason: String,
    /// What it is about, as the rejection has it.
    #[n(4)]
    pub what: String,
    /// The content that was found.
    #[n(5)]
    pub content: Option<BlobId>,
}

/// `distillate.seal`: a file that holds the essence of its sources, from now on unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DistillateSeal {
    /// The file in the vault.
    #[n(0)]
    pub path: String,
    /// Its content.
    #[n(1)]
    pub content: BlobId,
    /// The content's size.
    #[n(2)]
    pub bytes: u64,
    /// The project; empty for none.
    #[n(3)]
    pub project: String,
    /// Its first line.
    #[n(4)]
    pub title: String,
    /// What it is about.
    #[n(5)]
    pub topics: Vec<String>,
    /// The events that it was made of: revisions of notes, closes, other seals.
    #[n(6)]
    pub sources: Vec<EventId>,
    /// The seals that it stands in the place of.
    #[n(7)]
    pub replaces: Vec<EventId>,
    /// The session that made it.
    #[n(8)]
    pub session: Option<EventId>,
}

/// `distillate.stale`: a distillate is no longer to be told.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DistillateStale {
    /// The seal.
    #[n(0)]
    pub seal: EventId,
    /// Why.
    #[n(1)]
    pub reason: String,
}

#[cfg(test)]
mod tests;
