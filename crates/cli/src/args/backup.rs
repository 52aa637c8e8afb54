//! `mirror backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Write a backup: keys, all events, and the files that are here, sealed
    #[command(after_help = "Examples:\n  mirror backup create -o mac.backup\n  \
        mirror backup create -o mac.backup --passphrase-file words.txt\n  \
        mirror backup create -o mac.backup --recipient age1...\n\n\
        A file opens either with a passphrase or with keys: age allows no third way. Without either option the\n\
        passphrase is asked for, or taken from MIRROR_PASSPHRASE.")]
    Create {
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Seal it to this age key; may be given several times, each opens it
        #[arg(long, value_name = "KEY", conflicts_with = "passphrase_file")]
        recipient: Vec<String>,
        /// Take the passphrase from the first line of this file
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Make this device anew from a backup, in a home that does not exist yet
    #[command(after_help = "Examples:\n  mirror --home new backup restore mac.backup\n  \
        mirror --home new backup restore mac.backup --identity key.txt\n\n\
        The device goes on in a new chain: nobody has to admit it again, and the old machine may go on too.")]
    Restore(Unseal),
    /// Check a backup by restoring it into a folder that is thrown away
    #[command(after_help = "Example:\n  mirror backup verify mac.backup")]
    Verify(Unseal),
}

#[derive(Debug, Args)]
pub struct Unseal {
    /// The backup to read
    pub file: PathBuf,
    /// Open it with the age key in this file
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub identity: Option<PathBuf>,
    /// Take the passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}
