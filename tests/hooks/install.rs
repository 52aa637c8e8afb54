//! `mirror agent install` and `uninstall`, on the files of a person.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use world::{Home, World, binary};

struct Person<'a> {
    home: &'a Home,
    folder: PathBuf,
}

impl<'a> Person<'a> {
    fn new(world: &World, home: &'a Home) -> Self {
        let folder = world.path("person");
        fs::create_dir_all(folder.join("project")).unwrap();
        Self { home, folder }
    }

    fn runs(&self, args: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command.env("HOME", &self.folder).env_remove("CLAUDE_CONFIG_DIR").env_remove("MIRROR_HOME");
        command.current_dir(self.folder.join("project")).arg("--json");
        command.arg("--home").arg(self.home.folder()).arg("agent").args(args).output().unwrap()
    }

    #[track_caller]
    fn does(&self, args: &[&str]) -> Value {
        let output = self.runs(args);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn settings(&self) -> PathBuf {
        self.folder.join(".claude/settings.json")
    }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn hooks_are_put_in_once_with_a_backup_and_taken_out_alone() {
    let world = World::new();
    let home = world.first("Mac");
    let person = Person::new(&world, &home);
    let before = "{\n\t\"model\": \"opus\",\n\t\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"say done\"}]}]}\n}\n";
    fs::create_dir_all(person.folder.join(".claude")).unwrap();
    fs::write(person.settings(), before).unwrap();
    let done = person.does(&["install", "claude-code"]);
    assert_eq!(done["changed"], true);
    assert_eq!(read(done["backup"].as_str().unwrap()), before);
    let settings: Value = serde_json::from_str(&read(person.settings())).unwrap();
    let hook = &settings["hooks"]["SessionEnd"][0]["hooks"][0];
    let command = format!(
        "{} --home {} hook claude-code SessionEnd",
        binary().display(),
        home.folder().display()
    );
    assert_eq!(
        (&hook["type"], &hook["command"], &hook["timeout"]),
        (&"command".into(), &command.into(), &5.into())
    );
    assert_eq!(settings["hooks"]["Stop"].as_array().unwrap().len(), 2);
    let with = read(person.settings());
    assert_eq!(person.does(&["install", "claude-code"])["changed"], false);
    assert_eq!(read(person.settings()), with);
    assert_eq!(person.does(&["uninstall", "claude-code"])["changed"], true);
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&read(person.settings())), value(before));
    assert_eq!(person.does(&["uninstall", "claude-code"])["changed"], false);
    let left: Vec<_> = fs::read_dir(person.folder.join(".claude"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "the settings and the backup: {left:?}");
}

#[test]
fn a_projects_settings_name_the_program_and_no_place_of_this_machine() {
    let world = World::new();
    let home = world.first("Mac");
    let person = Person::new(&world, &home);
    person.does(&["install", "claude-code", "--scope", "project"]);
    let settings = read(person.folder.join("project/.claude/settings.json"));
    assert!(
        settings.contains("\"mirror --home ") && !settings.contains(binary().to_str().unwrap()),
        "{settings}"
    );
    assert!(!person.settings().exists());
    person.does(&["uninstall", "claude-code", "--scope", "project"]);
    assert_eq!(read(person.folder.join("project/.claude/settings.json")), "{}\n");
}

#[test]
#[cfg(unix)]
fn a_link_stays_a_link_and_a_closed_file_stays_closed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = World::new();
    let home = world.first("Mac");
    let person = Person::new(&world, &home);
    let kept = world.write("dotfiles.json", "{\"a\": 1}");
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir_all(person.folder.join(".claude")).unwrap();
    symlink(&kept, person.settings()).unwrap();
    person.does(&["install", "claude-code"]);
    assert!(fs::symlink_metadata(person.settings()).unwrap().is_symlink());
    assert!(read(&kept).contains("SessionStart"));
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn settings_that_do_not_read_are_left_as_they_are() {
    let world = World::new();
    let home = world.first("Mac");
    let person = Person::new(&world, &home);
    fs::create_dir_all(person.folder.join(".claude")).unwrap();
    for text in ["{ // mine\n}", "[]", "{\"hooks\": []}", "{\"hooks\": {\"Stop\": 1}}"] {
        fs::write(person.settings(), text).unwrap();
        let output = person.runs(&["install", "claude-code"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(read(person.settings()), text);
    }
}

#[test]
fn a_plugin_is_written_into_a_folder_of_its_own() {
    let world = World::new();
    let home = world.first("Mac");
    let person = Person::new(&world, &home);
    let folder = world.path("plugin");
    let place = folder.to_str().unwrap();
    assert_eq!(person.does(&["install", "claude-code", "--plugin", place])["changed"], true);
    assert_eq!(person.does(&["install", "claude-code", "--plugin", place])["changed"], false);
    let hooks: Value = serde_json::from_str(&read(folder.join("hooks/hooks.json"))).unwrap();
    assert_eq!(hooks["hooks"].as_object().unwrap().len(), 6);
    let theirs = person.folder.join("project");
    fs::write(theirs.join("README.md"), "theirs").unwrap();
    let output = person.runs(&["install", "claude-code", "--plugin", theirs.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(read(theirs.join("README.md")), "theirs");
}
