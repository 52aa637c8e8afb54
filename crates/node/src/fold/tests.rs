use super::*;
use mirror_domain::body::{DeviceAdmit, DeviceRevoke};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::{ChainOpen, SignedHead, SigningKey, WallTime};
use mirror_store::Store;

const AT: WallTime = WallTime { unix_ms: 0, offset_min: 0 };

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

/// Stores events of one chain one by one and folds them, as an intake does.
fn come(tx: &Tx<'_>, mesh: MeshId, coming: &[&Event], signs: &SigningKey) {
    for event in coming {
        let branch = match Body::read(event) {
            Ok(Body::ChainOpen(open)) => tx.open_chain(event.chain(), &open).unwrap(),
            _ => tx.branches(&event.chain()).unwrap()[0].branch,
        };
        let pos = tx.insert(branch, event).unwrap();
        let head = SignedHead::sign(event.tip(), signs);
        tx.set_head(branch, &head, event.header.lamport).unwrap();
        events(tx, mesh, &[(event, pos)], &[&Meaning::of(event)]).unwrap();
    }
}

/// An anchor may name a head that it never showed: what the others fold must not depend on when that comes.
#[test]
fn a_cut_at_an_event_that_comes_later_is_judged_when_it_comes() {
    let mac = ChainOpen::found(&key(1), &key(101), [0; 32], [1; 32]);
    let phone = ChainOpen::new(mac.mesh, &key(2), &key(102), [0; 32], [2; 32]);
    let (mut macs, mut phones) = (MemoryLog::default(), MemoryLog::default());
    let (mac_chain, phone_chain) =
        (macs.open(&mac, AT, &key(101)).unwrap(), phones.open(&phone, AT, &key(102)).unwrap());
    let note = |text: &str| NoteAdd { text: text.into(), tags: vec![], attachments: vec![] };
    for text in ["one", "two", "three"] {
        let body = Body::NoteAdd(note(text)).encode();
        phones.append(phone_chain, "note.add", body, AT, &key(102)).unwrap();
    }
    let admit = DeviceAdmit { device: phone.device, name: "phone".into(), role: Role::Node };
    let written: Vec<&Event> = phones.events().collect();
    let revoke = DeviceRevoke { device: phone.device, heads: vec![written[2].tip()] };
    for body in [Body::DeviceAdmit(admit), Body::DeviceRevoke(revoke)] {
        macs.append(mac_chain, body.kind().unwrap(), body.encode(), AT, &key(101)).unwrap();
    }
    let said: Vec<&Event> = macs.events().collect();
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(&folder.path().join("home.db")).unwrap();
    store
        .write::<_, Error>(|tx| {
            let listed = || Ok::<_, Error>((state(tx)?, tx.members()?));
            come(tx, mac.mesh, &said[..2], &key(101));
            come(tx, mac.mesh, &written[..2], &key(102));
            let whole = state(tx)?;
            come(tx, mac.mesh, &said[2..], &key(101));
            assert!(graph(tx, written[1].id)?.is_none(), "the head is not here");
            assert_ne!(state(tx)?, whole);
            come(tx, mac.mesh, &written[2..], &key(102));
            assert!(graph(tx, written[1].id)?.is_some(), "the head has come");
            assert!(graph(tx, written[3].id)?.is_none(), "beyond the head");
            let folded = listed()?;
            rebuild(tx, mac.mesh)?;
            assert_eq!(listed()?, folded);
            Ok(())
        })
        .unwrap();
}
