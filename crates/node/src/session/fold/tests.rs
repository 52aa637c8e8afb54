use mirror_domain::Role;
use mirror_domain::body::{DeviceAdmit, SessionCheckpoint, SessionOpen};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::{BlobId, CanonicalHead, ChainOpen, SignedHead, SigningKey, WallTime};
use mirror_store::Store;

use super::*;
use crate::meaning::Meaning;

const AT: WallTime = WallTime { unix_ms: 0, offset_min: 0 };

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn opening() -> Body {
    Body::SessionOpen(SessionOpen {
        agent: "a".into(),
        project: "p".into(),
        head: CanonicalHead([0; 32]),
        context: BlobId([0; 32]),
        coherence: 10_000,
        refused: false,
        items: vec![],
        closes: vec![],
        repo: None,
        name: None,
    })
}

fn close(session: EventId, replaces: Vec<EventId>) -> Body {
    Body::SessionClose(SessionClose { session, work: Work::default(), replaces, repo: None })
}

#[test]
fn a_session_stands_as_its_own_device_says() {
    let mac = ChainOpen::found(&key(1), &key(101), [0; 32], [1; 32]);
    let desk = ChainOpen::new(mac.mesh, &key(2), &key(102), [0; 32], [2; 32]);
    let (mut macs, mut desks) = (MemoryLog::default(), MemoryLog::default());
    let at_mac = macs.open(&mac, AT, &key(101)).unwrap();
    let at_desk = desks.open(&desk, AT, &key(102)).unwrap();
    let admit = DeviceAdmit { device: desk.device, name: "desk".into(), role: Role::Node };
    let mut say = |body: &Body| {
        macs.append(at_mac, body.kind().unwrap(), body.encode(), AT, &key(101)).unwrap();
        macs.events().last().unwrap().id
    };
    say(&Body::DeviceAdmit(admit));
    let session = say(&opening());
    say(&Body::SessionCheckpoint(SessionCheckpoint { session, work: Work::default() }));
    let second = say(&opening());
    let closed = say(&close(second, vec![]));
    let foreign = close(session, vec![]);
    desks.append(at_desk, foreign.kind().unwrap(), foreign.encode(), AT, &key(102)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(&folder.path().join("home.db")).unwrap();
    store
        .write::<_, Error>(|tx| {
            // The other device's event lies in an earlier chain than what it names.
            for event in desks.events().chain(macs.events()) {
                let signs = if event.chain() == at_mac { key(101) } else { key(102) };
                let branch = match Body::read(event) {
                    Ok(Body::ChainOpen(open)) => tx.open_chain(event.chain(), &open).unwrap(),
                    _ => tx.branches(&event.chain()).unwrap()[0].branch,
                };
                let pos = tx.insert(branch, event).unwrap();
                let head = SignedHead::sign(event.tip(), &signs);
                tx.set_head(branch, &head, event.header.lamport).unwrap();
                crate::fold::events(tx, mac.mesh, &[(event, pos)], &[&Meaning::of(event)])?;
            }
            let state = |id| tx.session(id).map(|row| row.unwrap().state);
            assert_eq!((state(&session)?, state(&second)?), (OPEN, CLOSED));
            let leaves: Vec<_> = tx.close_leaves("p")?.into_iter().map(|(_, id)| id).collect();
            assert_eq!(leaves, [closed]);
            assert!(lists_hold(tx)?);
            let (digests, whole) = (tx.list_digests()?, crate::fold::state(tx)?);
            refold(tx)?;
            assert!(lists_hold(tx)?);
            assert_eq!(tx.list_digests()?, digests);
            crate::fold::rebuild(tx, mac.mesh)?;
            assert_eq!((tx.list_digests()?, crate::fold::state(tx)?), (digests, whole));
            Ok(())
        })
        .unwrap();
}
