//! Two homes on one disk that fails: joining, and a session over a real link.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use mirror_node::view::{Code, SyncState};
use mirror_node::{CancelToken, Error, NewFile, NewNote, Node, Result, With, view::Role};

use super::carry::two_devices;
use super::found::{content, in_words, survey, text};
use super::{Checked, Place, Workload, promise, say};

/// Any port of this machine.
pub const LOOPBACK: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// `mirror join`
pub const JOIN: Workload = Workload {
    name: "join",
    in_order: false,
    before: &["a: shared"],
    faults: false,
    prepare: |place| {
        let node = Node::init(&place.dir.join("a"), "Mac", Role::Anchor)?;
        node.capture(NewNote { text: text("shared"), ..NewNote::default() }).map(drop)
    },
    work: join,
    check: check_join,
};
/// `mirror reconcile` between two homes: notes and files of both, several times.
pub const RECONCILE: Workload = Workload {
    name: "reconcile",
    in_order: false,
    before: &[],
    faults: false,
    prepare: |place| {
        two_devices(&place.dir.join("a"), &place.dir.join("b"))?;
        std::fs::write(place.aside.join("file.bin"), content("file.bin", 300_000))?;
        Ok(())
    },
    work: reconcile,
    check: check_reconcile,
};

fn run<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Runtime::new()?.block_on(work)
}

fn join(place: &Place) -> Result<()> {
    for id in ["b: shared", "b: joined"] {
        say("attempt", id)?;
    }
    join_again(&place.dir)?;
    say("acked", "b: shared")?;
    say("acked", "b: joined")
}

fn join_again(dir: &Path) -> Result<()> {
    run(async {
        let a = Node::open(&dir.join("a"))?;
        let serving = a.serve(Some(LOOPBACK)).await?;
        let invite = a.invite(Role::Node)?;
        let joined = Node::join(&dir.join("b"), &invite.ticket, Some("Pixel")).await;
        serving.stop().await;
        joined.map(drop)
    })
}

/// The new home is a member with the mesh's history, or nothing that stands in the way of joining again.
fn check_join(place: &Place) -> Checked {
    let (a, b) = (place.dir.join("a"), place.dir.join("b"));
    let mut found = of_home("a", &a)?;
    let whole = Node::is_initialised(&b).map_err(in_words("half a home"))?;
    if !whole {
        // The name may be taken already by the device that never came to be.
        let again = Node::open(&a).and_then(|node| {
            let mut taken = node
                .devices()?
                .into_iter()
                .filter(|device| device.name == "Pixel" && device.state != SyncState::Revoked);
            taken.try_for_each(|device| node.revoke_device(&device.device))
        });
        again.map_err(in_words("the old admission does not go"))?;
        join_again(&place.dir).map_err(in_words("it can't join again"))?;
    }
    let of_b = of_home("b", &b)?;
    if !of_b.contains("b: shared") {
        return Err("a home that joined without the mesh's history".to_owned());
    }
    met(&place.dir)?;
    if whole {
        found.extend(of_b);
        found.insert("b: joined".to_owned());
    }
    Ok(found)
}

/// Two homes that hold what they told each other: neither has fallen back behind it.
fn met(dir: &Path) -> std::result::Result<(), String> {
    let open = |name: &str| Node::open(&dir.join(name)).map_err(in_words("a home"));
    let (a, b) = (open("a")?, open("b")?);
    // A device that has only just joined comes first: until then nothing can be sealed to it.
    for (from, to) in [(&b, &a), (&a, &b)] {
        let bundle = dir.join("met.bundle");
        from.export(&bundle, None, None).map_err(in_words("no bundle"))?;
        let imported = to.import(&bundle).map_err(in_words("a bundle is not taken"))?;
        if !imported.refused.is_empty() || !imported.stale.is_empty() || imported.quarantined > 0 {
            return Err(format!("one home has forgotten what it told the other: {imported:?}"));
        }
    }
    let heads = [&a, &b].map(|node| node.head().map(|head| (head.head, head.state)));
    if heads[0].is_ok() && heads[0] == heads[1] {
        Ok(())
    } else {
        Err(format!("they don't agree when they have met: {heads:?}"))
    }
}

fn of_home(name: &str, home: &Path) -> Checked {
    let found = survey(home).map_err(|why| format!("{name}: {why}"))?;
    Ok(found.into_iter().map(|id| format!("{name}: {id}")).collect())
}

fn reconcile(place: &Place) -> Result<()> {
    run(async {
        let a = Node::open(&place.dir.join("a"))?;
        let b = Node::open(&place.dir.join("b"))?;
        let serving = a.serve(Some(LOOPBACK)).await?;
        let address = serving.addresses().first().cloned().unwrap_or_default();
        for round in 0..2 {
            let (here, there) = (format!("note {round} of a"), format!("note {round} of b"));
            promise(&format!("a: {here}"), || a.capture(note(place, &here, false)))?;
            promise(&format!("b: {there}"), || b.capture(note(place, &there, round == 0)))?;
            let new = [format!("b: {here}"), format!("a: {there}")];
            new.iter().try_for_each(|id| say("attempt", id))?;
            let report =
                b.reconcile(With::Address(address.clone()), CancelToken::default()).await?;
            if let Some(peer) = report.peers.iter().find(|peer| !peer.ok || !peer.committed) {
                return Err(Error::new(Code::Io, format!("they did not reconcile: {peer:?}"), ""));
            }
            new.iter().try_for_each(|id| say("acked", id))?;
        }
        serving.stop().await;
        Ok(())
    })
}

fn note(place: &Place, name: &str, with_file: bool) -> NewNote {
    let path = place.aside.join("file.bin");
    let files = if with_file { vec![NewFile { path, audio: false }] } else { Vec::new() };
    NewNote { text: text(name), files, ..NewNote::default() }
}

fn check_reconcile(place: &Place) -> Checked {
    let mut found: BTreeSet<String> = of_home("a", &place.dir.join("a"))?;
    found.extend(of_home("b", &place.dir.join("b"))?);
    met(&place.dir)?;
    Ok(found)
}
