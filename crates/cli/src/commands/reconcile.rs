//! `reconcile`: two devices exchange what either lacks.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use mirror_node::view::{BlobProgress, Change, Code, PeerReport, Phase, Progress, ReconcileReport};
use mirror_node::{CancelToken, Error, Node, With};

use super::carry::{conflicts_words, refusal_line};
use super::{Here, failed, find_device};
use crate::args::Reconcile;
use crate::output::{Exit, Failure, Output, Result, exit_of};
use crate::platform::Stop;
use crate::words;

/// `mirror reconcile`
pub fn reconcile(here: &Here<'_>, args: &Reconcile) -> Result<Exit> {
    let node = here.node()?;
    let with = match args.with.as_deref() {
        Some(text) => target(&node, text)?,
        None => With::All,
    };
    let everyone = matches!(with, With::All);
    let report = here.block_on(watched(&node, with))?;
    here.out.answer(&report, report_words)?;
    if report.peers.is_empty() {
        here.out.note("this mesh has no other device yet: let one in with `mirror invite --wait`");
    }
    Ok(ended(here.out, &report, everyone))
}

/// What `--with` names: a device of the mesh before anything else, then an address, then a file.
fn target(node: &Node, text: &str) -> Result<With> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(Failure::usage(
            format!("{scheme}:// is not a link that this version has"),
            "today's links: a device's name or id, an address (host:port), or a bundle file",
        ));
    }
    if let Some(device) = find_device(&node.devices()?, text) {
        return Ok(With::Device(device.device.clone()));
    }
    Ok(if Path::new(text).is_file() {
        With::File(text.into())
    } else if is_address(text) {
        With::Address(text.to_owned())
    } else if text.contains(['/', '\\']) || text.ends_with(".bundle") {
        With::File(text.into())
    } else {
        // The node names what it does not know.
        With::Device(text.to_owned())
    })
}

/// Something and a port.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// Runs it, shows how far it is, and stops it when asked.
async fn watched(node: &Node, with: With) -> Result<ReconcileReport> {
    let mut stop = Stop::listen().map_err(Error::from)?;
    let mut changes = node.subscribe();
    let cancel = CancelToken::default();
    let work = node.reconcile(with, cancel.clone());
    tokio::pin!(work);
    let mut line = ProgressLine::new();
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = stop.asked() => {
                if cancel.is_cancelled() {
                    let hint = "what had arrived whole is kept; reconcile again any time";
                    break Err(failed(Code::Cancelled, "stopped at once", hint));
                }
                cancel.cancel();
            }
            change = changes.recv(), if line.shows() => match change {
                Ok(Change::Progress(progress)) => line.show(&progress_words(&progress)),
                Ok(Change::Blobs(progress)) => line.show(&blobs_words(&progress)),
                Ok(_) => {}
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(_) => line.end(),
            },
        }
    };
    line.end();
    Ok(done?)
}

/// A line on stderr that rewrites itself, on a terminal only.
pub struct ProgressLine {
    shows: bool,
    width: usize,
}

impl ProgressLine {
    pub fn new() -> Self {
        Self { shows: io::stderr().is_terminal(), width: 0 }
    }

    pub fn shows(&self) -> bool {
        self.shows
    }

    pub fn show(&mut self, text: &str) {
        let text = words::printable(text);
        self.write(&text);
        self.width = text.chars().count();
    }

    /// Leaves the terminal as it was found.
    pub fn end(&mut self) {
        if self.shows && self.width > 0 {
            self.write("");
            self.write("");
        }
        self.shows = false;
    }

    fn write(&self, text: &str) {
        let width = self.width;
        // Progress is a courtesy: a terminal that went away is no reason to stop.
        let _ = write!(io::stderr().lock(), "\r{text:<width$}\r{text}");
    }
}

fn progress_words(progress: &Progress) -> String {
    let Progress { name, phase, received, to_receive, sent, to_send, .. } = progress;
    match phase {
        Phase::Connecting => format!("{name}: connecting"),
        Phase::Comparing => format!("{name}: comparing"),
        Phase::Exchanging => {
            format!("{name}: received {received} of {to_receive}, sent {sent} of {to_send}")
        }
        Phase::Committing => format!("{name}: agreeing on the head"),
        Phase::Done => format!("{name}: done"),
        Phase::Failed => format!("{name}: failed"),
        Phase::Cancelled => format!("{name}: stopped"),
    }
}

fn blobs_words(progress: &BlobProgress) -> String {
    let (bytes_in, bytes_out) = (words::size(progress.bytes_in), words::size(progress.bytes_out));
    format!("{}: files, received {bytes_in}, sent {bytes_out}", progress.name)
}

fn report_words(report: &ReconcileReport) -> String {
    let peers: String = report.peers.iter().map(peer_words).collect();
    format!("{peers}head {}\n{}", report.head, conflicts_words(report.conflicts))
}

fn peer_words(peer: &PeerReport) -> String {
    let name = &peer.name;
    let mut text = match &peer.error {
        Some(problem) if words::is_absence(problem.code) => {
            format!("{name}: not reached ({})\n", problem.detail)
        }
        Some(problem) => format!("{name}: {}\n", problem.detail),
        None => {
            let PeerReport { link, round_trips, bytes_in, bytes_out, received, sent, .. } = peer;
            let news = match (received, sent) {
                (0, 0) => "already in step".to_owned(),
                _ => format!("received {received}, sent {sent}"),
            };
            let files = match (peer.blobs_received, peer.blobs_sent) {
                (0, 0) => String::new(),
                (received, sent) => {
                    format!("; {} received, {sent} sent", words::count(received, "blob"))
                }
            };
            let (trips, bytes_in) =
                (words::count(*round_trips, "round trip"), words::size(*bytes_in));
            let bytes_out = words::size(*bytes_out);
            format!("{name}: {news}{files} ({link}, {trips}, {bytes_in} in, {bytes_out} out)\n")
        }
    };
    if peer.quarantined > 0 {
        text.push_str(&format!("  {} wait for what they build on\n", peer.quarantined));
    }
    text.extend(
        peer.stale.iter().map(|stale| format!("  stale: {}: {}", stale.what, stale.reason)),
    );
    text.extend(peer.refused.iter().map(|refusal| format!("  {}", refusal_line(refusal))));
    text
}

/// The exit code, worst first; and on stderr what failed. With everyone asked, a device that is away is no
/// failure as long as another was there.
fn ended(out: &Output, report: &ReconcileReport, everyone: bool) -> Exit {
    let met = report.peers.iter().any(|peer| peer.error.is_none() && peer.ok);
    let mut exits = Vec::new();
    for peer in &report.peers {
        if !peer.refused.is_empty() {
            exits.push(Exit::Refused);
        }
        match &peer.error {
            Some(problem) if everyone && met && words::is_absence(problem.code) => {}
            Some(problem) => {
                let detail = format!("{}: {}", peer.name, problem.detail);
                out.complain(problem.code, &detail, &problem.hint);
                exits.push(exit_of(problem.code));
            }
            None if !peer.ok => exits.push(Exit::Failed),
            None => {}
        }
    }
    if exits.is_empty() && report.conflicts > 0 {
        exits.push(Exit::Conflicts);
    }
    let worst = [Exit::Integrity, Exit::Refused, Exit::Failed, Exit::Conflicts];
    worst.into_iter().find(|exit| exits.contains(exit)).unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use mirror_node::view::Problem;

    use super::*;

    fn peer(error: Option<Code>) -> PeerReport {
        PeerReport {
            device: "ab".repeat(32),
            name: "Pixel".into(),
            link: "iroh".into(),
            ok: error.is_none(),
            round_trips: 1,
            bytes_in: 0,
            bytes_out: 0,
            received: 0,
            sent: 0,
            duplicates: 0,
            quarantined: 0,
            blobs_received: 0,
            blobs_sent: 0,
            blob_bytes_in: 0,
            blob_bytes_out: 0,
            refused: vec![],
            stale: vec![],
            head_before: String::new(),
            head_after: String::new(),
            committed: error.is_none(),
            ms: 1,
            error: error.map(|code| Problem { code, detail: "x".into(), hint: String::new() }),
        }
    }

    fn exit(peers: Vec<PeerReport>, conflicts: u32, everyone: bool) -> Exit {
        let report = ReconcileReport { head: String::new(), conflicts, peers };
        ended(&Output::new(false), &report, everyone)
    }

    #[test]
    fn a_device_that_is_away_fails_only_who_asked_for_it() {
        let away = || peer(Some(Code::Offline));
        assert_eq!(exit(vec![peer(None), away()], 0, true), Exit::Done);
        assert_eq!(exit(vec![away()], 0, false), Exit::Failed);
        assert_eq!(exit(vec![away(), away()], 2, true), Exit::Failed);
        assert_eq!(exit(vec![], 0, true), Exit::Done);
    }

    #[test]
    fn the_worst_is_told() {
        assert_eq!(exit(vec![peer(None)], 1, true), Exit::Conflicts);
        assert_eq!(exit(vec![peer(None), peer(Some(Code::Refused))], 1, true), Exit::Refused);
        let two = vec![peer(Some(Code::Integrity)), peer(Some(Code::Refused))];
        assert_eq!(exit(two, 1, true), Exit::Integrity);
    }

    #[test]
    fn an_address_ends_in_a_port() {
        assert!(is_address("127.0.0.1:7440"));
        assert!(is_address("[::1]:7440"));
        assert!(!is_address("Old phone"));
        assert!(!is_address("phone:"));
    }
}
