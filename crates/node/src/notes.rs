//! Notes: captured, revised, listed, found, settled.

use mirror_domain::conflict::diff;
use mirror_domain::session::quote::is_injected;
use mirror_domain::{Body, Conflict, NoteGraph, NoteState, Revision, Take, decide};
use mirror_protocol::{Event, EventId, WallTime};
use mirror_store::{Meta, NoteCursor, NoteFilter, NoteRow, Pos, View};

use crate::blobs::{self, NewFile};
use crate::error::{Error, Result};
use crate::forget::is_forgotten;
use crate::names::Names;
use crate::node::Node;
use crate::transcripts;
use crate::vault::FileTake;
use crate::view::{self, Code};
use crate::{clock, commit, convert, fold, vault};

/// The longest page.
pub(crate) const MAX_PAGE: u32 = 500;

/// A note to be captured.
#[derive(Debug, Clone, Default)]
pub struct NewNote {
    /// Markdown.
    pub text: String,
    /// Tags.
    pub tags: Vec<String>,
    /// RFC 3339 with an offset; now, when it is not given.
    pub at: Option<String>,
    /// Files and recordings to be attached.
    pub files: Vec<NewFile>,
    /// The text is the draft: it becomes the note, in one transaction, so that it is never both or neither.
    pub draft: bool,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct NoteQuery {
    /// RFC 3339: nothing older.
    pub since: Option<String>,
    /// RFC 3339: only older.
    pub until: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// By this device: id, unique prefix or name.
    pub device: Option<String>,
    /// Notes in a page, 500 at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// So many of the newest left out: for a list that is looked at anywhere.
    pub skip: u32,
    /// Archived ones too.
    pub archived: bool,
}

impl Default for NoteQuery {
    fn default() -> Self {
        Self {
            since: None,
            until: None,
            tag: None,
            device: None,
            limit: 50,
            cursor: None,
            skip: 0,
            archived: false,
        }
    }
}

impl Node {
    /// Captures a note; durable when it returns.
    pub fn capture(&self, new: NewNote) -> Result<view::Captured> {
        let at = new.at.as_deref().map_or_else(|| Ok(clock::now()), clock::parse)?;
        not_injected(&new.text)?;
        // In their places before the event that names them.
        let taken = self.take_in(&new.files)?;
        let attachments = taken.iter().map(|(attachment, _)| attachment.clone()).collect();
        let body = decide::add_with(&new.text, &new.tags, attachments)?;
        self.write(|tx| {
            for (attachment, list) in &taken {
                tx.own_blob(&attachment.content(), &list.encode())?;
            }
            let event = commit::append(&self.inner, tx, &body, at)?;
            if new.draft {
                tx.set_meta(Meta::Draft, b"")?;
            }
            Ok(captured(&event, event.id))
        })
    }

    /// Revises the revision that the person saw; without `base`, the one shown now.
    pub fn edit(
        &self,
        note: &str,
        base: Option<&str>,
        text: &str,
        tags: Option<Vec<String>>,
    ) -> Result<view::Captured> {
        not_injected(text)?;
        self.say(clock::now(), |view| {
            let (note, graph) = find(view, note)?;
            let base = match base {
                Some(base) => event_id(view, base)?,
                None => shown(&graph)?.id,
            };
            Ok(decide::edit(note, &graph, &base, text, tags.as_deref())?)
        })
    }

    /// Puts a note away; with `base`, only while that is the revision shown.
    pub fn archive(&self, note: &str, base: Option<&str>) -> Result<view::Captured> {
        self.say(clock::now(), |view| {
            let (note, graph) = find(view, note)?;
            if let Some(base) = base
                && !graph.leaves().iter().any(|leaf| leaf.id.to_string() == base)
            {
                return Err(moved_on());
            }
            Ok(decide::archive(note, &graph)?)
        })
    }

    /// Settles a conflict; with `seen`, only while these are the revisions in conflict.
    pub fn resolve(
        &self,
        note: &str,
        take: view::Take,
        seen: Option<&[String]>,
    ) -> Result<view::Captured> {
        if let Some(path) = self.read(|view| vault::file_of(view, note))? {
            let take = match &take {
                view::Take::Ours => FileTake::Ours,
                view::Take::Theirs => FileTake::Theirs,
                view::Take::Merged => FileTake::Merged,
                view::Take::Text(text) => FileTake::Text(text),
            };
            return self.resolve_file(&path, take, seen);
        }
        let take = match take {
            view::Take::Ours => Take::Ours,
            view::Take::Theirs => Take::Theirs,
            view::Take::Merged => Take::Merged,
            view::Take::Text(text) => Take::Text(text),
        };
        self.say(clock::now(), |view| {
            let (note, graph) = find(view, note)?;
            let sides = Conflict::of(&graph, &self.inner.device)
                .map(|conflict| [conflict.ours.id, conflict.theirs.id].map(|id| id.to_string()));
            if let (Some(seen), Some(sides)) = (seen, sides)
                && !sides.iter().all(|side| seen.contains(side))
            {
                return Err(moved_on());
            }
            Ok(decide::resolve(note, &graph, &self.inner.device, take)?)
        })
    }

    /// Decides and appends in one transaction, so that nothing can come between.
    pub(crate) fn say(
        &self,
        at: WallTime,
        decide: impl FnOnce(&View<'_>) -> Result<Body>,
    ) -> Result<view::Captured> {
        self.write(|tx| {
            let body = decide(tx)?;
            let event = commit::append(&self.inner, tx, &body, at)?;
            let note = fold::note_of(&event).unwrap_or(event.id);
            Ok(captured(&event, note))
        })
    }

    /// One note: its id or a unique beginning, or that of any of its revisions.
    pub fn note(&self, note: &str) -> Result<view::Note> {
        self.read(|view| {
            let (id, graph) = find(view, note)?;
            note_view(view, &Names::of(view)?, id, &graph)
        })
    }

    /// What a revision changed in what it replaces first, word by word; of a note's first one, all is new.
    pub fn changes(&self, note: &str, revision: &str) -> Result<Vec<view::DiffSpan>> {
        self.read(|view| {
            let (_, graph) = find(view, note)?;
            let wanted = event_id(view, revision)?;
            let of = |id: &EventId| graph.get(id);
            let absent = || {
                Error::new(Code::NotFound, "that note has no such revision", "look at its history")
            };
            let revision = of(&wanted).ok_or_else(absent)?;
            let before = revision.parents.first().and_then(of).map_or("", |one| one.text.as_str());
            Ok(convert::diff(diff(before, &revision.text)))
        })
    }

    /// A note's revisions in canonical order.
    pub fn history(&self, note: &str) -> Result<Vec<view::Revision>> {
        self.read(|view| {
            let (_, graph) = find(view, note)?;
            let names = Names::of(view)?;
            let leaves: Vec<EventId> = graph.leaves().iter().map(|leaf| leaf.id).collect();
            let revision = |revision: &Revision| view::Revision {
                id: revision.id.to_string(),
                parents: revision.parents.iter().map(EventId::to_string).collect(),
                text: revision.text.clone(),
                tags: revision.tags.clone(),
                at: clock::rfc3339(revision.at),
                device: revision.device.to_string(),
                device_name: names.name(&revision.device),
                archived: revision.archived,
                latest: leaves.contains(&revision.id),
            };
            Ok(graph.history().into_iter().map(revision).collect())
        })
    }

    /// A page of notes, newest first.
    pub fn notes(&self, query: NoteQuery) -> Result<view::NotePage> {
        self.read(|view| {
            let device = query.device.as_deref().map(|device| crate::devices::find(view, device));
            let instant = |at: Option<&str>| -> Result<Option<i64>> {
                Ok(at.map(clock::parse).transpose()?.map(|at| at.unix_ms))
            };
            let filter = NoteFilter {
                since_ms: instant(query.since.as_deref())?,
                until_ms: instant(query.until.as_deref())?,
                tag: query.tag,
                device: device.transpose()?,
                archived: query.archived,
                before: query.cursor.as_deref().map(parse_cursor).transpose()?,
                skip: query.skip,
            };
            let limit = query.limit.clamp(1, MAX_PAGE);
            // One more than asked for tells whether there is another page.
            let mut rows = view.notes(&filter, limit + 1)?;
            let more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let next = rows.last().filter(|_| more).map(|row| write_cursor(row.cursor()));
            let names = Names::of(view)?;
            let mut notes = Vec::new();
            for row in &rows {
                notes.extend(row_view(view, &names, row)?);
            }
            let all = NoteFilter { before: None, skip: 0, ..filter };
            let total =
                if all == NoteFilter::default() { view.note_count() } else { view.count_of(&all) };
            Ok(view::NotePage { notes, next, total: convert::count(total?) })
        })
    }

    /// Notes and shared files that wait for a person, each with both sides and what they rest on.
    pub fn conflicts(&self) -> Result<Vec<view::Conflict>> {
        let mut conflicts = self.note_conflicts()?;
        conflicts.extend(self.file_conflicts()?);
        Ok(conflicts)
    }

    fn note_conflicts(&self) -> Result<Vec<view::Conflict>> {
        self.read(|view| {
            let names = Names::of(view)?;
            let mut conflicts = Vec::new();
            for pos in view.notes_in_conflict()? {
                let Some((id, graph)) = graph_at(view, pos)? else { continue };
                if let Some(conflict) = Conflict::of(&graph, &self.inner.device) {
                    conflicts.push(conflict_view(&names, id, &conflict));
                }
            }
            Ok(conflicts)
        })
    }
}

/// Memory that was handed out to an agent is not captured again as new.
fn not_injected(text: &str) -> Result<()> {
    if is_injected(text) { Err(crate::session::injected()) } else { Ok(()) }
}

fn moved_on() -> Error {
    Error::new(
        Code::Conflict,
        "another version of this note has come since you looked",
        "look at it again; nothing was changed",
    )
}

pub(crate) fn captured(event: &Event, note: EventId) -> view::Captured {
    view::Captured {
        id: event.id.to_string(),
        note: note.to_string(),
        chain: event.chain().to_string(),
        seq: convert::count(event.header.seq),
        lamport: convert::count(event.header.lamport.0),
        at: clock::rfc3339(event.header.at),
    }
}

/// An event by its id or a unique beginning of it.
pub fn event_id(view: &View<'_>, text: &str) -> Result<EventId> {
    let text = text.trim();
    let hex = !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !hex {
        let found: String = text.chars().take(80).collect();
        let hint = "an id is up to 64 hexadecimal digits, as `mirror note list --json` prints them";
        return Err(Error::invalid(format!("{found:?} is no id"), hint));
    }
    view.event_by_prefix(text)?
        .ok_or_else(|| Error::not_found(format!("no event begins with {text}")))
}

/// A note and its revisions, by any of its events.
pub fn find(view: &View<'_>, text: &str) -> Result<(EventId, NoteGraph)> {
    let id = event_id(view, text)?;
    let event = view.event(&id)?.ok_or_else(|| Error::not_found(format!("{id} is not here")))?;
    let forgotten = is_forgotten(view, &event)?;
    let no_note = || match forgotten {
        true => Error::not_found(format!("{id} was forgotten")),
        false => Error::not_found(format!("{id} is no note")),
    };
    let note = fold::note_of(&event).ok_or_else(no_note)?;
    Ok((note, fold::graph(view, note)?.ok_or_else(no_note)?))
}

pub fn graph_at(view: &View<'_>, pos: Pos) -> Result<Option<(EventId, NoteGraph)>> {
    let Some(event) = view.event_at(pos)? else { return Ok(None) };
    Ok(fold::graph(view, event.id)?.map(|graph| (event.id, graph)))
}

fn shown(graph: &NoteGraph) -> Result<&Revision> {
    graph.shown().ok_or_else(|| Error::integrity("a note without a revision"))
}

fn row_view(view: &View<'_>, names: &Names, row: &NoteRow) -> Result<Option<view::Note>> {
    let Some((id, graph)) = graph_at(view, row.note)? else { return Ok(None) };
    note_view(view, names, id, &graph).map(Some)
}

pub(crate) fn note_view(
    view: &View<'_>,
    names: &Names,
    id: EventId,
    graph: &NoteGraph,
) -> Result<view::Note> {
    let shown = shown(graph)?;
    let heard = transcripts::of_revision(view, id, shown)?;
    let attachments = shown.attachments.iter().map(|one| {
        let of_it = heard.iter().find(|heard| heard.first.body.audio == one.blob && one.is_audio());
        blobs::attachment_view(view, one, of_it.map(|heard| transcripts::shown(names, heard)))
    });
    Ok(view::Note {
        note: id.to_string(),
        id: shown.id.to_string(),
        text: shown.text.clone(),
        tags: shown.tags.clone(),
        at: clock::rfc3339(shown.at),
        device: shown.device.to_string(),
        device_name: names.name(&shown.device),
        state: convert::note_state(graph.state()),
        saved_on: names.holders(&shown.place()),
        attachments: attachments.collect::<Result<_>>()?,
    })
}

fn conflict_view(names: &Names, note: EventId, conflict: &Conflict) -> view::Conflict {
    let base_text = conflict.base.as_ref().map_or("", |base| base.text.as_str());
    let side = |revision: &Revision| view::Side {
        id: revision.id.to_string(),
        device: revision.device.to_string(),
        device_name: names.name(&revision.device),
        at: clock::rfc3339(revision.at),
        text: revision.text.clone(),
        tags: revision.tags.clone(),
        archived: revision.archived,
        diff: convert::diff(diff(base_text, &revision.text)),
    };
    view::Conflict {
        id: note.to_string(),
        note: note.to_string(),
        file: None,
        base: conflict.base.as_ref().map(side),
        ours: side(&conflict.ours),
        theirs: side(&conflict.theirs),
        proposal: conflict.proposal.as_ref().map(|merge| merge.text.clone()),
    }
}

fn write_cursor(cursor: NoteCursor) -> String {
    format!("{}.{}", cursor.lamport, cursor.latest)
}

fn parse_cursor(text: &str) -> Result<NoteCursor> {
    let parse = || {
        let (lamport, latest) = text.split_once('.')?;
        Some(NoteCursor { lamport: lamport.parse().ok()?, latest: latest.parse().ok()? })
    };
    parse().ok_or_else(|| Error::invalid(format!("{text:?} is no cursor"), "use `next` of a page"))
}

/// Everything listed, for the morning page.
pub(crate) fn all_since(view: &View<'_>, since_ms: i64) -> Result<Vec<(EventId, NoteGraph)>> {
    let filter = NoteFilter { since_ms: Some(since_ms), ..NoteFilter::default() };
    let mut found = Vec::new();
    for row in view.notes(&filter, u32::MAX)? {
        found.extend(graph_at(view, row.note)?);
    }
    found.retain(|(_, graph)| graph.state() != NoteState::Archived);
    Ok(found)
}

/// The first revision of a note: when and where it was captured.
pub(crate) fn captured_at(graph: &NoteGraph) -> Option<&Revision> {
    graph.history().into_iter().next()
}
