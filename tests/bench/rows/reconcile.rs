//! Two homes with one history and ten new notes each meet over iroh on loopback, beside a `git fetch` in each direction
//! of as many notes as files and commits.

use std::net::SocketAddr;
use std::path::Path;

use mirror_node::{CancelToken, NewNote, Node, With};
use mirror_protocol::ChainId;
use mirror_store::{Meta, Store};

use super::{Print, Row, growth};
use crate::git::Repositories;
use crate::homes::{Homes, put, scratch};
use crate::measure::{Sample, alternate, child as process, median};
use crate::mesh::{self, Mesh, Size};

/// New notes on each side.
pub const NEW: usize = 10;
const TURNS: usize = 3;

pub fn rows(full: bool, print: Print<'_>) {
    for size in growth(full, 10_000) {
        let homes = Homes::of(size);
        let place = scratch();
        for guest in 0..2 {
            homes.copy(guest, &place.path().join(guest.to_string()));
        }
        let repositories = Repositories::of(&homes, place.path());
        let mut round = 0;
        let (ours, bare) = alternate(
            3,
            || process("reconcile", &[&place.path().display(), &size.events, &size.chains]),
            || {
                round += 1;
                let times = (0..TURNS).map(|turn| repositories.fetch(round * TURNS + turn));
                Sample { ms: median(times.collect()), ..Sample::default() }
            },
        );
        let n = size.events;
        let row = Row::ms("reconcile, 10 new on each side", n, &ours, Some(&bare));
        print(row.at_least(1.0, "faster than git fetch"));
        let [trips, bytes, new] = ours.more[..] else { panic!("three more figures") };
        let row = Row::of("reconcile, round trips", n, trips, None, "");
        print(row.to("<= 2", |row| row.ours <= 2.0));
        let row = Row::of("reconcile, bytes to new bytes", n, bytes, Some(new), "B");
        print(row.to("<= 1.2 x + 1 KiB", |row| row.ours <= 1.2 * new + 1024.0));
    }
}

pub fn child(args: &[&str]) -> Sample {
    let [place, events, chains] = args else { panic!("{args:?}") };
    let size = Size {
        events: events.parse().expect("a number"),
        chains: chains.parse().expect("a number"),
    };
    let homes = [0, 1].map(|guest| Path::new(place).join(guest.to_string()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut mesh = Mesh::new(size);
    let mut samples = Vec::new();
    runtime.block_on(async {
        let [left, right] = [0, 1].map(|n| Node::open(&homes[n]).expect("a home"));
        let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let serving = right.serve(Some(loopback)).await.expect("it listens");
        let peer = mesh::device(size.chains + 1);
        put(&homes[0], |tx| {
            let mut row = tx.peer(&peer)?;
            row.addresses = serving.addresses();
            tx.put_peer(&peer, &row)
        });
        let mut last = last_events(&homes);
        // The first meeting brings both to one checkpoint, and is not counted.
        for turn in 0..=TURNS {
            for node in [&left, &right] {
                for _ in 0..NEW {
                    let new = NewNote { text: mesh.text(), ..NewNote::default() };
                    node.capture(new).expect("a note");
                }
            }
            let (new, bytes) = new_events(&homes, last);
            last = new;
            let with = With::Device(peer.to_string());
            let begun = std::time::Instant::now();
            let report = left.reconcile(with, CancelToken::default()).await.expect("a report");
            let ms = begun.elapsed().as_secs_f64() * 1000.0;
            let report = &report.peers[0];
            assert!(report.committed, "{report:?}");
            if turn > 0 {
                assert_eq!((report.received as usize, report.sent as usize), (NEW, NEW));
                let moved = report.bytes_in + report.bytes_out;
                let more = vec![f64::from(report.round_trips), f64::from(moved), bytes as f64];
                samples.push(Sample::new(ms, more));
            }
        }
        serving.stop().await;
    });
    crate::measure::middle(samples)
}

/// The last position of each home's own chain.
fn last_events(homes: &[std::path::PathBuf; 2]) -> [u64; 2] {
    [0, 1].map(|n| own(&homes[n], |_, tip| tip))
}

/// The last positions, and the bytes of headers and bodies since.
fn new_events(homes: &[std::path::PathBuf; 2], before: [u64; 2]) -> ([u64; 2], usize) {
    let mut bytes = 0;
    let last = [0, 1].map(|n| {
        own(&homes[n], |event, tip| {
            for seq in before[n] + 1..=tip {
                bytes += event(seq);
            }
            tip
        })
    });
    (last, bytes)
}

fn own(home: &Path, mut ask: impl FnMut(&dyn Fn(u64) -> usize, u64) -> u64) -> u64 {
    let mut store = Store::open(&home.join("mirror.db")).expect("a database");
    store
        .read::<_, mirror_store::StoreError>(|view| {
            let chain = ChainId(view.meta_id(Meta::Chain)?.expect("a chain"));
            let row = view.branches(&chain)?.pop().expect("a chain");
            let bytes = |seq: u64| {
                let event = view.event_in(row.branch, seq).ok().flatten().expect("an event");
                event.bytes.len() + event.body.map_or(0, |body| body.len())
            };
            Ok(ask(&bytes, row.tip.seq))
        })
        .expect("a read")
}
