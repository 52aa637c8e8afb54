//! Bundles, out and in: as `crates/node/src/bundles.rs` does it, without the seal.

use std::collections::BTreeSet;

use mirror_protocol::bundle::{BundleReader, BundleWriter, Manifest};
use mirror_protocol::intake::Intake;
use mirror_protocol::public_key;
use mirror_protocol::{EventId, Known, PublicKey, Run, SigningKey, Tip, canonical_head};

use crate::exchange::runs_to;
use crate::policy::Courier;
use crate::shell::{Crashed, Shell};

/// Everything, as runs.
pub fn runs(shell: &Shell) -> Vec<Run> {
    let state = shell.state();
    let heads = state.log.tips().into_iter().filter_map(|tip| state.heads.get(&tip.id));
    let mut runs: Vec<_> = heads.flat_map(|head| runs_to(shell, *head, None)).collect();
    runs.sort_by_key(|(order, _)| *order);
    runs.into_iter().map(|(_, run)| run).collect()
}

/// Writes a bundle of everything, or of what a peer lacked when it last signed.
pub fn export(shell: &Shell, since: Option<&[Tip]>) -> Vec<u8> {
    let seen: BTreeSet<EventId> = since.into_iter().flatten().map(|tip| tip.id).collect();
    let mut runs = runs(shell);
    // The writer may send more than the reader lacks, never less than closes the gap.
    runs.retain(|run| !seen.contains(&run.head.tip.id));
    write(shell, &shell.keys.incarnation, shell.state().log.tips(), runs)
}

/// A bundle of these runs; whoever writes it signs only that it is whole.
pub fn write(shell: &Shell, key: &SigningKey, tips: Vec<Tip>, runs: Vec<Run>) -> Vec<u8> {
    let manifest = Manifest {
        mesh: shell.mesh,
        device: shell.keys.device,
        key: public_key(key),
        head: canonical_head(tips.iter().copied()),
        since: None,
        unix_ms: 0,
        tips,
    };
    let mut writer = BundleWriter::new(Vec::new(), &manifest, key).expect("a Vec takes all");
    for run in runs {
        writer.run(run).expect("a Vec takes all");
    }
    writer.finish().expect("a Vec takes all").1
}

/// Takes in what holds of a bundle. Gives the number of new events.
pub fn import(shell: &mut Shell, bytes: &[u8]) -> Result<u64, Crashed> {
    let mut taken = take_in(shell, bytes, Courier::Unknown)?;
    // Only now the end has proved who made it.
    if taken.late && taken.whole && taken.key.is_some_and(|key| is_member(shell, key)) {
        let again = take_in(shell, bytes, Courier::Member)?;
        taken.received += again.received;
        taken.intake = again.intake;
    }
    let waiting = taken.intake.waiting().map(|(run, _)| run.to_wire()).collect();
    shell.keep_waiting(waiting);
    Ok(taken.received + shell.retry_waiting()?)
}

fn is_member(shell: &Shell, key: PublicKey) -> bool {
    let state = shell.state();
    let open = state.opens.values().find(|open| open.key == key);
    open.is_some_and(|open| state.fold.membership.active(&open.device).is_some())
}

#[derive(Default)]
struct Import {
    intake: Intake,
    key: Option<PublicKey>,
    received: u64,
    /// Some of it only for who may have brought it.
    late: bool,
    whole: bool,
}

fn take_in(shell: &mut Shell, bytes: &[u8], courier: Courier) -> Result<Import, Crashed> {
    let mut import = Import::default();
    let Ok(mut reader) = BundleReader::new(bytes) else { return Ok(import) };
    if reader.manifest().mesh != shell.mesh {
        return Ok(import);
    }
    import.key = Some(reader.manifest().key);
    import.whole = true;
    while let Some(run) = reader.next_run() {
        let Ok(run) = run else {
            import.whole = false;
            continue;
        };
        let log = &shell.state().log;
        let chain = run.head.tip.chain;
        let key = log.key(&chain).or_else(|| import.intake.key(&chain));
        let Ok(run) = run.verify(key) else { continue };
        if run.is_of(shell.mesh).is_err() || import.intake.offer(run, log).is_err() {
            continue;
        }
        let ready = import.intake.take_ready(log);
        let stored = shell.store_batch(ready.batch, courier)?;
        import.received += stored.events;
        import.late |= stored.late;
    }
    Ok(import)
}
