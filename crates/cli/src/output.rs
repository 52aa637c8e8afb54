//! Everything that leaves the program: answers on stdout, errors on stderr, the exit code.

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind as ClapError;
use mirror_node::Error;
use mirror_node::view::Code;
use serde::Serialize;
use serde_json::json;

use crate::words;

/// How a command ended. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    /// Conflicts wait for a person.
    Conflicts = 3,
    /// Bytes are not what they should be.
    Integrity = 4,
    /// Scope, policy, a stranger.
    Refused = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The node's answer.
    Node(Error),
    /// The command line itself is wrong.
    Usage { detail: String, hint: String },
    /// Standard output is gone.
    Output(io::Error),
}

/// The result of every command.
pub type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Node(error)
    }
}

impl Failure {
    /// A command line that clap could not know to be wrong.
    pub fn usage(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { detail: detail.into(), hint: hint.into() }
    }
}

/// The exit code that tells of an error.
pub fn exit_of(code: Code) -> Exit {
    match code {
        Code::Conflict => Exit::Conflicts,
        Code::Integrity => Exit::Integrity,
        Code::Refused => Exit::Refused,
        Code::NotInitialised
        | Code::Invalid
        | Code::NotFound
        | Code::Offline
        | Code::Cancelled
        | Code::TooNew
        | Code::Io => Exit::Failed,
    }
}

/// Standard output, in the form that was asked for.
pub struct Output {
    json: bool,
    terminal: bool,
}

impl Output {
    /// Answers as JSON, or in words.
    pub fn new(json: bool) -> Self {
        Self { json, terminal: io::stdout().is_terminal() }
    }

    /// One answer.
    pub fn answer<T: Serialize>(&self, value: &T, say: impl FnOnce(&T) -> String) -> Result<()> {
        if self.json { self.document(value) } else { self.words(&say(value)) }
    }

    /// A list: a line for each, or `empty` in words when there is none.
    pub fn list<T: Serialize>(
        &self,
        items: &[T],
        empty: &str,
        say: impl Fn(&T) -> String,
    ) -> Result<()> {
        if items.is_empty() {
            self.note(empty);
        }
        items.iter().try_for_each(|item| self.answer(item, &say))
    }

    /// One line of JSON, whatever form was asked for; gone out when it returns.
    pub fn document<T: Serialize>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))?;
        write(&text).map_err(Failure::Output)
    }

    /// Lines of words; gone out when it returns. Notes come from other devices, so a terminal gets no
    /// control signs of theirs.
    pub fn words(&self, text: &str) -> Result<()> {
        let text = text.trim_end_matches('\n');
        if self.terminal { write(&words::printable(text)) } else { write(text) }
            .map_err(Failure::Output)
    }

    /// A remark beside the answer, on stderr; scripts that asked for JSON are spared it.
    pub fn note(&self, text: &str) {
        if !self.json && !text.is_empty() {
            complain(text);
        }
    }

    /// Tells of a failure and gives its exit code.
    pub fn report(&self, failure: &Failure) -> Exit {
        let (code, detail, hint, exit) = match failure {
            Failure::Node(error) => {
                (code_name(error.code), &*error.detail, &*error.hint, exit_of(error.code))
            }
            Failure::Usage { detail, hint } => ("usage".into(), &**detail, &**hint, Exit::Usage),
            // The reader went away: it has what it wanted.
            Failure::Output(error) if error.kind() == ErrorKind::BrokenPipe => return Exit::Done,
            Failure::Output(error) => {
                let detail = format!("can't write the answer: {error}");
                complain(&in_words("io", &detail, "check where the output goes"));
                return Exit::Failed;
            }
        };
        complain(&in_words(&code, detail, hint));
        if self.json {
            let error = json!({"error": {"code": code, "detail": detail, "hint": hint}});
            // If this can't be written either, stderr has it.
            let _ = write(&error.to_string());
        }
        exit
    }

    /// Tells of an error that is part of an answer already given.
    pub fn complain(&self, code: Code, detail: &str, hint: &str) -> Exit {
        complain(&in_words(&code_name(code), detail, hint));
        exit_of(code)
    }
}

/// A remark on stderr, for a command that has no [`Output`] yet or must always be heard.
pub fn complain(text: &str) {
    let text = if io::stderr().is_terminal() { words::printable(text) } else { text.to_owned() };
    // When stderr is closed nobody listens.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What clap found wrong with the command line, or the help that it was asked for.
pub fn usage(error: &clap::Error, raw: &[OsString]) -> Exit {
    let text = error.render().to_string();
    if matches!(error.kind(), ClapError::DisplayHelp | ClapError::DisplayVersion) {
        let _ = write(text.trim_end());
        return Exit::Done;
    }
    let json = raw.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    let failure = if error.kind() == ClapError::DisplayHelpOnMissingArgumentOrSubcommand {
        Failure::usage("no command was given", format!("give one of these\n\n{}", text.trim_end()))
    } else {
        from_clap(&text)
    };
    Output::new(json).report(&failure)
}

/// clap's text is paragraphs: what is wrong, tips, the usage line.
fn from_clap(text: &str) -> Failure {
    let mut paragraphs = text.split("\n\n").map(one_line);
    let first = paragraphs.next().unwrap_or_default();
    let detail = first.strip_prefix("error: ").unwrap_or(&first).to_owned();
    let hint: Vec<_> = paragraphs.filter(|part| !part.starts_with("For more")).collect();
    let hint = if hint.is_empty() { "see `mirror help`".into() } else { hint.join("; ") };
    Failure::usage(detail, hint)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn in_words(code: &str, detail: &str, hint: &str) -> String {
    let mut text = format!("error[{code}]: {detail}");
    if !hint.is_empty() {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text
}

/// The code as JSON spells it.
fn code_name(code: Code) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "io".into(),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_exit_that_scripts_know() {
        assert_eq!(exit_of(Code::Conflict) as u8, 3);
        assert_eq!(exit_of(Code::Integrity) as u8, 4);
        assert_eq!(exit_of(Code::Refused) as u8, 5);
        assert_eq!(exit_of(Code::NotFound) as u8, 1);
        assert_eq!(code_name(Code::NotInitialised), "not_initialised");
    }

    #[test]
    fn claps_paragraphs_become_one_error_and_one_hint() {
        let text = "error: unexpected argument '--x' found\n\n  tip: use '-- --x'\n\n\
                    Usage: mirror head\n\nFor more information, try '--help'.\n";
        let Failure::Usage { detail, hint } = from_clap(text) else { panic!("no usage") };
        assert_eq!(detail, "unexpected argument '--x' found");
        assert_eq!(hint, "tip: use '-- --x'; Usage: mirror head");
    }
}
