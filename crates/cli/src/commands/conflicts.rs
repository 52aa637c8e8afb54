//! `conflicts` and `resolve`: what waits for a person, and the decision.

use std::path::Path;

use mirror_node::view::{Code, Conflict, Side, Take};
use mirror_node::{Error, FileTake};

use super::notes::print_id;
use super::{Here, failed};
use crate::args::Resolve;
use crate::output::{Exit, Result};
use crate::values::TakeArg;
use crate::words;

/// `mirror conflicts`
pub fn list(here: &Here<'_>) -> Result<Exit> {
    let conflicts = here.node()?.conflicts()?;
    here.out.list(&conflicts, "nothing waits for you", conflict_words)?;
    Ok(Exit::Done)
}

fn conflict_words(conflict: &Conflict) -> String {
    let id = words::short(&conflict.id);
    let file = conflict.file.as_ref().map(|file| format!(" of {file}")).unwrap_or_default();
    let mut text = format!("conflict {id}{file}\n");
    match &conflict.base {
        Some(base) => {
            text.push_str(&side_line("base  ", base, conflict.file.is_some()));
            text.push_str(&words::indented(&base.text));
        }
        None => text.push_str("  base    none: both began it\n"),
    }
    for (name, side) in [("ours  ", &conflict.ours), ("theirs", &conflict.theirs)] {
        text.push_str(&side_line(name, side, conflict.file.is_some()));
        text.push_str(&words::word_diff(&side.diff));
    }
    let choices = match &conflict.proposal {
        Some(merged) => {
            text.push_str("  merged  what both changed, together\n");
            text.push_str(&words::indented(merged));
            "merged|ours|theirs|file:PATH"
        }
        None => "ours|theirs|file:PATH",
    };
    format!("{text}  settle it: mirror resolve {id} --take {choices}\n")
}

fn side_line(name: &str, side: &Side, is_file: bool) -> String {
    let archived = match (side.archived, is_file) {
        (true, true) => "  (removed)",
        (true, false) => "  (archived)",
        (false, _) => "",
    };
    let (device, at) = (&side.device_name, words::local(&side.at));
    format!("  {name}  {device}, {at}{}{archived}\n", words::tags(&side.tags))
}

/// `mirror resolve`
pub fn resolve(here: &Here<'_>, args: Resolve) -> Result<Exit> {
    let node = here.node()?;
    let take = match args.take {
        TakeArg::Ours => Take::Ours,
        TakeArg::Theirs => Take::Theirs,
        TakeArg::Merged => Take::Merged,
        TakeArg::File(path) => match node.conflict_file(&args.id)? {
            // A file is taken byte for byte.
            Some(file) => {
                let mut bytes = std::fs::File::open(&path).map_err(|e| unreadable(&path, &e))?;
                let take = FileTake::Content(&mut bytes);
                return print_id(here, &node.resolve_file(&file, take, None)?);
            }
            None => Take::Text(text_in(&path)?),
        },
    };
    print_id(here, &node.resolve(&args.id, take, None)?)
}

fn text_in(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    super::lines::text_of(bytes).map_err(|error| wrong(path, error.code, &error).into())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    wrong(path, Code::Io, error)
}

fn wrong(path: &Path, code: Code, error: &dyn std::fmt::Display) -> Error {
    let hint = "name a text file: --take file:merged.md";
    failed(code, format!("{}: {error}", path.display()), hint)
}

#[cfg(test)]
mod tests {
    use mirror_node::view::{DiffChange, DiffSpan};

    use super::*;

    fn side(device: &str, text: &str, change: DiffChange) -> Side {
        Side {
            id: "ab".repeat(32),
            device: "cd".repeat(32),
            device_name: device.into(),
            at: "2026-11-22T09:30:00.000+05:30".into(),
            text: text.into(),
            tags: vec![],
            archived: false,
            diff: vec![DiffSpan { change, text: text.into() }],
        }
    }

    #[test]
    fn a_conflict_shows_both_sides_and_the_choices() {
        let conflict = Conflict {
            id: "3f2a".repeat(16),
            note: "3f2a".repeat(16),
            file: None,
            base: Some(side("Mac", "milk", DiffChange::Same)),
            ours: side("Mac", "oat milk", DiffChange::Added),
            theirs: side("Pixel", "soy milk", DiffChange::Added),
            proposal: None,
        };
        let text = conflict_words(&conflict);
        for part in ["base    Mac, ", "ours    Mac, ", "theirs  Pixel, ", "{+soy milk+}", "| milk"]
        {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(text.contains("--take ours|theirs|file:PATH"), "no merge is offered:\n{text}");
    }
}
