//! `note` and `search`: capture, revise, read.

use std::io::{self, Read};

use mirror_node::view::{Captured, Code, Note, Revision};
use mirror_node::{NewFile, NewNote, Node, NoteQuery};

use super::{Here, at, blobs, failed, lines, paging};
use crate::args::{Forget, Note as NoteCommand, NoteAdd, NoteEdit, NoteList, Search};
use crate::output::{Exit, Failure, Result};
use crate::words;

/// `mirror note …`
pub fn note(here: &Here<'_>, command: NoteCommand) -> Result<Exit> {
    match command {
        NoteCommand::Add(args) => add(here, args),
        NoteCommand::Edit(args) => edit(here, args),
        NoteCommand::List(args) => list(here, args),
        NoteCommand::Show { id, history } => show(here, &id, history),
        NoteCommand::Archive { id } => {
            let archived = here.node()?.archive(&id, None)?;
            print_id(here, &archived)
        }
    }
}

fn add(here: &Here<'_>, args: NoteAdd) -> Result<Exit> {
    let NoteAdd { text, lines, audio, files, tags, at } = args;
    let file = |audio| move |path| NewFile { path, audio };
    let files: Vec<_> =
        audio.into_iter().map(file(true)).chain(files.into_iter().map(file(false))).collect();
    let new = |text| {
        let (tags, at, files) = (tags.clone(), at.clone(), files.clone());
        NewNote { text, tags, at, files, draft: false }
    };
    match text.as_deref() {
        None | Some("-") if lines => add_lines(here, &here.node()?, new),
        Some(_) if lines => Err(Failure::usage(
            "--lines reads its notes from standard input, and a text was given too",
            "leave the text out: mirror note add --lines < many.txt",
        )),
        text => {
            // Without a text the note is what it carries.
            let text = text_or_stdin(text.unwrap_or_default())?;
            print_id(here, &here.node()?.capture(new(text))?)
        }
    }
}

/// Every line becomes durable, is printed, and only then the next is read.
fn add_lines(here: &Here<'_>, node: &Node, new: impl Fn(String) -> NewNote) -> Result<Exit> {
    for (saved, (number, text)) in lines::of(io::stdin().lock()).enumerate() {
        let captured = text.and_then(|text| node.capture(new(text))).map_err(|error| {
            let hint = format!("{saved} notes before it are saved; go on from this line");
            at(format_args!("line {number}"), &error, hint)
        })?;
        print_id(here, &captured)?;
    }
    Ok(Exit::Done)
}

fn edit(here: &Here<'_>, args: NoteEdit) -> Result<Exit> {
    let text = text_or_stdin(&args.text)?;
    let tags = Some(args.tags).filter(|tags| !tags.is_empty());
    let edited = here.node()?.edit(&args.id, args.base.as_deref(), &text, tags)?;
    print_id(here, &edited)
}

/// In words the id alone, so that a script can take it.
pub fn print_id(here: &Here<'_>, captured: &Captured) -> Result<Exit> {
    here.out.answer(captured, |captured| captured.id.clone())?;
    Ok(Exit::Done)
}

/// The text itself, or for `-` what stands on standard input, without the newline that ends it.
fn text_or_stdin(text: &str) -> Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::new();
    let limit = lines::MAX_BYTES as u64 + 1;
    io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(|error| {
        let hint = "give the text as an argument instead";
        failed(Code::Io, format!("can't read standard input: {error}"), hint)
    })?;
    let hint = "a note is text of a few pages at most";
    Ok(lines::text_of(bytes).map_err(|error| at("standard input", &error, hint))?)
}

fn list(here: &Here<'_>, args: NoteList) -> Result<Exit> {
    let NoteList { since, tag, device, archived, page } = args;
    let node = here.node()?;
    let ask = |limit, cursor| {
        let (since, tag, device) = (since.clone(), tag.clone(), device.clone());
        let page = node.notes(NoteQuery {
            since,
            tag,
            device,
            limit,
            cursor,
            archived,
            ..NoteQuery::default()
        })?;
        Ok((page.notes, page.next))
    };
    paging::print(here.out, page, "no notes", ask, words::note_line)?;
    Ok(Exit::Done)
}

fn show(here: &Here<'_>, id: &str, history: bool) -> Result<Exit> {
    let node = here.node()?;
    if history {
        here.out.list(&node.history(id)?, "", revision_words)?;
    } else {
        here.out.answer(&node.note(id)?, note_words)?;
    }
    Ok(Exit::Done)
}

fn note_words(note: &Note) -> String {
    let saved = match note.saved_on.as_slice() {
        [] => "on this device only".into(),
        names => format!("also on {}", names.join(", ")),
    };
    let carried: String = note.attachments.iter().map(blobs::attachment_line).collect();
    let carried = if carried.is_empty() { carried } else { format!("{carried}\n") };
    format!("{}\n{saved}\n\n{carried}{}", words::note_line(note), note.text)
}

fn revision_words(revision: &Revision) -> String {
    let Revision { id, text, tags, at, device_name, archived, latest, .. } = revision;
    let latest = if *latest { "  (latest)" } else { "" };
    let archived = if *archived { "  (archived)" } else { "" };
    let (id, at, tags) = (words::short(id), words::local(at), words::tags(tags));
    format!("{id}  {at}  {device_name}{tags}{archived}{latest}\n{}", words::indented(text))
}

/// `mirror forget`
pub fn forget(here: &Here<'_>, args: &Forget) -> Result<Exit> {
    let forgotten = here.node()?.forget(&args.id, &args.reason)?;
    here.out.answer(&forgotten, |forgotten| forgotten.id.clone())?;
    let count = u32::try_from(forgotten.forgotten.len()).unwrap_or(u32::MAX);
    here.out.note(&format!(
        "{} gone here, and on each other device when it hears of it",
        words::count(count, "revision")
    ));
    if !forgotten.erased {
        here.out.note("its bytes still stand in this home's files: another process uses them, or the disk is full; the next command tries again");
    }
    Ok(Exit::Done)
}

/// `mirror search`
pub fn search(here: &Here<'_>, args: &Search) -> Result<Exit> {
    let hits = here.node()?.search(&args.query, args.limit)?;
    here.out.list(&hits, "nothing found", |hit| {
        let (id, at) = (words::short(&hit.note), words::local(&hit.at));
        let (name, text) = (&hit.device_name, words::summary(&hit.snippet));
        let heard = if hit.in_transcript { "(heard) " } else { "" };
        format!("{id}  {at}  {name}: {heard}{text}{}", words::tags(&hit.tags))
    })?;
    Ok(Exit::Done)
}
