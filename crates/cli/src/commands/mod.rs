//! One file for each group of commands; each asks the node once and prints its answer.

mod agent;
mod backup;
mod blobs;
mod carry;
mod conflicts;
mod history;
mod hook;
mod lines;
mod map;
mod membership;
mod morning;
mod notes;
mod paging;
mod pairing;
mod reconcile;
mod serve;
mod session;
mod speech;
mod vault;

use std::future::Future;
use std::path::PathBuf;

use mirror_node::view::{Code, Device};
use mirror_node::{Error, Node};
use tokio::runtime::Builder;

use crate::args::{Cli, Command};
use crate::output::{Exit, Output, Result};

/// The home a command works on, and where its answer goes.
struct Here<'a> {
    home: PathBuf,
    out: &'a Output,
}

/// Does what the command line says.
pub fn run(cli: Cli, out: &Output) -> Result<Exit> {
    let home = cli.home.unwrap_or_else(mirror_node::default_home);
    // Answers name the home, and are read in other folders than this one.
    let home = std::path::absolute(&home).unwrap_or(home);
    let here = Here { home, out };
    match cli.command {
        Command::Init(args) => membership::init(&here, &args),
        Command::Device(args) => membership::device(&here, args),
        Command::Invite(args) => pairing::invite(&here, &args),
        Command::Join(args) => pairing::join(&here, &args),
        Command::Blob(args) => blobs::blob(&here, args),
        Command::Note(args) => notes::note(&here, args),
        Command::Vault(args) => vault::vault(&here, args),
        Command::Session(args) => session::session(&here, args),
        Command::Distill(args) => session::distill(&here, args),
        Command::Hook(args) => hook::hook(&here, &args),
        Command::Agent(args) => agent::agent(&here, args),
        Command::Forget(args) => notes::forget(&here, &args),
        Command::Search(args) => notes::search(&here, &args),
        Command::Log(args) => history::log(&here, args),
        Command::Head => history::head(&here),
        Command::Verify(args) => history::verify(&here, &args),
        Command::Backup(args) => backup::backup(&here, args),
        Command::Doctor(args) => history::doctor(&here, &args),
        Command::Export(args) => carry::export(&here, &args),
        Command::Import(args) => carry::import(&here, &args),
        Command::Serve(args) => serve::serve(&here, &args),
        Command::Reconcile(args) => reconcile::reconcile(&here, &args),
        Command::Conflicts => conflicts::list(&here),
        Command::Resolve(args) => conflicts::resolve(&here, args),
        Command::Standup(args) => morning::standup(&here, &args),
        Command::Transcribe(args) => speech::transcribe(&here, &args),
        Command::Speech(args) => speech::speech(&here, args),
        Command::Map(args) => map::map(&here, args),
    }
}

impl Here<'_> {
    /// The node of this home.
    fn node(&self) -> Result<Node> {
        Ok(Node::open(&self.home)?)
    }

    /// Runs what needs the network; the other commands start without a runtime.
    fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(Error::from)?;
        let done = runtime.block_on(work);
        // What still blocks on the database finishes or dies with the process; both are safe.
        runtime.shutdown_background();
        done
    }
}

/// The one device that a person means by an id, the start of one, or a name.
fn find_device<'a>(devices: &'a [Device], text: &str) -> Option<&'a Device> {
    let mut named = devices.iter().filter(|device| device.name == text);
    let mut begun = devices.iter().filter(|device| device.device.starts_with(text));
    match (named.next(), named.next()) {
        (Some(device), None) => Some(device),
        (None, _) => begun.next().filter(|_| begun.next().is_none() && !text.is_empty()),
        _ => None,
    }
}

/// An error of this side, in the node's terms.
fn failed(code: Code, detail: impl std::fmt::Display, hint: &str) -> Error {
    Error::new(code, detail, hint)
}

/// The same error, told with the place it belongs to.
fn at(place: impl std::fmt::Display, error: &Error, hint: impl Into<String>) -> Error {
    Error::new(error.code, format!("{place}: {}", error.detail), hint)
}
