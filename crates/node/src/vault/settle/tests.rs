#![allow(clippy::unwrap_used)]

use mirror_domain::Body;

use super::*;
use crate::vault::{Author, Expect as Wanted, said};
use crate::{commit, view};

/// A device that shares its whole vault, with one file in it.
fn sharing(home: &std::path::Path) -> Node {
    // SAFETY: no other thread of this test reads the environment meanwhile.
    #[allow(unsafe_code)]
    unsafe {
        std::env::set_var("MIRROR_KEYS", "file");
    }
    let node = Node::init(home, "Mac", view::Role::Anchor).unwrap();
    node.vault_share("", true).unwrap();
    let author = Author::default();
    node.vault_write("plan.md", &mut &b"one"[..], Wanted::Anything, &author).unwrap();
    node
}

/// A version that replaces what stands there, said and not yet taken over.
fn says_more(node: &Node, path: &VaultPath, bytes: &[u8]) -> EventId {
    let blob = node.blob_files().take_in(&mut &bytes[..]).unwrap();
    let said = node.read(|view| said(view, path, Cause::Write, &Author::default())).unwrap();
    let replaces = node.read(|view| Ok(stand(view, path.as_str())?.1)).unwrap();
    let name = blob.name();
    let (to, chunks, bytes) = (Some(name.id), Some(name.chunks), name.bytes);
    let write = VaultWrite { replaces, to, chunks, bytes, shared: true, ..said };
    let event = node.write(|tx| {
        tx.own_blob(&name, &blob.encode())?;
        commit::append(&node.inner, tx, &Body::VaultWrite(write), clock::now())
    });
    event.unwrap().id
}

fn standing(node: &Node, path: &VaultPath) -> Vec<EventId> {
    node.read(|view| Ok(stand(view, path.as_str())?.1)).unwrap()
}

#[test]
fn a_version_whose_taking_over_was_cut_is_recorded_as_that_version() {
    let home = tempfile::tempdir().unwrap();
    let (node, path) = (sharing(home.path()), path_of("plan.md").unwrap());
    let more = says_more(&node, &path, b"two");
    let vault = node.vault().unwrap();
    let locked = vault.lock().unwrap();
    let time = clock::rfc3339(clock::now());
    let provenance = Provenance { events: vec![], tool: "test".into(), time };
    let note = [TAKE, &more.0].concat();
    // Durable and in its place; then the process dies.
    let expect = Expect::Is(Hash::of(b"one"));
    let written = locked.write(&path, &mut &b"two"[..], expect, &provenance, &note).unwrap();
    assert_eq!(written.hash, Hash::of(b"two"));
    drop(locked);
    let events = node.head().unwrap().head;

    node.settle().unwrap();

    assert_eq!(standing(&node, &path), [more]);
    assert_eq!(node.head().unwrap().head, events, "nothing had to be said");
    assert!(node.verify(true).unwrap().ok);
}

#[test]
fn what_another_program_wrote_meanwhile_is_a_version_beside_and_not_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let (node, path) = (sharing(home.path()), path_of("plan.md").unwrap());
    says_more(&node, &path, b"two");
    let file = home.path().join("vault/plan.md");
    std::fs::write(&file, "typed").unwrap();

    node.settle().unwrap();

    assert_eq!(std::fs::read(&file).unwrap(), b"typed");
    let conflicts = node.conflicts().unwrap();
    assert_eq!(conflicts.len(), 1);
    let resolved = node.resolve_file("plan.md", crate::FileTake::Theirs, Some(&[]));
    assert!(resolved.is_err(), "somebody saw another conflict");
    let text = view::Take::Text("both".into());
    node.resolve(&conflicts.first().unwrap().id, text, None).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"both");
    assert!(node.conflicts().unwrap().is_empty());
}

#[test]
fn a_content_that_rotted_on_this_disk_is_not_taken_over_and_comes_again() {
    let home = tempfile::tempdir().unwrap();
    let (node, path) = (sharing(home.path()), path_of("plan.md").unwrap());
    let before = standing(&node, &path);
    says_more(&node, &path, b"two");
    let blob = BlobId(Hash::of(b"two").0);
    std::fs::write(node.blob_files().path(&blob), "tw0").unwrap();

    node.settle().unwrap();

    assert_eq!(std::fs::read(home.path().join("vault/plan.md")).unwrap(), b"one");
    assert_eq!(standing(&node, &path), before);
    let waiting = node.vault_shared().unwrap().remove(0);
    assert_eq!(waiting.waiting, 1);
    let reason = waiting.first_waiting.first().unwrap().reason.clone();
    assert!(reason.contains("damaged"), "{reason}");
    assert_eq!(node.blobs().unwrap().first().unwrap().state, view::BlobState::Wanted);
}
