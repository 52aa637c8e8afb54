//! What happens at each event, and what Claude Code is told.

use std::path::{Path, PathBuf};

use mirror_node::view::{Code, SessionOpened};
use mirror_node::{Claim, Error, Node, OpenSession};
use serde_json::{Value, json};

use super::AGENT;
use super::input::{Input, project_of};

/// Tokens of a context: with what we add, it stays under the 9,000 characters that arrive whole.
const TOKENS: u32 = 2_050;
/// Of what an agent said last, so much is where it stands.
const MESSAGE_BYTES: usize = 2_000;
/// Of its summary of all that was said.
const SUMMARY_BYTES: usize = 4_000;
/// Of a reason that a person is shown.
const REASON_BYTES: usize = 4_000;

/// What is around a hook: where it was started, and by whom.
#[derive(Debug, Default)]
pub struct Around {
    /// The home.
    pub home: PathBuf,
    /// The same as an argument, when it is not the usual one.
    pub named_home: Option<String>,
    /// The project's folder, as Claude Code names it.
    pub project_dir: Option<PathBuf>,
    /// Claude Code's process.
    pub pid: Option<u32>,
}

/// What comes of an event.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// On standard output; nothing is said when there is none.
    pub json: Option<Value>,
    /// For standard error.
    pub remark: Option<String>,
}

impl Answer {
    const NOTHING: Self = Self { json: None, remark: None };

    /// The session goes on as if we were not there, and a person can find out why.
    pub fn quiet(remark: impl Into<String>) -> Self {
        Self { json: None, remark: Some(remark.into()) }
    }

    fn context(event: &str, context: &str) -> Self {
        let said = json!({"hookEventName": event, "additionalContext": contained(context)});
        Self { json: Some(json!({"hookSpecificOutput": said})), remark: None }
    }
}

/// Does what an event asks for. Every error that is not about the memory itself leaves the session alone.
pub fn answer(event: &str, input: &Input, around: &Around) -> Answer {
    let node = match Node::open(&around.home) {
        Ok(node) => node,
        Err(error) => return failed(event, &error, true),
    };
    let hook = Hook { node, input, around };
    let done = match event {
        "SessionStart" => hook.start(),
        "UserPromptSubmit" => hook.prompt(),
        "PreCompact" => hook.standing().map(|_| Answer::NOTHING),
        "PostCompact" => hook.checkpoint(input.compact_summary.as_deref(), SUMMARY_BYTES),
        "Stop" => hook.checkpoint(input.last_assistant_message.as_deref(), MESSAGE_BYTES),
        "SessionEnd" => hook.end(),
        _ => Ok(Answer::quiet(format!("mirror: no event {event:?} is known; update MirrorDNA"))),
    };
    done.unwrap_or_else(|error| failed(event, &error, false))
}

/// What an error means for a session: a damaged memory is told and stops a prompt, an absent one does neither.
fn failed(event: &str, error: &Error, opening: bool) -> Answer {
    let remark = format!("mirror: {}; {}", error.detail, error.hint);
    let banner = |what: &str| {
        format!(
            "MIRROR MEMORY {what}: {}\nNo memory was handed out; do not go on as if there were none. {}",
            cut(&error.detail, REASON_BYTES),
            error.hint
        )
    };
    let mut answer = match (error.code, event) {
        (Code::Integrity, "UserPromptSubmit") => block(&banner("REFUSED")),
        (Code::Integrity, "SessionStart") => told_wrong(&banner("REFUSED")),
        // The home is there, and something that it needs is not: a vault on a disk that is away.
        (Code::Io, "SessionStart") if !opening => told_wrong(&banner("UNAVAILABLE")),
        _ => Answer::NOTHING,
    };
    answer.remark = Some(remark);
    answer
}

/// A prompt is not sent to the model, and the person is told why.
fn block(reason: &str) -> Answer {
    let reason = cut(reason, REASON_BYTES);
    Answer { json: Some(json!({"decision": "block", "reason": reason})), remark: None }
}

/// A start can't be stopped: the agent and the person are both told.
fn told_wrong(banner: &str) -> Answer {
    let mut answer = Answer::context("SessionStart", cut(banner, 2 * REASON_BYTES));
    if let Some(json) = answer.json.as_mut().and_then(Value::as_object_mut) {
        json.insert("systemMessage".to_owned(), Value::from(cut(banner, REASON_BYTES)));
    }
    answer
}

struct Hook<'a> {
    node: Node,
    input: &'a Input,
    around: &'a Around,
}

type Done = Result<Answer, Error>;

impl Hook<'_> {
    fn standing(&self) -> Result<Option<mirror_node::view::SessionStanding>, Error> {
        self.node.session_standing(AGENT, &self.input.session_id)
    }

    /// A session begins, or its agent has forgotten what it was told.
    fn start(&self) -> Done {
        let source = self.input.source.as_deref().unwrap_or("startup");
        let standing = self.standing()?;
        let ours = |pid: u32| source == "compact" || Some(pid) == self.around.pid;
        if let Some(standing) = standing.filter(|standing| ours(standing.pid)) {
            let context =
                format!("{}\n{}", standing.context.trim_end(), self.how(&standing.session));
            return Ok(Answer::context("SessionStart", &context));
        }
        let opened = self.open()?;
        if opened.error.is_some() {
            return Ok(told_wrong(&opened.context));
        }
        let before = match source {
            "resume" => changes(&opened),
            _ => String::new(),
        };
        Ok(Answer::context("SessionStart", &(before + &self.told(&opened))))
    }

    /// A prompt goes on when the memory holds. A session that has none yet, or not any more, gets it now.
    fn prompt(&self) -> Done {
        if self.standing()?.is_some() {
            return Ok(Answer::NOTHING);
        }
        let opened = self.open()?;
        if opened.error.is_some() {
            return Ok(block(&opened.context));
        }
        Ok(Answer::context("UserPromptSubmit", &self.told(&opened)))
    }

    /// What the agent said is where the session stands, should it end without a close.
    fn checkpoint(&self, said: Option<&str>, limit: usize) -> Done {
        let said = cut(said.unwrap_or_default().trim(), limit);
        let Some(standing) = self.standing()?.filter(|_| !said.is_empty()) else {
            return Ok(Answer::NOTHING);
        };
        let claim = Claim { now: Some(said.to_owned()), ..Claim::default() };
        self.node.session_checkpoint(Some(&standing.session), &claim)?;
        Ok(Answer::NOTHING)
    }

    /// A session that said something is closed; one that did not takes nothing away.
    fn end(&self) -> Done {
        let Some(standing) = self.standing()? else { return Ok(Answer::NOTHING) };
        let session = Some(standing.session.as_str());
        if standing.spoke {
            self.node.session_close(session, &Claim::default(), None)?;
        } else {
            self.node.session_recover(session)?;
        }
        Ok(Answer::NOTHING)
    }

    fn open(&self) -> Result<SessionOpened, Error> {
        let folder = self.around.project_dir.as_deref().or(self.input.cwd.as_deref());
        let folder = folder.filter(|folder| folder.is_absolute());
        self.node.session_open(&OpenSession {
            agent: AGENT.to_owned(),
            project: folder.map(project_of).unwrap_or_default(),
            budget: Some(TOKENS),
            about: None,
            folder: folder.map(Path::to_owned),
            pid: self.around.pid,
            name: Some(self.input.session_id.clone()),
        })
    }

    fn told(&self, opened: &SessionOpened) -> String {
        let session = opened.session.as_deref().unwrap_or_default();
        format!("{}\n{}", opened.context.trim_end(), self.how(session))
    }

    /// How an agent says more than its last words.
    fn how(&self, session: &str) -> String {
        let home = self.around.named_home.as_ref().map(|home| format!(" --home {home}"));
        format!(
            "When work is done, leave it for the next session: `mirror{} session close --session {} --from -` reads JSON \
             {{\"now\":\"…\",\"next\":[],\"open_loops\":[],\"files\":[],\"commits\":[],\"decisions\":[],\"errors\":[]}}. Without it your last \
             message stands for where the work is.",
            home.unwrap_or_default(),
            session.get(..16).unwrap_or(session),
        )
    }
}

/// A resumed session remembers what it was told; what it can't know stands in front.
fn changes(opened: &SessionOpened) -> String {
    let count =
        |kind: &str| opened.items.iter().filter(|item| item.ok && item.kind == kind).count();
    let kinds = [("note", "notes"), ("file", "files"), ("conflict", "conflicts")];
    let new = kinds.map(|(kind, many)| match count(kind) {
        1 => format!("1 {kind}"),
        n => format!("{n} {many}"),
    });
    format!(
        "RESUMED: since you were last told, {} came or changed. What follows holds now; where you remember it otherwise, it \
         has changed.\n",
        new.join(", ")
    )
}

/// A context that can't end the element that Claude Code puts what it adds into.
fn contained(context: &str) -> String {
    const THEIRS: &str = "system-reminder";
    let mut context = context.to_owned();
    while let Some(at) = context.to_ascii_lowercase().find(THEIRS) {
        context.replace_range(at..at + THEIRS.len(), "system\u{2011}reminder");
    }
    context
}

/// A beginning of at most so many bytes.
fn cut(text: &str, limit: usize) -> &str {
    let at = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..at.unwrap_or(0)).unwrap_or_default()
}
