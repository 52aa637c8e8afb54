//! A real process is killed at each of its system calls, or one of them fails: what is left, and what recovery makes of it.
//!
//! The child is this same test program, told by its environment what to do. No power is cut here: what was written is still there.
#![allow(clippy::print_stdout)]

use std::fs;
use std::ops::ControlFlow::Continue;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::{
    Expect, Found, Hash, Locked, Provenance, Recovered, Result, Vault, VaultError, VaultPath,
};

const OLD: &str = "the old text";
const NEW: &str = "the new text, which is longer";
const EDIT: &str = "an edit by another program";

fn at(path: &str) -> VaultPath {
    VaultPath::new(path).unwrap()
}

fn from(tool: &str) -> Provenance {
    Provenance { events: vec!["e1".into()], tool: tool.into(), time: "2026-11-24T12:00:00Z".into() }
}

/// What a child does, and where.
#[derive(Clone, Copy)]
struct Story {
    name: &'static str,
    path: &'static str,
    before: Option<&'static str>,
    after: Option<&'static str>,
    /// Whether the file had sidecars before.
    ours: bool,
}

const REPLACE: Story =
    Story { name: "replace", path: "work/a.md", before: Some(OLD), after: Some(NEW), ours: true };
const OVER_EDIT: Story =
    Story { name: "over-edit", path: "a.md", before: Some(EDIT), after: Some(NEW), ours: false };
const CREATE: Story =
    Story { name: "create", path: "new/er/a.md", before: None, after: Some(NEW), ours: false };
const REMOVE: Story =
    Story { name: "remove", path: "work/a.md", before: Some(OLD), after: None, ours: true };

fn act(story: &str, locked: &Locked<'_>) -> Result<crate::ChangeId> {
    let old = Expect::Is(Hash::of(OLD.as_bytes()));
    let mut new = NEW.as_bytes();
    Ok(match story {
        "replace" => locked.write(&at(REPLACE.path), &mut new, old, &from("new"), b"note")?.id,
        "over-edit" => {
            let expect = Expect::Anything;
            locked.write(&at(OVER_EDIT.path), &mut new, expect, &from("new"), b"note")?.id
        }
        "create" => {
            locked.write(&at(CREATE.path), &mut new, Expect::Absent, &from("new"), b"note")?.id
        }
        "remove" => locked.remove(&at(REMOVE.path), old, b"note")?.id,
        other => panic!("no story {other}"),
    })
}

/// Not a test of its own: the process that is killed.
#[test]
fn child() {
    let Some(folder) = std::env::var_os("VAULT_CHILD") else { return };
    let story = std::env::var("VAULT_STORY").unwrap();
    let run = || -> Result<()> {
        let vault = Vault::open(Path::new(&folder))?;
        let locked = vault.lock()?;
        if story == "recover" {
            locked.recover()?;
            println!("recovered");
            return Ok(());
        }
        let id = act(&story, &locked)?;
        println!("acked");
        locked.finish(&id)?;
        println!("finished");
        Ok(())
    };
    match run() {
        Ok(()) => {}
        Err(error @ VaultError::Unsettled { .. }) => println!("unsettled: {error}"),
        Err(error) => println!("refused: {error}"),
    }
}

struct Scene {
    story: Story,
    folder: TempDir,
}

impl Scene {
    fn new(story: Story) -> Self {
        // In memory where that is: nothing here depends on the disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        if let Some(before) = story.before {
            let path = folder.path().join(story.path);
            if story.ours {
                let locked = vault.lock().unwrap();
                let (mut content, expect) = (before.as_bytes(), Expect::Absent);
                let written =
                    locked.write(&at(story.path), &mut content, expect, &from("old"), b"");
                locked.finish(&written.unwrap().id).unwrap();
            } else {
                fs::write(path, before).unwrap();
            }
        }
        Self { story, folder }
    }

    fn run(&self, story: &str, fault: &str, plain: bool) -> Output {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "crash_tests::child", "--nocapture", "--test-threads=1"]);
        child.env("VAULT_CHILD", self.folder.path()).env("VAULT_STORY", story);
        child.env("VAULT_FAULT", fault);
        if plain {
            child.env("VAULT_PLAIN", "1");
        }
        child.output().unwrap()
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(name)).ok()
    }

    /// What stands at the path, which has to be the old or the new.
    fn whole(&self) -> bool {
        let text = self.text(self.story.path);
        let (before, after) = (self.story.before.map(Into::into), self.story.after.map(Into::into));
        assert!(text == before || text == after, "{text:?}");
        text == after
    }

    /// That everything in the vault fits together, and nothing is left behind.
    fn check_settled(&self, case: &str) {
        let after = self.whole();
        let Story { path, before, ours, .. } = self.story;
        let vault = Vault::open(self.folder.path()).unwrap();
        let text = self.text(path);
        let sum = self.text(&format!("{path}.sha256"));
        let provenance = self.text(&format!("{path}.prov.json"));
        match &text {
            Some(text) if after || ours => {
                let hash = Hash::of(text.as_bytes()).to_string();
                let name = at(path).name().to_owned();
                assert_eq!(sum.as_deref(), Some(&*format!("{hash}  {name}\n")), "{case}");
                let provenance = provenance.unwrap_or_default();
                assert!(provenance.contains(&hash), "{case}: {provenance}");
                let tool = if after { "\"new\"" } else { "\"old\"" };
                assert!(provenance.contains(tool), "{case}: {provenance}");
            }
            _ => assert_eq!((sum, provenance), (None, None), "{case}"),
        }
        // What another program wrote and nobody touched needs no version.
        if let Some(before) = before.filter(|_| ours || after) {
            let bytes = vault.version_bytes(&Hash::of(before.as_bytes()), 1000);
            assert_eq!(bytes.unwrap(), before.as_bytes(), "{case}");
        }
        if after && let Some(new) = self.story.after {
            let bytes = vault.version_bytes(&Hash::of(new.as_bytes()), 1000);
            assert_eq!(bytes.unwrap(), new.as_bytes(), "{case}");
        }
        let scrubbed = vault.scrub(&Default::default(), &mut |_| Continue(())).unwrap();
        assert_eq!(scrubbed.findings, [], "{case}");
        vault
            .walk(&mut |found| {
                assert!(matches!(found, Found::File(_)), "{case}: {found:?}");
                Continue(())
            })
            .unwrap();
        let pending = fs::read_dir(self.folder.path().join(".mirror/pending")).unwrap();
        let pending: Vec<_> = pending.map(|entry| entry.unwrap().file_name()).collect();
        assert!(pending.is_empty(), "{case}: {pending:?}");
        let folder = self.folder.path().join("new");
        assert!(after || !folder.join("er").exists() || self.story.before.is_some(), "{case}");
    }

    /// Recovers here, and records what comes back.
    fn recover(&self, acked: bool, case: &str) {
        let vault = Vault::open(self.folder.path()).unwrap();
        let locked = vault.lock().unwrap();
        let after = self.whole();
        let recovered = locked.recover().unwrap();
        assert!(recovered.len() <= 1, "{case}: {recovered:?}");
        for one in &recovered {
            let (Recovered::Finished(flight) | Recovered::RolledBack(flight)) = one else {
                panic!("{case}: {one:?}")
            };
            let hash = |text: Option<&str>| text.map(|text| Hash::of(text.as_bytes()));
            assert_eq!(flight.path, at(self.story.path), "{case}");
            assert_eq!(flight.from, hash(self.story.before), "{case}");
            assert_eq!(flight.to, hash(self.story.after), "{case}");
            assert_eq!(flight.note, b"note", "{case}");
            let finished = matches!(one, Recovered::Finished(_));
            assert_eq!(finished, after, "{case}");
            assert_eq!(flight.now, if after { flight.to } else { flight.from }, "{case}");
            locked.finish(&flight.id).unwrap();
        }
        assert_eq!(locked.recover().unwrap(), [], "{case}");
        assert!(after || !acked, "{case}: an acknowledged change is gone");
    }
}

fn says(output: &Output, word: &str) -> bool {
    String::from_utf8_lossy(&output.stdout).lines().any(|line| line.contains(word))
}

/// Kills at each call until one run comes through; with `again`, the recovery is killed, too.
fn killed_everywhere(story: Story, plain: bool, again: bool) -> usize {
    for number in 1..500 {
        let scene = Scene::new(story);
        let output = scene.run(story.name, &format!("kill:{number}"), plain);
        let case = format!("{} killed at {number}", story.name);
        let (acked, finished) = (says(&output, "acked"), says(&output, "finished"));
        scene.whole();
        if finished {
            scene.check_settled(&case);
            return number - 1;
        }
        assert!(output.status.code().is_none(), "{case}: {output:?}");
        if again {
            scene.run("recover", &format!("kill:{}", 1 + number * 7 % 60), plain);
            scene.whole();
        }
        scene.recover(acked, &case);
        // A folder that was made for it and stands empty is no harm; see `check_settled` for one with something in it.
        let _ = fs::remove_dir(scene.folder.path().join("new/er"));
        scene.check_settled(&case);
    }
    panic!("it never ends");
}

#[test]
fn a_process_killed_at_any_call_leaves_old_or_new_and_recovery_settles_it() {
    for story in [REPLACE, OVER_EDIT, CREATE, REMOVE] {
        let calls = killed_everywhere(story, false, false);
        assert!(calls > 15, "{} has only {calls} calls to be killed at", story.name);
    }
}

#[test]
fn a_recovery_killed_at_any_call_is_settled_by_the_next_one() {
    for story in [REPLACE, OVER_EDIT, CREATE, REMOVE] {
        killed_everywhere(story, false, true);
    }
}

#[test]
fn a_file_system_that_cant_exchange_leaves_old_or_new_as_well() {
    for story in [REPLACE, OVER_EDIT, CREATE, REMOVE] {
        killed_everywhere(story, true, false);
    }
}

/// Lets each call fail that can fail so; how often that was told as an error.
fn failed_everywhere(story: Story, kind: &str) -> usize {
    let mut told = 0;
    for number in 1..500 {
        let scene = Scene::new(story);
        let output = scene.run(story.name, &format!("{kind}:{number}"), false);
        let case = format!("{} with {kind} at {number}: {output:?}", story.name);
        assert!(output.status.success(), "{case}");
        let (acked, unsettled) = (says(&output, "acked"), says(&output, "unsettled"));
        assert!(!acked || scene.whole(), "{case}");
        if !acked {
            told += 1;
            let error = String::from_utf8_lossy(&output.stdout).into_owned();
            let way_out = match kind {
                "full" => "free some space",
                "readonly" => "give yourself the right",
                "sync" => "check the disk",
                _ => "",
            };
            assert!(error.contains(way_out) || unsettled, "{case}");
            if !unsettled {
                // Nothing was changed, and nothing is left: without any recovery.
                assert!(!scene.whole(), "{case}");
                scene.check_settled(&case);
            }
        }
        scene.recover(acked, &case);
        scene.check_settled(&case);
        if says(&output, "finished") && !reaches(story, kind, number) {
            return told;
        }
    }
    panic!("it never ends");
}

/// Whether a run has so many calls of that kind: some that fail are passed over on purpose.
fn reaches(story: Story, kind: &str, number: usize) -> bool {
    let output = Scene::new(story).run(story.name, &format!("reach-{kind}:{number}"), false);
    says(&output, "reached")
}

#[test]
fn a_full_disk_is_told_and_changes_nothing() {
    for story in [REPLACE, OVER_EDIT, CREATE, REMOVE] {
        assert!(failed_everywhere(story, "full") > 3, "{}", story.name);
    }
}

#[test]
fn a_disk_that_turns_read_only_is_told_and_changes_nothing() {
    for story in [REPLACE, CREATE, REMOVE] {
        assert!(failed_everywhere(story, "readonly") > 3, "{}", story.name);
    }
}

#[test]
fn a_sync_that_fails_is_told_and_never_counted_on() {
    for story in [REPLACE, OVER_EDIT, CREATE, REMOVE] {
        assert!(failed_everywhere(story, "sync") > 2, "{}", story.name);
    }
}

#[test]
fn any_call_that_fails_is_told_and_nothing_is_lost() {
    for story in [REPLACE, OVER_EDIT, CREATE, REMOVE] {
        assert!(failed_everywhere(story, "any") > 10, "{}", story.name);
    }
}
