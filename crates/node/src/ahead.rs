//! A bundle's runs, read, verified and understood on other threads ahead of the transactions that store them.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use mirror_protocol::blob::BlobMessage;
use mirror_protocol::bundle::{BundleError, BundleReader, Record};
use mirror_protocol::run::RunError;
use mirror_protocol::{ChainId, ChainOpen, Event, PublicKey, Run, Tip, VerifiedRun};

use crate::meaning::Meaning;

/// Bytes of runs that move from thread to thread at once. Few are under way at a time, so that memory stays bounded
/// whatever the bundle holds: a run is 14 MiB at most.
const CHUNK_BYTES: usize = 1024 * 1024;
/// More would wait for the one that stores.
const MAX_VERIFIERS: usize = 3;

/// A record in the bundle's order.
pub enum Coming {
    /// A run, if it verifies, with its last event as it names it.
    Run {
        /// Where it ends.
        tip: Tip,
        /// The number of its record.
        record: u64,
        /// What it is.
        run: Result<VerifiedRun, RunError>,
        /// What its events say.
        meanings: Vec<Meaning>,
    },
    /// The first record of a blob: no run comes behind it.
    Blob(BlobMessage),
    /// A record that does not read, or the bundle's end that does not hold.
    Bad {
        /// Why.
        error: BundleError,
        /// Nothing can be read behind it.
        over: bool,
    },
}

/// A record as it was read: a run comes with its number and the key that its head has to be signed with, as far as
/// anybody told.
enum Given {
    Run(Run, u64, Option<PublicKey>),
    Other(Coming),
}

/// Reads all runs, up to the first blob or the end, and hands them to `store`, verified and in order. `keys` are those of the chains that are known
/// already; a chain that begins in the bundle brings its own, bound to its name by a hash.
pub fn runs<R: Read + Send, T>(
    reader: &mut BundleReader<R>,
    keys: BTreeMap<ChainId, PublicKey>,
    store: impl FnOnce(&mut dyn Iterator<Item = Vec<Coming>>) -> T,
) -> T {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let verifiers = cores.saturating_sub(1).clamp(1, MAX_VERIFIERS);
    thread::scope(|scope| {
        let (mut to, mut from) = (Vec::new(), Vec::new());
        for _ in 0..verifiers {
            let (chunks, work) = sync_channel::<Vec<Given>>(1);
            let (done, verified) = sync_channel(1);
            scope.spawn(move || verify(&work, &done));
            to.push(chunks);
            from.push(verified);
        }
        scope.spawn(move || read(reader, keys, &to));
        // In turns, as they were given out; the first that has no more is at the end.
        let mut turn = 0;
        let mut coming = std::iter::from_fn(|| {
            let chunk = from.get(turn).and_then(|verified| verified.recv().ok());
            turn = (turn + 1) % from.len().max(1);
            chunk
        });
        let stored = store(&mut coming);
        // Whoever still reads for a store that gave up finds nobody to give it to.
        drop(from);
        stored
    })
}

fn read<R: Read>(
    reader: &mut BundleReader<R>,
    mut keys: BTreeMap<ChainId, PublicKey>,
    to: &[SyncSender<Vec<Given>>],
) {
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    let mut turns = to.iter().cycle();
    while let Some(record) = reader.next_record() {
        let given = match record {
            Ok(Record::Run(run)) => {
                bytes += size(&run);
                let key = key(&run, &mut keys);
                Given::Run(run, reader.record(), key)
            }
            Ok(Record::Blob(first)) => {
                chunk.push(Given::Other(Coming::Blob(first)));
                break;
            }
            Err(error) => Given::Other(Coming::Bad { error, over: reader.is_over() }),
        };
        chunk.push(given);
        if bytes >= CHUNK_BYTES {
            bytes = 0;
            let sent = turns.next().map(|to| to.send(std::mem::take(&mut chunk)));
            if !matches!(sent, Some(Ok(()))) {
                return;
            }
        }
    }
    // Nobody waits for it any more: the other side will find out by itself.
    let _ = turns.next().map(|to| to.send(chunk));
}

fn size(run: &Run) -> usize {
    run.events.iter().map(|e| e.header.len() + e.body.as_ref().map_or(0, Vec::len)).sum()
}

fn key(run: &Run, keys: &mut BTreeMap<ChainId, PublicKey>) -> Option<PublicKey> {
    let chain = run.head.tip.chain;
    if let Some(key) = keys.get(&chain) {
        return Some(*key);
    }
    let first = run.events.first()?;
    let first = Event::read(first.header.clone(), first.body.clone()).ok()?;
    let open = ChainOpen::read(&first).ok().filter(|_| first.chain() == chain)?;
    keys.insert(chain, open.key);
    Some(open.key)
}

fn verify(work: &Receiver<Vec<Given>>, done: &SyncSender<Vec<Coming>>) {
    let verified = |record: Given| match record {
        Given::Run(run, record, key) => {
            let tip = run.head.tip;
            let run = run.verify(key);
            let events = run.as_ref().map_or(&[][..], |run| &run.events);
            Coming::Run { tip, record, meanings: events.iter().map(Meaning::of).collect(), run }
        }
        Given::Other(other) => other,
    };
    while let Ok(chunk) = work.recv() {
        if done.send(chunk.into_iter().map(verified).collect()).is_err() {
            return;
        }
    }
}
