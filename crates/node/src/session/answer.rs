//! The answer to an opening, put into words and views.

use mirror_domain::body::{Rejection, Why};
use mirror_domain::session::pack::share;
use mirror_domain::session::{Coherence, Item, Pack, Remark};
use mirror_protocol::EventId;

use crate::clock;
use crate::error::Error;
use crate::view::{self, Code};

/// Things without room that are told one by one.
const OVER_TOLD: usize = 32;

pub fn remarks(recovered: &[EventId], wrong: &[Rejection]) -> Vec<Remark> {
    let short = |id: &EventId| id.to_string().chars().take(12).collect::<String>();
    let mut remarks = Vec::new();
    if !recovered.is_empty() {
        let says = format!(
            "{} had ended without a close; what its last checkpoint said stands:",
            if recovered.len() == 1 { "A session" } else { "Sessions" }
        );
        remarks.push(Remark { says, of: recovered.iter().map(short).collect() });
    }
    let (repaired, left): (Vec<_>, Vec<_>) = wrong.iter().partition(|one| one.repaired);
    for (of, what) in [(repaired, "repaired from verified bytes"), (left, "left out")] {
        if !of.is_empty() {
            let says = format!("{} {what}; `mirror session rejections` tells all:", of.len());
            remarks.push(Remark { says, of: of.iter().map(|one| one.what.clone()).collect() });
        }
    }
    remarks
}

pub fn lines(wrong: &[Rejection]) -> Vec<String> {
    wrong.iter().map(|one| format!("{}: {}", one.what, one.detail)).collect()
}

pub fn over_budget(items: &[Item], pack: &Pack) -> Vec<Rejection> {
    let over = items.iter().filter(|item| pack.over.contains(&item.source));
    let reject = |item: &Item| Rejection {
        why: Why::OverBudget,
        what: format!("{} {}", item.kind.name(), item.title),
        source: Some(item.source),
        expected: Some(item.content),
        found: Some(item.content),
        content: super::cut(&super::excerpt(item.text.as_bytes()), 160).to_owned(),
        detail: "there was no room for it; ask for more with --budget".to_owned(),
        repaired: false,
    };
    over.take(OVER_TOLD).map(reject).collect()
}

/// Items in causal order, each with whether it is told. What there was no room for is no item.
pub fn in_order(items: &[Item], pack: &Pack, enough: bool) -> Vec<(Item, bool)> {
    let mut shown: Vec<(Item, bool)> = items
        .iter()
        .filter(|item| !pack.over.contains(&item.source))
        .map(|item| (item.clone(), enough && item.checks.hold()))
        .collect();
    shown.sort_by_key(|(item, _)| item.order);
    shown
}

/// The context with the session's id in its first line.
pub fn named(context: &str, session: &str) -> String {
    context.replacen("session=\"\"", &format!("session=\"{session}\""), 1)
}

/// What the hash of a context is of: its first line holds the session's own id.
pub fn behind_first_line(context: &str) -> &str {
    context.split_once('\n').map_or("", |(_, rest)| rest)
}

pub fn not_enough(coherence: Coherence, session: &str) -> Error {
    let short: String = session.chars().take(12).collect();
    Error::new(
        Code::Integrity,
        format!(
            "coherence {} is below {}: no memory is handed out",
            share(coherence.whole),
            share(mirror_domain::session::item::ENOUGH)
        ),
        format!("see `mirror session rejections {short}`, then run `mirror doctor`"),
    )
}

pub fn ratio(of: u32) -> f64 {
    f64::from(of) / 10_000.0
}

pub fn parts(of: Coherence) -> view::CoherenceParts {
    view::CoherenceParts {
        bytes: ratio(of.bytes),
        chain: ratio(of.chain),
        causes: ratio(of.causes),
        current: ratio(of.current),
    }
}

pub fn item_view(item: &Item, ok: bool, now_ms: i64) -> view::SessionItem {
    let at = item.at;
    let checks = item.checks;
    view::SessionItem {
        id: item.source.to_string(),
        kind: item.kind.name().to_owned(),
        title: item.title.clone(),
        hash: item.content.to_string(),
        bytes: item.bytes,
        trust: item.trust.name().to_owned(),
        at: clock::rfc3339(at),
        age_ms: now_ms.saturating_sub(at.unix_ms),
        by: item.by.clone(),
        ok,
        checks: view::ItemChecks {
            bytes: checks.bytes,
            chain: checks.chain,
            causes: checks.causes,
            current: checks.current,
        },
    }
}
