//! Writing, removing and reading, with nobody else there.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::string_slice)]

mod desk;

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use desk::{Desk, at, provenance, put};
use mirror_vault::{BUFFER_BYTES, Expect, Hash, Recovered, Vault, VaultError};

#[test]
fn a_write_leaves_the_file_its_sidecars_and_a_version_of_each_content() {
    let desk = Desk::new();
    let first = desk.write("work/a.md", "one\n");
    let second = desk.write("work/a.md", "two\n");
    assert_eq!(desk.text("work/a.md").as_deref(), Some("two\n"));
    assert_eq!(first.previous, None);
    assert_eq!(second.previous, Some(first.hash));
    assert_eq!(second.hash, Hash::of(b"two\n"));
    assert_eq!(second.bytes, 4);
    assert_eq!(desk.version(first.hash).as_deref(), Some("one\n"));
    assert_eq!(desk.version(second.hash).as_deref(), Some("two\n"));
    assert_eq!(desk.names("work"), ["a.md", "a.md.prov.json", "a.md.sha256"]);
    let provenance: serde_json::Value =
        serde_json::from_str(&desk.text("work/a.md.prov.json").unwrap()).unwrap();
    assert_eq!(provenance["sha256"], second.hash.to_string());
    assert_eq!(provenance["tool"], "a test");
    assert_eq!(desk.names(".mirror/pending"), [""; 0]);
    assert_eq!(desk.vault.hash(&at("work/a.md")).unwrap().unwrap().stamp, second.stamp);
}

#[test]
fn coreutils_check_every_file_as_the_manual_says() {
    let desk = Desk::new();
    for name in ["a.md", "deep/er/Über uns.md", "deep/👩‍👧 & co.md", "-dash.md", "deep/it's.md"]
    {
        desk.write(name, &format!("the text of {name}"));
    }
    let manual = include_str!("../../../docs/VAULT.md");
    let line = manual.lines().find(|line| line.contains("sha256sum -c")).expect("the line");
    let check =
        || Command::new("sh").arg("-c").arg(line).current_dir(desk.folder.path()).output().unwrap();
    let output = check();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text.lines().filter(|line| line.ends_with(": OK")).count(), 5, "{text}");
    desk.edit("deep/it's.md", "edited");
    let output = check();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "{output:?}");
    assert!(text.contains("it's.md: FAILED"), "{text}");
    assert_eq!(text.lines().filter(|line| line.ends_with(": OK")).count(), 4, "{text}");
}

#[test]
fn a_write_over_something_else_than_expected_is_refused_and_kept() {
    let desk = Desk::new();
    let first = desk.write("a.md", "one");
    desk.edit("a.md", "by another program");
    let found = Hash::of(b"by another program");
    for expect in [Expect::Is(first.hash), Expect::Absent] {
        let error = desk.try_write("a.md", "mine", expect).expect_err("a conflict");
        let VaultError::Conflict { found: there, kept, expected, .. } = error else {
            panic!("{error}")
        };
        assert_eq!((there, expected), (Some(found), expect));
        assert_eq!(desk.version(kept).as_deref(), Some("mine"));
    }
    assert_eq!(desk.text("a.md").as_deref(), Some("by another program"));
    assert_eq!(desk.names("."), [".mirror", "a.md", "a.md.prov.json", "a.md.sha256"]);
    let error = desk.try_write("new/b.md", "mine", Expect::Is(found)).expect_err("a conflict");
    assert!(matches!(error, VaultError::Conflict { found: None, .. }), "{error}");
    assert_eq!(desk.names("."), [".mirror", "a.md", "a.md.prov.json", "a.md.sha256"]);
}

#[test]
fn what_another_program_wrote_becomes_a_version_before_it_is_replaced() {
    let desk = Desk::new();
    desk.edit("a.md", "by another program");
    let found = Hash::of(b"by another program");
    let written = desk.try_write("a.md", "mine", Expect::Is(found)).unwrap();
    assert_eq!(written.previous, Some(found));
    assert_eq!(desk.version(found).as_deref(), Some("by another program"));
}

#[test]
fn a_removed_file_stays_as_a_version_and_takes_its_sidecars_along() {
    let desk = Desk::new();
    let written = desk.write("a.md", "one");
    let locked = desk.vault.lock().unwrap();
    let other = Expect::Is(Hash::of(b"x"));
    let error = locked.remove(&at("a.md"), other, b"").expect_err("a conflict");
    assert!(matches!(error, VaultError::Conflict { .. }), "{error}");
    let removed = locked.remove(&at("a.md"), Expect::Is(written.hash), b"").unwrap();
    locked.finish(&removed.id).unwrap();
    assert_eq!((removed.previous, removed.bytes), (written.hash, 3));
    assert_eq!(desk.names("."), [".mirror"]);
    assert_eq!(desk.version(written.hash).as_deref(), Some("one"));
    let error = locked.remove(&at("a.md"), Expect::Anything, b"").expect_err("nothing");
    assert!(matches!(error, VaultError::NoFile { .. }), "{error}");
    assert_eq!(desk.names(".mirror/pending"), [""; 0]);
}

#[test]
fn an_edit_that_is_kept_becomes_a_version_and_renews_the_sidecars_that_are_there() {
    let desk = Desk::new();
    desk.write("ours.md", "one");
    desk.edit("ours.md", "edited");
    desk.edit("theirs.md", "theirs");
    let locked = desk.vault.lock().unwrap();
    let kept = locked.keep(&at("ours.md"), &provenance()).unwrap();
    assert_eq!(kept.hash, Hash::of(b"edited"));
    assert_eq!(desk.version(kept.hash).as_deref(), Some("edited"));
    let sum = desk.text("ours.md.sha256").unwrap();
    assert_eq!(sum, format!("{}  ours.md\n", kept.hash));
    assert!(desk.text("ours.md.prov.json").unwrap().contains(&kept.hash.to_string()));
    let kept = locked.keep(&at("theirs.md"), &provenance()).unwrap();
    assert_eq!(desk.version(kept.hash).as_deref(), Some("theirs"));
    assert_eq!(desk.found(), ["ours.md with its hash", "theirs.md"]);
}

#[test]
fn a_file_keeps_its_rights_and_its_tags() {
    let desk = Desk::new();
    desk.edit("a.md", "one");
    let path = desk.path("a.md");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let tagged = rustix::fs::setxattr(&path, "user.tag", b"red", rustix::fs::XattrFlags::empty());
    desk.write("a.md", "two");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    let sum = fs::metadata(desk.path("a.md.sha256")).unwrap();
    assert_eq!(sum.permissions().mode() & 0o7777, 0o640);
    if tagged.is_ok() {
        let mut value = [0; 8];
        let length = rustix::fs::getxattr(&path, "user.tag", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"red");
    }
    let ours = fs::metadata(desk.path(".mirror")).unwrap();
    assert_eq!(ours.permissions().mode() & 0o777, 0o700);
}

#[test]
fn no_link_is_followed_anywhere() {
    let desk = Desk::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.md"), "secret").unwrap();
    symlink(outside.path(), desk.path("folder")).unwrap();
    symlink(outside.path().join("secret.md"), desk.path("link.md")).unwrap();
    symlink("nowhere", desk.path("dangling.md")).unwrap();
    let locked = desk.vault.lock().unwrap();
    for path in ["folder/secret.md", "folder/new.md", "link.md", "dangling.md", "folder/x/y.md"] {
        let error = put(&locked, path, "mine", Expect::Anything).expect_err(path);
        assert!(matches!(error, VaultError::Link { .. }), "{path}: {error}");
        let error = desk.vault.read(&at(path), 100).expect_err(path);
        assert!(matches!(error, VaultError::Link { .. }), "{path}: {error}");
        assert!(locked.remove(&at(path), Expect::Anything, b"").is_err());
        assert!(locked.keep(&at(path), &provenance()).is_err());
    }
    assert_eq!(fs::read_to_string(outside.path().join("secret.md")).unwrap(), "secret");
    assert_eq!(desk::names(outside.path()), ["secret.md"]);
    let found = desk.found();
    assert!(found.iter().all(|found| found.contains("skipped: it is a link")), "{found:?}");
    assert_eq!(found.len(), 3);
}

#[test]
fn a_link_in_a_sidecars_place_is_not_followed_either() {
    let desk = Desk::new();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    fs::write(&target, "theirs").unwrap();
    symlink(&target, desk.path("a.md.sha256")).unwrap();
    let error = desk.try_write("a.md", "mine", Expect::Anything).expect_err("a link");
    assert!(matches!(error, VaultError::Link { .. }), "{error}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    assert_eq!(desk.names("."), [".mirror", "a.md.sha256"]);
}

#[test]
fn names_that_differ_only_in_case_are_refused_with_the_name_that_is_there() {
    let desk = Desk::new();
    desk.write("Notes/Today.md", "one");
    for (path, there) in [
        ("Notes/today.md", "Today.md"),
        ("notes/other.md", "Notes"),
        ("Notes/TODAY.MD", "Today.md"),
    ] {
        let error = desk.try_write(path, "mine", Expect::Anything).expect_err(path);
        let VaultError::Clash { with, .. } = error else { panic!("{path}: {error}") };
        assert_eq!(with, there);
    }
    assert_eq!(desk.found(), ["Notes/Today.md with its hash"]);
    let error = desk.vault.read(&at("Notes/today.md"), 10).expect_err("another name");
    assert!(matches!(error, VaultError::NoFile { .. }), "{error}");
}

#[test]
fn a_decomposed_name_on_disk_is_the_same_file() {
    let desk = Desk::new();
    desk.edit("Cafe\u{301}/u\u{308}ber.md", "theirs");
    assert_eq!(desk.found(), ["Café/über.md"]);
    let content = desk.vault.read(&at("Café/über.md"), 100).unwrap();
    assert_eq!(content.bytes, b"theirs");
    let written = desk.write("Café/über.md", "mine");
    assert_eq!(written.previous, Some(Hash::of(b"theirs")));
    assert_eq!(desk.names("Cafe\u{301}").len(), 3);
    assert_eq!(desk.found(), ["Café/über.md with its hash"]);
}

#[test]
fn somebody_elses_file_with_a_sidecars_name_is_kept_as_a_version() {
    let desk = Desk::new();
    desk.edit("a.md.sha256", "not a hash at all");
    desk.write("a.md", "mine");
    assert_eq!(desk.version(Hash::of(b"not a hash at all")).as_deref(), Some("not a hash at all"));
    assert!(desk.text("a.md.sha256").unwrap().starts_with(&Hash::of(b"mine").to_string()));
}

#[test]
fn folders_devices_and_pipes_are_not_files() {
    let desk = Desk::new();
    fs::create_dir(desk.path("folder.md")).unwrap();
    assert!(Command::new("mkfifo").arg(desk.path("pipe.md")).status().unwrap().success());
    for path in ["folder.md", "pipe.md"] {
        let error = desk.try_write(path, "mine", Expect::Anything).expect_err(path);
        assert!(matches!(error, VaultError::NotAFile { .. }), "{path}: {error}");
    }
    desk.edit("file.md", "x");
    let error = desk.try_write("file.md/b.md", "mine", Expect::Anything).expect_err("a file");
    assert!(matches!(error, VaultError::NotAFolder { .. }), "{error}");
    assert_eq!(desk.found(), ["file.md", "pipe.md skipped: it is neither a file nor a folder"]);
}

#[test]
fn a_large_content_goes_through_one_buffer() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert!(buffer.len() <= BUFFER_BYTES);
            let read = buffer.len().min(self.0 as usize);
            buffer[..read].fill(7);
            self.0 -= read as u64;
            Ok(read)
        }
    }
    let desk = Desk::new();
    let locked = desk.vault.lock().unwrap();
    let bytes = 24 * 1024 * 1024;
    let before = peak_kib();
    let written = locked
        .write(&at("large.bin"), &mut Endless(bytes), Expect::Absent, &provenance(), b"")
        .unwrap();
    locked.finish(&written.id).unwrap();
    let mut version = desk.vault.version(&written.hash).unwrap();
    assert_eq!(std::io::copy(&mut version, &mut std::io::sink()).unwrap(), bytes);
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < 12 * 1024, "{grown} KiB more for {bytes} bytes");
    let error = desk.vault.read(&at("large.bin"), 1000).expect_err("too large");
    assert!(matches!(error, VaultError::TooLarge { limit: 1000, .. }), "{error}");
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

#[test]
fn a_content_that_fails_midway_changes_nothing() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("the other end is gone"));
            }
            buffer[0] = b'x';
            Ok(1)
        }
    }
    let desk = Desk::new();
    desk.write("a.md", "one");
    let locked = desk.vault.lock().unwrap();
    let (expect, from) = (Expect::Anything, provenance());
    assert!(locked.write(&at("a.md"), &mut Failing(false), expect, &from, b"").is_err());
    assert!(locked.write(&at("new/b.md"), &mut Failing(false), expect, &from, b"").is_err());
    assert_eq!(desk.text("a.md").as_deref(), Some("one"));
    assert_eq!(desk.names("."), [".mirror", "a.md", "a.md.prov.json", "a.md.sha256"]);
    assert_eq!(desk.names(".mirror/pending"), [""; 0]);
}

#[test]
fn a_damaged_version_says_so_and_is_replaced_by_good_bytes() {
    let desk = Desk::new();
    let written = desk.write("a.md", "one");
    let hex = written.hash.to_string();
    let version = format!(".mirror/versions/{}/{}", &hex[..2], &hex[2..]);
    desk.edit(&version, "rot");
    let error = desk.vault.version_bytes(&written.hash, 100).expect_err("rot");
    assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
    let mut bytes = Vec::new();
    let read = desk.vault.version(&written.hash).unwrap().read_to_end(&mut bytes);
    assert_eq!(read.expect_err("rot").kind(), std::io::ErrorKind::InvalidData);
    desk.write("a.md", "two");
    assert_eq!(desk.version(written.hash).as_deref(), Some("one"));
    assert_eq!(desk.names(".mirror/damaged").len(), 1);
}

#[test]
fn an_unfinished_write_comes_back_from_recover_until_it_is_finished() {
    let desk = Desk::new();
    let locked = desk.vault.lock().unwrap();
    let from = provenance();
    let written =
        locked.write(&at("a.md"), &mut &b"one"[..], Expect::Absent, &from, b"my note").unwrap();
    for _ in 0..2 {
        let recovered = locked.recover().unwrap();
        let [Recovered::Finished(flight)] = &recovered[..] else { panic!("{recovered:?}") };
        assert_eq!((&flight.id, &flight.path), (&written.id, &written.path));
        assert_eq!((flight.from, flight.to, flight.now), (None, Some(written.hash), flight.to));
        assert_eq!((flight.bytes, &flight.note[..]), (3, &b"my note"[..]));
    }
    locked.finish(&written.id).unwrap();
    assert_eq!(locked.recover().unwrap(), []);
    assert_eq!(desk.names("."), [".mirror", "a.md", "a.md.prov.json", "a.md.sha256"]);
}

#[test]
fn a_folder_that_is_no_vault_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &str| Vault::open(&folder.path().join(path)).expect_err(path);
    assert!(matches!(open("missing"), VaultError::NoFolder { .. }));
    fs::write(folder.path().join("file"), "x").unwrap();
    assert!(matches!(open("file"), VaultError::NotAFolder { .. }));
    symlink("nowhere", folder.path().join("link")).unwrap();
    assert!(matches!(open("link"), VaultError::NoFolder { .. }));
    let error = Vault::open_existing(folder.path()).expect_err("no vault");
    assert!(matches!(error, VaultError::NotAVault { .. }), "{error}");
    let vault = Vault::open(folder.path()).unwrap();
    fs::rename(folder.path().join(".mirror"), folder.path().join("elsewhere")).unwrap();
    assert!(matches!(vault.lock().expect_err("gone"), VaultError::NotAVault { .. }));
}

#[test]
fn a_vault_may_be_reached_through_a_link() {
    let desk = Desk::new();
    let other = tempfile::tempdir().unwrap();
    symlink(desk.folder.path(), other.path().join("link")).unwrap();
    let vault = Vault::open(&other.path().join("link")).unwrap();
    put(&vault.lock().unwrap(), "a.md", "one", Expect::Absent).unwrap();
    assert_eq!(desk.text("a.md").as_deref(), Some("one"));
}

#[test]
fn the_lock_is_one_for_all_threads() {
    let desk = Desk::new();
    let locked = desk.vault.lock().unwrap();
    assert!(desk.vault.try_lock().unwrap().is_none());
    drop(locked);
    assert!(desk.vault.try_lock().unwrap().is_some());
}
