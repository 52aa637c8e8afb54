//! `log`, `head`, `verify`, `doctor`: the chains themselves, and whether they hold.

use mirror_node::view::{Code, Finding, Head, Health, HealthCheck, LogEntry, Verification};
use mirror_node::{LogQuery, Treatment};

use super::{Here, paging};
use crate::args::{Doctor, Log, Verify};
use crate::output::{Exit, Result};
use crate::words;

/// `mirror log`
pub fn log(here: &Here<'_>, args: Log) -> Result<Exit> {
    let Log { chain, page } = args;
    let node = here.node()?;
    let ask = |limit, cursor| {
        let page = node.log(LogQuery { limit, cursor, chain: chain.clone() })?;
        Ok((page.entries, page.next))
    };
    paging::print(here.out, page, "no events", ask, entry_line)?;
    Ok(Exit::Done)
}

fn entry_line(entry: &LogEntry) -> String {
    let LogEntry { id, device_name, lamport, at, kind, forgotten, reason, .. } = entry;
    let forgotten = if *forgotten { "  (forgotten)" } else { "" };
    let reason = reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
    let (id, at) = (words::short(id), words::local(at));
    format!("{id}  {at}  {lamport:>6}  {device_name}: {kind}{forgotten}{reason}")
}

/// `mirror head`
pub fn head(here: &Here<'_>) -> Result<Exit> {
    here.out.answer(&here.node()?.head()?, head_words)?;
    Ok(Exit::Done)
}

fn head_words(head: &Head) -> String {
    let Head { head, state, events, chains } = head;
    let mut text = format!("head    {head}\nstate   {state}\nevents  {events}\n");
    for chain in chains {
        let (id, device) = (words::short(&chain.chain), words::short(&chain.device));
        text.push_str(&format!(
            "chain   {id}  of device {device}  seq {}  {}\n",
            chain.seq, chain.tip
        ));
    }
    text
}

/// `mirror verify`
pub fn verify(here: &Here<'_>, args: &Verify) -> Result<Exit> {
    let found = here.node()?.verify(args.deep)?;
    here.out.answer(&found, verification_words)?;
    match &found.first_bad {
        None if found.ok => Ok(Exit::Done),
        None => Ok(here.out.complain(Code::Integrity, "this home does not verify", MEND)),
        Some(bad) => {
            let detail = format!("{} {}: {}", bad.what, bad.id, bad.reason);
            let mend = match bad.what.as_str() {
                "blob" => MEND_BLOB,
                "body" => MEND_BODY,
                _ => MEND,
            };
            Ok(here.out.complain(Code::Integrity, &detail, mend))
        }
    }
}

const MEND_BLOB: &str = "reconcile with a device that has it; with --deep, damaged files are kept \
    under blobs/aside in the home, and asked for again";

const MEND_BODY: &str = "import a bundle of another device: it brings the body back if that device has it; if \
    none has, an anchor can forget the event";

const MEND: &str = "keep a copy of this home as it is, and reconcile a new one with another device";

fn verification_words(found: &Verification) -> String {
    let Verification { ok, events, chains, bodies, blobs, .. } = found;
    let looked_at = format!(
        "{} in {}, {bodies} bodies, {blobs} blobs",
        words::count(*events, "event"),
        words::count(*chains, "chain")
    );
    if *ok {
        format!("all is as it was written: {looked_at}")
    } else {
        format!("looked at {looked_at}")
    }
}

/// `mirror doctor`
pub fn doctor(here: &Here<'_>, args: &Doctor) -> Result<Exit> {
    let Doctor { rebuild, repair, from } = args.clone();
    let health = mirror_node::doctor(&here.home, &Treatment { rebuild, repair, from })?;
    here.out.answer(&health, health_words)?;
    let left = |weight: &str| health.findings.iter().any(|f| !f.repaired && f.weight == weight);
    Ok(match (left("damage"), left("trouble")) {
        (true, _) => Exit::Integrity,
        (false, true) => Exit::Failed,
        _ => Exit::Done,
    })
}

fn health_words(health: &Health) -> String {
    let mut text: String = health.checks.iter().map(check_words).collect();
    for finding in &health.findings {
        let Finding { kind, weight, what, detail, meaning, way_out, repaired } = finding;
        let mark = if *repaired { "repaired" } else { weight };
        text.push_str(&format!("\n{mark}  {kind}  {what}\n      {detail}\n      {meaning}\n"));
        if !repaired {
            text.push_str(&format!("      {way_out}\n"));
        }
    }
    text
}

fn check_words(check: &HealthCheck) -> String {
    let mark = if check.ok { "well" } else { "ill " };
    format!("{mark}  {}: {}\n", check.name, check.detail)
}
