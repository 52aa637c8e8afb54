//! `mirror session` and `mirror distill`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum Session {
    /// Begin a session; prints what the agent is to know
    #[command(
        after_help = "Examples:\n  mirror session open --agent claude-code --project mirror\n  \
        mirror session open --project mirror --about \"the parser\" --budget 4000 --json\n\n\
        Every item was checked: its bytes, the chain behind it, its causes. Below a coherence of 0.95 nothing is\n\
        told but what is wrong, and the exit code is 4. An earlier session that ended without a close is recovered."
    )]
    Open(SessionOpenArgs),
    /// Say where a session stands, should it end without a close
    #[command(after_help = "Examples:\n  mirror session checkpoint --now \"the tests pass\"\n  \
        mirror session checkpoint --from state.json\n\nWhat is not said stays as it was.")]
    Checkpoint {
        /// The session, or the start of its id [default: the one that is open]
        #[arg(long, value_name = "ID")]
        session: Option<String>,
        /// Where it stands
        #[arg(long, value_name = "TEXT", required_unless_present = "from")]
        now: Option<String>,
        /// The same in JSON, with any of the fields of a close; `-` for standard input
        #[arg(long, value_name = "FILE", conflicts_with = "now")]
        from: Option<PathBuf>,
    },
    /// End a session; writes continuity.md, and holds what is claimed against the repository
    #[command(after_help = "Example:\n  mirror session close --from done.json\n\n\
        The file is a JSON object. It has to say files, commits, decisions, errors and open_loops, each a list of\n\
        texts, [] for none; it may say now, next and distillates. See docs/CONTINUITY.md.")]
    Close {
        /// The session, or the start of its id [default: the one that is open]
        #[arg(long, value_name = "ID")]
        session: Option<String>,
        /// What was done, in JSON; `-` for standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The repository to hold the claims against [default: the folder that the session was opened in]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Show a session, or list them, newest first
    #[command(after_help = "Examples:\n  mirror session show\n  mirror session show 3f2a\n  \
        mirror session show 3f2a --context    what it was told")]
    Show {
        /// The session, or the start of its id
        session: Option<String>,
        /// Only of this project
        #[arg(long)]
        project: Option<String>,
        /// What it was told, while it is open
        #[arg(long, requires = "session")]
        context: bool,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show what a session was not told, and why
    #[command(after_help = "Example:\n  mirror session rejections 3f2a")]
    Rejections {
        /// The session, or the start of its id [default: this device's last]
        session: Option<String>,
    },
    /// Decide about a rejection; the decision is an event
    #[command(
        after_help = "Examples:\n  mirror session review 3f2a.0 --accept --reason \"my own edit\"\n  \
        mirror session review 3f2a.1 --keep-out --reason \"not mine\""
    )]
    Review {
        /// As `mirror session rejections` prints it
        rejection: String,
        /// The content that was found is right
        #[arg(long, group = "verdict", required_unless_present_any = ["keep_out", "fix"])]
        accept: bool,
        /// It stays out
        #[arg(long, group = "verdict")]
        keep_out: bool,
        /// Put it right from bytes that verify
        #[arg(long, group = "verdict")]
        fix: bool,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Recover sessions that ended without a close
    #[command(
        after_help = "Example:\n  mirror session recover\n\nThe next open of the same agent and project does so by itself."
    )]
    Recover {
        /// The session, or the start of its id [default: all whose processes are gone]
        session: Option<String>,
    },
    /// Find what was built already: earlier sessions and distillates
    #[command(
        after_help = "Example:\n  mirror session related \"byte offsets\" --path src/parser.rs"
    )]
    Related {
        /// Words to find, any of them
        #[arg(default_value = "", hide_default_value = true)]
        query: String,
        /// A file that it names; may be given several times
        #[arg(long = "path", value_name = "FILE")]
        paths: Vec<String>,
        /// Only of this project
        #[arg(long)]
        project: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}

/// How a context is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Markdown,
    Json,
}

#[derive(Debug, Args)]
pub struct SessionOpenArgs {
    /// Which agent
    #[arg(long, default_value = "agent")]
    pub agent: String,
    /// The project; small letters, digits, dots and dashes
    #[arg(long, default_value = "", hide_default_value = true)]
    pub project: String,
    /// Tokens that the context may take [default: what fits into 9,000 characters]
    #[arg(long, value_name = "N")]
    pub budget: Option<u32>,
    /// What it is to be about: earlier work on that comes first
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
    /// The folder that it works in [default: this one]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The process of the agent: while it lives, the session is not taken for ended
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// What the agent itself calls the session
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// markdown or json
    #[arg(long, value_enum)]
    pub format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub enum Distill {
    /// Seal a text as a distillate: into the vault, with its hash and provenance beside it
    #[command(
        after_help = "Example:\n  mirror distill seal parser.md --project mirror --from 3f2a --from 9c41 --topic parser\n\n\
        A distillate of the same name stands in the place of the one before."
    )]
    Seal {
        /// The text to seal
        file: PathBuf,
        /// An event that it was made of: a note, a close, another seal; may be given several times
        #[arg(long = "from", value_name = "ID")]
        sources: Vec<String>,
        /// The project
        #[arg(long, default_value = "", hide_default_value = true)]
        project: String,
        /// What it is about; may be given several times
        #[arg(long = "topic", value_name = "TOPIC")]
        topics: Vec<String>,
        /// A seal that it stands in the place of; may be given several times
        #[arg(long, value_name = "ID")]
        replaces: Vec<String>,
        /// What to call its file [default: as it is called]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The tool or agent that made it
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// List distillates, newest first, each with its state
    #[command(after_help = "Example:\n  mirror distill list --project mirror --topic parser")]
    List {
        /// Only of this project
        #[arg(long)]
        project: Option<String>,
        /// Only about this
        #[arg(long)]
        topic: Option<String>,
        /// Those too that others stand in the place of
        #[arg(long)]
        all: bool,
    },
    /// Recompute all distillates: chain, file, hash, provenance, sources
    #[command(
        after_help = "Example:\n  mirror distill verify\n\nExits 4 when one is not what was sealed."
    )]
    Verify,
    /// Say that a distillate is not to be told any more
    #[command(
        after_help = "Example:\n  mirror distill withdraw 3f2a --reason \"measured wrongly\""
    )]
    Withdraw {
        /// The seal, or the start of its id
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}
