//! Two homes with one history and ten new notes each meet over iroh on loopback, beside a `git fetch` in each direction
//! of as many notes as commits.

use std::net::SocketAddr;
use std::path::Path;

use mirror_node::{CancelToken, NewNote, Node, With};
use mirror_store::Store;

use super::{Print, Row, growth};
use crate::git::Repositories;
use crate::homes::{Homes, put, scratch};
use crate::measure::{Sample, alternate, child as process, median};
use crate::mesh::{self, Mesh, Size};

/// New notes on each side.
pub const NEW: usize = 10;
const TURNS: usize = 3;
const NAME: &str = "reconcile, 10 new on each side";
const SHORT: Size = Size { events: 20_000, chains: 500 };

pub fn rows(full: bool, print: Print<'_>) {
    // As many chains as the largest, and a fiftieth of its history: what grows with either is told apart.
    let short = full.then_some(SHORT);
    for size in growth(full, 10_000).into_iter().chain(short) {
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
        let name = if Some(size) == short { "reconcile, 500 chains" } else { NAME };
        let row = Row::ms(name, n, &ours, Some(&bare));
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
        // The first meeting brings both to one checkpoint, and is not counted.
        for turn in 0..=TURNS {
            let mut new = 0;
            for (node, home) in [&left, &right].into_iter().zip(&homes) {
                for _ in 0..NEW {
                    let note = NewNote { text: mesh.text(), ..NewNote::default() };
                    new += bytes(home, &node.capture(note).expect("a note").id);
                }
            }
            let with = With::Device(peer.to_string());
            let begun = std::time::Instant::now();
            let report = left.reconcile(with, CancelToken::default()).await.expect("a report");
            let ms = begun.elapsed().as_secs_f64() * 1000.0;
            let report = &report.peers[0];
            assert!(report.committed, "{report:?}");
            if turn > 0 {
                assert_eq!((report.received as usize, report.sent as usize), (NEW, NEW));
                let moved = report.bytes_in + report.bytes_out;
                let more = vec![f64::from(report.round_trips), f64::from(moved), new as f64];
                samples.push(Sample::new(ms, more));
            }
        }
        serving.stop().await;
    });
    crate::measure::middle(samples)
}

/// Bytes of an event's header and body.
fn bytes(home: &Path, id: &str) -> usize {
    let id = id.parse().expect("an id");
    let mut store = Store::open(&home.join("mirror.db")).expect("a database");
    let event = store.read(|view| view.event(&id)).expect("a read").expect("an event");
    event.bytes.len() + event.body.map_or(0, |body| body.len())
}
