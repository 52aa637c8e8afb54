//! Keeping many files that others wrote, at once.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod desk;

use desk::{Desk, at, provenance};
use mirror_vault::{Hash, VaultError, VaultPath};

#[test]
fn many_files_become_versions_at_once_each_with_its_answer() {
    let desk = Desk::new();
    let ours = desk.write("ours.md", "by us");
    let mut paths: Vec<VaultPath> = Vec::new();
    for n in 0..100 {
        let name = format!("folder {}/{n}.md", n % 3);
        // Some hold the same as others.
        desk.edit(&name, &format!("content {}", n % 90));
        paths.push(at(&name));
    }
    desk.edit("ours.md", "by another program");
    paths.push(at("ours.md"));
    paths.push(at("nowhere.md"));
    let kept = desk.vault.lock().unwrap().keep_all(&paths, &provenance()).unwrap();

    assert_eq!(kept.len(), paths.len());
    for (n, kept) in kept[..100].iter().enumerate() {
        let text = format!("content {}", n % 90);
        let kept = kept.as_ref().unwrap();
        assert_eq!((kept.hash, kept.bytes), (Hash::of(text.as_bytes()), text.len() as u64));
        assert_eq!(Some(kept.stamp), desk.vault.stamp(&paths[n]).unwrap());
        assert_eq!(desk.version(kept.hash), Some(text));
    }
    assert_eq!(desk.version(ours.hash).as_deref(), Some("by us"));
    let renewed = desk.text("ours.md.sha256").unwrap();
    assert!(renewed.starts_with(&Hash::of(b"by another program").to_string()), "{renewed}");
    assert!(matches!(kept[101], Err(VaultError::NoFile { .. })));
    assert!(desk.names(".mirror/pending").is_empty());

    let again = desk.vault.lock().unwrap().keep_all(&paths[..100], &provenance()).unwrap();
    let hashes = |all: &[Result<mirror_vault::Kept, VaultError>]| -> Vec<Hash> {
        all.iter().map(|kept| kept.as_ref().unwrap().hash).collect()
    };
    assert_eq!(hashes(&again), hashes(&kept[..100]));
}
