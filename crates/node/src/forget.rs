//! Forgetting: what may go is said by an event; what was said is carried out wherever the event counts.

use std::collections::BTreeSet;

use mirror_domain::body::can_be_forgotten;
use mirror_domain::{Body, Membership, NOTE_ADD, NOTE_TRANSCRIPT, Refusal, decide};
use mirror_protocol::{DeviceId, Event, EventId, Tip, VerifiedRun};
use mirror_store::{Pos, Tx, View};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::{clock, commit, fold, notes, view};

impl Node {
    /// Forgets a note with all revisions that are known here, or one later revision alone: their bodies go from this
    /// device now, and from every other one when it hears of it.
    pub fn forget(&self, id: &str, reason: &str) -> Result<view::Forgotten> {
        let mut forgotten = self.write(|tx| {
            let inner = &self.inner;
            let membership = fold::membership(tx, inner.mesh)?;
            let (note, revisions) = revisions(tx, &membership, &inner.device, id)?;
            let mut last = None;
            for body in decide::forget(&membership, &inner.device, note, &revisions, reason)? {
                last = Some(commit::append(inner, tx, &body, clock::now())?.id);
            }
            Ok(view::Forgotten {
                id: last.map(|id| id.to_string()).unwrap_or_default(),
                note: note.to_string(),
                forgotten: revisions.iter().map(|(tip, _)| tip.id.to_string()).collect(),
                erased: false,
            })
        })?;
        forgotten.erased = !self.read(|view| Ok(view.has_remains()?))?;
        Ok(forgotten)
    }
}

/// What an id stands for: of a note all revisions, also those without effect that this device may forget.
fn revisions(
    view: &View<'_>,
    membership: &Membership,
    here: &DeviceId,
    id: &str,
) -> Result<(EventId, Vec<(Tip, DeviceId)>)> {
    let id = notes::event_id(view, id)?;
    let event = view.event(&id)?.ok_or_else(|| Error::not_found(format!("{id} is not here")))?;
    let kind = &event.header.kind;
    if !can_be_forgotten(kind) {
        return Err(Refusal::NotForgettable { event: id, kind: kind.clone() }.into());
    }
    if kind.as_str() != NOTE_ADD {
        if is_forgotten(view, &event)? {
            return Err(Refusal::Forgotten { event: id }.into());
        }
        // Of a revision whose body somebody held back nobody can tell the note.
        let note = fold::note_of(&event).unwrap_or(id);
        return Ok((note, vec![(event.tip(), fold::author(view, &event.chain())?)]));
    }
    let anchor = membership.is_anchor(here);
    let mut found = Vec::new();
    for row in view.chains()? {
        view.walk::<Error>(row.branch, row.first, |_, event| {
            let of_note = fold::note_of(&event) == Some(id) && !is_forgotten(view, &event)?;
            // Another device's transcript goes when that device hears of it (`forget_orphans`).
            let of_others =
                event.header.kind.as_str() != NOTE_TRANSCRIPT && fold::counts(view, &event)?;
            if of_note && (anchor || row.device == *here || of_others) {
                found.push((event.tip(), row.device));
            }
            Ok(true)
        })?;
    }
    Ok((id, found))
}

/// Whether an event is forgotten: its body is not kept.
pub fn is_forgotten(view: &View<'_>, event: &Event) -> Result<bool> {
    Ok(can_be_forgotten(&event.header.kind) && view.is_forgotten(&event.tip())?)
}

/// Carries out what the membership events say anew: bodies that are here go, also from what waits. Answers whether one of
/// them was folded before; those that come just now were not.
pub fn carry_out(tx: &Tx<'_>, membership: &Membership, coming: &[(&Event, Pos)]) -> Result<bool> {
    let (before, now) = (tx.forgotten()?, membership.forgotten());
    if before == *now {
        return Ok(false);
    }
    tx.put_forgotten(now)?;
    let coming: BTreeSet<EventId> = coming.iter().map(|(event, _)| event.id).collect();
    let (mut any, mut folded) = (false, false);
    for tip in now.difference(&before) {
        any = true;
        let Some(pos) = tx.pos(&tip.id)? else { continue };
        let Some(event) = tx.event_at(pos)?.filter(|event| membership.forgets(event)) else {
            continue;
        };
        folded |= event.body.is_some() && !coming.contains(&event.id);
        drop_body(tx, &event, pos)?;
    }
    if any {
        tx.drop_waiting_bodies(|event| membership.forgets(event))?;
    }
    Ok(folded)
}

/// Lets a body go, with the blobs that nothing else names.
pub fn drop_body(tx: &Tx<'_>, event: &Event, pos: Pos) -> Result<()> {
    if let Ok(body) = Body::read(event) {
        for attachment in body.attachments() {
            tx.let_blob_go(&attachment.content())?;
        }
    }
    Ok(tx.drop_body(pos)?)
}

/// A run without the bodies of forgotten events.
pub fn without_forgotten(view: &View<'_>, mut run: VerifiedRun) -> Result<VerifiedRun> {
    for event in &mut run.events {
        if event.body.is_some() && is_forgotten(view, event)? {
            event.body = None;
        }
    }
    Ok(run)
}

/// Events whose bodies are missing although nothing forgot them: somebody on the way held them back.
pub fn missing(view: &View<'_>) -> Result<BTreeSet<EventId>> {
    let mut missing = BTreeSet::new();
    for pos in view.without_body()? {
        if let Some(event) = view.event_at(pos)?
            && !is_forgotten(view, &event)?
        {
            missing.insert(event.id);
        }
    }
    Ok(missing)
}

/// Puts in the bodies that were missing and come again; whether there were any. The caller folds anew.
pub fn fill(tx: &Tx<'_>, run: &VerifiedRun, missing: &mut BTreeSet<EventId>) -> Result<bool> {
    let mut filled = false;
    for event in &run.events {
        let Some(body) = event.body.as_deref().filter(|_| missing.contains(&event.id)) else {
            continue;
        };
        if let Some(pos) = tx.pos(&event.id)?
            && !is_forgotten(tx, event)?
        {
            filled |= tx.fill_body(pos, body)?;
        }
        missing.remove(&event.id);
    }
    Ok(filled)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::path::Path;

    use mirror_domain::body::NoteForget;
    use mirror_store::Store;
    use tempfile::TempDir;

    use super::*;
    use crate::{NewNote, intake};

    const SECRET: &str = "hunter2 is no good password";

    /// A home and copies of it that never saw its note: one device, so that each may forget it.
    struct Two {
        folder: TempDir,
        here: Node,
        copy: Node,
        third: Node,
        /// A revision that only `here` has.
        note: Tip,
    }

    fn two() -> Two {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        let (one, others) = (path("one"), [path("copy"), path("third")]);
        drop(Node::init(&one, "Mac", view::Role::Anchor).unwrap());
        let [copy, third] = others.map(|other| {
            std::fs::create_dir(&other).unwrap();
            for entry in std::fs::read_dir(&one).unwrap() {
                let entry = entry.unwrap();
                std::fs::copy(entry.path(), other.join(entry.file_name())).unwrap();
            }
            Node::open(&other).unwrap()
        });
        let here = Node::open(&one).unwrap();
        // Long enough for pages of its own, which nothing overwrites by chance.
        let new = NewNote { text: SECRET.repeat(400), ..NewNote::default() };
        let id: EventId = here.capture(new).unwrap().id.parse().unwrap();
        let event = here.read(|view| Ok(view.event(&id)?)).unwrap().unwrap();
        Two { folder, here, copy, third, note: event.tip() }
    }

    /// Says so without looking, as a peer may.
    fn say(node: &Node, target: Tip) {
        let (note, targets) = (target.id, vec![target]);
        let body = Body::NoteForget(NoteForget { note, targets, reason: "why".into() });
        node.write(|tx| commit::append(&node.inner, tx, &body, clock::now()).map(drop)).unwrap();
    }

    fn carry(two: &Two, from: &Node, to: &Node) {
        let bundle = two.folder.path().join("carried.bundle");
        from.export(&bundle, None, None).unwrap();
        let imported = to.import(&bundle).unwrap();
        assert!(imported.refused.is_empty(), "{imported:?}");
        std::fs::remove_file(bundle).unwrap();
    }

    fn stands_in(folder: &Path) -> bool {
        std::fs::read_dir(folder).unwrap().any(|entry| {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
            bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
        })
    }

    fn agree(two: &Two) {
        let heads = [&two.here, &two.copy].map(|node| {
            assert!(node.verify(true).unwrap().ok);
            assert!(node.notes(crate::NoteQuery::default()).unwrap().notes.is_empty());
            assert!(!stands_in(&node.inner.home));
            let head = node.head().unwrap();
            (head.head, head.state)
        });
        assert_eq!(heads[0], heads[1]);
    }

    #[test]
    fn a_forget_may_come_before_what_it_forgets() {
        let two = two();
        say(&two.copy, two.note);
        carry(&two, &two.here, &two.copy);
        assert!(!stands_in(&two.copy.inner.home), "dropped as it came");
        assert!(stands_in(&two.here.inner.home));
        carry(&two, &two.copy, &two.here);
        agree(&two);
    }

    #[test]
    fn both_may_come_together() {
        let two = two();
        say(&two.copy, two.note);
        carry(&two, &two.copy, &two.here);
        carry(&two, &two.here, &two.third);
        carry(&two, &two.here, &two.copy);
        agree(&two);
        assert!(two.third.verify(true).unwrap().ok);
        assert_eq!(two.third.head().unwrap().state, two.here.head().unwrap().state);
    }

    #[test]
    fn what_waits_is_forgotten_too() {
        let two = two();
        let edit = two.here.edit(&two.note.id.to_string(), None, SECRET, Some(vec!["x".into()]));
        let edit: EventId = edit.unwrap().id.parse().unwrap();
        let run = two.here.read(|view| {
            let chain = view.chains()?.into_iter().next().unwrap();
            Ok(view.run(Some(two.note.seq), &chain.head())?.unwrap())
        });
        let run = run.unwrap().verify(Some(two.here.inner.keys.public())).unwrap();
        assert_eq!(run.events[0].id, edit);
        let wait = |node: &Node| intake::keep_waiting(node, &[(run.clone(), "waits".into())]);
        wait(&two.copy).unwrap();
        assert!(stands_in(&two.copy.inner.home));
        say(&two.copy, run.events[0].tip());
        assert!(!stands_in(&two.copy.inner.home), "taken out of what waits");
        two.copy.quiet_write(|tx| Ok(tx.take_quarantine().map(drop)?)).unwrap();
        wait(&two.copy).unwrap();
        assert!(!stands_in(&two.copy.inner.home), "not kept with what waits");
        say(&two.copy, two.note);
        carry(&two, &two.here, &two.copy);
        carry(&two, &two.copy, &two.here);
        agree(&two);
    }

    #[test]
    fn as_many_events_as_it_takes() {
        let two = two();
        let note = two.note.id.to_string();
        for n in 0..70 {
            two.here.edit(&note, None, &format!("{SECRET} {n}"), None).unwrap();
        }
        let done = two.here.forget(&note, "why").unwrap();
        assert_eq!(done.forgotten.len(), 71);
        let log = two.here.log(crate::LogQuery { limit: 500, ..Default::default() }).unwrap();
        let said = log.entries.iter().filter(|entry| entry.kind == mirror_domain::NOTE_FORGET);
        assert_eq!(said.count(), 2);
        carry(&two, &two.here, &two.copy);
        agree(&two);
    }

    /// A process that dies between the commit and the erasing leaves the rest to the next one.
    #[test]
    fn what_was_not_erased_is_erased_at_the_next_opening() {
        let two = two();
        let home = two.here.inner.home.clone();
        let (mesh, note) = (two.here.inner.mesh, two.note);
        drop(two.here);
        let mut store = Store::open(&home.join("mirror.db")).unwrap();
        store
            .write::<_, Error>(|tx| {
                let pos = tx.pos(&note.id)?.unwrap();
                Ok(tx.drop_body(pos)?)
            })
            .unwrap();
        drop(store);
        assert!(stands_in(&home));
        let node = Node::open(&home).unwrap();
        assert!(!stands_in(&home));
        assert!(!node.read(|view| Ok(view.has_remains()?)).unwrap());
        assert_eq!(node.inner.mesh, mesh);
    }
}
