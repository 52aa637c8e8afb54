use super::super::vault::MAX_BY_BYTES;
use super::super::{Body, MAX_REPLACES};
use super::*;

fn close(work: Work) -> Body {
    let session = EventId([1; 32]);
    Body::SessionClose(SessionClose { session, work, replaces: vec![], repo: None })
}

#[test]
fn what_is_said_of_sessions_has_limits() {
    let lines = |line: &str, count: usize| vec![line.to_owned(); count];
    assert_eq!(close(Work::default()).check_limits(), Ok(()));
    let wrong = [
        Work { now: "x".repeat(MAX_NOW_BYTES + 1), ..Work::default() },
        Work { loops: lines("x", MAX_LINES + 1), ..Work::default() },
        Work { files: lines(&"x".repeat(MAX_LINE_BYTES + 1), 1), ..Work::default() },
        Work { next: lines(" ", 1), ..Work::default() },
        Work { decisions: lines("two\nlines", 1), ..Work::default() },
        Work { errors: lines(&"x".repeat(MAX_LINE_BYTES), 48), ..Work::default() },
    ];
    for work in wrong {
        assert!(close(work.clone()).check_limits().is_err(), "{work:?}");
    }
    for name in ["Mirror", ".git", "a/b", "a b", "a.", &"a".repeat(65)] {
        assert!(check_project(name).is_err(), "{name}");
    }
    for name in ["", "mirror-dna", "a.b_c9"] {
        assert_eq!(check_project(name), Ok(()), "{name}");
    }
}

#[test]
fn the_largest_of_each_fits_a_body() {
    let limit = mirror_protocol::limits::MAX_BODY_BYTES;
    let line = "x".repeat(MAX_LINE_BYTES - 1);
    let work = Work { loops: vec![line; MAX_WORK_BYTES / MAX_LINE_BYTES], ..Work::default() };
    let hash = BlobId([9; 32]);
    let told = ToldItem {
        kind: 9,
        source: EventId([9; 32]),
        content: hash,
        bytes: u64::MAX,
        trust: 9,
        ok: true,
    };
    let file = "f".repeat(512);
    let state = || RepoState { head: Some(file.clone()), branch: None, dirty: vec![] };
    let open = SessionOpen {
        agent: "a".repeat(MAX_BY_BYTES),
        project: "p".repeat(MAX_PROJECT_BYTES),
        head: CanonicalHead([9; 32]),
        context: hash,
        coherence: 10_000,
        refused: false,
        items: vec![told; MAX_ITEMS],
        closes: vec![EventId([9; 32]); MAX_REPLACES],
        repo: Some(state()),
        name: None,
    };
    for body in [close(work), Body::SessionOpen(open)] {
        assert_eq!(body.check_limits(), Ok(()));
        assert!(body.encode().len() <= limit, "{:?}: {}", body.kind(), body.encode().len());
    }
}
