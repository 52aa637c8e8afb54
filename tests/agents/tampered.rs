//! What was tampered with never reaches the model.

use std::collections::BTreeSet;
use std::fs;

use rusqlite::Connection;
use world::{Home, World, text};

use crate::claude::{Claude, holds, quoted};

/// A home with a note, two distillates and a session that is over.
fn furnished(world: &World) -> Home {
    let home = world.first("Mac");
    home.captures("offsets are bytes");
    for (name, says) in [("alpha", "The essence of alpha."), ("beta", &*"Beta stands. ".repeat(90))]
    {
        let file = world.write(&format!("{name}.md"), format!("# {name}\n\n{says}"));
        home.json(&["distill", "seal", file.to_str().unwrap(), "--project", "mirror"]);
    }
    home.json(&["session", "open", "--agent", "builder", "--project", "mirror"]);
    let claim = r#"{"now":"the parser stands","open_loops":["write its docs"],"files":[],"commits":[],"decisions":[],"errors":[]}"#;
    home.run_with(&["session", "close", "--from", "-"], claim).exits(0);
    home
}

fn in_vault(home: &Home, path: &str) -> std::path::PathBuf {
    home.folder().join("vault/projects/mirror").join(path)
}

/// Another letter in the middle of a file.
fn change(home: &Home, path: &str) {
    let path = in_vault(home, path);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Another bit in the body of the newest event of a kind.
fn change_event(home: &Home, kind: &str) {
    let database = Connection::open(home.folder().join("mirror.db")).unwrap();
    let newest = format!("(SELECT max(pos) FROM events WHERE instr(header, '{kind}'))");
    let sql = format!("SELECT body FROM events WHERE pos = {newest}");
    let mut body: Vec<u8> = database.query_row(&sql, [], |row| row.get(0)).unwrap();
    let middle = body.len() / 2;
    body[middle] ^= 1;
    database.execute(&format!("UPDATE events SET body = ?1 WHERE pos = {newest}"), [body]).unwrap();
}

#[test]
#[ignore = "needs the claude binary"]
fn a_tampered_distillate_is_left_out_and_logged() {
    let world = World::new();
    let home = furnished(&world);
    let claude = Claude::with_hooks(&world, &home);
    // The version that it could be repaired from is tampered with too.
    let file = in_vault(&home, "distillates/alpha.md");
    let was = text(&home.list(&["distill", "list"])[1]["hash"]).to_owned();
    let version = home.folder().join(format!("vault/.mirror/versions/{}/{}", &was[..2], &was[2..]));
    fs::remove_file(version).unwrap();
    fs::write(file, "# alpha\n\nThe essence of omega.").unwrap();

    let asked = claude.is_asked("go on");

    assert!(!holds(&asked, "omega") && !holds(&asked, "essence of alpha"), "{asked:?}");
    assert!(quoted(&asked).iter().any(|line| line.contains("Beta stands.")), "the rest is told");
    assert!(holds(&asked, "1 left out; `mirror session rejections` tells all"), "{asked:?}");
    let log = home.list(&["session", "rejections"]);
    let told =
        log.iter().find(|one| text(&one["what"]).ends_with("alpha.md")).expect("it is named");
    assert_eq!(told["reason"], "tampered");
    assert!(text(&told["content"]).contains("omega"), "{told}");
}

#[test]
#[ignore = "needs the claude binary"]
fn one_changed_byte_in_each_of_some_places_never_reaches_the_model() {
    let world = World::new();
    let home = furnished(&world);
    let claude = Claude::with_hooks(&world, &home);
    let base = world.path("base");
    home.is_copied_to(&base);
    let asked = claude.is_asked("go on");
    let right: BTreeSet<String> = quoted(&asked).into_iter().collect();
    assert!(right.len() > 8, "{right:?}");
    let places: [(&str, &dyn Fn()); 6] = [
        ("alpha.md", &|| change(&home, "distillates/alpha.md")),
        ("beta.md.sha256", &|| change(&home, "distillates/beta.md.sha256")),
        ("alpha.md.prov.json", &|| change(&home, "distillates/alpha.md.prov.json")),
        ("continuity.md", &|| change(&home, "continuity.md")),
        ("note.add", &|| change_event(&home, "note.add")),
        ("distillate.seal", &|| change_event(&home, "distillate.seal")),
    ];
    for (name, change) in places {
        home.is_restored_from(&base);
        change();
        let output = claude.runs(&["-p", "go on"]);
        let asked = claude.model.requests();
        let told = quoted(&asked);
        // Names of what was repaired or left out are ours to add.
        let more: Vec<&String> = told.iter().filter(|line| !right.contains(*line)).collect();
        let named = |line: &&String| {
            line.contains(name) || line.contains("event ") || line.contains("the list")
        };
        assert!(more.iter().all(named), "{name}: {more:?}");
        let log = home.run(&["--json", "session", "rejections"]).stdout;
        let blocked =
            asked.is_empty() && String::from_utf8_lossy(&output.stdout).contains("REFUSED");
        assert!(
            blocked || log.contains("tampered") || log.contains("unverifiable"),
            "{name}: {log} {output:?}"
        );
    }
}

#[test]
#[ignore = "needs the claude binary"]
fn a_corrupt_vault_stops_the_prompt_with_a_reason_and_the_model_is_not_asked() {
    let world = World::new();
    let home = furnished(&world);
    let claude = Claude::with_hooks(&world, &home);
    let base = world.path("base");
    home.is_copied_to(&base);
    let blocked = |what: &str| {
        let output = claude.runs(&["-p", "--output-format", "json", "go on"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(claude.model.requests().is_empty(), "{what}: the model was asked");
        assert!(said.contains("MIRROR MEMORY REFUSED"), "{what}: {said} {output:?}");
        said
    };
    // Too little of it holds.
    change_event(&home, "note.add");
    for name in ["alpha", "beta"] {
        let file = in_vault(&home, &format!("distillates/{name}.md"));
        fs::write(&file, "something else").unwrap();
    }
    fs::remove_dir_all(home.folder().join("vault/.mirror/versions")).unwrap();
    let said = blocked("files and versions");
    assert!(said.contains("below 0.9500") && said.contains("mirror doctor"), "{said}");
    // The chain does not verify.
    home.is_restored_from(&base);
    let database = Connection::open(home.folder().join("mirror.db")).unwrap();
    database.execute("UPDATE chains SET signature = zeroblob(64)", []).unwrap();
    drop(database);
    blocked("the signature");
    // The database is none.
    fs::write(home.folder().join("mirror.db"), "this is no database, whatever its name says")
        .unwrap();
    blocked("the database");
    // Mended, the next prompt goes on with the memory.
    home.is_restored_from(&base);
    let asked = claude.is_asked("go on");
    assert!(quoted(&asked).iter().any(|line| line.contains("the parser stands")), "{asked:?}");
}
