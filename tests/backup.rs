//! A device is backed up into one sealed file, and made anew from it on another machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use world::{Home, Ran, World, binary, text};

const WORDS: (&str, &str) = ("MIRROR_PASSPHRASE", "correct horse battery staple");

fn with_words(home: &Home, args: &[&str]) -> Ran {
    home.start_with(&[&["--json"], args].concat(), &[WORDS]).finish()
}

#[track_caller]
fn backs_up(home: &Home, file: &Path) -> Value {
    with_words(home, &["backup", "create", "-o", file.to_str().unwrap()]).exits(0).json()
}

fn restores(home: &Home, file: &Path) -> Ran {
    with_words(home, &["backup", "restore", file.to_str().unwrap()])
}

struct Story {
    world: World,
    mac: Home,
    desk: Home,
    phone: Home,
    file: PathBuf,
}

impl Story {
    /// A Mac with notes, a file and a draft's place; two devices that know it; and its backup.
    fn begins() -> Self {
        let world = World::new();
        let mac = world.first("Mac");
        let desk = world.joins("Desk", "anchor", &mac);
        let phone = world.joins("Pixel", "capture", &mac);
        let memo = world.write("memo.m4a", vec![7; 700_000]);
        mac.json(&["note", "add", "with a memo", "--audio", memo.to_str().unwrap()]);
        mac.captures("before the backup");
        phone.captures("from the phone");
        phone.reconciles(&mac.serve()).exits(0);
        let file = world.path("mac.backup");
        Self { world, mac, desk, phone, file }
    }

    fn restored(&self) -> Home {
        let new = self.world.stranger("new");
        restores(&new, &self.file).exits(0);
        new
    }
}

fn no_fork(home: &Home) {
    let devices = home.list(&["device", "list"]);
    assert!(devices.iter().all(|device| device["forked"] == false), "{devices:#?}");
}

fn names(folder: &Path) -> BTreeSet<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The story: the old machine writes on, the new one too, and both meet a third device.
#[test]
fn a_restored_device_goes_on_beside_the_old_one_without_a_fork() {
    let story = Story::begins();
    let made = backs_up(&story.mac, &story.file);
    assert_eq!((&made["notes"], &made["blobs"]), (&3.into(), &1.into()), "{made}");
    let head = story.mac.head();
    story.mac.captures("written after the backup");

    let new = story.world.stranger("new");
    let restored = restores(&new, &story.file).exits(0).json();
    assert_eq!(restored["device"], made["device"]);
    assert_eq!((restored["head"].as_str(), restored["name"].as_str()), (Some(&*head), Some("Mac")));
    assert_eq!(new.head(), head);
    new.verifies();
    let captured = new.captures("first on the new machine");
    story.mac.captures("the old machine goes on");

    story.mac.reconciles(&story.desk.serve()).exits(0);
    new.reconciles(&story.desk.serve()).exits(0);
    new.reconciles(&story.desk.serve()).exits(0);
    story.phone.reconciles(&story.desk.serve()).exits(0);
    story.mac.reconciles(&story.desk.serve()).exits(0);

    let texts = story.desk.texts();
    for note in ["written after the backup", "first on the new machine", "the old machine goes on"]
    {
        assert!(texts.contains(note), "{texts:?}");
    }
    for home in [&story.mac, &new, &story.phone, &story.desk] {
        assert_eq!((home.texts(), home.head()), (texts.clone(), story.desk.head()));
        no_fork(home);
        home.verifies();
    }
    let log = story.desk.list(&["log", "--chain", text(&captured["chain"])]);
    let first = log.iter().find(|event| event["seq"] == 0).expect("a chain begins");
    assert_eq!(first["device"], made["device"], "the same device");
    assert_eq!(story.desk.list(&["device", "list"]).len(), 3, "nobody was admitted anew");
}

/// Nobody has to be met before: it finds its friends where they were, and they know it by its authority.
#[test]
fn a_restored_device_is_let_in_before_it_has_written_anything() {
    let story = Story::begins();
    backs_up(&story.mac, &story.file);
    story.desk.captures("news for it");
    let new = story.restored();
    let report = new.reconciles(&story.desk.serve()).exits(0).json();
    assert_eq!(report["peers"][0]["ok"], true, "{report}");
    assert_eq!(new.head(), story.desk.head());
    assert!(new.texts().contains("news for it"));
    no_fork(&story.desk);
}

#[test]
fn a_revoked_device_is_not_let_in_by_its_backup() {
    let story = Story::begins();
    backs_up(&story.mac, &story.file);
    story.desk.reconciles(&story.mac.serve()).exits(0);
    story.desk.json(&["device", "revoke", "Mac"]);
    let new = story.restored();
    new.captures("from a thief with the passphrase");
    let before = story.desk.head();
    let report = new.reconciles(&story.desk.serve()).exits(5);
    assert!(report.stdout.contains("revoked"), "{report:#?}");
    assert_eq!(story.desk.head(), before);
}

/// Whoever names a member's key without having it, or has a key that no member's authority named, is told so and no more.
#[test]
fn a_false_introduction_is_refused_and_learns_nothing() {
    use mirror_link::pair::PairAnswer;
    use mirror_link::{Endpoint, INCARNATION};
    use mirror_protocol::{ChainOpen, MeshId, SigningKey, public_key};

    let story = Story::begins();
    let serve = story.mac.serve();
    let database = rusqlite::Connection::open(story.mac.folder().join("mirror.db")).unwrap();
    let column = |sql: &str| -> Vec<u8> { database.query_row(sql, [], |row| row.get(0)).unwrap() };
    let mac = column("SELECT key FROM chains WHERE ref = 1").try_into().unwrap();
    let phones = column("SELECT body FROM events WHERE pos = 3 << 40");
    let mesh = MeshId(column("SELECT value FROM meta WHERE key = 'mesh'").try_into().unwrap());
    let (authority, mine) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let strangers = ChainOpen::new(mesh, &authority, &mine, [3; 32], [4; 32]);
    let member = ChainOpen::read_body(&phones).unwrap();
    let forged = ChainOpen { key: public_key(&mine), ..member };
    let bodies = [phones, strangers.encode(), forged.encode(), b"let me in".to_vec(), vec![]];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let before = story.mac.all_that_shows();
    for body in bodies {
        let answer = runtime.block_on(async {
            let endpoint = Endpoint::bind(mine.as_bytes(), &[]).await.unwrap();
            let addresses = [serve.address().to_owned()];
            let key = mirror_protocol::PublicKey(mac);
            let mut channel = endpoint.connect(key, &addresses, INCARNATION).await.unwrap();
            channel.send(&body).await.unwrap();
            let answer = channel.recv(1024).await.unwrap().expect("an answer");
            assert_eq!(channel.recv(1024).await.unwrap(), None, "and nothing behind it");
            endpoint.close().await;
            PairAnswer::decode(&answer).unwrap()
        });
        assert_eq!(answer.refused.as_deref(), Some("not a member of this mesh"));
    }
    drop(serve);
    assert_eq!(story.mac.all_that_shows(), before);
}

/// Files, the draft's place, what others sealed to the device: all of it comes back.
#[test]
fn what_was_here_comes_back_and_bundles_on_their_way_still_open() {
    let story = Story::begins();
    story.mac.json(&["blob", "cap", "10"]);
    backs_up(&story.mac, &story.file);
    story.desk.reconciles(&story.mac.serve()).exits(0);
    story.desk.captures("in a bundle that is on its way");
    let bundle = story.world.path("for-mac.bundle");
    story.desk.json(&["export", "--for", "Mac", "-o", bundle.to_str().unwrap()]);

    let new = story.restored();
    let blobs = new.list(&["blob", "list"]);
    assert_eq!(blobs[0]["state"], "present", "{blobs:?}");
    let out = story.world.path("out.m4a");
    let blob = text(&blobs[0]["blob"]).to_owned();
    new.json(&["blob", "get", &blob, "-o", out.to_str().unwrap()]);
    assert_eq!(std::fs::read(out).unwrap(), vec![7; 700_000]);
    assert_eq!(new.json(&["blob", "cap"])["bytes"], 10);
    new.json(&["import", bundle.to_str().unwrap()]);
    assert!(new.texts().contains("in a bundle that is on its way"));
    new.verifies();
}

/// The vault comes back as it lay: files, versions, sidecars, history; and nothing takes it for changed.
#[test]
fn the_vault_comes_back_with_its_versions_and_its_history() {
    let story = Story::begins();
    for text in ["beans\n", "beans and peas\n"] {
        story.mac.run_with(&["vault", "write", "plans/garden.md"], text).exits(0);
    }
    let vault = story.mac.folder().join("vault");
    std::fs::write(vault.join("by-hand.md"), "an outside edit\n").unwrap();
    story.mac.run(&["vault", "scan"]).exits(0);
    let inside = vault.join("mac.backup");
    let args = ["backup", "create", "-o", inside.to_str().unwrap()];
    with_words(&story.mac, &args).exits(1).error();

    let made = backs_up(&story.mac, &story.file);
    assert_eq!(made["vault_left_out"], serde_json::json!([]), "{made}");
    let new = story.restored();

    let [history, again] =
        [&story.mac, &new].map(|home| home.bytes(&["vault", "history", "plans/garden.md"]));
    assert_eq!(history, again);
    assert_eq!(new.bytes(&["vault", "read", "plans/garden.md"]), b"beans and peas\n");
    assert_eq!(files_below(&new.folder().join("vault")), files_below(&vault));
    let mut check = std::process::Command::new("sha256sum");
    check.args(["-c", "garden.md.sha256"]).current_dir(new.folder().join("vault/plans"));
    assert!(check.status().unwrap().success());
    let before = new.head();
    new.run(&["vault", "scan"]).exits(0);
    assert_eq!(new.head(), before, "nothing is taken for changed or new");
    new.verifies();
    new.run_with(&["vault", "write", "plans/garden.md"], "only peas\n").exits(0);
    new.verifies();
}

/// Every file below a folder with its bytes, without what is only of the moment.
fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for path in names(&at) {
            let below = path.strip_prefix(folder).unwrap().to_owned();
            if path.is_dir() {
                open.push(path);
            } else if !below.starts_with(".mirror/pending") && !below.ends_with("lock") {
                found.push((below, std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The one key that signs a chain never leaves the home that made it.
#[test]
fn a_restored_home_has_an_incarnation_key_of_its_own() {
    let story = Story::begins();
    backs_up(&story.mac, &story.file);
    let new = story.restored();
    let keys = |home: &Home| -> Value {
        serde_json::from_slice(&std::fs::read(home.folder().join("keys.json")).unwrap()).unwrap()
    };
    let (old, new) = (keys(&story.mac), keys(&new));
    assert_eq!(old["authority"], new["authority"]);
    assert_eq!(old["sealing"], new["sealing"]);
    assert_ne!(old["incarnation"], new["incarnation"]);
}

#[test]
fn a_home_that_is_there_is_never_touched() {
    let story = Story::begins();
    backs_up(&story.mac, &story.file);
    let before = story.desk.all_that_shows();
    let error = restores(&story.desk, &story.file).exits(1).error();
    assert_eq!(error["code"], "invalid", "{error}");
    assert_eq!(story.desk.all_that_shows(), before);
    let other = story.world.stranger("other");
    std::fs::create_dir(other.folder()).unwrap();
    std::fs::write(other.folder().join("letter.txt"), "mine").unwrap();
    restores(&other, &story.file).exits(1);
    assert_eq!(names(other.folder()).len(), 1);
}

/// Whatever is wrong with the file, there is a clear error, and nothing is left behind.
#[test]
fn a_backup_that_is_not_whole_makes_no_home_and_leaves_nothing() {
    let story = Story::begins();
    let key = mirror_link::Sealing::generate();
    let args = ["backup", "create", "--recipient", &key.recipient_text(), "-o"];
    story.mac.json(&[&args[..], &[story.file.to_str().unwrap()]].concat());
    let identity = story.world.write("key.txt", format!("# mine\n{}\n", key.secret()));
    let whole = std::fs::read(&story.file).unwrap();
    let damaged = story.world.path("damaged.backup");
    let places = story.world.path("places");
    std::fs::create_dir(&places).unwrap();
    let new = story.world.stranger("x").at(&places.join("new"));
    let restore = |bytes: &[u8]| {
        std::fs::write(&damaged, bytes).unwrap();
        let paths = [damaged.to_str().unwrap(), identity.to_str().unwrap()];
        new.run(&["--json", "backup", "restore", paths[0], "--identity", paths[1]])
    };
    let step = whole.len() / 23;
    for at in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        for bytes in [&flipped[..], &whole[..at]] {
            let error = restore(bytes).exits(4).error();
            assert_eq!(error["code"], "integrity", "byte {at}: {error}");
            assert_eq!(names(&places).len(), 0, "byte {at} left something behind");
        }
    }
    restore(&whole).exits(0);
    assert_eq!(names(&places), [new.folder().to_owned()].into());
    assert_eq!(new.texts(), story.mac.texts());
}

#[test]
fn a_wrong_key_and_a_foreign_file_are_told_apart() {
    let story = Story::begins();
    backs_up(&story.mac, &story.file);
    let new = story.world.stranger("new");
    let file = story.file.to_str().unwrap();

    let wrong = [("MIRROR_PASSPHRASE", "battery")];
    let ran = new.start_with(&["--json", "backup", "restore", file], &wrong).finish();
    assert_eq!(ran.exits(5).error()["code"], "refused");

    let bundle = story.world.path("a.bundle");
    story.mac.json(&["export", "-o", bundle.to_str().unwrap()]);
    let error = restores(&new, &bundle).exits(1).error();
    assert!(text(&error["detail"]).contains("--identity"), "{error}");
    for (name, bytes) in
        [("empty", &b""[..]), ("letter", b"Dear Sir"), ("db", b"SQLite format 3\0")]
    {
        let foreign = story.world.write(name, bytes);
        let error = restores(&new, &foreign).exits(4).error();
        assert_eq!(error["code"], "integrity", "{error}");
    }
    new.run(&["--json", "backup", "restore", file]).exits(2).error();
    new.start_with(&["--json", "backup", "restore", file], &[("MIRROR_PASSPHRASE", "")])
        .finish()
        .exits(1);
    assert!(!new.folder().exists());
}

#[test]
fn a_backup_is_checked_without_making_a_home() {
    let story = Story::begins();
    backs_up(&story.mac, &story.file);
    let words = story.world.write("words.txt", format!("{}\n", WORDS.1));
    let args = ["backup", "verify", story.file.to_str().unwrap(), "--passphrase-file"];
    let anywhere = story.world.stranger("anywhere");
    let found = anywhere.json(&[&args[..], &[words.to_str().unwrap()]].concat());
    assert_eq!((found["events"].as_u64(), found["home"].as_str()), (Some(9), Some("")), "{found}");
    assert!(!anywhere.folder().exists());
    let mut bytes = std::fs::read(&story.file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&story.file, bytes).unwrap();
    anywhere.run(&[&args[..], &[words.to_str().unwrap()]].concat()).exits(4);
}

/// One moment of it, however much others write meanwhile.
#[test]
fn a_backup_is_of_one_moment_while_others_write() {
    let story = Story::begins();
    story.mac.captures_all(&(0..400).map(|n| format!("note {n}")).collect::<Vec<_>>());
    let mut writer = story.mac.start(&["note", "add", "--lines"]);
    writer.write(b"begun\n");
    writer.next_line();
    writer.feed((0..3000).map(|n| format!("meanwhile {n}\n")).collect::<String>().into_bytes());
    let made = backs_up(&story.mac, &story.file);
    writer.finish().exits(0);
    let new = story.restored();
    assert_eq!(new.head(), text(&made["head"]));
    let kept = new.texts().iter().filter(|note| note.starts_with("meanwhile")).count();
    assert_eq!(new.texts().len(), 404 + kept, "{made}");
    new.verifies();
}

/// At a terminal it is asked for, twice, and not shown. `script` is the terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_passphrase_is_asked_for_and_not_shown() {
    let story = Story::begins();
    let (mac, new) = (story.mac.folder().display(), story.world.path("new"));
    let (new, file) = (new.display(), story.file.display());
    let create = format!("{} --home {mac} backup create -o {file}", binary().display());
    let shown = at_a_terminal(&create, "correct horse\ncorrect hose\n");
    assert!(shown.contains("the two differ") && !story.file.exists(), "{shown}");
    let shown = at_a_terminal(&create, "correct horse\ncorrect horse\n");
    assert!(shown.contains("Passphrase: ") && shown.contains("wrote "), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
    let restore = format!("{} --home {new} backup restore {file}", binary().display());
    let shown = at_a_terminal(&restore, "correct horse\n");
    assert!(shown.contains("the next note opens a new chain"), "{shown}");
}

#[cfg(target_os = "linux")]
fn at_a_terminal(command: &str, typed: &str) -> String {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};
    let mut script = Command::new("script");
    script.args(["-qec", command, "/dev/null"]).env("MIRROR_KEYS", "file");
    script.env_remove("MIRROR_PASSPHRASE").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = script.spawn().expect("util-linux");
    let (mut stdin, mut stdout) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let mut shown = Vec::new();
    for line in typed.split_inclusive('\n') {
        // What is typed before the question is thrown away with the rest of the line.
        let mut byte = [0];
        while !shown.ends_with(b": ") && stdout.read(&mut byte).unwrap() > 0 {
            shown.extend(byte);
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
        stdin.write_all(line.as_bytes()).unwrap();
        shown.extend(b"\n");
    }
    stdout.read_to_end(&mut shown).unwrap();
    script.wait().unwrap();
    String::from_utf8_lossy(&shown).into_owned()
}

/// No name, text or key of it can be read without the passphrase, and nobody else may read the file.
#[test]
fn a_backup_shows_nothing_to_who_has_no_key() {
    let story = Story::begins();
    backs_up(&story.mac, &story.file);
    let bytes = std::fs::read(&story.file).unwrap();
    for word in ["before the backup", "Mac", "MIRRORK1", "authority", "AGE-SECRET"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&story.file).unwrap().permissions().mode() & 0o777, 0o600);
}

/// What an image of the disk, or a copying program, does to a home that lives on elsewhere.
#[test]
fn a_copied_home_goes_on_in_a_new_chain_and_a_moved_one_does_not() {
    let story = Story::begins();
    let old = text(&story.mac.captures("before the copy")["chain"]).to_owned();
    let copy = story.mac.copy_as("copy", story.world.path("copy"));
    let captured = copy.captures("on the copy");
    assert_ne!(captured["chain"], old.as_str());
    assert_eq!(copy.captures("again")["chain"], captured["chain"], "one new chain, not one a note");
    assert_eq!(story.mac.captures("on the original")["chain"], old.as_str());

    let moved = story.world.path("moved");
    std::fs::rename(copy.folder(), &moved).unwrap();
    let moved = copy.at(&moved);
    assert_eq!(moved.captures("after the move")["chain"], captured["chain"]);

    moved.reconciles(&story.desk.serve()).exits(0);
    story.mac.reconciles(&story.desk.serve()).exits(0);
    moved.reconciles(&story.desk.serve()).exits(0);
    for home in [&story.mac, &moved, &story.desk] {
        assert_eq!(home.head(), story.desk.head());
        assert_eq!(home.texts().len(), 8);
        no_fork(home);
        home.verifies();
    }
}
