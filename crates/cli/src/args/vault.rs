//! `mirror vault`.

use clap::{Args, Subcommand};
use mirror_node::Expect;

use super::Page;
use crate::values;

#[derive(Debug, Subcommand)]
pub enum Vault {
    /// Write a file from standard input, whole or not at all; prints the version's id when it is durable
    #[command(after_help = "Examples:\n  mirror vault write notes/plan.md < plan.md\n  \
        mirror vault write notes/plan.md --expect HASH --reason \"new budget\" < plan.md\n  \
        mirror vault write new.md --expect none < new.md\n\n\
        What stood there is kept as a version. With --expect a file that holds something else is left\n\
        as it is: the exit code is 3, and what you offered is kept for review.")]
    Write {
        /// The file, as it lies in the vault
        path: String,
        /// SHA-256 of what has to stand there now, or `none` for no file
        #[arg(long, value_name = "HASH|none", value_parser = values::expect, default_value = "anything", hide_default_value = true)]
        expect: Expect,
        #[command(flatten)]
        author: VaultAuthor,
    },
    /// Print a file's bytes, or those of a version
    #[command(after_help = "Examples:\n  mirror vault read notes/plan.md\n  \
        mirror vault read notes/plan.md --version 3f2a > before.md")]
    Read {
        /// The file, as it lies in the vault
        path: String,
        /// A version's id or hash, or the start of it
        #[arg(long, value_name = "ID|HASH")]
        version: Option<String>,
    },
    /// List a file's versions, oldest first
    #[command(after_help = "Example:\n  mirror vault history notes/plan.md")]
    History {
        /// The file, as it lies in the vault
        path: String,
    },
    /// Compare two versions of a file
    #[command(after_help = "Examples:\n  mirror vault diff notes/plan.md\n  \
        mirror vault diff notes/plan.md --from 3f2a --to 9c41\n\n\
        Without --from the version before, without --to what stands there now.")]
    Diff {
        /// The file, as it lies in the vault
        path: String,
        /// A version's id or hash, or the start of it
        #[arg(long, value_name = "ID|HASH")]
        from: Option<String>,
        /// A version's id or hash, or the start of it; also of a write that was refused
        #[arg(long, value_name = "ID|HASH")]
        to: Option<String>,
    },
    /// Write an earlier version anew; what stands there now stays in the history
    #[command(
        after_help = "Example:\n  mirror vault rollback notes/plan.md --to 3f2a --reason \"wrong file\""
    )]
    Rollback {
        /// The file, as it lies in the vault
        path: String,
        /// A version's id or hash, or the start of it
        #[arg(long, value_name = "ID|HASH")]
        to: String,
        #[command(flatten)]
        author: VaultAuthor,
    },
    /// Show what was done with the vault, by whom and why, newest first
    #[command(
        after_help = "Examples:\n  mirror vault audit --limit 20\n  mirror vault audit notes/plan.md"
    )]
    Audit {
        /// Only of this file
        path: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Look for what other programs changed, and record it
    #[command(
        after_help = "Example:\n  mirror vault scan\n\nThe app and `mirror serve` do so by themselves."
    )]
    Scan,
    /// Remove the bytes of old versions; their place in the history stays
    #[command(after_help = "Example:\n  mirror vault prune --keep 20 --days 365\n\n\
        What stands in the vault, and the last good version of each file, always stays.")]
    Prune {
        /// As many versions of each file stay, the newest
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
        /// And all that are younger than so many days
        #[arg(long, value_name = "N")]
        days: u32,
    },
    /// Read every file and version, compare, and mend what can be mended
    #[command(
        after_help = "Example:\n  mirror vault scrub\n\nExits 4 when something is left that could not be mended."
    )]
    Scrub,
}

/// Who changes a file, and why.
#[derive(Debug, Args)]
pub struct VaultAuthor {
    /// The tool or agent that writes
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// An event that the content was made of; may be given several times
    #[arg(long = "from-event", value_name = "ID")]
    pub sources: Vec<String>,
}
