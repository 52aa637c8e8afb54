//! The events as they lie: each row against its own bytes, its neighbours, and the signature over the chain.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use mirror_domain::body::needs_body;
use mirror_protocol::event::id_of;
use mirror_protocol::{
    BodyHash, CHAIN_OPEN, ChainId, ChainOpen, Event, EventId, Header, Known, SignedHead, Tip,
};
use mirror_store::{BranchRef, ChainRow, RawEvent, View};

use super::kinds::Kind;
use super::{Exam, Treatment, mend, mended};
use crate::error::Result;
use crate::forget::is_forgotten;

/// Something that is wrong with an event or a chain's end.
#[derive(Debug, Clone)]
pub struct Ill {
    pub kind: Kind,
    pub chain: ChainId,
    pub branch: BranchRef,
    pub seq: u64,
    /// What it should be called, as far as anything tells.
    pub id: Option<EventId>,
    pub detail: String,
}

/// Of one branch so many are looked for: when they are mended, the next look finds the rest.
const ILLS: usize = 1000;

impl Ill {
    fn what(&self) -> String {
        self.id.map_or_else(|| format!("{} {}", self.chain, self.seq), |id| id.to_string())
    }
}

/// Looks at all chains, and mends what their own bytes, or a bundle, tell.
pub fn check(exam: &mut Exam, treatment: &Treatment) -> Result<()> {
    let node = exam.node.clone();
    let found = node.read(look)?;
    let mut left = found.clone();
    if exam.repair && !found.is_empty() {
        mended(by_itself(exam, &found));
        left = node.read(look)?;
        if let Some(bundle) = treatment.from.as_deref().filter(|_| !left.is_empty()) {
            mend::from_bundle(&node, bundle, &left)?;
            left = node.read(look)?;
        }
        if left.iter().any(|ill| ill.kind == Kind::BodyDamaged) {
            mended(put_aside(exam, &left));
            left = node.read(look)?;
        }
    }
    let same = |a: &Ill, b: &Ill| (a.kind, a.branch, a.seq) == (b.kind, b.branch, b.seq);
    for ill in &found {
        let repaired = !left.iter().any(|one| same(one, ill));
        exam.add(ill.kind, ill.what(), &ill.detail, repaired);
    }
    for ill in left.iter().filter(|ill| !found.iter().any(|one| same(one, ill))) {
        exam.add(ill.kind, ill.what(), &ill.detail, false);
    }
    if left.is_empty() {
        rest(exam)?;
    }
    Ok(())
}

/// What needs the events in their order: clocks and causes.
fn rest(exam: &mut Exam) -> Result<()> {
    let (_, bad) = crate::history::check(&exam.node)?;
    if let Some(bad) = bad {
        let kind = match bad.what.as_str() {
            "lamport" => Kind::ClockWrong,
            "link" => Kind::CauseMissing,
            "body" => Kind::BodyMissing,
            "head" => Kind::HeadUnsigned,
            _ => Kind::EventDamaged,
        };
        exam.add(kind, bad.id, bad.reason, false);
    }
    Ok(())
}

fn look(view: &View<'_>) -> Result<Vec<Ill>> {
    let mut found = Vec::new();
    for row in view.chains()? {
        let mut walk = Walk { view, row: &row, before: None, held: None, found: Vec::new() };
        view.raw_events(row.branch, |raw| walk.next(raw))?;
        walk.end()?;
        found.append(&mut walk.found);
    }
    Ok(found)
}

/// Walks a branch, one event behind: the one after tells of the one before.
struct Walk<'a, 'c> {
    view: &'a View<'c>,
    row: &'a ChainRow,
    /// The last event whose header is right.
    before: Option<(u64, EventId)>,
    held: Option<RawEvent>,
    found: Vec<Ill>,
}

impl Walk<'_, '_> {
    fn ill(&mut self, kind: Kind, seq: u64, id: Option<EventId>, detail: impl ToString) {
        let (chain, branch) = (self.row.tip.chain, self.row.branch);
        if self.found.len() >= ILLS {
            return;
        }
        self.found.push(Ill { kind, chain, branch, seq, id, detail: detail.to_string() });
    }

    fn next(&mut self, raw: RawEvent) -> Result<()> {
        let expected = self.held.as_ref().map_or(self.row.first, |held| held.seq + 1);
        let follows = Header::decode(&raw.header).ok().filter(|header| header.seq == raw.seq);
        let named = follows.filter(|_| raw.seq == expected).and_then(|header| header.prev);
        self.judge(named)?;
        for seq in (expected..raw.seq).take(ILLS) {
            self.ill(Kind::EventMissing, seq, None, "no event lies there");
        }
        self.held = Some(raw);
        Ok(())
    }

    /// Judges the event that is held; `named` is what the one after it calls it.
    fn judge(&mut self, named: Option<EventId>) -> Result<()> {
        let Some(raw) = self.held.take() else { return Ok(()) };
        let computed = id_of(&raw.header);
        let at_tip = (self.row.tip.seq == raw.seq).then_some(self.row.tip.id);
        let vouched = [named, at_tip].contains(&Some(computed));
        let follows = |header: &Header| {
            let before = self.before.filter(|(seq, _)| seq + 1 == raw.seq);
            header.seq == raw.seq && before.is_none_or(|(_, id)| header.prev == Some(id))
        };
        let header = Header::decode(&raw.header).ok().filter(follows);
        let Some(header) = header.filter(|_| computed == raw.id || vouched) else {
            let detail = format!("its bytes have the id {computed}");
            self.ill(Kind::EventDamaged, raw.seq, Some(raw.id), detail);
            self.held = Some(raw);
            return Ok(());
        };
        if computed != raw.id {
            let detail = format!("the id beside it is {}", raw.id);
            self.ill(Kind::IdWrong, raw.seq, Some(computed), detail);
        }
        self.before = Some((raw.seq, computed));
        self.judge_body(&raw, &header, computed)?;
        self.held = Some(raw);
        Ok(())
    }

    fn judge_body(&mut self, raw: &RawEvent, header: &Header, id: EventId) -> Result<()> {
        let right = |body: &Vec<u8>| {
            BodyHash::of(body) == header.body_hash && body.len() == header.body_bytes as usize
        };
        match &raw.body {
            Some(body) if !right(body) => {
                let found = BodyHash::of(body);
                let detail = format!("it hashes to {found}, the header names {}", header.body_hash);
                self.ill(Kind::BodyDamaged, raw.seq, Some(id), detail);
            }
            None => {
                let bare = Event::read(raw.header.clone(), None);
                let forgotten =
                    bare.ok().map(|event| is_forgotten(self.view, &event)).transpose()?;
                if forgotten != Some(true) {
                    let detail = "it is not here, and nothing has forgotten it";
                    self.ill(Kind::BodyMissing, raw.seq, Some(id), detail);
                }
            }
            Some(body) if header.kind == CHAIN_OPEN => self.judge_owner(raw, body.clone()),
            Some(_) => {}
        }
        Ok(())
    }

    fn judge_owner(&mut self, raw: &RawEvent, body: Vec<u8>) {
        let event = Event::read(raw.header.clone(), Some(body));
        let row = self.row;
        match event.ok().map(|event| ChainOpen::read(&event)) {
            Some(Ok(open))
                if (open.device, open.key, open.recipient)
                    != (row.device, row.key, row.recipient) =>
            {
                let detail = format!("its first event says device {}", open.device);
                self.ill(Kind::OwnerWrong, 0, None, detail);
            }
            Some(Ok(_)) => {}
            _ => self.ill(Kind::EventDamaged, 0, Some(raw.id), "it opens no chain"),
        }
    }

    fn end(&mut self) -> Result<()> {
        self.judge(None)?;
        let (tip, last) = (self.row.tip, self.held.as_ref().map(|raw| raw.seq));
        let first = self.row.first;
        match last {
            Some(last) if last > tip.seq => {
                let detail = format!("it is said to end at {}, and goes on to {last}", tip.seq);
                self.ill(Kind::ChainRowWrong, last, None, detail);
            }
            last if last != Some(tip.seq) => {
                for seq in (last.map_or(first, |last| last + 1)..=tip.seq).take(ILLS) {
                    let id = (seq == tip.seq).then_some(tip.id);
                    self.ill(Kind::EventMissing, seq, id, "the chain ends before it");
                }
            }
            _ if self.before.is_some_and(|(seq, id)| seq == tip.seq && id != tip.id) => {
                let detail = format!("its end is said to be {}", tip.id);
                self.ill(Kind::ChainRowWrong, tip.seq, None, detail);
            }
            _ => {
                let head = SignedHead { tip, signature: self.row.signature };
                let owner = self.found.iter().any(|ill| ill.kind == Kind::OwnerWrong);
                if let Err(error) = head.verify(&self.row.key)
                    && !owner
                {
                    self.ill(Kind::HeadUnsigned, tip.seq, Some(tip.id), error);
                }
            }
        }
        self.judge_heads()
    }

    fn judge_heads(&mut self) -> Result<()> {
        if self.found.iter().any(|ill| ill.kind == Kind::OwnerWrong) {
            return Ok(());
        }
        for head in self.view.kept_heads(self.row)? {
            if let Err(error) = head.verify(&self.row.key) {
                self.ill(Kind::KeptHeadBad, head.tip.seq, None, error);
            }
        }
        Ok(())
    }
}

/// Mends what follows from what is still there.
fn by_itself(exam: &Exam, found: &[Ill]) -> Result<()> {
    exam.node.write(|tx| {
        let event_at = |ill: &Ill| tx.event_in(ill.branch, ill.seq).ok().flatten();
        for ill in found.iter().filter(|ill| ill.kind == Kind::IdWrong) {
            if let Some(id) = &ill.id {
                tx.set_id(ill.branch, ill.seq, id)?;
            }
        }
        for ill in found.iter().filter(|ill| ill.kind == Kind::OwnerWrong) {
            if let Some(open) = event_at(ill).and_then(|event| ChainOpen::read(&event).ok()) {
                tx.set_owner(ill.branch, &open)?;
            }
        }
        let broken: BTreeSet<BranchRef> = found
            .iter()
            .filter(|ill| matches!(ill.kind, Kind::EventDamaged | Kind::EventMissing))
            .map(|ill| ill.branch)
            .collect();
        for ill in found {
            let Some(row) = tx.branch(ill.branch)? else { continue };
            let own = exam.keyed && row.key == exam.node.inner.keys.public();
            match ill.kind {
                Kind::ChainRowWrong | Kind::HeadUnsigned if !broken.contains(&ill.branch) => {
                    let Some(event) = event_at(ill) else { continue };
                    if let Some(head) = proof(exam, tx, &row, event.tip(), own)? {
                        tx.set_head(ill.branch, &head, event.header.lamport)?;
                    }
                }
                Kind::KeptHeadBad if own => {
                    let Some(event) = event_at(ill) else { continue };
                    let head = SignedHead::sign(event.tip(), &exam.node.inner.keys.incarnation);
                    tx.keep_head(ill.branch, &head)?;
                }
                Kind::KeptHeadBad => tx.drop_head(ill.branch, ill.seq)?,
                _ => {}
            }
        }
        Ok(())
    })
}

/// A signature over a chain's end: one that is here and holds, or for this device's own chain a new one.
fn proof(
    exam: &Exam,
    view: &View<'_>,
    row: &ChainRow,
    tip: Tip,
    own: bool,
) -> Result<Option<SignedHead>> {
    let kept = SignedHead { tip, signature: row.signature };
    let mut known = view.kept_heads(row)?;
    known.retain(|head| head.tip == tip);
    known.push(kept);
    if let Some(head) = known.into_iter().find(|head| head.verify(&row.key).is_ok()) {
        return Ok(Some(head));
    }
    Ok(own.then(|| SignedHead::sign(tip, &exam.node.inner.keys.incarnation)))
}

/// Keeps bodies that are not their events' in a folder, so that the rest of the chain reads. What decides who belongs stays.
fn put_aside(exam: &Exam, left: &[Ill]) -> Result<()> {
    let node = &exam.node;
    let folder = node.inner.home.join("aside");
    for ill in left.iter().filter(|ill| ill.kind == Kind::BodyDamaged) {
        let mut row = None;
        node.read(|view| {
            view.raw_events::<crate::Error>(ill.branch, |raw| {
                if raw.seq == ill.seq {
                    row = Some(raw);
                }
                Ok(())
            })
        })?;
        let Some(RawEvent { header, body: Some(body), .. }) = row else { continue };
        let needed = Header::decode(&header).map_or(true, |header| needs_body(&header.kind));
        if needed {
            continue;
        }
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(&body)?;
        file.as_file().sync_all()?;
        let name = format!("body-{}", ill.what().replace(' ', "-"));
        file.persist(folder.join(name)).map_err(|error| error.error)?;
        fs::File::open(&folder)?.sync_all()?;
        node.write(|tx| Ok(tx.let_body_go(ill.branch, ill.seq)?))?;
    }
    Ok(())
}

/// Whether an event may stand at a place: it follows the one before, and the one behind follows it.
pub fn fits(view: &View<'_>, ill: &Ill, event: &Event) -> bool {
    let at = |seq: u64| view.event_in(ill.branch, seq).ok().flatten();
    let before = match event.header.seq.checked_sub(1) {
        // Before the branch's first lies its parent; the chain's id names its first event.
        Some(seq) => match at(seq) {
            Some(before) => event.header.prev == Some(before.id),
            None => event.before().is_none_or(|prev| view.point(&prev).is_some()),
        },
        None => ill.chain == event.chain(),
    };
    let behind = at(event.header.seq + 1).is_none_or(|next| next.header.prev == Some(event.id));
    let tip = view.branch(ill.branch).ok().flatten().map(|row| row.tip);
    let at_tip = tip.is_none_or(|tip| tip.seq != event.header.seq || tip.id == event.id);
    before && behind && at_tip
}
