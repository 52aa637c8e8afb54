//! `conflicts` and `resolve`: what waits for a person, and the decision.

use std::path::Path;

use mirror_node::view::{Code, Conflict, Side, Take};

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
    let mut text = format!("conflict {id}\n");
    match &conflict.base {
        Some(base) => {
            text.push_str(&side_line("base  ", base));
            text.push_str(&words::indented(&base.text));
        }
        None => text.push_str("  base    none: both began it\n"),
    }
    for (name, side) in [("ours  ", &conflict.ours), ("theirs", &conflict.theirs)] {
        text.push_str(&side_line(name, side));
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

fn side_line(name: &str, side: &Side) -> String {
    let archived = if side.archived { "  (archived)" } else { "" };
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
        TakeArg::File(path) => Take::Text(text_in(&path)?),
    };
    print_id(here, &node.resolve(&args.id, take, None)?)
}

fn text_in(path: &Path) -> Result<String> {
    let wrong = |code, error: &dyn std::fmt::Display| {
        let hint = "name a text file: --take file:merged.md";
        failed(code, format!("{}: {error}", path.display()), hint)
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(Code::Io, &error))?;
    super::lines::text_of(bytes).map_err(|error| wrong(error.code, &error).into())
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
