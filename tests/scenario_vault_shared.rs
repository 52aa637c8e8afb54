//! A folder of the vault shared by several devices: offline edits on both sides, large files, removals, programs that
//! edit beside us. Every content that stood whole on a disk is in its versions.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use world::dice::Dice;
use world::{Home, World, text};

/// A device with its vault.
struct Desk {
    home: Home,
    vault: PathBuf,
}

impl Desk {
    fn of(home: Home) -> Self {
        let vault = home.folder().join("vault");
        Self { home, vault }
    }

    /// As another program does it: in place, without asking.
    fn types(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.vault.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[track_caller]
    fn writes(&self, path: &str, bytes: &str) -> Value {
        self.home.run_with(&["--json", "vault", "write", path], bytes).exits(0).json()
    }

    fn removes(&self, path: &str) {
        fs::remove_file(self.vault.join(path)).unwrap();
    }

    #[track_caller]
    fn reads(&self, path: &str) -> String {
        let path = self.vault.join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn has(&self, path: &str) -> bool {
        self.vault.join(path).exists()
    }

    #[track_caller]
    fn shares(&self, folder: &str) -> Value {
        self.home.json(&["vault", "share", folder])
    }

    /// What it says of the one folder that is shared.
    #[track_caller]
    fn shared(&self) -> Value {
        let folders = self.home.list(&["vault", "shared"]);
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders[0].clone()
    }

    /// Brings what came onto the disk, as `serve` and the app do by themselves.
    #[track_caller]
    fn looks(&self) {
        self.home.json(&["vault", "scan"]);
    }

    #[track_caller]
    fn meets(&self, other: &Desk) -> Value {
        self.ends_with(other, 0)
    }

    #[track_caller]
    fn ends_with(&self, other: &Desk, exit: i32) -> Value {
        other.looks();
        let report = self.home.reconciles(&other.home.serve()).exits(exit).json();
        other.looks();
        report
    }

    #[track_caller]
    fn conflict(&self) -> Value {
        let conflicts = self.home.list(&["conflicts"]);
        assert_eq!(conflicts.len(), 1, "on {}: {conflicts:?}", self.home.name());
        conflicts[0].clone()
    }

    #[track_caller]
    fn is_at_peace(&self) {
        let conflicts = self.home.list(&["conflicts"]);
        assert!(conflicts.is_empty(), "on {}: {conflicts:?}", self.home.name());
    }

    /// What the versions of a file held that stood on this disk.
    #[track_caller]
    fn versions(&self, path: &str) -> BTreeSet<String> {
        let versions = self.home.list(&["vault", "history", path]);
        let held = versions.iter().filter(|version| !version["hash"].is_null());
        held.map(|version| {
            let id = text(&version["version"]);
            self.home.run(&["vault", "read", path, "--version", id]).exits(0).stdout
        })
        .collect()
    }

    #[track_caller]
    fn says_hash(&self, path: &str) -> String {
        let versions = self.home.list(&["vault", "history", path]);
        let current = versions.iter().find(|version| version["current"] == true);
        text(&current.unwrap_or_else(|| panic!("{versions:?}"))["hash"]).to_owned()
    }
}

/// Two devices that share `work`, in which `plan.md` lies on both.
struct Story {
    world: World,
    mac: Desk,
    laptop: Desk,
}

const PLAN: &str = "milk\nbread\ncoffee\n";

impl Story {
    fn begins() -> Self {
        let world = World::new();
        let mac = Desk::of(world.first("Mac"));
        mac.types("work/plan.md", PLAN);
        mac.types("private.md", "mine alone");
        mac.shares("work");
        let laptop = Desk::of(world.joins("Laptop", "node", &mac.home));
        laptop.meets(&mac);
        assert_eq!(laptop.reads("work/plan.md"), PLAN);
        Self { world, mac, laptop }
    }

    /// Both agree on the history and on what it means, and nothing waits.
    #[track_caller]
    fn agree(&self) {
        assert_eq!(self.mac.home.head(), self.laptop.home.head());
        for desk in [&self.mac, &self.laptop] {
            desk.is_at_peace();
            assert_eq!(desk.shared()["waiting"], 0, "{}", desk.shared());
            desk.home.verifies();
        }
    }
}

#[test]
fn a_device_that_joins_later_gets_all_of_a_shared_folder_and_nothing_else() {
    let story = Story::begins();
    let Story { world, mac, laptop } = &story;
    assert!(!laptop.has("private.md"), "only what is shared travels");
    laptop.types("work/deep/er/note.md", "from the laptop");
    laptop.meets(mac);
    assert_eq!(mac.reads("work/deep/er/note.md"), "from the laptop");
    assert_eq!(mac.shared()["files"], 2, "{}", mac.shared());

    let phone = Desk::of(world.joins("Pixel", "capture", &mac.home));
    phone.meets(mac);

    assert_eq!(phone.reads("work/plan.md"), PLAN);
    assert_eq!(phone.reads("work/deep/er/note.md"), "from the laptop");
    let history = phone.home.list(&["vault", "history", "work/plan.md"]);
    assert_eq!(history[0]["device_name"], "Mac", "it says whose version it is: {history:?}");
    assert_eq!(phone.says_hash("work/plan.md"), mac.says_hash("work/plan.md"));
    laptop.meets(mac);
    story.agree();
    phone.home.verifies();
}

#[test]
fn an_edit_made_in_another_program_reaches_the_other_disk_and_the_old_bytes_stay() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.types("work/plan.md", "oat milk\nbread\ncoffee\n");

    laptop.meets(mac);

    assert_eq!(laptop.reads("work/plan.md"), "oat milk\nbread\ncoffee\n");
    let held = laptop.versions("work/plan.md");
    assert!(held.contains(PLAN), "what stood on the disk is in its versions: {held:?}");
    let again = laptop.meets(mac);
    assert_eq!(again["peers"][0]["received"], 0, "what was taken over is not said again: {again}");
    story.agree();
}

#[test]
fn offline_edits_of_different_lines_have_a_proposal_and_one_tap_settles_them() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.types("work/plan.md", "oat milk\nbread\ncoffee\n");
    laptop.types("work/plan.md", "milk\nbread\ncoffee, ground\n");

    let report = laptop.ends_with(mac, 3);

    assert_eq!(report["conflicts"], 1);
    assert_eq!(mac.reads("work/plan.md"), "oat milk\nbread\ncoffee\n", "each keeps its own");
    assert_eq!(laptop.reads("work/plan.md"), "milk\nbread\ncoffee, ground\n");
    let conflict = laptop.conflict();
    assert_eq!(conflict["file"], "work/plan.md");
    assert_eq!(conflict["base"]["text"], PLAN);
    assert_eq!(conflict["ours"]["text"], "milk\nbread\ncoffee, ground\n", "the laptop looks");
    assert_eq!(conflict["theirs"]["text"], "oat milk\nbread\ncoffee\n");
    assert_eq!(conflict["theirs"]["device_name"], "Mac");
    assert_eq!(conflict["proposal"], "oat milk\nbread\ncoffee, ground\n");
    assert_eq!(mac.conflict()["ours"]["device_name"], "Mac");
    let words = laptop.home.run(&["conflicts"]).exits(0).stdout;
    assert!(words.contains("work/plan.md") && words.contains("mirror resolve"), "{words}");

    laptop.home.json(&["resolve", text(&conflict["id"]), "--take", "merged"]);

    assert_eq!(laptop.reads("work/plan.md"), "oat milk\nbread\ncoffee, ground\n");
    laptop.meets(mac);
    assert_eq!(mac.reads("work/plan.md"), "oat milk\nbread\ncoffee, ground\n");
    story.agree();
    assert!(mac.versions("work/plan.md").contains("oat milk\nbread\ncoffee\n"));
    assert!(laptop.versions("work/plan.md").contains("milk\nbread\ncoffee, ground\n"));
}

#[test]
fn edits_of_one_line_are_settled_by_hand_byte_for_byte() {
    let story = Story::begins();
    let Story { world, mac, laptop } = &story;
    mac.types("work/plan.md", "oat milk\nbread\ncoffee\n");
    laptop.types("work/plan.md", "soy milk\nbread\ncoffee\n");
    laptop.ends_with(mac, 3);
    let conflict = mac.conflict();
    assert_eq!(conflict["proposal"], Value::Null);
    let id = text(&conflict["id"]);
    mac.home.fails(&["resolve", id, "--take", "merged"], 3, "conflict");
    let by_hand = world.write("by hand.md", "both\r\n\n");

    mac.home.json(&["resolve", id, "--take", &format!("file:{}", by_hand.display())]);

    laptop.meets(mac);
    for desk in [mac, laptop] {
        assert_eq!(desk.reads("work/plan.md"), "both\r\n\n");
    }
    story.agree();
    assert!(laptop.versions("work/plan.md").contains("soy milk\nbread\ncoffee\n"));
}

#[test]
fn a_side_is_taken_as_it_stands_also_when_it_is_no_file_any_more() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.removes("work/plan.md");
    laptop.types("work/plan.md", "still needed\n");
    laptop.ends_with(mac, 3);
    assert!(!mac.has("work/plan.md") && laptop.has("work/plan.md"), "each keeps its own");
    let conflict = mac.conflict();
    assert_eq!(
        (&conflict["ours"]["archived"], &conflict["theirs"]["archived"]),
        (&true.into(), &false.into())
    );
    assert_eq!(conflict["proposal"], Value::Null);

    mac.home.json(&["resolve", text(&conflict["id"]), "--take", "ours"]);
    laptop.meets(mac);

    assert!(!laptop.has("work/plan.md"), "it is gone on both");
    assert!(laptop.versions("work/plan.md").contains("still needed\n"), "and kept");
    story.agree();
}

#[test]
fn a_removal_and_a_rename_reach_the_other_disk_and_lose_nothing() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    fs::rename(mac.vault.join("work/plan.md"), mac.vault.join("work/shopping.md")).unwrap();

    laptop.meets(mac);

    assert!(!laptop.has("work/plan.md"));
    assert_eq!(laptop.reads("work/shopping.md"), PLAN);
    assert!(laptop.versions("work/plan.md").contains(PLAN));
    laptop.removes("work/shopping.md");
    laptop.meets(mac);
    assert!(!mac.has("work/shopping.md"));
    assert!(mac.versions("work/shopping.md").contains(PLAN));
    // Both gone, and written anew: no conflict with what is no more.
    mac.writes("work/plan.md", "again\n");
    laptop.meets(mac);
    assert_eq!(laptop.reads("work/plan.md"), "again\n");
    story.agree();
}

#[test]
fn both_remove_one_file_and_nobody_has_to_choose() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.removes("work/plan.md");
    laptop.removes("work/plan.md");
    laptop.meets(mac);
    story.agree();
    assert!(!mac.has("work/plan.md") && !laptop.has("work/plan.md"));
}

#[test]
fn two_files_of_one_name_that_nobody_shared_before_wait_and_equal_ones_do_not() {
    let world = World::new();
    let mac = Desk::of(world.first("Mac"));
    let laptop = Desk::of(world.joins("Laptop", "node", &mac.home));
    for desk in [&mac, &laptop] {
        desk.types("work/same.md", "same\n");
        desk.types("work/other.md", format!("of {}\n", desk.home.name()));
        desk.looks();
    }
    mac.shares("work");

    laptop.ends_with(&mac, 3);
    // What the laptop then said has to come to the Mac too.
    laptop.ends_with(&mac, 3);

    for desk in [&mac, &laptop] {
        let conflict = desk.conflict();
        assert_eq!(conflict["file"], "work/other.md");
        assert_eq!((&conflict["base"], &conflict["proposal"]), (&Value::Null, &Value::Null));
        assert_eq!(desk.reads("work/other.md"), format!("of {}\n", desk.home.name()));
    }
    laptop.home.json(&["resolve", text(&laptop.conflict()["id"]), "--take", "theirs"]);
    laptop.meets(&mac);
    assert_eq!(laptop.reads("work/other.md"), "of Mac\n");
    assert!(laptop.versions("work/other.md").contains("of Laptop\n"));
    Story { world, mac, laptop }.agree();
}

#[test]
fn three_devices_with_three_files_settle_them_two_at_a_time() {
    let story = Story::begins();
    let phone = Desk::of(story.world.joins("Pixel", "capture", &story.mac.home));
    let Story { mac, laptop, .. } = &story;
    phone.meets(mac);
    for desk in [mac, laptop, &phone] {
        desk.types("work/plan.md", format!("of {}\n", desk.home.name()));
    }
    laptop.ends_with(mac, 3);
    phone.ends_with(mac, 3);
    phone.home.json(&["resolve", text(&phone.conflict()["id"]), "--take", "ours"]);
    assert_eq!(phone.home.list(&["conflicts"]).len(), 1, "the third still waits");
    phone.home.json(&["resolve", text(&phone.conflict()["id"]), "--take", "ours"]);
    phone.meets(mac);
    laptop.meets(mac);
    for desk in [mac, laptop, &phone] {
        assert_eq!(desk.reads("work/plan.md"), "of Pixel\n");
        assert!(desk.versions("work/plan.md").contains(&format!("of {}\n", desk.home.name())));
    }
    story.agree();
}

#[test]
fn a_large_file_goes_through_a_session_that_was_cut() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    let mut dice = Dice::seeded(51);
    let film: Vec<u8> =
        std::iter::repeat_with(|| dice.roll().to_le_bytes()).flatten().take(20 << 20).collect();
    mac.types("work/film.mov", &film);
    mac.looks();
    let part = |desk: &Desk| {
        let folders =
            fs::read_dir(desk.home.folder().join("blobs")).into_iter().flatten().flatten();
        let files =
            folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().flatten();
        let parts = files.filter(|file| file.path().extension().is_some_and(|end| end == "part"));
        parts.map(|part| part.metadata().unwrap().len()).sum::<u64>()
    };
    let serve = mac.home.serve();
    let mut reconcile = laptop.home.start(&["reconcile", "--with", serve.address(), "--json"]);
    while part(laptop) == 0 && reconcile.is_alive() {
        thread::sleep(Duration::from_millis(1));
    }
    reconcile.kill();
    assert!(!laptop.has("work/film.mov"), "nothing half done shows");
    laptop.looks();
    let waits = laptop.shared();
    assert_eq!(waits["waiting"], 1, "{waits}");
    assert!(text(&waits["first_waiting"][0]["reason"]).contains("reconcile"), "{waits}");

    laptop.home.reconciles(&serve).exits(0);

    assert!(fs::read(laptop.vault.join("work/film.mov")).unwrap() == film, "other bytes");
    drop(serve);
    story.agree();
    // A conflict of what is no text says so.
    mac.types("work/film.mov", [0, 1, 2]);
    laptop.types("work/film.mov", [0xff, 4]);
    laptop.ends_with(mac, 3);
    let conflict = laptop.conflict();
    assert_eq!(conflict["proposal"], Value::Null);
    assert!(text(&conflict["base"]["text"]).contains("20971520 bytes"), "{conflict}");
    assert!(text(&conflict["ours"]["text"]).contains("2 bytes that are no text"), "{conflict}");
    laptop.home.json(&["resolve", text(&conflict["id"]), "--take", "theirs"]);
    assert_eq!(fs::read(laptop.vault.join("work/film.mov")).unwrap(), [0, 1, 2]);
}

#[test]
fn a_phone_takes_what_fits_its_cap_and_says_what_waits() {
    let world = World::new();
    let mac = Desk::of(world.first("Mac"));
    mac.types("work/small.md", "small\n");
    mac.types("work/large.bin", vec![7; 400_000]);
    mac.shares("work");
    let phone = Desk::of(world.joins("Pixel", "capture", &mac.home));
    phone.home.json(&["blob", "cap", "300000"]);

    phone.meets(&mac);

    assert_eq!(phone.reads("work/small.md"), "small\n");
    assert!(!phone.has("work/large.bin"));
    let waits = phone.shared();
    assert_eq!((&waits["waiting"], &waits["files"]), (&1.into(), &2.into()), "{waits}");
    let first = &waits["first_waiting"][0];
    assert_eq!(first["path"], "work/large.bin");
    let reason = text(&first["reason"]);
    assert!(reason.contains("over this device's cap"), "{reason}");
    let (_, blob) = reason.rsplit_once("want ").unwrap();
    phone.home.json(&["blob", "want", blob.trim_end_matches('`')]);
    phone.meets(&mac);
    assert_eq!(fs::read(phone.vault.join("work/large.bin")).unwrap().len(), 400_000);
    assert_eq!(phone.shared()["waiting"], 0);
}

#[test]
fn a_phone_can_t_decide_what_is_shared() {
    let world = World::new();
    let mac = Desk::of(world.first("Mac"));
    let phone = Desk::of(world.joins("Pixel", "capture", &mac.home));
    phone.home.fails(&["vault", "share", "."], 5, "refused");
    mac.shares(".");
    mac.home.fails(&["vault", "share", "."], 1, "invalid");
    phone.home.fails(&["vault", "unshare", "."], 5, "refused");
}

#[test]
fn a_folder_that_is_no_longer_shared_stays_and_goes_its_own_way() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    laptop.home.json(&["vault", "unshare", "work"]);
    laptop.meets(mac);
    mac.types("work/plan.md", "mine now\n");
    laptop.meets(mac);
    assert_eq!(laptop.reads("work/plan.md"), PLAN);
    assert_eq!(mac.shared()["shared"], false);

    laptop.shares("work");
    laptop.meets(mac);
    laptop.meets(mac);

    // What was done meanwhile is said, on top of what both had.
    for desk in [mac, laptop] {
        assert_eq!(desk.reads("work/plan.md"), "mine now\n");
    }
    story.agree();
}

#[test]
fn a_name_that_this_disk_can_t_hold_waits_with_its_reason() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    laptop.types("work/Notes.md", "of the laptop\n");
    mac.types("work/notes.md", "of the Mac\n");

    laptop.meets(mac);
    laptop.meets(mac);

    for (desk, own, other) in
        [(mac, "work/notes.md", "work/Notes.md"), (laptop, "work/Notes.md", "work/notes.md")]
    {
        assert!(desk.has(own) && !desk.has(other));
        let waits = desk.shared();
        let first = &waits["first_waiting"][0];
        assert_eq!((&waits["waiting"], &first["path"]), (&1.into(), &other.into()), "{waits}");
        assert!(text(&first["reason"]).contains("case"), "{waits}");
    }
    laptop.removes("work/Notes.md");
    laptop.meets(mac);
    laptop.looks();
    assert_eq!(laptop.reads("work/notes.md"), "of the Mac\n");
    story.agree();
}

#[test]
fn a_bundle_carries_shared_files() {
    let story = Story::begins();
    let Story { world, mac, laptop } = &story;
    mac.types("work/plan.md", "by courier\n");
    let bundle = world.path("mac.bundle");
    let bundle = bundle.to_str().unwrap();
    mac.home.json(&["export", "-o", bundle]);
    laptop.home.json(&["import", bundle]);
    assert_eq!(laptop.reads("work/plan.md"), "by courier\n");
    story.agree();
}

#[test]
fn devices_that_serve_bring_changes_onto_the_disk_by_themselves() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    let serve = mac.home.serve();
    laptop.types("work/plan.md", "typed on the laptop\n");
    laptop.home.reconciles(&serve).exits(0);
    let until = Instant::now() + Duration::from_secs(30);
    while mac.reads("work/plan.md") != "typed on the laptop\n" {
        assert!(Instant::now() < until, "it never came: {}", mac.reads("work/plan.md"));
        thread::sleep(Duration::from_millis(20));
    }
    // And what is typed there goes out with the next call.
    mac.types("work/plan.md", "typed on the Mac\n");
    while laptop.reads("work/plan.md") != "typed on the Mac\n" {
        assert!(Instant::now() < until, "it never went");
        laptop.home.reconciles(&serve).exits(0);
    }
    drop(serve);
    story.agree();
}

#[test]
fn what_was_folded_is_folded_the_same_again() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.types("work/plan.md", "of the Mac\n");
    laptop.types("work/plan.md", "of the laptop\n");
    laptop.ends_with(mac, 3);
    for desk in [mac, laptop] {
        let before = desk.conflict();
        desk.home.json(&["doctor", "--rebuild"]);
        desk.looks();
        assert_eq!(desk.conflict(), before, "on {}", desk.home.name());
        desk.home.verifies();
    }
    assert_eq!(mac.home.head(), laptop.home.head());
}

#[test]
fn whatever_dies_no_edit_is_lost() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    let mut dice = Dice::seeded(52);
    let mut typed = BTreeSet::new();
    for round in 0..12 {
        let (desk, other) = if round % 2 == 0 { (mac, laptop) } else { (laptop, mac) };
        let words = format!("{round}: of {}\n{}\n", desk.home.name(), "x".repeat(300_000));
        desk.types("work/plan.md", &words);
        typed.insert(words);
        other.looks();
        let serve = other.home.serve();
        let meeting = desk.home.start(&["reconcile", "--with", serve.address(), "--json"]);
        thread::sleep(Duration::from_millis(dice.roll() % 500));
        meeting.kill();
        serve.into_running().kill();
    }
    for _ in 0..3 {
        let other = laptop.home.list(&["conflicts"]);
        if let Some(conflict) = other.first() {
            laptop.home.json(&["resolve", text(&conflict["id"]), "--take", "ours"]);
        }
        mac.looks();
        laptop.home.reconciles(&mac.home.serve());
        mac.looks();
    }
    assert_eq!(mac.reads("work/plan.md"), laptop.reads("work/plan.md"));
    let kept: BTreeSet<_> =
        mac.versions("work/plan.md").union(&laptop.versions("work/plan.md")).cloned().collect();
    let lost: Vec<_> = typed.difference(&kept).map(|words| &words[..20]).collect();
    assert!(lost.is_empty(), "{lost:?}");
    story.agree();
}
