//! `mirror hook` and `mirror agent`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// A hook is never refused for its arguments: an agent takes the exit code of that for a verdict of ours.
#[derive(Debug, Args)]
pub struct Hook {
    /// The agent: claude-code
    pub agent: String,
    /// What happened, as the agent calls it
    pub event: String,
    /// Whatever a later version adds
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub more: Vec<String>,
}

/// An agent whose hooks we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KnownAgent {
    ClaudeCode,
}

/// Whose settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// This person's, for all projects
    User,
    /// The project's, in the folder that you are in
    Project,
}

#[derive(Debug, Subcommand)]
pub enum Agent {
    /// Let an agent begin each session with verified memory, and leave it for the next
    #[command(after_help = "Examples:\n  mirror agent install claude-code\n  \
        mirror agent install claude-code --scope project\n  mirror agent install claude-code --plugin mirror-plugin\n\n\
        Of the settings only our hooks change; what was there before stands beside them, in settings.json.mirror-backup.")]
    Install {
        #[arg(value_enum)]
        agent: KnownAgent,
        /// Whose settings
        #[arg(long, value_enum, default_value = "user")]
        scope: Scope,
        /// Write a plugin into this folder instead, which must be new or ours
        #[arg(long, value_name = "DIR", conflicts_with = "scope")]
        plugin: Option<PathBuf>,
    },
    /// Take our hooks out of an agent's settings, and nothing else
    #[command(after_help = "Example:\n  mirror agent uninstall claude-code")]
    Uninstall {
        #[arg(value_enum)]
        agent: KnownAgent,
        /// Whose settings
        #[arg(long, value_enum, default_value = "user")]
        scope: Scope,
    },
}
