//! Lists that come in pages: prints up to the limit, and says where the next page begins.

use serde::Serialize;

use crate::args::Page;
use crate::output::{Output, Result};

/// The most that the node gives at once.
const PAGE: u32 = 500;

/// An item, and on the last line of a list that goes on, where.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    item: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

/// Prints pages as they come. `ask` gets the page's limit and cursor and gives items and the next cursor.
pub fn print<T: Serialize>(
    out: &Output,
    page: Page,
    empty: &str,
    mut ask: impl FnMut(u32, Option<String>) -> Result<(Vec<T>, Option<String>)>,
    say: impl Fn(&T) -> String,
) -> Result<()> {
    let mut left = page.limit;
    let mut cursor = page.cursor;
    loop {
        let first = left == page.limit;
        let (items, next) = ask(left.min(PAGE), cursor)?;
        if items.is_empty() {
            out.note(if first { empty } else { "" });
            return Ok(());
        }
        left = left.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for (index, item) in items.iter().enumerate() {
            let ends = left == 0 && index + 1 == items.len();
            let line = Line { item, next: next.as_deref().filter(|_| ends) };
            out.answer(&line, |line| say(line.item))?;
        }
        match next {
            Some(next) if left == 0 => {
                out.note(&format!("there are more: go on with --cursor {next}"));
                return Ok(());
            }
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}
