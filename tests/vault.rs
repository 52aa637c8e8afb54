//! The vault through the command line: files written whole, every version kept, what other programs do noticed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use world::{Home, World, text};

/// A device with a vault in a folder of its own.
struct Desk {
    home: Home,
    vault: PathBuf,
}

impl Desk {
    fn with_vault(world: &World) -> Self {
        let vault = world.path("Notes of mine");
        let home = world.stranger("Mac");
        home.json(&["init", "--name", "Mac", "--vault", vault.to_str().unwrap()]);
        Self { home, vault }
    }

    #[track_caller]
    fn writes(&self, path: &str, bytes: &str) -> Value {
        self.home.run_with(&["--json", "vault", "write", path], bytes).exits(0).json()
    }

    #[track_caller]
    fn reads(&self, path: &str) -> String {
        String::from_utf8(self.home.bytes(&["vault", "read", path])).unwrap()
    }

    /// As another program does it: in place, without asking.
    fn is_edited_outside(&self, path: &str, bytes: &str) {
        fs::write(self.vault.join(path), bytes).unwrap();
    }

    #[track_caller]
    fn history(&self, path: &str) -> Vec<Value> {
        self.home.list(&["vault", "history", path])
    }

    /// What the versions of a file held, oldest first.
    #[track_caller]
    fn versions(&self, path: &str) -> Vec<String> {
        let read = |version: &Value| {
            let id = text(&version["version"]);
            String::from_utf8(self.home.bytes(&["vault", "read", path, "--version", id])).unwrap()
        };
        self.history(path).iter().map(read).collect()
    }

    #[track_caller]
    fn audit(&self) -> Vec<Value> {
        self.home.list(&["vault", "audit", "--limit", "1000"])
    }
}

fn acts(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| text(&entry["act"])).collect()
}

/// What `sha256sum -c` says of a sidecar, run where the file lies.
fn sha256sum(file: &Path) -> bool {
    let sidecar = format!("{}.sha256", file.file_name().unwrap().to_str().unwrap());
    let mut command = Command::new("sha256sum");
    command.args(["--strict", "--status", "-c"]).arg(sidecar).current_dir(file.parent().unwrap());
    command.status().unwrap().success()
}

#[test]
fn a_file_is_written_read_and_every_version_kept() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    let first = desk.writes("plans/trip.md", "# Trip\n");
    let second = desk.writes("plans/trip.md", "# Trip\n\nBy train.\n");
    assert_eq!(second["previous"], first["hash"]);
    assert_eq!(second["backup"], first["hash"]);
    assert_eq!(desk.reads("plans/trip.md"), "# Trip\n\nBy train.\n");
    assert_eq!(
        fs::read_to_string(desk.vault.join("plans/trip.md")).unwrap(),
        "# Trip\n\nBy train.\n"
    );
    assert_eq!(desk.versions("plans/trip.md"), ["# Trip\n", "# Trip\n\nBy train.\n"]);
    assert!(sha256sum(&desk.vault.join("plans/trip.md")));
    desk.home.verifies();
}

#[test]
fn a_write_that_expects_something_else_is_refused_and_what_it_offered_is_kept() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    let old = desk.writes("a.md", "one");
    desk.writes("a.md", "two");
    let write =
        ["--json", "vault", "write", "a.md", "--expect", text(&old["hash"]), "--by", "codex"];
    let error = desk.home.run_with(&write, "three").exits(3).error();
    assert_eq!(error["code"], "conflict");
    assert_eq!(desk.reads("a.md"), "two");
    let audit = desk.audit();
    assert_eq!(acts(&audit), ["refuse", "write", "write"]);
    assert_eq!((&audit[0]["from"], text(&audit[0]["by"])), (&old["hash"], "codex"));
    let offered = text(&audit[0]["to"]);
    let read = ["vault", "read", "a.md", "--version", offered];
    assert_eq!(desk.home.bytes(&read), b"three");
    let diff = desk.home.json(&["vault", "diff", "a.md", "--to", offered]);
    assert_eq!(diff["binary"], false);
    desk.home.run_with(&["vault", "write", "b.md", "--expect", "none"], "new").exits(0);
    desk.home.run_with(&["vault", "write", "b.md", "--expect", "none"], "again").exits(3);
    desk.home.verifies();
}

#[test]
fn what_another_program_writes_is_a_version_of_unknown_author() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    let ours = desk.writes("a.md", "ours");
    desk.is_edited_outside("a.md", "by Obsidian");
    let refused = ["vault", "write", "a.md", "--expect", text(&ours["hash"])];
    desk.home.run_with(&refused, "ours again").exits(3);
    assert_eq!(desk.reads("a.md"), "by Obsidian", "an edit of somebody else is never overwritten");
    let history = desk.history("a.md");
    assert_eq!(acts(&history), ["write", "outside"]);
    assert!(history[1]["by"].is_null());
    assert!(sha256sum(&desk.vault.join("a.md")), "a sidecar that is there is renewed");

    desk.is_edited_outside("a.md", "by Obsidian once more");
    desk.writes("a.md", "ours, over it");
    let all = ["ours", "by Obsidian", "by Obsidian once more", "ours, over it"];
    assert_eq!(desk.versions("a.md"), all, "nothing that stood there is lost");
    desk.home.verifies();
}

#[test]
fn a_rollback_is_a_new_version_that_says_who_and_why() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    let first = desk.writes("a.md", "good");
    let second = desk.writes("a.md", "bad");
    let to = text(&first["version"]);
    let rollback =
        ["vault", "rollback", "a.md", "--to", to, "--reason", "wrong file", "--by", "Priya"];
    let rolled = desk.home.json(&rollback);
    assert_eq!((&rolled["hash"], &rolled["previous"]), (&first["hash"], &second["hash"]));
    assert_eq!(desk.reads("a.md"), "good");
    let last = desk.audit().remove(0);
    assert_eq!((text(&last["act"]), text(&last["by"])), ("rollback", "Priya"));
    assert_eq!((text(&last["reason"]), &last["from"]), ("wrong file", &second["hash"]));
    assert_eq!(desk.versions("a.md"), ["good", "bad", "good"]);
    desk.home.verifies();
}

#[test]
fn a_folder_that_was_there_is_adopted_and_left_as_it_is() {
    let world = World::new();
    let vault = world.path("Notes of mine");
    fs::create_dir_all(vault.join(".obsidian")).unwrap();
    fs::create_dir_all(vault.join("दैनिक")).unwrap();
    fs::write(vault.join("दैनिक/सोमवार.md"), "शुभ").unwrap();
    fs::write(vault.join("empty.md"), "").unwrap();
    fs::write(vault.join(".obsidian/app.json"), "{}").unwrap();
    let desk = Desk::with_vault(&world);
    let noticed = desk.home.json(&["vault", "scan"]);
    assert_eq!((&noticed["files"], &noticed["adopted"]), (&2.into(), &2.into()));
    let again = desk.home.json(&["vault", "scan"]);
    assert_eq!([&again["adopted"], &again["changed"], &again["gone"]], [0, 0, 0]);
    assert!(
        !vault.join("empty.md.sha256").exists(),
        "what others wrote gets no files of ours beside it"
    );
    assert_eq!(desk.versions("दैनिक/सोमवार.md"), ["शुभ"]);

    fs::remove_file(vault.join("empty.md")).unwrap();
    desk.is_edited_outside("दैनिक/सोमवार.md", "शुभ प्रभात");
    let noticed = desk.home.json(&["vault", "scan"]);
    assert_eq!([&noticed["adopted"], &noticed["changed"], &noticed["gone"]], [0, 1, 1]);
    let last = desk.history("empty.md").pop().unwrap();
    assert!(last["hash"].is_null(), "a file that is gone is a version too: {last}");
    desk.home.verifies();
}

#[test]
fn a_vault_whose_folder_is_away_is_not_taken_for_an_empty_one() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    desk.writes("a.md", "here");
    let aside = world.path("an unplugged disk");
    fs::rename(&desk.vault, &aside).unwrap();
    desk.home.fails(&["vault", "scan"], 1, "io");
    fs::create_dir(&desk.vault).unwrap();
    desk.home.fails(&["vault", "scan"], 1, "io");
    fs::remove_dir(&desk.vault).unwrap();
    fs::rename(&aside, &desk.vault).unwrap();
    assert_eq!(desk.home.json(&["vault", "scan"])["gone"], 0);
    assert_eq!(desk.reads("a.md"), "here");
}

#[test]
fn a_path_that_leads_out_of_the_vault_is_refused() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    let outside = world.write("outside.md", "not yours");
    for path in [
        "../outside.md",
        "/etc/hostname",
        "a/../../outside.md",
        "a//b",
        ".mirror/lock",
        "a.md.sha256",
        "CON",
        "x:y",
    ] {
        let error = desk.home.run_with(&["--json", "vault", "write", path], "x").exits(1).error();
        assert_eq!(error["code"], "invalid", "{path}: {error}");
    }
    std::os::unix::fs::symlink(world.path("."), desk.vault.join("way out")).unwrap();
    let error = desk.home.run_with(&["--json", "vault", "write", "way out/outside.md"], "x");
    assert_eq!(error.exits(5).error()["code"], "refused");
    assert_eq!(fs::read_to_string(outside).unwrap(), "not yours");
    assert!(desk.audit().is_empty());
}

#[test]
fn two_processes_that_write_one_file_lose_nothing() {
    const EACH: usize = 60;
    let world = World::new();
    let desk = Desk::with_vault(&world);
    desk.writes("a.md", "0");
    std::thread::scope(|scope| {
        for who in ["left", "right"] {
            let desk = &desk;
            scope.spawn(move || {
                for n in 0..EACH {
                    desk.writes("a.md", &format!("{who} {n}"));
                }
            });
        }
    });
    let versions = desk.versions("a.md");
    assert_eq!(versions.len(), 1 + 2 * EACH);
    for who in ["left", "right"] {
        let of = |version: &&String| version.starts_with(who);
        let mine: Vec<&String> = versions.iter().filter(of).collect();
        let expected: Vec<String> = (0..EACH).map(|n| format!("{who} {n}")).collect();
        assert_eq!(mine, expected.iter().collect::<Vec<_>>());
    }
    desk.home.verifies();
}

#[test]
fn with_an_expectation_only_one_of_two_processes_wins_each_time() {
    const EACH: usize = 40;
    let world = World::new();
    let desk = Desk::with_vault(&world);
    let first = desk.writes("count", "0");
    let won = std::thread::scope(|scope| {
        let run = |_| {
            let desk = &desk;
            let mut seen = text(&first["hash"]).to_owned();
            scope.spawn(move || {
                let mut won = 0;
                for n in 0..EACH {
                    let write = ["--json", "vault", "write", "count", "--expect", &seen];
                    let ran = desk.home.run_with(&write, format!("{n} {seen}"));
                    won += usize::from(ran.code == Some(0));
                    seen = sha256(&desk.vault.join("count"));
                }
                won
            })
        };
        let running: Vec<_> = [0, 1].map(run).into();
        running.into_iter().map(|one| one.join().unwrap()).sum::<usize>()
    });
    let audit = desk.audit();
    let count = |act: &str| acts(&audit).iter().filter(|one| **one == act).count();
    assert_eq!((count("write"), count("refuse")), (1 + won, 2 * EACH - won));
    desk.home.verifies();
}

fn sha256(file: &Path) -> String {
    let out = Command::new("sha256sum").arg(file).output().unwrap().stdout;
    String::from_utf8(out).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn a_scrub_names_what_is_rotten_and_mends_what_it_can() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    let first = desk.writes("a.md", "first");
    let second = desk.writes("a.md", "second");
    assert_eq!(desk.home.json(&["vault", "scrub"])["ok"], true);
    let version = |hash: &Value| {
        let (folder, rest) = text(hash).split_at(2);
        desk.vault.join(".mirror/versions").join(folder).join(rest)
    };
    let rot = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::write(path, "rotten").unwrap();
    };
    // The newest is mended from the file, the sidecar from the file, the oldest from nothing.
    rot(&version(&second["hash"]));
    fs::write(desk.vault.join("a.md.sha256"), "rotten").unwrap();
    let mended = desk.home.json(&["vault", "scrub"]);
    assert_eq!(mended["ok"], true, "{mended}");
    assert!(sha256sum(&desk.vault.join("a.md")));
    rot(&version(&first["hash"]));
    let found = desk.home.run(&["--json", "vault", "scrub"]).exits(4).json();
    let findings = found["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &findings[0]["what"]), (1, &first["hash"]), "{found}");
    assert!(text(&desk.audit()[0]["detail"]).contains(text(&first["hash"])));
}

#[test]
fn a_prune_lets_old_versions_go_and_never_the_last_good_one() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    for n in 0..6 {
        desk.writes("a.md", &format!("version {n}"));
    }
    desk.writes("b.md", "alone");
    let pruned = desk.home.json(&["vault", "prune", "--keep", "2", "--days", "0"]);
    assert_eq!((&pruned["removed"], &pruned["stay"]), (&4.into(), &3.into()));
    let kept: Vec<bool> =
        desk.history("a.md").iter().map(|version| version["kept"] == true).collect();
    assert_eq!(kept, [false, false, false, false, true, true]);
    assert_eq!(desk.home.json(&["vault", "scrub"])["ok"], true, "what was let go is not missed");
    let first = desk.history("a.md").remove(0);
    desk.home.fails(
        &["vault", "rollback", "a.md", "--to", text(&first["version"])],
        1,
        "not_found",
    );
    assert_eq!(acts(&desk.audit())[..2], ["scrub", "prune"]);
    desk.home.verifies();
}

#[test]
fn a_running_node_records_what_other_programs_do() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    desk.writes("a.md", "ours");
    let _serve = desk.home.serve();
    desk.is_edited_outside("a.md", "by Obsidian");
    desk.is_edited_outside("new.md", "a new one");
    let recorded = || {
        let audit = desk.audit();
        let acts = acts(&audit);
        acts.contains(&"outside") && acts.contains(&"adopt")
    };
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !recorded() {
        assert!(std::time::Instant::now() < patience, "{:#?}", desk.audit());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn somebody_who_deletes_the_app_keeps_everything() {
    let world = World::new();
    let desk = Desk::with_vault(&world);
    for n in 0..5 {
        desk.writes(&format!("folder {n}/file {n}.md"), &format!("content {n}"));
    }
    fs::remove_dir_all(desk.home.folder()).unwrap();
    let check =
        "find . -name '*.sha256' -not -path './.mirror/*' -execdir sha256sum --strict -c {} +";
    let mut command = Command::new("sh");
    let out = command.args(["-c", check]).current_dir(&desk.vault).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{said}");
    assert_eq!(said.lines().filter(|line| line.ends_with(": OK")).count(), 5);
}
