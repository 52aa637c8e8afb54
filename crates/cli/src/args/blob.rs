//! `mirror blob`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Blob {
    /// List what notes carry, newest first, and how much of it is here
    #[command(after_help = "Example:\n  mirror blob list --json")]
    List,
    /// Write a content that is here to a file
    #[command(after_help = "Example:\n  mirror blob get 3f2a -o memo.m4a")]
    Get {
        /// Its id or the start of it, as `mirror note show` prints it
        id: String,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Ask for a content: it comes first with the next reconcile, whatever the cap is
    #[command(after_help = "Example:\n  mirror blob want 3f2a")]
    Want {
        /// Its id or the start of it
        id: String,
    },
    /// Show or set how many bytes may come here without being asked for
    #[command(after_help = "Examples:\n  mirror blob cap\n  mirror blob cap 20000000000\n\n\
        What is here stays, also when it is more.")]
    Cap {
        /// The new cap in bytes
        bytes: Option<u64>,
    },
}
