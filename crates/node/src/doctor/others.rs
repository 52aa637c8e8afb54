//! What waits, what is known of other devices, and clocks.

use mirror_store::Meta;

use super::kinds::Kind;
use super::{Exam, mended};
use crate::clock;
use crate::error::{Error, Result};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MONTH_MS: i64 = 30 * DAY_MS;

/// The vault; its own scrub mends it, and says so in the chain.
pub fn vault(exam: &mut Exam) -> Result<()> {
    match exam.node.check_vault() {
        Ok(None) => {}
        Ok(Some(bad)) => exam.add(Kind::VaultDamaged, bad.id, bad.reason, false),
        Err(error) => {
            let folder = exam.node.vault_folder()?;
            exam.add(Kind::VaultGone, folder.display(), error, false);
        }
    }
    Ok(())
}

pub fn check(exam: &mut Exam) -> Result<()> {
    waiting(exam)?;
    leaving(exam)?;
    peers(exam)?;
    clocks(exam)?;
    let node = exam.node.clone();
    let moved = node.read(|view| {
        Ok(view.meta_text(Meta::Moved)?.filter(|_| matches!(view.meta(Meta::Chain), Ok(None))))
    })?;
    if let Some(at_ms) = moved.and_then(|text| text.parse().ok()) {
        let detail = format!("noticed {}", clock::local_rfc3339(at_ms));
        exam.add(Kind::HomeCopied, node.inner.home.display(), detail, false);
    }
    for chain in node.read(|view| Ok(view.chains()?))?.iter().filter(|row| row.parent.is_some()) {
        let detail = format!("a branch begins at event {}", chain.first);
        exam.add(Kind::Forked, chain.tip.chain, detail, false);
    }
    Ok(())
}

/// Runs that wait and don't read: they keep everything else from being folded.
pub fn waiting_damaged(exam: &mut Exam) -> Result<()> {
    let node = exam.node.clone();
    let is_full = || {
        let (bytes, most) = node.read(|view| Ok(view.waiting_bytes()?))?;
        Ok::<_, Error>(
            (bytes > most / 10 * 9).then(|| format!("{bytes} of {most} bytes are taken")),
        )
    };
    let full = is_full()?;
    for number in node.read(|view| Ok(view.damaged_waiting()?))? {
        let repaired = exam.repair && mended(node.write(|tx| Ok(tx.drop_waiting(number)?)));
        exam.add(Kind::WaitingDamaged, format!("run {number}"), "it does not read", repaired);
    }
    if let Some(detail) = full {
        let repaired = is_full()?.is_none();
        exam.add(Kind::WaitingFull, "waiting runs", detail, repaired);
    }
    Ok(())
}

fn waiting(exam: &mut Exam) -> Result<()> {
    let node = exam.node.clone();
    if exam.findings.has(&[Kind::WaitingDamaged]) {
        return Ok(());
    }
    let rows = node.read(|view| Ok(view.quarantine()?))?;
    if let Some(first) = rows.first() {
        let what = format!("{} runs", rows.len());
        exam.add(Kind::Waiting, what, format!("the first {}", first.reason), false);
    }
    Ok(())
}

fn leaving(exam: &mut Exam) -> Result<()> {
    let node = exam.node.clone();
    let leaving = || node.read(|view| Ok(view.leaving_blobs()?));
    let count = leaving()?;
    if count > 0 {
        if exam.repair {
            node.erase_now();
        }
        let detail = format!("{count} have to go");
        exam.add(Kind::Leaving, "blobs", detail, leaving()? == 0);
    }
    if node.read(|view| Ok(view.has_remains()?))? {
        exam.add(Kind::Remains, "mirror.db", "something was forgotten", false);
    }
    Ok(())
}

fn peers(exam: &mut Exam) -> Result<()> {
    let node = exam.node.clone();
    let damaged = node.read(|view| Ok(view.damaged_peers()?))?;
    for device in &damaged {
        let repaired = exam.repair && mended(node.write(|tx| Ok(tx.reset_peer(device)?)));
        exam.add(Kind::PeerDamaged, device, "its tips do not read", repaired);
    }
    for member in node.read(|view| Ok(view.members()?))? {
        if member.revoked || member.device == node.inner.device || damaged.contains(&member.device)
        {
            continue;
        }
        let met = node.read(|view| Ok(view.peer(&member.device)?.contact_ms))?;
        if let Some(at_ms) = met.filter(|at_ms| clock::now_ms() - at_ms > MONTH_MS) {
            let detail = format!("last met {}", clock::local_rfc3339(at_ms));
            exam.add(Kind::PeerSilent, member.name, detail, false);
        }
    }
    Ok(())
}

fn clocks(exam: &mut Exam) -> Result<()> {
    let node = exam.node.clone();
    let rows = node.read(|view| Ok(view.chains()?))?;
    for row in rows {
        // One that does not read is told of elsewhere.
        let newest = node.read(|view| Ok(view.event_in(row.branch, row.tip.seq)?)).ok().flatten();
        let Some(event) = newest else { continue };
        if event.header.at.unix_ms.saturating_sub(clock::now_ms()) > DAY_MS {
            exam.add(Kind::ClockOff, event.id, clock::rfc3339(event.header.at), false);
        }
    }
    Ok(())
}
