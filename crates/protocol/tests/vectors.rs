//! The vectors in `tests/vectors` are what this crate makes.
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
#[path = "../examples/vectors/main.rs"]
mod vectors;

#[test]
fn the_committed_vectors_are_the_ones_that_the_code_makes() {
    for (name, made) in vectors::files() {
        let path = format!("{}/../../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
        let again = "cargo run -p mirror-protocol --example vectors";
        // Case by case, so that a difference names its case.
        let (made, committed) = (made.as_array().unwrap(), committed.as_array().unwrap());
        for (made, committed) in made.iter().zip(committed) {
            assert_eq!(made, committed, "{name}: {}; if it is meant, run {again}", made["name"]);
        }
        assert_eq!(made.len(), committed.len(), "{name}: run {again}");
    }
}

/// The items of the prose: a list item or table row with its continuation, a paragraph.
fn items(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    for line in text.lines() {
        if line.trim().is_empty() || line.starts_with("- ") || line.starts_with('|') {
            items.push(String::new());
        }
        items.last_mut().unwrap().push_str(&format!("{line} "));
    }
    items
}

#[test]
fn the_prose_names_vectors_and_tests_that_exist_and_one_for_every_must() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let text = std::fs::read_to_string(format!("{root}/docs/PROTOCOL.md")).unwrap();
    let mut sources = String::new();
    let folders = [
        "crates/protocol/src",
        "crates/protocol/src/session",
        "crates/protocol/src/blob",
        "crates/protocol/tests",
        "crates/domain/src",
        "crates/domain/src/membership",
        "crates/domain/src/body",
        "crates/link/src",
        "crates/node/src",
        "crates/node/src/fold",
        "crates/node/src/vault/settle",
        "crates/link/tests",
        "tests",
        "tests/scenario_courier",
        "tests/scenario_vault_shared",
        "tests/continuity",
        "crates/domain/src/session",
        "crates/domain/src/body/session",
        "crates/node/src/session",
        "crates/node/src/session/fold",
    ];
    for folder in folders {
        for file in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut files = vectors::files();
    // Those of mirror-domain, as they are committed.
    for name in ["members", "notes", "files"] {
        let text = std::fs::read_to_string(format!("{root}/tests/vectors/{name}.json")).unwrap();
        files.insert(name, serde_json::from_str(&text).unwrap());
    }
    let (_, body) = text.split_once("\n## 1.").unwrap();
    let mut named = 0;
    for item in items(body) {
        let references = item.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        let references: Vec<_> =
            references.filter_map(|(reference, _)| reference.split_once(": ")).collect();
        let references: Vec<_> = references
            .into_iter()
            .filter(|(kind, _)| kind.starts_with(|c: char| c.is_ascii_lowercase()))
            .collect();
        assert!(!item.contains("MUST") || !references.is_empty(), "nothing holds: {item}");
        for (kind, name) in references {
            named += 1;
            let exists = match kind {
                "test" => sources.contains(&format!("fn {name}(")),
                file => files.get(file).and_then(|cases| cases.as_array()).is_some_and(|cases| {
                    cases.iter().any(|case| case["name"].as_str() == Some(name))
                }),
            };
            assert!(exists, "{{{kind}: {name}}} is named and does not exist");
        }
    }
    assert!(named > 100, "{named}");
}
