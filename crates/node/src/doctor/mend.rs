//! Lost events, put back from a bundle of another device: each verified there by its chain's signature, and let in only
//! where it fits between what is here.

use std::path::Path;

use mirror_domain::body::needs_body;
use mirror_protocol::bundle::BundleReader;
use mirror_protocol::{Event, VerifiedRun};

use super::history::{Ill, fits};
use super::kinds::Kind;
use crate::ahead::{self, Coming};
use crate::error::{Error, Result};
use crate::forget::is_forgotten;
use crate::node::Node;
use crate::view::Code;

pub fn from_bundle(node: &Node, bundle: &Path, left: &[Ill]) -> Result<()> {
    let mut reader = BundleReader::new(node.inner.keys.sealing.open(bundle)?)?;
    if reader.manifest().mesh != node.inner.mesh {
        let detail = "this bundle belongs to another mesh";
        return Err(Error::new(Code::Refused, detail, "export it on a device of this mesh"));
    }
    let keys = node.read(|view| Ok(view.chains()?))?;
    let keys = keys.into_iter().map(|chain| (chain.tip.chain, chain.key)).collect();
    ahead::runs(&mut reader, keys, |coming| {
        for record in coming.flatten() {
            match record {
                Coming::Run { run: Ok(run), .. } => take(node, &run, left)?,
                // Whatever of it does not verify mends nothing.
                Coming::Run { .. } | Coming::Bad { .. } | Coming::Blob(_) => {}
            }
        }
        Ok(())
    })
}

fn take(node: &Node, run: &VerifiedRun, left: &[Ill]) -> Result<()> {
    let of_run = |ill: &&Ill| ill.chain == run.chain && ill.seq <= run.head.tip.seq;
    let mut ills: Vec<&Ill> = left.iter().filter(of_run).collect();
    if ills.is_empty() {
        return Ok(());
    }
    ills.sort_by_key(|ill| ill.seq);
    node.write(|tx| {
        for ill in ills {
            let Some(event) = run.events.iter().find(|event| event.header.seq == ill.seq) else {
                continue;
            };
            match ill.kind {
                Kind::ChainRowWrong | Kind::HeadUnsigned
                    if run.head.tip == event.tip() && tx.pos(&event.id)?.is_some() =>
                {
                    tx.set_head(ill.branch, &run.head, event.header.lamport)?;
                }
                _ if brings(ill, event) && fits(tx, ill, event) => {
                    let mut event = event.clone();
                    if is_forgotten(tx, &event)? {
                        event.body = None;
                    }
                    tx.replace_event(ill.branch, &event)?;
                }
                _ => {}
            }
        }
        Ok(())
    })
}

/// Whether an event has what is missing. One whose body was forgotten fills a gap all the same.
fn brings(ill: &Ill, event: &Event) -> bool {
    match ill.kind {
        Kind::EventDamaged | Kind::EventMissing => {
            event.body.is_some() || !needs_body(&event.header.kind)
        }
        Kind::BodyDamaged | Kind::BodyMissing => event.body.is_some(),
        _ => false,
    }
}
