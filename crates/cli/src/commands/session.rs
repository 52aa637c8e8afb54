//! `session` and `distill`: what agents are told, and what they leave.

use std::io::Read;
use std::path::Path;

use mirror_node::view::{
    Code, Distillate, Related, Session, SessionOpened, SessionRejection, SessionSaid,
};
use mirror_node::{Claim, NewDistillate, OpenSession, RelatedQuery, Review, claim, read_text};

use super::{Here, failed};
use crate::args::{Distill, Format, Session as SessionCommand, SessionOpenArgs};
use crate::output::{Exit, Result};
use crate::words;

/// `mirror session …`
pub fn session(here: &Here<'_>, command: SessionCommand) -> Result<Exit> {
    match command {
        SessionCommand::Open(args) => return open(here, args),
        SessionCommand::Checkpoint { session, now, from } => {
            let claim = match (now, from) {
                (Some(now), _) => Claim { now: Some(now), ..Claim::default() },
                (None, Some(from)) => claim(&text_of(&from)?, false)?,
                (None, None) => Claim::default(),
            };
            let said = here.node()?.session_checkpoint(session.as_deref(), &claim)?;
            here.out.answer(&said, said_text)?;
        }
        SessionCommand::Close { session, from, folder } => {
            let claim = claim(&text_of(&from)?, true)?;
            let node = here.node()?;
            let said = node.session_close(session.as_deref(), &claim, folder.as_deref())?;
            here.out.answer(&said, said_text)?;
        }
        SessionCommand::Show { session: Some(session), context: true, .. } => {
            let context = here.node()?.session_context(&session)?;
            let detail = "nothing is kept of what it was told: it is over, or another device's";
            let context = context.ok_or_else(|| failed(Code::NotFound, detail, "open another"))?;
            here.out.answer(&context, Clone::clone)?;
        }
        SessionCommand::Show { session: Some(session), .. } => {
            here.out.answer(&here.node()?.session(&session)?, session_text)?;
        }
        SessionCommand::Show { project, limit, .. } => {
            let sessions = here.node()?.sessions(project.as_deref(), limit)?;
            here.out.list(&sessions, "no session was opened yet", session_line)?;
        }
        SessionCommand::Rejections { session } => {
            let rejections = here.node()?.session_rejections(session.as_deref())?;
            here.out.list(&rejections, "nothing was rejected", rejection_text)?;
        }
        SessionCommand::Review { rejection, accept, keep_out: _, fix, reason } => {
            let review = match (accept, fix) {
                (true, _) => Review::Accept,
                (_, true) => Review::Fix,
                _ => Review::KeepOut,
            };
            let decided = here.node()?.session_review(&rejection, review, &reason)?;
            here.out.answer(&decided, rejection_text)?;
        }
        SessionCommand::Recover { session } => {
            let recovered = here.node()?.session_recover(session.as_deref())?;
            here.out.list(&recovered, "no session had to be recovered", |id| id.clone())?;
        }
        SessionCommand::Related { query, paths, project, limit } => {
            let ask = RelatedQuery { text: query, paths, project, limit };
            let related = here.node()?.session_related(&ask)?;
            here.out.list(&related, "nothing of it was built before", related_text)?;
        }
    }
    Ok(Exit::Done)
}

fn open(here: &Here<'_>, args: SessionOpenArgs) -> Result<Exit> {
    let folder = args.folder.or_else(|| std::env::current_dir().ok());
    let ask = OpenSession {
        agent: args.agent,
        project: args.project,
        budget: args.budget,
        about: args.about,
        folder: folder.and_then(|folder| std::path::absolute(folder).ok()),
        pid: args.pid,
        name: args.name,
    };
    let opened = here.node()?.session_open(&ask)?;
    match args.format {
        Some(Format::Json) => here.out.document(&opened)?,
        Some(Format::Markdown) => here.out.words(&opened.context)?,
        None => here.out.answer(&opened, |opened| opened.context.clone())?,
    }
    let SessionOpened { error, rejected, session, .. } = &opened;
    if let Some(error) = error {
        return Ok(here.out.complain(error.code, &error.detail, &error.hint));
    }
    if *rejected > 0 {
        let session = session.as_deref().map_or("", words::short);
        let things = words::count(*rejected, "thing");
        here.out
            .note(&format!("{things} left out or repaired: mirror session rejections {session}"));
    }
    Ok(Exit::Done)
}

fn text_of(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(mirror_node::Error::from)?;
        return Ok(text);
    }
    Ok(read_text(path)?.0)
}

fn said_text(said: &SessionSaid) -> String {
    let SessionSaid { id, rejections, differences, continuity, .. } = said;
    let mut text = format!("{id}\n");
    text.extend(continuity.iter().map(|path| format!("written: {path}\n")));
    text.extend(differences.iter().map(|line| format!("differs: {line}\n")));
    text.extend(rejections.iter().map(|one| format!("{}\n", rejection_text(one).trim_end())));
    text
}

fn session_line(session: &Session) -> String {
    let Session { session: id, agent, project, state, at, device_name, now, .. } = session;
    let (id, at) = (words::short(id), words::local(at));
    let project = if project.is_empty() { "-" } else { project };
    format!("{id}  {at}  {agent} on {device_name}  {project}  {state}  {}", words::summary(now))
}

fn session_text(session: &Session) -> String {
    let mut text = format!(
        "{}\ncoherence {:.4}, {} items, {} rejected\n",
        session_line(session),
        session.coherence,
        session.items,
        session.rejected
    );
    if !session.now.is_empty() {
        text.push_str(&words::indented(&session.now));
    }
    let lists = [
        ("next", &session.next),
        ("open", &session.open_loops),
        ("file", &session.files),
        ("commit", &session.commits),
        ("decided", &session.decisions),
        ("error", &session.errors),
        ("differs", &session.differences),
    ];
    for (what, lines) in lists {
        text.extend(lines.iter().map(|line| format!("{what}: {line}\n")));
    }
    text
}

fn rejection_text(one: &SessionRejection) -> String {
    let SessionRejection { id, reason, what, detail, content, repaired, verdict, .. } = one;
    let (event, number) = id.split_once('.').unwrap_or((id, "0"));
    let repaired = if *repaired { " (repaired)" } else { "" };
    let verdict = verdict.as_ref().map(|verdict| format!(" [{verdict}]")).unwrap_or_default();
    let id = words::short(event);
    let content = if content.is_empty() { String::new() } else { words::indented(content) };
    format!("{id}.{number}  {reason}{repaired}{verdict}  {what}: {detail}\n{content}")
}

fn related_text(related: &Related) -> String {
    let Related { id, kind, title, project, at, hash, files, artifacts } = related;
    let (id, at, hash) = (words::short(id), words::local(at), words::short(hash));
    let project = if project.is_empty() { String::new() } else { format!("  {project}") };
    let files = if files.is_empty() { artifacts } else { files };
    let files = if files.is_empty() { String::new() } else { format!("  [{}]", files.join(", ")) };
    format!("{id}  {at}  {kind}{project}  {hash}  {title}{files}")
}

/// `mirror distill …`
pub fn distill(here: &Here<'_>, command: Distill) -> Result<Exit> {
    match command {
        Distill::Seal { file, sources, project, topics, replaces, name, by } => {
            let (text, named) = read_text(&file)?;
            let sealed = here.node()?.distill(NewDistillate {
                name: name.unwrap_or(named),
                text,
                project,
                topics,
                sources,
                replaces,
                session: None,
                by,
            })?;
            here.out.answer(&sealed, |sealed| sealed.id.clone())?;
        }
        Distill::List { project, topic, all } => {
            let found = here.node()?.distillates(project.as_deref(), topic.as_deref(), all)?;
            here.out.list(&found, "nothing was distilled yet", distillate_line)?;
        }
        Distill::Verify => {
            let found = here.node()?.distill_verify()?;
            here.out.list(&found, "nothing was distilled yet", distillate_line)?;
            let bad = |one: &&Distillate| matches!(&*one.state, "tampered" | "unverifiable");
            let bad = found.iter().filter(bad).count();
            if bad > 0 {
                let detail = format!("{bad} of {} are not what was sealed", found.len());
                let hint = "`mirror session open` repairs what verifies elsewhere; see `mirror vault history PATH`";
                return Ok(here.out.complain(Code::Integrity, &detail, hint));
            }
        }
        Distill::Withdraw { id, reason } => {
            here.out.answer(&here.node()?.distill_withdraw(&id, &reason)?, distillate_line)?;
        }
    }
    Ok(Exit::Done)
}

fn distillate_line(one: &Distillate) -> String {
    let Distillate { id, path, title, hash, at, trust, state, detail, .. } = one;
    let (id, at, hash) = (words::short(id), words::local(at), words::short(hash));
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    format!("{id}  {at}  {path}  {hash}  trust {trust}  {title}  ({state}{detail})")
}
