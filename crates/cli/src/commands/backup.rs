//! `backup`: this device in one sealed file, and back.

use std::path::Path;

use mirror_node::view::{BackedUp, Code, Restored};
use mirror_node::{Lock, Node, Opener};

use super::{Here, at, failed};
use crate::args::{Backup, Unseal};
use crate::output::{Exit, Failure, Output, Result};
use crate::{platform, words};

/// For scripts; a passphrase is never an argument, which others of the machine could see.
const PASSPHRASE: &str = "MIRROR_PASSPHRASE";
/// No passphrase or key file is longer.
const MAX_BYTES: u64 = 64 * 1024;

/// `mirror backup …`
pub fn backup(here: &Here<'_>, command: Backup) -> Result<Exit> {
    match command {
        Backup::Create { output, recipient, passphrase_file } => {
            let node = here.node()?;
            let lock = match recipient.is_empty() {
                true => Lock::Passphrase(passphrase(passphrase_file.as_deref(), true)?),
                false => Lock::Recipients(recipient),
            };
            let written = node.back_up(&output, &lock)?;
            here.out.answer(&written, written_words)?;
            Ok(left_out(here.out, &written))
        }
        Backup::Restore(args) => {
            let restored = Node::restore(&args.file, &opener(&args)?, &here.home)?;
            here.out.answer(&restored, restored_words)?;
            if restored.keys == "file" {
                here.out.note("the keys are in a file that only you can read, not in the keychain");
            }
            Ok(Exit::Done)
        }
        Backup::Verify(args) => {
            let restored = Node::verify_backup(&args.file, &opener(&args)?)?;
            here.out.answer(&restored, |restored| {
                format!("all of it is as it was written:\n{}", contents(restored))
            })?;
            Ok(Exit::Done)
        }
    }
}

fn written_words(written: &BackedUp) -> String {
    let BackedUp { file, events, notes, blobs, bytes, .. } = written;
    let (events, notes) = (words::count(*events, "event"), words::count(*notes, "note"));
    let (blobs, size) =
        (words::count(*blobs, "blob"), words::size(u32::try_from(*bytes).unwrap_or(u32::MAX)));
    format!("wrote {file}: {events}, {notes}, {blobs}, {size}")
}

fn left_out(out: &Output, written: &BackedUp) -> Exit {
    if let Some(first) = written.vault_left_out.first() {
        let count = u32::try_from(written.vault_left_out.len()).unwrap_or(u32::MAX);
        let of = words::count(count, "file");
        let detail =
            format!("the backup is written, without {of} of the vault; the first: {first}");
        return out.complain(Code::Io, &detail, "look at the vault, then back up again");
    }
    let Some(first) = written.left_out.first() else { return Exit::Done };
    let detail = format!(
        "the backup is written, without {} whose files are damaged here; the first is {first}",
        words::count(u32::try_from(written.left_out.len()).unwrap_or(u32::MAX), "blob"),
    );
    out.complain(
        Code::Integrity,
        &detail,
        "reconcile with a device that has them, then back up again",
    )
}

fn restored_words(restored: &Restored) -> String {
    let Restored { home, .. } = restored;
    format!(
        "{}home    {home}\nthe next note opens a new chain of this device; nobody has to admit it again",
        contents(restored)
    )
}

fn contents(restored: &Restored) -> String {
    let Restored {
        device, mesh, name, role, made, head, events, notes, blobs, files, missing, ..
    } = restored;
    let counts = [
        words::count(*events, "event"),
        words::count(*notes, "note"),
        words::count(*blobs, "blob"),
    ];
    let vault = words::count(*files, "file");
    let mut text = format!(
        "device  {device}\nmesh    {mesh}\nname    {name} ({})\nmade    {}\nholds   {}, {vault} in the vault\nhead    {head}\n",
        words::role(*role),
        words::local(made),
        counts.join(", "),
    );
    if let Some(missing) = missing {
        text.push_str(&format!("lacks   {missing}, as the home did when it was backed up\n"));
    }
    text
}

fn opener(args: &Unseal) -> Result<Opener> {
    Ok(match &args.identity {
        Some(file) => Opener::Identity(read(file)?),
        None => Opener::Passphrase(passphrase(args.passphrase_file.as_deref(), false)?),
    })
}

/// From the file, the environment, or a person at a terminal: in this order.
fn passphrase(file: Option<&Path>, new: bool) -> Result<String> {
    let words = match (file, std::env::var(PASSPHRASE)) {
        (Some(file), _) => read(file)?.lines().next().unwrap_or_default().to_owned(),
        (None, Ok(words)) => words,
        (None, Err(_)) => ask(new)?,
    };
    if words.is_empty() {
        return Err(failed(Code::Invalid, "the passphrase is empty", "use several words").into());
    }
    Ok(words)
}

fn ask(new: bool) -> Result<String> {
    let nobody = |_| {
        Failure::usage(
            "there is no passphrase, and no terminal to ask for one",
            format!("set {PASSPHRASE}, or give --passphrase-file FILE"),
        )
    };
    let words = platform::ask_secret("Passphrase: ").map_err(nobody)?;
    if new && platform::ask_secret("The same again: ").map_err(nobody)? != words {
        return Err(
            failed(Code::Invalid, "the two differ", "try again; nothing was written").into()
        );
    }
    Ok(words)
}

fn read(file: &Path) -> Result<String> {
    let read = || {
        use std::io::Read;
        let mut text = String::new();
        std::fs::File::open(file)?.take(MAX_BYTES).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    let place = file.display();
    Ok(read().map_err(|error| at(place, &error.into(), "check the path and its permissions"))?)
}
