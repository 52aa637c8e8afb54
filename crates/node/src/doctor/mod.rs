//! The doctor: looks at a home, names every damage that it knows, and mends what can be mended without guessing.
//!
//! Without `repair` nothing is changed but what every opening of the home changes. What is repaired follows from what is
//! still there (events, signatures, files) or from a bundle that verifies; what can't be repaired is left as it is.

mod blobs;
mod files;
mod history;
pub mod kinds;
mod lists;
mod mend;
mod others;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::view::{Code, Finding, Health, HealthCheck};

use kinds::{Kind, Weight};

/// What the doctor may do.
#[derive(Debug, Clone, Default)]
pub struct Treatment {
    /// Folds everything anew from the events.
    pub rebuild: bool,
    /// Mends what can be mended.
    pub repair: bool,
    /// With `repair`: a bundle of another device, to take lost events from.
    pub from: Option<PathBuf>,
}

/// Of one kind so many are listed.
const LISTED: usize = 100;

/// A home that is looked at.
struct Exam {
    node: Node,
    repair: bool,
    /// Its keys are its own.
    keyed: bool,
    findings: Findings,
}

/// What was found.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, kind: Kind, what: impl ToString, detail: impl ToString, repaired: bool) {
        let name = kind.name();
        if self.0.iter().filter(|one| one.kind == name).count() >= LISTED {
            return;
        }
        self.0.push(Finding {
            kind: name.to_owned(),
            weight: kind.weight().name().to_owned(),
            what: what.to_string(),
            detail: detail.to_string(),
            meaning: kind.meaning().to_owned(),
            way_out: kind.way_out().to_owned(),
            repaired,
        });
    }

    /// Whether anything of these kinds was found, and is not mended.
    fn has(&self, kinds: &[Kind]) -> bool {
        self.0.iter().any(|one| !one.repaired && kinds.iter().any(|kind| kind.name() == one.kind))
    }
}

/// Every kind of finding by its name: what the tests have to make.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    Kind::ALL.iter().map(|kind| kind.name())
}

/// Looks at a home, and mends it as far as it may.
pub fn doctor(home: &Path, treatment: &Treatment) -> Result<Health> {
    let mut findings = Findings::default();
    files::before(home, treatment.repair, &mut findings)?;
    if findings.has(&[Kind::DatabaseMissing, Kind::DatabaseForeign, Kind::HomeUnwritable]) {
        return Ok(health(None, findings));
    }
    let (node, keyed) = match files::open(home, &mut findings) {
        Ok(opened) => opened,
        Err(error) if error.code == Code::Integrity => {
            if !findings.has(&[Kind::DatabaseForeign]) {
                findings.add(Kind::PagesDamaged, "mirror.db", error, false);
            }
            return Ok(health(None, findings));
        }
        Err(error) => return Err(error),
    };
    let mut exam = Exam { node, repair: treatment.repair, keyed, findings };
    let checks: [fn(&mut Exam, &Treatment) -> Result<()>; 9] = [
        |exam, _| files::pages(exam),
        |exam, _| lists::facts(exam),
        history::check,
        |exam, _| others::waiting_damaged(exam),
        lists::check,
        |exam, _| lists::full_text(exam),
        |exam, _| blobs::check(exam),
        |exam, _| others::vault(exam),
        |exam, _| others::check(exam),
    ];
    for check in checks {
        match check(&mut exam, treatment) {
            Ok(()) => {}
            // What does not read is the database's fault unless something more exact was found.
            Err(error) if error.code == Code::Integrity => {
                if !exam.findings.0.iter().any(|one| one.weight == Weight::Damage.name()) {
                    exam.findings.add(Kind::PagesDamaged, "mirror.db", error, false);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(health(Some(&exam.node), exam.findings))
}

/// What was found, by the parts of a home.
fn health(node: Option<&Node>, findings: Findings) -> Health {
    let findings = findings.0;
    let advice = Weight::Advice.name();
    let ill = |one: &&Finding| !one.repaired && one.weight != advice;
    let check = |name: &str, well: String| {
        let of_area = |one: &&Finding| {
            Kind::ALL.iter().any(|kind| kind.name() == one.kind && kind.area() == name)
        };
        let first = findings.iter().filter(ill).find(of_area);
        HealthCheck {
            name: name.to_owned(),
            ok: first.is_none(),
            detail: first.map_or(well, |one| format!("{} {}: {}", one.kind, one.what, one.detail)),
            hint: first.map(|one| one.way_out.clone()).unwrap_or_default(),
        }
    };
    let said = |said: fn(&Node) -> Result<String>| {
        node.and_then(|node| said(node).ok()).unwrap_or_else(|| "not looked at".to_owned())
    };
    let events = |node: &Node| Ok(format!("{} events verify", node.head()?.events));
    let indexed = |node: &Node| {
        let behind = node.read(|view| Ok(view.unindexed()?))?;
        let behind: u64 = behind.iter().map(|chain| chain.events).sum();
        Ok(format!("{behind} events still to index"))
    };
    let checks = vec![
        check("database", "every page reads".to_owned()),
        check("place", "the folder is this device's alone".to_owned()),
        check("keys", said(|node| Ok(format!("kept in the {}", node.inner.key_store)))),
        check("history", said(events)),
        check("lists", "every list follows from the events".to_owned()),
        check("full text", said(indexed)),
        check("files", said(Node::blobs_in_words)),
        check("vault", "nothing in it is other than recorded".to_owned()),
        check("waiting", "nothing waits for its causes".to_owned()),
        check("others", "nothing is wrong with what is known of them".to_owned()),
    ];
    Health { ok: checks.iter().all(|check| check.ok), checks, findings }
}

impl Exam {
    fn add(&mut self, kind: Kind, what: impl ToString, detail: impl ToString, repaired: bool) {
        self.findings.add(kind, what, detail, repaired);
    }
}

/// A repair that failed leaves things as they are: the finding says so.
fn mended(result: Result<()>) -> bool {
    if let Err(error) = &result {
        tracing::warn!(%error, "a repair failed");
    }
    result.is_ok()
}

fn io(path: &Path, error: std::io::Error) -> Error {
    let Error { code, detail, hint } = error.into();
    Error::new(code, format!("{}: {detail}", path.display()), hint)
}
