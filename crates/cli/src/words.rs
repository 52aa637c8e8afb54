//! Small phrases for people: times in their own zone, short ids, first lines, word diffs.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mirror_node::view::{Code, DiffChange, DiffSpan, Note, NoteState, Role, SyncState};

/// Long enough to be unique in a person's lifetime, short enough to read aloud.
const SHORT_ID: usize = 12;
const SUMMARY_CHARS: usize = 72;

/// The start of an id; the commands take it as it stands.
pub fn short(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

/// An instant in this machine's zone; as it came when it is none.
pub fn local(at: &str) -> String {
    local_in(at, TimeZone::system())
}

fn local_in(at: &str, zone: TimeZone) -> String {
    match at.parse::<Timestamp>() {
        Ok(instant) => instant.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => at.to_owned(),
    }
}

/// `1 note`, `3 notes`.
pub fn count(number: u32, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Bytes as people say them.
pub fn size(bytes: u32) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", f64::from(bytes) / 1024.0),
        _ => format!("{:.1} MiB", f64::from(bytes) / 1_048_576.0),
    }
}

/// The first line that says something, cut to a readable length.
pub fn summary(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let mut kept: String = line.chars().take(SUMMARY_CHARS).collect();
    if kept.len() < line.len() || text.trim().contains('\n') {
        kept.push('…');
    }
    kept
}

/// `#work #idea`, with a space before, or nothing.
pub fn tags(tags: &[String]) -> String {
    tags.iter().map(|tag| format!("  #{tag}")).collect()
}

/// One line of a list of notes.
pub fn note_line(note: &Note) -> String {
    let state = match note.state {
        NoteState::Current => "",
        NoteState::Conflict => "  (conflict)",
        NoteState::Archived => "  (archived)",
    };
    let (id, at, device) = (short(&note.note), local(&note.at), &note.device_name);
    let names: Vec<&str> = note.attachments.iter().map(|one| one.name.as_str()).collect();
    let carried =
        if names.is_empty() { String::new() } else { format!("  [{}]", names.join(", ")) };
    let heard = note.attachments.iter().filter_map(|one| one.transcript.as_ref());
    let heard: Vec<&str> = heard.map(|heard| heard.text.as_str()).collect();
    let text = match note.text.trim() {
        "" => summary(&heard.join(" ")),
        _ => summary(&note.text),
    };
    format!("{id}  {at}  {device}: {text}{carried}{}{state}", tags(&note.tags))
}

/// `[-old-]` and `{+new+}` among the words that stayed, every line indented.
pub fn word_diff(spans: &[DiffSpan]) -> String {
    let marked: String = spans
        .iter()
        .map(|span| match span.change {
            DiffChange::Same => span.text.clone(),
            DiffChange::Added => format!("{{+{}+}}", span.text),
            DiffChange::Removed => format!("[-{}-]", span.text),
        })
        .collect();
    indented(&marked)
}

/// Each line behind a bar.
pub fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    | {line}\n")).collect()
}

/// A role in one word.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Anchor => "anchor",
        Role::Node => "node",
        Role::Capture => "capture",
    }
}

/// A state in one word.
pub fn state(state: SyncState) -> &'static str {
    match state {
        SyncState::Synced => "synced",
        SyncState::Behind => "behind",
        SyncState::Ahead => "ahead",
        SyncState::Conflict => "conflict",
        SyncState::Stale => "stale",
        SyncState::Offline => "offline",
        SyncState::Unknown => "unknown",
        SyncState::Revoked => "revoked",
        SyncState::Forked => "forked",
    }
}

/// Whether a peer that failed this way may simply not be there.
pub fn is_absence(code: Code) -> bool {
    code == Code::Offline
}

/// The text without signs that steer a terminal, and without those that make a line read otherwise than it is. Single
/// marks of direction stay: right-to-left text needs them.
pub fn printable(text: &str) -> String {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |c: char| (c.is_control() && c != '\n' && c != '\t') || turns(c);
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_readers_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(local_in("2026-11-22T09:30:00.000+05:30", berlin), "2026-11-22 05:00");
        assert_eq!(local("never"), "never");
    }

    #[test]
    fn a_summary_is_one_line_that_says_something() {
        assert_eq!(summary("\n  buy milk\n"), "buy milk");
        assert_eq!(summary("buy milk\nand bread"), "buy milk…");
        assert_eq!(summary(&"ನ".repeat(100)).chars().count(), SUMMARY_CHARS + 1);
    }

    #[test]
    fn a_word_diff_marks_what_came_and_went() {
        let span = |change, text: &str| DiffSpan { change, text: text.into() };
        let diff = [
            span(DiffChange::Same, "buy "),
            span(DiffChange::Removed, "milk"),
            span(DiffChange::Added, "oat milk"),
        ];
        assert_eq!(word_diff(&diff), "    | buy [-milk-]{+oat milk+}\n");
    }

    #[test]
    fn a_note_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}c\n\td"), "a\u{fffd}[2Jb\u{fffd}c\n\td");
        assert_eq!(printable("a\u{202e}b"), "a\u{fffd}b");
    }
}
