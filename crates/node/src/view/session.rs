//! Sessions of agents: what they were told, what was left out, how they ended; and distillates.

use serde::Serialize;

use super::Problem;

/// A session that was opened, with what it is told.
#[derive(Debug, Clone, Serialize)]
pub struct SessionOpened {
    /// The session; none when the home was too damaged to say so.
    pub session: Option<String>,
    pub agent: String,
    pub project: String,
    pub head: String,
    /// The share of what there is to tell that holds, by size: from 0 to 1, rounded down to ten thousandths.
    pub coherence: f64,
    pub parts: CoherenceParts,
    /// In causal order. Those with `ok` are in the context.
    pub items: Vec<SessionItem>,
    /// How many things were left out or repaired.
    pub rejected: u32,
    pub rejections: Vec<SessionRejection>,
    /// Sessions that had ended without a close, and were recovered now.
    pub recovered: Vec<String>,
    /// What to hand to the agent; a banner that says what is wrong, when nothing is handed out.
    pub context: String,
    /// Nothing is handed out, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// The share that each part of coherence holds of.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CoherenceParts {
    /// Whose bytes match.
    pub bytes: f64,
    /// Whose chain verifies.
    pub chain: f64,
    /// Whose causes are all here.
    pub causes: f64,
    /// That nothing supersedes or contradicts.
    pub current: f64,
}

/// Something that a session is told, or that was left out of it because it does not hold.
#[derive(Debug, Clone, Serialize)]
pub struct SessionItem {
    /// The event that it comes from.
    pub id: String,
    pub kind: String,
    pub title: String,
    /// SHA-256 of its content.
    pub hash: String,
    /// The content's size.
    pub bytes: u64,
    /// `person`, `agent`, `outside` or `unverified`: the lowest of its lineage.
    pub trust: String,
    pub at: String,
    pub age_ms: i64,
    pub by: String,
    /// All that was checked holds, and it is in the context.
    pub ok: bool,
    pub checks: ItemChecks,
}

/// What was checked of an item.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ItemChecks {
    pub bytes: bool,
    pub chain: bool,
    pub causes: bool,
    pub current: bool,
}

/// Something that was left out, or not taken in.
#[derive(Debug, Clone, Serialize)]
pub struct SessionRejection {
    /// To name it in a review: the event and its number in it.
    pub id: String,
    /// `tampered`, `unverifiable`, `stale`, `over_budget`, `superseded`, `injected` or `policy`.
    pub reason: String,
    /// A path, an event, a part of the index.
    pub what: String,
    pub source: Option<String>,
    pub expected: Option<String>,
    pub found: Option<String>,
    /// What was found, its beginning.
    pub content: String,
    pub detail: String,
    /// It was put right from verified bytes.
    pub repaired: bool,
    /// What a person decided: `accept`, `keep_out`, `fixed`, or nothing yet.
    pub verdict: Option<String>,
}

/// An open session that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionStanding {
    pub session: String,
    /// The process that it belongs to; 0 when nobody said.
    pub pid: u32,
    /// What it was told.
    pub context: String,
    /// It has said where it stands since.
    pub spoke: bool,
}

/// A checkpoint or a close that is durable.
#[derive(Debug, Clone, Serialize)]
pub struct SessionSaid {
    pub session: String,
    /// The event.
    pub id: String,
    pub project: String,
    /// What was not taken in.
    pub rejected: u32,
    pub rejections: Vec<SessionRejection>,
    /// Differences between what was claimed and what the repository says.
    pub differences: Vec<String>,
    /// `continuity.md`, when it was written.
    pub continuity: Option<String>,
    /// SHA-256 of it.
    pub hash: Option<String>,
}

/// A session as it stands.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    pub session: String,
    pub agent: String,
    pub project: String,
    /// `open`, `closed`, `recovered` or `refused`.
    pub state: String,
    pub at: String,
    pub device: String,
    pub device_name: String,
    pub coherence: f64,
    /// SHA-256 of the context that it was handed.
    pub context_hash: String,
    pub items: u32,
    pub rejected: u32,
    /// The event that says last where it stands.
    pub last: String,
    pub now: String,
    pub next: Vec<String>,
    pub open_loops: Vec<String>,
    pub files: Vec<String>,
    pub commits: Vec<String>,
    pub decisions: Vec<String>,
    pub errors: Vec<String>,
    pub differences: Vec<String>,
}

/// A sealed distillate.
#[derive(Debug, Clone, Serialize)]
pub struct Distillate {
    /// The seal.
    pub id: String,
    pub path: String,
    pub project: String,
    pub title: String,
    pub topics: Vec<String>,
    /// SHA-256 of the content.
    pub hash: String,
    pub bytes: u64,
    pub at: String,
    pub device_name: String,
    pub sources: Vec<String>,
    pub trust: String,
    /// `good`, `stale`, `superseded`, `tampered`, `unverifiable` or `elsewhere` (its file is not on this device).
    pub state: String,
    /// Why it is not good.
    pub detail: String,
}

/// Something built or thought before.
#[derive(Debug, Clone, Serialize)]
pub struct Related {
    /// The event.
    pub id: String,
    /// `session` or `distillate`.
    pub kind: String,
    pub title: String,
    pub project: String,
    pub at: String,
    /// SHA-256 of the content, of a session of what it says.
    pub hash: String,
    /// Files of it that were asked for.
    pub files: Vec<String>,
    /// All files that it names.
    pub artifacts: Vec<String>,
}
