//! What a session claims of a repository, against what the repository says.

use std::collections::BTreeSet;

use crate::body::{Difference, Differs, MAX_LINES, RepoCheck, RepoState, Work};

/// What a repository says of the time since a session began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Happened {
    /// Commits since then, whole ids, newest first.
    pub commits: Vec<String>,
    /// Files that these commits changed, and files that differ from the newest commit and did not when it began.
    pub files: BTreeSet<String>,
    /// Commits that were claimed and are there, though older.
    pub older: BTreeSet<String>,
}

/// Bytes of differences that an event tells: with the rest they fit a body.
const TOLD_BYTES: usize = 8 * 1024;
/// The fewest digits by which a commit can be named.
const COMMIT_DIGITS: usize = 4;

/// Compares the claims with what happened.
pub fn check(work: &Work, state: RepoState, happened: &Happened) -> RepoCheck {
    let mut differences = BTreeSet::new();
    let mut add = |what, name: &str| {
        let name = name.chars().take(200).collect();
        differences.insert(Difference { what, name });
    };
    let claimed: Vec<String> = work.commits.iter().map(|line| commit_in(line)).collect();
    let names =
        |claim: &str, commit: &str| claim.len() >= COMMIT_DIGITS && commit.starts_with(claim);
    for (claim, line) in claimed.iter().zip(&work.commits) {
        let here = happened.commits.iter().any(|commit| names(claim, commit));
        if !here && !happened.older.contains(claim) {
            add(Differs::NoSuchCommit, line);
        }
    }
    for commit in &happened.commits {
        if !claimed.iter().any(|claim| names(claim, commit)) {
            add(Differs::UnclaimedCommit, commit);
        }
    }
    let files: BTreeSet<&str> =
        work.files.iter().map(|file| file.trim_start_matches("./")).collect();
    for file in &files {
        if !happened.files.contains(*file) {
            add(Differs::UntouchedFile, file);
        }
    }
    for file in &happened.files {
        if !files.contains(file.as_str()) {
            add(Differs::UnclaimedFile, file);
        }
    }
    let found = differences.len() as u64;
    let mut room = TOLD_BYTES;
    let fits = |one: &Difference| {
        room = room.saturating_sub(one.name.len());
        room > 0
    };
    let differences = differences.into_iter().take_while(fits).take(MAX_LINES).collect();
    RepoCheck { state, differences, found }
}

/// A claim names a commit by its first word.
pub fn commit_in(line: &str) -> String {
    line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase()
}

/// A difference as people read it.
pub fn words(difference: &Difference) -> String {
    let name = &difference.name;
    match difference.what {
        Differs::NoSuchCommit => format!("commit {name} was claimed and is not there"),
        Differs::UnclaimedCommit => format!("commit {name} was made and not claimed"),
        Differs::UntouchedFile => format!("{name} was claimed and is as it was"),
        Differs::UnclaimedFile => format!("{name} was changed and not claimed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_is_held_against_what_happened() {
        let lines = |of: &[&str]| of.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let work = Work {
            commits: lines(&["abcd12 fix the parser", "dead00"]),
            files: lines(&["./src/a.rs", "src/never.rs"]),
            ..Work::default()
        };
        let state = RepoState { head: None, branch: None, dirty: vec![] };
        let happened = Happened {
            commits: lines(&["abcd1234", "eeee5678"]),
            files: lines(&["src/a.rs", "src/b.rs"]).into_iter().collect(),
            older: BTreeSet::new(),
        };
        let found = check(&work, state, &happened);
        let said: Vec<String> = found.differences.iter().map(words).collect();
        assert_eq!(
            said,
            [
                "commit dead00 was claimed and is not there",
                "commit eeee5678 was made and not claimed",
                "src/never.rs was claimed and is as it was",
                "src/b.rs was changed and not claimed",
            ]
        );
    }
}
