//! `mirror`: the same node as the app, for scripts, hooks and people at a terminal.
//!
//! It parses a command line, asks the node, and prints the answer. It decides nothing about notes, never
//! touches the home's files itself, and prints an id only when the thing it names is durable.

mod args;
mod claude;
mod commands;
mod output;
mod platform;
mod values;
mod words;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::Cli;
use crate::output::{Output, usage};

fn main() -> ExitCode {
    let raw: Vec<_> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&raw) {
        Ok(cli) => cli,
        Err(error) => {
            let exit = usage(&error, &raw);
            // To an agent the code of a wrong command line is a verdict about its session.
            let hook = raw.windows(2).any(|words| words == ["hook", "claude-code"]);
            return if hook { ExitCode::SUCCESS } else { exit.into() };
        }
    };
    log_to_stderr();
    let out = Output::new(cli.json);
    commands::run(cli, &out).unwrap_or_else(|failure| out.report(&failure)).into()
}

/// Warnings of our own parts; `MIRROR_LOG` asks for more, in the syntax of `RUST_LOG`.
fn log_to_stderr() {
    let quiet = "off,mirror_node=warn,mirror_link=warn,mirror_store=warn";
    let filter = EnvFilter::try_from_env("MIRROR_LOG").unwrap_or_else(|_| EnvFilter::new(quiet));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
}
