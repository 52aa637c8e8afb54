//! The command line as people and scripts type it. `mirror help` prints what stands here.

mod agent;
mod backup;
mod blob;
mod map;
mod session;
mod speech;
mod vault;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};
use mirror_node::view::Role;

use crate::values::{self, TakeArg};

pub use agent::{Agent, Hook, KnownAgent, Scope};
pub use backup::{Backup, Unseal};
pub use blob::Blob;
pub use map::{Map, MapChange};
pub use session::{Distill, Format, Session, SessionOpenArgs};
pub use speech::{Speech, Transcribe};
pub use vault::{Vault, VaultAuthor};

/// Notes on every device of yours, and nowhere else.
#[derive(Debug, Parser)]
#[command(name = "mirror", version, color = ColorChoice::Never, after_help = START)]
pub struct Cli {
    /// The folder this device keeps everything in [default: the system's data directory]
    #[arg(long, global = true, env = "MIRROR_HOME", hide_env_values = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Answer in JSON: one document, or one object a line for lists
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

const START: &str = "\
Start here:
  mirror init --name Mac                first device, new mesh
  mirror note add \"Buy milk\"            capture a note
  mirror invite --wait                  let another device in; type its ticket there:
  mirror join TICKET --name Pixel
  mirror reconcile                      exchange what either lacks

Exit codes: 0 done, 1 failed, 2 usage, 3 conflicts wait for you, 4 integrity failure, 5 refused.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make this the first device of a new mesh
    #[command(after_help = "Example:\n  mirror init --name Mac")]
    Init(Init),
    /// Let one new device into the mesh
    #[command(
        after_help = "Examples:\n  mirror invite              while `mirror serve` or the app \
        runs on this home\n  mirror invite --wait       serve until the device has joined\n  \
        mirror invite --role capture --wait"
    )]
    Invite(Invite),
    /// Join the mesh that a ticket invites to
    #[command(after_help = "Example:\n  mirror join TICKET --name Pixel")]
    Join(Join),
    /// List, rename or revoke the devices of the mesh
    #[command(
        subcommand,
        after_help = "Examples:\n  mirror device list\n  \
        mirror device rename Pixel \"Old phone\""
    )]
    Device(Device),
    /// List, fetch and ask for the files and recordings of notes
    #[command(
        subcommand,
        after_help = "Examples:\n  mirror blob list\n  mirror blob get 3f2a -o memo.m4a\n  \
        mirror blob want 3f2a"
    )]
    Blob(Blob),
    /// Capture, edit, read and archive notes
    #[command(
        subcommand,
        after_help = "Examples:\n  mirror note add \"Buy milk\" --tag home\n  \
        mirror note list --limit 20"
    )]
    Note(Note),
    /// Write, read, roll back and check the vault's files
    #[command(
        subcommand,
        after_help = "Examples:\n  mirror vault write notes/plan.md < plan.md\n  \
        mirror vault history notes/plan.md"
    )]
    Vault(Vault),
    /// Open, checkpoint and close agents' sessions, with verified memory
    #[command(
        subcommand,
        after_help = "Examples:\n  mirror session open --agent claude-code --project mirror\n  \
        mirror session close --from done.json\n  mirror session related \"byte offsets\" --path src/parser.rs"
    )]
    Session(Session),
    /// Seal, list and verify distillates
    #[command(
        subcommand,
        after_help = "Examples:\n  mirror distill seal parser.md --project mirror --from 3f2a\n  \
        mirror distill list --project mirror\n  mirror distill verify"
    )]
    Distill(Distill),
    /// Let agents use the memory: install and take out their hooks
    #[command(
        subcommand,
        after_help = "Examples:\n  mirror agent install claude-code\n  mirror agent uninstall claude-code"
    )]
    Agent(Agent),
    /// Answer an agent's hook: JSON in, JSON out
    #[command(after_help = "Example:\n  mirror hook claude-code SessionStart < event.json\n\n\
        For an agent's settings, not for people; see `mirror agent install`. It always exits 0.")]
    Hook(Hook),
    /// Forget a note for good, on every device; its place in the history stays
    #[command(after_help = "Examples:\n  mirror forget 3f2a --reason \"a password\"\n  \
        mirror forget 9c41 --reason \"a name\"     one later revision alone\n\n\
        Nothing brings it back. The reason stays in the log: leave the secret out of it.\n\
        A device forgets what it wrote itself, an anchor anything.")]
    Forget(Forget),
    /// Find notes by their text
    #[command(after_help = "Example:\n  mirror search milk --limit 5")]
    Search(Search),
    /// Show events in canonical order, newest first
    #[command(after_help = "Example:\n  mirror log --limit 20")]
    Log(Log),
    /// Show where this home's history stands
    #[command(after_help = "Example:\n  mirror head --json\n\n\
        Two devices with one head have one history.")]
    Head,
    /// Recompute everything and name the first bad record
    #[command(after_help = "Example:\n  mirror verify --deep\n\nExits 4 when something is bad.")]
    Verify(Verify),
    /// Write a bundle file for another device
    #[command(after_help = "Example:\n  mirror export --for Mac -o phone.bundle")]
    Export(Export),
    /// Read a bundle file from another device
    #[command(after_help = "Example:\n  mirror import phone.bundle")]
    Import(Import),
    /// Be reachable for the other devices until stopped
    #[command(after_help = "Example:\n  mirror serve --listen 0.0.0.0:7440\n\n\
        The first line names the device and its address; port 0 picks a free one.")]
    Serve(Serve),
    /// Exchange with other devices what either lacks
    #[command(after_help = "Examples:\n  mirror reconcile\n  mirror reconcile --with Mac\n  \
        mirror reconcile --with phone.bundle\n\nExits 3 when conflicts wait for you.")]
    Reconcile(Reconcile),
    /// Show the notes that two devices changed at once
    #[command(after_help = "Example:\n  mirror conflicts")]
    Conflicts,
    /// Settle a conflict
    #[command(after_help = "Examples:\n  mirror resolve 3f2a --take merged\n  \
        mirror resolve 3f2a --take file:merged.md")]
    Resolve(Resolve),
    /// Print the morning page: yesterday's notes, by device, with what needs you
    #[command(after_help = "Example:\n  mirror standup --date 2026-11-23 --zone Europe/Berlin")]
    Standup(Standup),
    /// Write down what was said in recordings, with the chosen speech model
    #[command(
        after_help = "Examples:\n  mirror transcribe           what waits for a transcript\n  \
        mirror transcribe 3f2a      one note's recordings, anew\n  mirror transcribe --all     what failed before, too"
    )]
    Transcribe(Transcribe),
    /// Choose the model that turns speech into text
    #[command(subcommand, after_help = "Example:\n  mirror speech fetch base")]
    Speech(Speech),
    /// Show the devices and how each stands to the others
    #[command(
        after_help = "Examples:\n  mirror map --json\n  mirror map --probe    ask the services of services.toml first\n  \
        mirror map --at 120   as of a clock, see `mirror log`\n  mirror map move Mac 0.3 0.5\n  mirror map group Mac Home"
    )]
    Map(Map),
    /// Keep this device in one sealed file, or make it anew from one
    #[command(
        subcommand,
        after_help = "Examples:\n  mirror backup create -o mac.backup\n  \
        mirror --home new backup restore mac.backup\n  mirror backup verify mac.backup"
    )]
    Backup(Backup),
    /// Find and explain every damage of this home, and mend what can be mended
    #[command(after_help = "Examples:\n  mirror doctor\n  mirror doctor --repair\n  \
        mirror doctor --repair --from desk.bundle    take lost events from another device's bundle\n  \
        mirror doctor --rebuild    rebuild every view from the chains\n\n\
        Exits 4 when something is damaged, 1 when something else needs you. The kinds are in docs/DOCTOR.md.")]
    Doctor(Doctor),
}

#[derive(Debug, Args)]
pub struct Init {
    /// What the other devices call this one
    #[arg(long)]
    pub name: String,
    /// anchor, node or capture
    #[arg(long, default_value = "anchor", value_parser = values::role)]
    pub role: Role,
    /// The folder of Markdown to keep [default: `vault` in the home]
    #[arg(long, value_name = "DIR")]
    pub vault: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Invite {
    /// anchor, node or capture
    #[arg(long, default_value = "node", value_parser = values::role)]
    pub role: Role,
    /// Serve from here and wait until the device has joined
    #[arg(long)]
    pub wait: bool,
    /// With --wait: where to listen [default: a free port on every interface]
    #[arg(long, value_name = "ADDR", requires = "wait")]
    pub listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub struct Join {
    /// What `mirror invite` printed on the other device
    pub ticket: String,
    /// What the other devices call this one [default: this machine's name]
    #[arg(long)]
    pub name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Device {
    /// List the devices and how they stand to this one
    #[command(after_help = "Example:\n  mirror device list --json")]
    List,
    /// Give a device another name
    #[command(after_help = "Example:\n  mirror device rename Pixel \"Old phone\"")]
    Rename {
        /// Its id, the start of it, or its name
        device: String,
        /// The new name
        name: String,
    },
    /// Remove a device from the mesh; what it wrote before stays
    #[command(after_help = "Example:\n  mirror device revoke \"Old phone\"")]
    Revoke {
        /// Its id, the start of it, or its name
        device: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Note {
    /// Capture a note; prints the event's id when it is durable
    #[command(after_help = "Examples:\n  mirror note add \"Buy milk\" --tag home\n  \
        mirror note add - < note.md\n  mirror note add --audio memo.m4a\n  mirror note add --lines < many.txt    every line a note")]
    Add(NoteAdd),
    /// Write a new revision of a note
    #[command(after_help = "Example:\n  mirror note edit 3f2a \"Buy oat milk\"")]
    Edit(NoteEdit),
    /// List notes, newest first
    #[command(after_help = "Examples:\n  mirror note list --limit 20\n  \
        mirror note list --tag home --since 2026-11-22T00:00:00Z --json")]
    List(NoteList),
    /// Show one note
    #[command(after_help = "Example:\n  mirror note show 3f2a --history")]
    Show {
        /// The id of the note or of a revision, or the start of it
        id: String,
        /// Every revision instead of the latest
        #[arg(long)]
        history: bool,
    },
    /// Put a note away; it stays in the history and can be edited back
    #[command(after_help = "Example:\n  mirror note archive 3f2a")]
    Archive {
        /// The id of the note or of a revision, or the start of it
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct NoteAdd {
    /// The note, or `-` to read it from standard input; may be left out with --audio or --file
    #[arg(required_unless_present_any = ["lines", "audio", "files"])]
    pub text: Option<String>,
    /// Make every line of standard input a note
    #[arg(long, conflicts_with_all = ["audio", "files"])]
    pub lines: bool,
    /// A recording that the note carries; may be given several times
    #[arg(long, value_name = "FILE")]
    pub audio: Vec<PathBuf>,
    /// A file that the note carries; may be given several times
    #[arg(long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// When it was thought, if not now
    #[arg(long, value_name = "RFC3339", value_parser = values::instant)]
    pub at: Option<String>,
}

#[derive(Debug, Args)]
pub struct Forget {
    /// The id of the note, with all its revisions, or of a later revision alone; or the start of it
    pub id: String,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Debug, Args)]
pub struct NoteEdit {
    /// The id of the note or of a revision, or the start of it
    pub id: String,
    /// The new text, or `-` to read it from standard input
    pub text: String,
    /// The tags it has from now on, if they change; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// The revision that was edited, if not the one shown now
    #[arg(long, value_name = "ID")]
    pub base: Option<String>,
}

#[derive(Debug, Args)]
pub struct NoteList {
    /// Only notes written at or after this instant
    #[arg(long, value_name = "RFC3339", value_parser = values::instant)]
    pub since: Option<String>,
    /// Only notes with this tag
    #[arg(long)]
    pub tag: Option<String>,
    /// Only notes of this device: its id or the start of it, or its name
    #[arg(long)]
    pub device: Option<String>,
    /// Archived notes too
    #[arg(long)]
    pub archived: bool,
    #[command(flatten)]
    pub page: Page,
}

/// How much of a list, and from where.
#[derive(Debug, Args)]
pub struct Page {
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Go on where the last page ended (its last line's `next`)
    #[arg(long)]
    pub cursor: Option<String>,
}

#[derive(Debug, Args)]
pub struct Search {
    /// Words to find, in any script
    pub query: String,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct Log {
    /// Only events of this chain
    #[arg(long, value_name = "ID")]
    pub chain: Option<String>,
    #[command(flatten)]
    pub page: Page,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// Also recompute every view from the chains
    #[arg(long)]
    pub deep: bool,
}

#[derive(Debug, Args)]
pub struct Export {
    /// The bundle to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Readable by this device alone [default: by every member]
    #[arg(long = "for", value_name = "DEVICE")]
    pub for_device: Option<String>,
    /// Only what came after this head
    #[arg(long, value_name = "HEAD")]
    pub since: Option<String>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The bundle to read
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; port 0 picks a free one [default: a free port on every interface]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub struct Reconcile {
    /// A device (id, start of it, or name), an address or a bundle file
    /// [default: every device that can be reached]
    #[arg(long, value_name = "DEVICE|ADDR|FILE")]
    pub with: Option<String>,
}

#[derive(Debug, Args)]
pub struct Resolve {
    /// The conflict's id, or the start of it
    pub id: String,
    /// ours, theirs, merged (the proposal) or file:PATH (a text of your own)
    #[arg(long, value_name = "CHOICE", value_parser = values::take)]
    pub take: TakeArg,
}

#[derive(Debug, Args)]
pub struct Standup {
    /// The day it is for [default: today]
    #[arg(long, value_name = "DAY", value_parser = values::date)]
    pub date: Option<String>,
    /// The time zone that days are counted in [default: this machine's]
    #[arg(long, value_parser = values::zone)]
    pub zone: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Rebuild every view from the chains; nothing of yours is lost
    #[arg(long)]
    pub rebuild: bool,
    /// Mend what follows from what is still here; nothing is guessed
    #[arg(long)]
    pub repair: bool,
    /// With --repair: a bundle of another device, to take lost events from
    #[arg(long, value_name = "BUNDLE", requires = "repair")]
    pub from: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_an_example() {
        fn look(command: &clap::Command) {
            for command in command.get_subcommands() {
                let name = command.get_name();
                assert!(command.get_about().is_some(), "{name} has no description");
                let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(after.contains("Example"), "{name} has no example");
                assert!(after.contains(&format!("mirror {name}")) || after.contains(name));
                look(command);
            }
        }
        look(&Cli::command());
    }
}
