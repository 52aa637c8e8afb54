//! The continuity gateway: agents' sessions are opened with verified memory, and leave `continuity.md` and distillates.
//!
//! Whatever is handed out was checked on the way: its bytes, the chain behind it, its causes. What does not hold is repaired
//! from bytes that verify, or left out, and told either way.

mod again;
mod answer;
mod ask;
mod distill;
mod file;
pub mod fold;
mod gather;
mod lineage;
mod open;
mod proof;
mod related;
mod repo;
mod review;
mod say;

use mirror_domain::body::{MAX_QUOTED_BYTES, Rejection, Verdict, Why};
use mirror_domain::session::continuity;

use crate::view;

pub use distill::{NewDistillate, injected, read_text};
pub use open::OpenSession;
pub use related::RelatedQuery;
pub use review::Review;
pub use say::{Claim, Sealing, claim};

/// What the vault's audit trail calls us.
const TOOL: &str = "mirror session";

/// The beginning of a content, as text.
fn excerpt(bytes: &[u8]) -> String {
    let start = bytes.get(..bytes.len().min(MAX_QUOTED_BYTES)).unwrap_or_default();
    cut(&String::from_utf8_lossy(start), MAX_QUOTED_BYTES).to_owned()
}

/// A beginning of at most so many bytes.
fn cut(text: &str, limit: usize) -> &str {
    let at = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..at.unwrap_or(0)).unwrap_or_default()
}

fn why_name(why: Why) -> &'static str {
    match why {
        Why::Tampered => "tampered",
        Why::Unverifiable => "unverifiable",
        Why::Stale => "stale",
        Why::OverBudget => "over_budget",
        Why::Superseded => "superseded",
        Why::Injected => "injected",
        Why::Policy => "policy",
    }
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::KeepOut => "keep_out",
        Verdict::Accept => "accept",
        Verdict::Fixed => "fixed",
    }
}

fn rejection_view(id: String, one: &Rejection, verdict: Option<Verdict>) -> view::SessionRejection {
    view::SessionRejection {
        id,
        reason: why_name(one.why).to_owned(),
        what: one.what.clone(),
        source: one.source.map(|source| source.to_string()),
        expected: one.expected.map(|content| content.to_string()),
        found: one.found.map(|content| content.to_string()),
        content: one.content.clone(),
        detail: one.detail.clone(),
        repaired: one.repaired,
        verdict: verdict.map(|verdict| verdict_name(verdict).to_owned()),
    }
}

/// Whether a path is one that the gateway itself keeps.
fn is_continuity(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let project = folder.strip_prefix("projects/").unwrap_or_default();
    name == "continuity.md" && continuity::path_of(project) == path
}
