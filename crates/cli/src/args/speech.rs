//! `mirror speech` and `mirror transcribe`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct Transcribe {
    /// The note; what it has already is replaced
    #[arg(conflicts_with = "all")]
    pub note: Option<String>,
    /// Recordings that failed before too
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Subcommand)]
pub enum Speech {
    /// Show the chosen model, and which recordings wait or failed
    #[command(after_help = "Example:\n  mirror speech status --json")]
    Status,
    /// List the models that are known, with their sizes and checksums
    #[command(after_help = "Example:\n  mirror speech models")]
    Models,
    /// Fetch a model from the network, check it, and choose it; goes on where it was cut off
    #[command(after_help = "Examples:\n  mirror speech fetch base\n  \
        mirror speech fetch tiny.en --from /media/usb/ggml-tiny.en.bin\n  \
        mirror speech fetch mine --from https://example.org/mine.bin --sha256 HASH\n\n\
        Nothing is ever fetched without this command.")]
    Fetch {
        /// Its name, as `mirror speech models` lists it
        name: String,
        /// Another place: a URL or a file
        #[arg(long, value_name = "URL|FILE")]
        from: Option<String>,
        /// SHA-256 that it must have; needed for a model that is not known
        #[arg(long, value_name = "HASH")]
        sha256: Option<String>,
    },
    /// Choose a model's file that is here already; it stays where it is
    #[command(after_help = "Example:\n  mirror speech use ~/models/ggml-base.bin")]
    Use {
        /// A model for whisper.cpp
        path: PathBuf,
    },
}
