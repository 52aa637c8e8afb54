//! `mirror hook claude-code EVENT`: whatever happens here, the agent's session goes on, or is told why not in its own terms.

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::Here;
use crate::args::Hook;
use crate::claude::hook::{Answer, Around, answer};
use crate::claude::input::read;
use crate::claude::{EVENTS, settings};
use crate::output::{Exit, Result, complain};

/// How long an agent waits for us. Another process may hold the home, or bring it up to date.
const PATIENCE: Duration = Duration::from_secs(4);
/// At a session's end it waits no longer than this for all hooks.
const AT_END: Duration = Duration::from_millis(1300);

/// Hears an event on standard input and answers on standard output. Exits 0 always: another code is a verdict to the agent.
pub fn hook(here: &Here<'_>, args: &Hook) -> Result<Exit> {
    let Hook { agent, event, .. } = args;
    let known = agent == "claude-code" && EVENTS.iter().any(|(name, _)| name == event);
    if !known {
        complain(&format!("mirror: there is no hook {event:?} of {agent:?}; nothing was done"));
        return Ok(Exit::Done);
    }
    let home = here.home.clone();
    let variable = |name: &str| std::env::var_os(name);
    let around = Around {
        named_home: (home != mirror_node::default_home())
            .then(|| settings::word(&home.to_string_lossy())),
        home,
        project_dir: variable("CLAUDE_PROJECT_DIR")
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute()),
        pid: variable("CLAUDE_PID").and_then(|pid| pid.to_str()?.parse().ok()),
    };
    let limit = if event == "SessionEnd" { AT_END } else { PATIENCE };
    let (tell, told) = channel();
    let event = event.clone();
    // On a thread of its own, so that neither a wait nor a fault of ours is the agent's. What it was at when the process ends
    // is done or rolled back at the next start.
    thread::spawn(move || {
        let done = match read(std::io::stdin().lock()) {
            Ok(input) => answer(&event, &input, &around),
            Err(error) => Answer::quiet(format!("mirror: {error}")),
        };
        // Nobody waits any more when the time is over.
        let _ = tell.send(done);
    });
    let Answer { json, remark } = told.recv_timeout(limit).unwrap_or_else(|_| {
        Answer::quiet(format!(
            "mirror: no answer within {} ms: another process holds the home, or brings it up to date",
            limit.as_millis()
        ))
    });
    if let Some(remark) = remark {
        complain(&remark.replace(['\n', '\r'], " "));
    }
    if let Some(json) = json {
        // An agent that has gone away needs no answer.
        let _ = writeln!(std::io::stdout().lock(), "{json}");
    }
    Ok(Exit::Done)
}
