//! Everything recomputed from the bytes: hashes, links, clocks, signatures, and what was folded from them.

use mirror_domain::StateDigest;
use mirror_protocol::head::Point;
use mirror_protocol::{CHAIN_OPEN, ChainOpen, Event, Known, Lamport, SignedHead, Tip};
use mirror_store::{ChainRow, View};

use crate::convert;
use crate::error::{Error, Result};
use crate::fold;
use crate::forget::is_forgotten;
use crate::node::Node;
use crate::view::{BadRecord, Health, HealthCheck, Verification};

#[derive(Default)]
struct Counts {
    events: u64,
    chains: u64,
    bodies: u64,
}

impl Node {
    /// Recomputes everything and names the first record that is not what it should be. `deep` also folds all events
    /// anew and compares, has SQLite check its pages, and reads every blob.
    pub fn verify(&self, deep: bool) -> Result<Verification> {
        let mut counts = Counts::default();
        let mut bad = self.read(|view| {
            for chain in view.chains()? {
                counts.chains += u64::from(chain.parent.is_none());
                if let Some(bad) = check_chain(view, &chain, &mut counts)? {
                    return Ok(Some(bad));
                }
            }
            view.take_error()?;
            Ok(None)
        })?;
        if deep && bad.is_none() {
            bad = self.check_deep()?;
        }
        let (blobs, bad_blob) = self.check_blobs(deep)?;
        bad = bad.or(bad_blob);
        Ok(Verification {
            ok: bad.is_none(),
            events: convert::count(counts.events),
            chains: convert::count(counts.chains),
            bodies: convert::count(counts.bodies),
            blobs: convert::count(blobs),
            first_bad: bad,
        })
    }

    fn check_deep(&self) -> Result<Option<BadRecord>> {
        if let Some(reason) = self.check_pages()? {
            return Ok(Some(bad("database", "", reason)));
        }
        let stored = self.read(fold::state)?.1;
        let folded = self.refold_and_undo()?;
        let differ = (folded != stored).then(|| {
            let reason = "the list does not follow from the events; run `mirror doctor --rebuild`";
            bad("projection", "state", reason)
        });
        Ok(differ)
    }

    /// Folds anew inside a transaction that is rolled back.
    fn refold_and_undo(&self) -> Result<StateDigest> {
        let mut folded = None;
        let undone = self.quiet_write::<()>(|tx| {
            fold::rebuild(tx, self.inner.mesh)?;
            folded = Some(fold::state(tx)?.1);
            Err(Error::cancelled())
        });
        match (folded, undone) {
            (Some(folded), _) => Ok(folded),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Ok(StateDigest::default()),
        }
    }

    /// Looks at each part of the home; `rebuild` folds everything anew from the events.
    pub fn doctor(&self, rebuild: bool) -> Result<Health> {
        if rebuild {
            self.write(|tx| fold::rebuild(tx, self.inner.mesh))?;
        }
        let pages = self.check_pages()?;
        let verified = self.verify(pages.is_none())?;
        let waiting = self.read(|view| Ok(view.quarantine()?))?;
        let first_bad =
            verified.first_bad.map(|bad| format!("{} {}: {}", bad.what, bad.id, bad.reason));
        let behind: u64 = self.read(|view| Ok(view.unindexed()?))?.iter().map(|c| c.events).sum();
        let check = |name: &str, ok: bool, detail: String, hint: &str| HealthCheck {
            name: name.to_owned(),
            ok,
            detail,
            hint: if ok { String::new() } else { hint.to_owned() },
        };
        let checks = vec![
            check(
                "database",
                pages.is_none(),
                pages.unwrap_or_else(|| "every page reads".to_owned()),
                "keep the file; join again as a new device, or restore a backup",
            ),
            check(
                "history",
                first_bad.is_none(),
                first_bad.unwrap_or_else(|| format!("{} events verify", verified.events)),
                "if it is the list, `mirror doctor --rebuild` mends it; otherwise reconcile with a device that is whole",
            ),
            check("keys", true, format!("kept in the {}", self.inner.key_store), ""),
            check(
                "waiting",
                waiting.is_empty(),
                match waiting.first() {
                    Some(first) => {
                        format!("{} runs wait; the first {}", waiting.len(), first.reason)
                    }
                    None => "nothing waits for its causes".to_owned(),
                },
                "reconcile with the device that has the missing events",
            ),
            check("files", true, self.blobs_in_words()?, ""),
            check("full text", true, format!("{behind} events still to index"), ""),
        ];
        Ok(Health { ok: checks.iter().all(|check| check.ok), checks })
    }
}

const NO_BODY: &str = "it is not here, and nothing has forgotten it";

fn bad(what: &str, id: impl ToString, reason: impl ToString) -> BadRecord {
    BadRecord { what: what.to_owned(), id: id.to_string(), reason: reason.to_string() }
}

fn check_chain(
    view: &View<'_>,
    chain: &ChainRow,
    counts: &mut Counts,
) -> Result<Option<BadRecord>> {
    let mut before: Option<Event> = match chain.first.checked_sub(1).zip(chain.parent) {
        Some((seq, parent)) => view.event_in(parent, seq)?,
        None => None,
    };
    let mut found = None;
    let walked = view.walk::<Error>(chain.branch, chain.first, |_, event| {
        counts.events += 1;
        counts.bodies += u64::from(event.body.is_some());
        found = check_event(view, chain, before.as_ref(), &event);
        if found.is_none() && event.body.is_none() && !is_forgotten(view, &event)? {
            found = Some(bad("body", event.id, NO_BODY));
        }
        before = Some(event);
        Ok(found.is_none())
    });
    if let Err(error) = walked {
        // The event that does not read is the one behind the last that did.
        let at = before.map_or(0, |event| event.header.seq + 1);
        let id = match view.id_of(chain.branch, at)? {
            Some(id) => id.to_string(),
            None => format!("{} {at}", chain.tip.chain),
        };
        return Ok(Some(bad("event", id, error)));
    }
    if found.is_some() {
        return Ok(found);
    }
    let last = before.map(|event| (event.header.seq, event.id));
    if last != Some((chain.tip.seq, chain.tip.id)) {
        let reason =
            format!("the chain ends at {:?}, its head names {}", last.map(|l| l.0), chain.tip.seq);
        return Ok(Some(bad("head", chain.tip.chain, reason)));
    }
    let head = SignedHead { tip: chain.tip, signature: chain.signature };
    Ok(head.verify(&chain.key).err().map(|error| bad("head", chain.tip.chain, error)))
}

/// Reading an event has checked its header, its id and its body's hash.
fn check_event(
    view: &View<'_>,
    chain: &ChainRow,
    before: Option<&Event>,
    event: &Event,
) -> Option<BadRecord> {
    let header = &event.header;
    if view.pos(&event.id).ok().flatten().is_none() {
        return Some(bad("event", event.id, "its bytes have another id than the one stored"));
    }
    let expected = before.map_or((0, None), |e| (e.header.seq + 1, Some(e.id)));
    if event.chain() != chain.tip.chain || (header.seq, header.prev) != expected {
        return Some(bad("link", event.id, "it does not follow the event before it"));
    }
    if header.seq == 0 {
        match ChainOpen::read(event) {
            Ok(open) if open.key == chain.key && open.device == chain.device => {}
            Ok(_) => return Some(bad("event", event.id, "the chain's stored owner is another")),
            Err(error) => return Some(bad("event", event.id, error)),
        }
    } else if header.kind == CHAIN_OPEN {
        return Some(bad("event", event.id, "it opens a chain that is open"));
    }
    let mut latest = before.map_or(Lamport(0), |before| before.header.lamport);
    for dep in &header.deps {
        match view.point(&Tip::from(*dep)) {
            Some(Point { lamport, .. }) => latest = latest.max(lamport),
            _ => return Some(bad("link", event.id, format!("its cause {} is not here", dep.id))),
        }
    }
    (header.lamport.0 != latest.0 + 1).then(|| {
        let reason = format!("it says {}, its causes make it {}", header.lamport.0, latest.0 + 1);
        bad("lamport", event.id, reason)
    })
}
