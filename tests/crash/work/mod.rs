//! The workloads: each prepares a folder, works in it on the crash file system, and says what of it is left after a cut.
//!
//! To add one, write its three functions in a file here and name it in [`all`].

mod carry;
mod command;
mod found;
mod home;
mod notes;
mod two;
mod vault;
pub mod writers;

use std::collections::BTreeSet;
use std::io::{Write, stdout};
use std::path::PathBuf;

use mirror_node::view::Code;
use mirror_node::{Error, Result};

/// What a check found; or what is wrong in itself.
pub type Checked = std::result::Result<BTreeSet<String>, String>;

/// Where a workload works.
pub struct Place {
    /// On the crash file system; in a check, a copy of what a cut left.
    pub dir: PathBuf,
    /// Beside it, where no power is cut: what a workload is given.
    pub aside: PathBuf,
}

/// Work whose promises are checked.
pub struct Workload {
    pub name: &'static str,
    /// Its acknowledgements are one history: what is there later has all that is earlier.
    pub in_order: bool,
    /// What is there before the work begins, and has to stay.
    pub before: &'static [&'static str],
    /// Its system calls are few and its errors are ours, so that each can be made to fail.
    pub faults: bool,
    /// Lays down what is there, durable, before the work begins.
    pub prepare: fn(&Place) -> Result<()>,
    /// Says `attempt ID` before and `acked ID` behind each thing that it is promised.
    pub work: fn(&Place) -> Result<()>,
    /// Opens what is left as the program would, and names what is there.
    pub check: fn(&Place) -> Checked,
}

/// Every workload of the product.
pub fn all() -> Vec<Workload> {
    let mut all = vec![home::INIT];
    all.extend([notes::CAPTURE, notes::FILES, notes::EDIT, notes::FORGET, notes::REBUILD]);
    all.extend([
        carry::IMPORT,
        carry::EXPORT,
        vault::VAULT,
        vault::CLOSE,
        command::COMMAND,
        two::JOIN,
        two::RECONCILE,
    ]);
    all
}

/// A workload of the product, or a writer of known quality.
pub fn find(name: &str) -> Option<Workload> {
    all().into_iter().chain(writers::all()).find(|workload| workload.name == name)
}

fn say(word: &str, id: &str) -> Result<()> {
    let mut out = stdout().lock();
    let said = out.write_all(format!("{word} {id}\n").as_bytes()).and_then(|()| out.flush());
    said.map_err(|error| Error::new(Code::Io, format!("standard output: {error}"), "none"))
}

/// Says what is tried, does it, and says that it is done.
fn promise<T>(id: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say("attempt", id)?;
    let done = work()?;
    say("acked", id)?;
    Ok(done)
}
