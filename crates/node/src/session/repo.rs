//! A git repository, asked read-only through `git` itself, with a limit on its time.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mirror_domain::body::{MAX_LINES, RepoState, Work};
use mirror_domain::session::repo::{Happened, commit_in};

/// The most that is read of one answer.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
/// Commits that are told of one session.
const MAX_COMMITS: &str = "--max-count=256";
/// Bytes of files' names that an event tells: with the rest they fit a body.
const DIRTY_BYTES: usize = 8 * 1024;
/// How often an answer is looked for.
const LOOK: Duration = Duration::from_millis(1);

/// How long a repository may take while an agent waits to begin.
pub const SHORTLY: Duration = Duration::from_millis(400);
/// How long when a session ends.
pub const PATIENTLY: Duration = Duration::from_secs(10);

/// One question; nothing when there is no repository, no `git`, or no answer in time.
fn git(folder: &Path, within: Duration, args: &[&str]) -> Option<Vec<u8>> {
    let mut command = Command::new("git");
    // Nothing that the repository itself configures may run.
    command.args([
        "--no-optional-locks",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
    ]);
    command.arg("-C").arg(folder).args(args);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF"] {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let stdout = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut answer = Vec::new();
        stdout.take(MAX_ANSWER).read_to_end(&mut answer).ok().map(|_| answer)
    });
    let end = Instant::now() + within;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(LOOK),
            _ => break None,
        }
    };
    if status.is_none() {
        // A child that can't be killed is not waited for.
        let _ = child.kill();
        let _ = child.wait();
    }
    let answer = reader.join().ok()??;
    status.filter(|status| status.success()).map(|_| answer)
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = String> + '_ {
    let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.map(|part| String::from_utf8_lossy(part).into_owned())
}

/// A repository as it stands, and all files that differ from its newest commit.
pub fn state(folder: &Path, within: Duration) -> Option<(RepoState, BTreeSet<String>)> {
    let args = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"];
    let answer = git(folder, within, &args)?;
    let (mut head, mut branch, mut dirty) = (None, None, BTreeSet::new());
    let mut lines = parts(&answer);
    while let Some(line) = lines.next() {
        let word = |n: usize| line.splitn(n + 1, ' ').nth(n).map(str::to_owned);
        match line.split(' ').next() {
            Some("#") => match line.split_once("branch.oid ").zip(Some(())) {
                Some(((_, oid), ())) if oid != "(initial)" => head = Some(oid.to_owned()),
                _ => {
                    let name = line.split_once("branch.head ").map(|(_, name)| name.to_owned());
                    branch = branch.or(name.filter(|name| name != "(detached)"));
                }
            },
            Some("1") => dirty.extend(word(8)),
            Some("2") => {
                dirty.extend(word(9));
                // Where it was renamed from.
                dirty.extend(lines.next());
            }
            Some("u") => dirty.extend(word(10)),
            Some("?") => dirty.extend(word(1)),
            _ => {}
        }
    }
    let mut room = DIRTY_BYTES;
    let fits = |file: &&String| {
        room = room.saturating_sub(file.len());
        room > 0
    };
    let told = dirty.iter().take_while(fits).take(MAX_LINES).cloned().collect();
    Some((RepoState { head, branch, dirty: told }, dirty))
}

/// What happened since a session began, and how the repository stands now.
pub fn happened(folder: &Path, before: &RepoState, work: &Work) -> Option<(RepoState, Happened)> {
    let (now, dirty) = state(folder, PATIENTLY)?;
    let mut happened = Happened::default();
    if let Some(head) = now.head.as_deref().filter(|head| before.head.as_deref() != Some(head)) {
        let range = match &before.head {
            Some(before) => format!("{before}..{head}"),
            None => head.to_owned(),
        };
        let log = git(folder, PATIENTLY, &["log", "-z", "--format=%H", MAX_COMMITS, &range, "--"])?;
        happened.commits = parts(&log).map(|line| line.trim().to_owned()).collect();
        let changed = match &before.head {
            Some(before) => git(
                folder,
                PATIENTLY,
                &["diff", "--name-only", "-z", "--no-ext-diff", before, head, "--"],
            ),
            None => git(folder, PATIENTLY, &["ls-tree", "-r", "--name-only", "-z", head]),
        };
        happened.files.extend(parts(&changed?));
    }
    let was_dirty: BTreeSet<&String> = before.dirty.iter().collect();
    happened.files.extend(dirty.iter().filter(|file| !was_dirty.contains(file)).cloned());
    // What was dirty when it began may have been worked on: it is no difference either way.
    let claimed = work.files.iter().map(|file| file.trim_start_matches("./").to_owned());
    happened.files.extend(claimed.filter(|file| was_dirty.contains(file)));
    for claim in work.commits.iter().map(|line| commit_in(line)) {
        let hex = !claim.is_empty() && claim.bytes().all(|b| b.is_ascii_hexdigit());
        let object = format!("{claim}^{{commit}}");
        if hex && git(folder, PATIENTLY, &["rev-parse", "--verify", "--quiet", &object]).is_some() {
            happened.older.insert(claim);
        }
    }
    Some((now, happened))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn run(folder: &Path, args: &[&str]) {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(folder)
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(args);
        assert!(command.output().unwrap().status.success(), "{args:?}");
    }

    #[test]
    fn a_repository_tells_what_happened_since() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(state(path, PATIENTLY).is_none(), "no repository");
        run(path, &["init", "-q"]);
        std::fs::write(path.join("a b.txt"), "1").unwrap();
        run(path, &["add", "."]);
        run(path, &["commit", "-q", "-m", "first"]);
        std::fs::write(path.join("was dirty"), "1").unwrap();
        let (before, _) = state(path, PATIENTLY).unwrap();
        assert_eq!(before.dirty, ["was dirty"]);
        std::fs::write(path.join("a b.txt"), "2").unwrap();
        run(path, &["commit", "-q", "-a", "-m", "second"]);
        std::fs::write(path.join("नया"), "1").unwrap();
        let (now, happened) = happened(path, &before, &Work::default()).unwrap();
        assert_eq!(happened.commits, [now.head.unwrap()]);
        let files: Vec<&str> = happened.files.iter().map(String::as_str).collect();
        assert_eq!(files, ["a b.txt", "नया"]);
    }
}
