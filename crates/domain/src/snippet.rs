//! The piece of a text around what was searched for.

/// Characters of a snippet.
const SNIPPET_CHARS: usize = 160;
/// Characters shown before the first match.
const LEAD_CHARS: usize = 40;

/// A snippet in pieces; `true` marks a match. Case is folded, as far as a letter stays one letter.
pub fn snippet(text: &str, terms: &[&str]) -> Vec<(String, bool)> {
    let chars: Vec<char> = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let folded: Vec<char> = chars.iter().map(|c| fold(*c)).collect();
    let terms: Vec<Vec<char>> = terms
        .iter()
        .map(|term| term.chars().map(fold).collect::<Vec<char>>())
        .filter(|term| !term.is_empty())
        .collect();
    let mut marked = vec![false; chars.len()];
    let mut first = None;
    for term in &terms {
        for (start, window) in folded.windows(term.len()).enumerate() {
            if window == term.as_slice() {
                first = Some(first.map_or(start, |first: usize| first.min(start)));
                marked.iter_mut().skip(start).take(term.len()).for_each(|mark| *mark = true);
            }
        }
    }
    let start = first.unwrap_or(0).saturating_sub(LEAD_CHARS);
    let mut spans: Vec<(String, bool)> = Vec::new();
    if start > 0 {
        spans.push(("…".to_owned(), false));
    }
    for (c, mark) in chars.iter().zip(&marked).skip(start).take(SNIPPET_CHARS) {
        match spans.last_mut() {
            Some((text, last)) if last == mark => text.push(*c),
            _ => spans.push((c.to_string(), *mark)),
        }
    }
    if chars.len() > start + SNIPPET_CHARS {
        spans.push(("…".to_owned(), false));
    }
    spans
}

/// Whether a text holds every term.
pub fn holds(text: &str, terms: &[&str]) -> bool {
    let folded: String = text.chars().map(fold).collect();
    terms.iter().all(|term| folded.contains(&term.chars().map(fold).collect::<String>()))
}

/// Lower case where that is one letter.
fn fold(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_marked_whatever_their_case_and_script() {
        assert_eq!(
            snippet("Grüße an ÉMILE", &["émile"]),
            [("Grüße an ".to_owned(), false), ("ÉMILE".to_owned(), true)]
        );
        assert_eq!(snippet("नमस्ते", &["नमस्ते"]), [("नमस्ते".to_owned(), true)]);
        assert!(holds("Tea at FIVE", &["five", "tea"]));
    }

    #[test]
    fn a_long_text_is_cut_around_the_match() {
        let text = format!("{} needle {}", "x ".repeat(500), "y ".repeat(500));
        let spans = snippet(&text, &["needle"]);
        assert!(spans.first().unwrap().0.starts_with('…'));
        assert!(spans.iter().any(|(text, mark)| *mark && text == "needle"));
        assert!(spans.iter().map(|(text, _)| text.chars().count()).sum::<usize>() <= 162);
    }
}
