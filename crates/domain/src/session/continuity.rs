//! `continuity.md`: where a project stands, in a file that people edit too.
//!
//! The file follows from the closes; what a person wrote into it since stays. Two of them merge by sections, line by line:
//! what one side added is added, what one side took out is out.

use std::collections::BTreeSet;
use std::fmt::Write;

use mirror_protocol::{CanonicalHead, EventId};
use sha2::{Digest, Sha256};

use crate::body::Work;

/// What the file's front matter begins with.
const FORM: &str = "mirror: continuity/1";
/// Bytes that may differ in a file of one length before that is an edit and no damage.
const DAMAGED_BYTES: usize = 2;

/// Where a project's file lies in the vault.
pub fn path_of(project: &str) -> String {
    in_project(project, "continuity.md")
}

/// Where a project's distillate of this name lies.
pub fn distillate_path(project: &str, name: &str) -> String {
    in_project(project, &format!("distillates/{name}"))
}

fn in_project(project: &str, rest: &str) -> String {
    if project.is_empty() { rest.to_owned() } else { format!("projects/{project}/{rest}") }
}

/// What one close says, as the file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Who: the agent and the device.
    pub by: String,
    /// What it did.
    pub work: Work,
    /// It ended without a close.
    pub recovered: bool,
    /// Differences between its claims and the repository, in words.
    pub differences: Vec<String>,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuity {
    /// The project.
    pub project: String,
    /// Where the history stood.
    pub head: CanonicalHead,
    /// The session that closed last.
    pub session: EventId,
    /// The device that writes.
    pub device: String,
    /// When, as RFC 3339.
    pub written: String,
    /// What stands behind the front matter.
    pub body: String,
}

/// The body that follows from the latest closes, the newest first: others are concurrent with it, and none is chosen.
pub fn body_of(project: &str, closes: &[Closed]) -> String {
    let name = if project.is_empty() { "everything" } else { project };
    let mut text = format!("# Continuity: {name}\n\n## Now\n\n");
    for (index, closed) in closes.iter().enumerate() {
        let now = closed.work.now.trim();
        let now = if now.is_empty() { "(nothing was said)" } else { now };
        let mark = if closed.recovered { " (ended without a close)" } else { "" };
        match (index, closed.recovered) {
            (0, false) => text.push_str(&format!("{}\n", indented(now))),
            _ => text.push_str(&format!("{}{mark}: {}\n", closed.by, indented(now))),
        }
    }
    let union = |list: &dyn Fn(&Work) -> &Vec<String>| -> Vec<String> {
        let mut seen = BTreeSet::new();
        let lines = closes.iter().flat_map(|closed| list(&closed.work));
        lines.filter(|line| seen.insert(line.as_str())).cloned().collect()
    };
    section(&mut text, "Next", &union(&|work| &work.next));
    section(&mut text, "Open loops", &union(&|work| &work.loops));
    section(&mut text, "Since last time", &closes.iter().flat_map(since).collect::<Vec<_>>());
    text
}

fn since(closed: &Closed) -> Vec<String> {
    let by = &closed.by;
    let list = |what: &str, list: &[String]| {
        (!list.is_empty()).then(|| format!("{by}, {what}: {}", list.join("; ")))
    };
    let work = &closed.work;
    let said = [
        list("decided", &work.decisions),
        list("files", &work.files),
        list("commits", &work.commits),
        list("errors", &work.errors),
        list("claimed otherwise than the repository says", &closed.differences),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    if said.is_empty() { vec![format!("{by}: nothing was recorded")] } else { said }
}

/// A heading in prose would end its section.
fn indented(prose: &str) -> String {
    let line = |line: &str| {
        if line.starts_with('#') || line.starts_with("---") {
            format!(" {line}")
        } else {
            line.to_owned()
        }
    };
    prose.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    let _ = write!(text, "\n## {title}\n\n");
    if lines.is_empty() {
        text.push_str("- none\n");
    }
    lines.iter().for_each(|line| {
        let _ = writeln!(text, "- {line}");
    });
}

impl Continuity {
    /// The file's text.
    pub fn render(&self) -> String {
        let Self { project, head, session, device, written, body } = self;
        let sum = sum(body);
        format!(
            "---\n{FORM}\nproject: {project}\nhead: {head}\nsession: {session}\ndevice: {device}\nwritten: {written}\n\
             sha256: {sum}\n---\n{body}"
        )
    }
}

/// The SHA-256 of a body, as the front matter holds it.
pub fn sum(body: &str) -> String {
    Sha256::digest(body).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The front matter's lines and the body; nothing when it is no such file.
pub fn split(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("---\n")?;
    let (front, body) = rest.split_once("\n---\n")?;
    front.lines().any(|line| line == FORM).then_some((front, body))
}

/// What a front matter says of one thing.
pub fn said<'t>(front: &'t str, name: &str) -> Option<&'t str> {
    front.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What became of a file that lies otherwise than it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Somebody edited it.
    Edit,
    /// Its bytes were damaged, or what only we write was changed.
    Damage(&'static str),
}

/// Tells an edit from damage, as well as can be done: an edit is text, leaves the front matter's facts as they are, and
/// is more than a byte or two exchanged in place. What is taken for damage by mistake is kept, and a person can accept it.
pub fn judge(before: &[u8], after: &[u8]) -> Change {
    let Ok(text) = std::str::from_utf8(after) else {
        return Change::Damage("it is no text any more");
    };
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Change::Damage("it holds control signs");
    }
    if before.len() == after.len() {
        let differ = before.iter().zip(after).filter(|(a, b)| a != b).count();
        if differ <= DAMAGED_BYTES {
            return Change::Damage("single bytes of it were exchanged in place");
        }
    }
    let unix = text.replace("\r\n", "\n");
    let Some((front, _)) = split(&unix) else {
        return Change::Damage("its front matter is gone");
    };
    let before = String::from_utf8_lossy(before);
    let Some((old, _)) = split(&before) else { return Change::Edit };
    let facts = ["project", "head", "session", "device", "written", "sha256"];
    if facts.iter().any(|name| said(old, name) != said(front, name)) {
        return Change::Damage("what only MirrorDNA writes in its front matter was changed");
    }
    Change::Edit
}

/// The titles and lines of a body's sections; what stands before the first is one without a title.
fn sections(body: &str) -> Vec<(&str, Vec<&str>)> {
    let mut sections = vec![("", Vec::new())];
    for line in body.lines() {
        match line.strip_prefix("## ") {
            Some(title) => sections.push((title.trim(), Vec::new())),
            None => {
                if let Some((_, lines)) = sections.last_mut() {
                    lines.push(line);
                }
            }
        }
    }
    sections
}

/// Merges two bodies over what both come from. Within a section the lines of `ours` stay in order, without what `theirs`
/// took out, and with what it added behind them.
pub fn merge(base: &str, ours: &str, theirs: &str) -> String {
    let (base, ours, theirs) = (sections(base), sections(ours), sections(theirs));
    let lines = |of: &[(&str, Vec<&str>)], title: &str| -> Vec<String> {
        let of = of.iter().filter(|(one, _)| *one == title).flat_map(|(_, lines)| lines);
        of.filter(|line| !line.trim().is_empty() && **line != "- none")
            .map(|l| (*l).to_owned())
            .collect()
    };
    let mut titles: Vec<&str> = Vec::new();
    for (title, _) in ours.iter().chain(&theirs) {
        if !titles.contains(title) {
            titles.push(title);
        }
    }
    let mut text = String::new();
    for title in titles {
        let (old, mine, other) = (lines(&base, title), lines(&ours, title), lines(&theirs, title));
        let taken_out = |line: &String| old.contains(line) && !other.contains(line);
        let mut merged: Vec<&String> = mine.iter().filter(|line| !taken_out(line)).collect();
        // What theirs had from the base and ours took out stays out.
        merged.extend(other.iter().filter(|line| !mine.contains(line) && !old.contains(line)));
        if title.is_empty() {
            merged.iter().for_each(|line| {
                let _ = writeln!(text, "{line}");
            });
            continue;
        }
        let _ = write!(text, "\n## {title}\n\n");
        if merged.is_empty() {
            text.push_str("- none\n");
        }
        merged.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
    }
    text
}

/// Merges two whole files over what both come from, as a proposal: the front matter is `ours`, with the merged body's hash.
/// Nothing when one of them is no such file.
pub fn merge_files(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let body = |text| split(text).map(|(_, body)| body);
    let (front, mine) = split(ours)?;
    let merged = merge(body(base).unwrap_or_default(), mine, body(theirs)?);
    let line = |line: &str| match line.starts_with("sha256: ") {
        true => format!("sha256: {}", sum(&merged)),
        false => line.to_owned(),
    };
    let front: Vec<String> = front.lines().map(line).collect();
    Some(format!("---\n{}\n---\n{merged}", front.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(by: &str, now: &str, loops: &[&str]) -> Closed {
        let loops = loops.iter().map(|line| (*line).to_owned()).collect();
        let work = Work { now: now.into(), loops, ..Work::default() };
        Closed { by: by.into(), work, recovered: false, differences: vec![] }
    }

    fn file(body: &str) -> Continuity {
        Continuity {
            project: "p".into(),
            head: CanonicalHead([1; 32]),
            session: EventId([2; 32]),
            device: "Mac".into(),
            written: "2026-11-24T12:00:00.000+00:00".into(),
            body: body.into(),
        }
    }

    #[test]
    fn closes_that_knew_nothing_of_each_other_all_stand_in_it() {
        let body = body_of(
            "p",
            &[closed("Mac", "writing", &["a", "b"]), closed("Desk", "reading", &["b", "c"])],
        );
        assert!(body.contains("writing\nDesk: reading\n") && body.contains("- a\n- b\n- c\n"));
        let text = file(&body).render();
        let (front, read) = split(&text).unwrap();
        assert_eq!((said(front, "sha256").unwrap(), read), (&*sum(&body), &*body));
    }

    #[test]
    fn prose_can_not_open_another_section() {
        let body = body_of("p", &[closed("Mac", "## Next\n---\nobey", &[])]);
        assert_eq!(body.matches("\n## Next").count(), 1);
        assert!(!body.contains("\n---"));
    }

    #[test]
    fn an_edit_is_told_from_damage() {
        let before = file("## Now\n\nwriting the parser\n").render();
        let edit = before.replace("writing the parser", "the parser is done");
        assert_eq!(judge(before.as_bytes(), edit.as_bytes()), Change::Edit);
        let mut bytes = before.clone().into_bytes();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert!(matches!(judge(before.as_bytes(), &bytes), Change::Damage(_)), "at {at}");
            bytes[at] ^= 1;
        }
        let forged = before.replace("session: 02", "session: 0303");
        assert!(matches!(judge(before.as_bytes(), forged.as_bytes()), Change::Damage(_)));
        assert!(matches!(judge(before.as_bytes(), b""), Change::Damage(_)));
        let windows = edit.replace('\n', "\r\n");
        assert_eq!(judge(before.as_bytes(), windows.as_bytes()), Change::Edit);
    }

    #[test]
    fn two_files_merge_by_sections_and_keep_what_either_added() {
        let base = body_of("p", &[closed("Mac", "a", &["one", "two"])]);
        let ours = body_of("p", &[closed("Mac", "b", &["two", "three"])]);
        let theirs = base.replace("- two\n", "- two\n- by hand\n");
        let merged = merge(&base, &ours, &theirs);
        assert!(
            merged.contains("- two\n- three\n- by hand\n") && !merged.contains("- one"),
            "{merged}"
        );
        assert_eq!(merge(&base, &base, &base), base);
        let whole =
            merge_files(&file(&base).render(), &file(&ours).render(), &file(&theirs).render());
        let whole = whole.unwrap();
        let (front, body) = split(&whole).unwrap();
        assert_eq!((said(front, "sha256").unwrap(), body), (&*sum(&merged), &*merged));
    }
}
