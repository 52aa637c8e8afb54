//! What follows from the events: folded anew in a transaction that is undone, and compared.

use mirror_domain::StateDigest;
use mirror_protocol::ChainId;
use mirror_store::Meta;

use super::kinds::Kind;
use super::{Exam, Treatment, mended};
use crate::error::Result;
use crate::fold;

/// Whatever makes the events unreadable, so that nothing can be folded from them.
const UNREADABLE: [Kind; 7] = [
    Kind::EventDamaged,
    Kind::EventMissing,
    Kind::BodyDamaged,
    Kind::IdWrong,
    Kind::ChainRowWrong,
    Kind::OwnerWrong,
    Kind::WaitingDamaged,
];

/// The facts that the home keeps of itself.
pub fn facts(exam: &mut Exam) -> Result<()> {
    let node = exam.node.clone();
    if let Err(error) = node.read(fold::state) {
        let repair = || node.quiet_write(|tx| fold::set_state(tx, &StateDigest::default()));
        let repaired = exam.repair && mended(repair());
        exam.add(Kind::MetaDamaged, "state", error, repaired);
    }
    if let Err(error) = node.read(|view| Ok(view.note_count()?)) {
        let repair = || node.quiet_write(|tx| Ok(tx.clear_meta(Meta::Notes)?));
        let repaired = exam.repair && mended(repair());
        exam.add(Kind::MetaDamaged, "notes", error, repaired);
    }
    let own = match node.read(|view| Ok(view.meta_id(Meta::Chain)?)) {
        Ok(own) => own,
        Err(error) => {
            let repaired = exam.repair && mended(no_chain(exam));
            exam.add(Kind::MetaDamaged, "chain", error, repaired);
            return Ok(());
        }
    };
    let Some(own) = own.map(ChainId) else { return Ok(()) };
    let branches = node.read(|view| Ok(view.branches(&own)?))?;
    match branches.first() {
        None => {
            let repaired = exam.repair && mended(no_chain(exam));
            exam.add(Kind::OwnChainGone, own, "none of its events is here", repaired);
        }
        Some(row) if exam.keyed && row.key != node.inner.keys.public() => {
            // The row can be what is wrong: its first event tells.
            let open = node.read(|view| Ok(view.event_in(row.branch, 0)?)).ok().flatten();
            let open = open.and_then(|event| mirror_protocol::ChainOpen::read(&event).ok());
            if open.is_none_or(|open| open.key != node.inner.keys.public()) {
                let repaired = exam.repair && mended(no_chain(exam));
                exam.add(Kind::KeyNotOfChain, own, "another key signs it", repaired);
            }
        }
        Some(_) => {}
    }
    Ok(())
}

fn no_chain(exam: &Exam) -> Result<()> {
    exam.node.quiet_write(|tx| Ok(tx.clear_meta(Meta::Chain)?))
}

/// Folds anew and compares each list.
pub fn check(exam: &mut Exam, treatment: &Treatment) -> Result<()> {
    if exam.findings.has(&UNREADABLE) {
        return Ok(());
    }
    let node = exam.node.clone();
    let mesh = node.inner.mesh;
    let wrong = node.wrong_lists()?;
    if treatment.rebuild || (exam.repair && !wrong.is_empty()) {
        node.write(|tx| fold::rebuild(tx, mesh))?;
    }
    // What a rebuild did not change was right: so it is asked again.
    let still = if wrong.is_empty() || !(exam.repair || treatment.rebuild) {
        wrong.clone()
    } else {
        node.wrong_lists()?
    };
    for name in wrong {
        let kind = match name {
            "notes" => Kind::NotesWrong,
            "tags" => Kind::TagsWrong,
            "revisions" => Kind::RevisionsWrong,
            "members" => Kind::MembersWrong,
            "forgotten" => Kind::ForgottenWrong,
            "files" => Kind::FileNamesWrong,
            "vault" => Kind::VaultListWrong,
            "sessions" => Kind::SessionsWrong,
            "count" => Kind::CountWrong,
            _ => Kind::StateWrong,
        };
        let detail = "folding the events gives another one";
        exam.add(kind, name, detail, !still.contains(&name));
    }
    Ok(())
}

/// Whether the full-text index holds what it says that it holds.
pub fn full_text(exam: &mut Exam) -> Result<()> {
    let node = exam.node.clone();
    if exam.findings.has(&UNREADABLE) || exam.findings.has(&[Kind::FullTextDamaged]) {
        return Ok(());
    }
    let behind: u64 = node.read(|view| Ok(view.unindexed()?))?.iter().map(|one| one.events).sum();
    if behind > 0 {
        exam.add(Kind::FullTextBehind, "search", format!("{behind} events"), false);
        return Ok(());
    }
    let (held, notes) = node.read(|view| Ok(view.indexed_notes()?))?;
    if held != notes {
        let repaired = exam.repair && mended(node.clear_index());
        let detail = format!("it holds {held} notes, there are {notes}");
        exam.add(Kind::FullTextShort, "search", detail, repaired);
    }
    Ok(())
}
