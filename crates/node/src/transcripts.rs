//! What was heard in recordings: written, shown, and forgotten with its note.

use std::collections::BTreeSet;

use mirror_domain::body::{NoteForget, NoteTranscript, Segment, parts};
use mirror_domain::transcript::doubts;
use mirror_domain::{Body, Doubt, Heard, NoteGraph, Revision, Transcript, decide};
use mirror_protocol::{BlobId, EventId, Tip};
use mirror_store::View;

use crate::error::{Error, Result};
use crate::forget::is_forgotten;
use crate::names::Names;
use crate::node::Node;
use crate::{clock, commit, convert, fold, notes, view};

/// A transcript to be written.
#[derive(Debug, Clone, Default)]
pub struct NewTranscript {
    /// What heard it.
    pub engine: String,
    /// Its model.
    pub model: String,
    /// SHA-256 of the model's file, in hex.
    pub model_hash: Option<String>,
    /// The language, as BCP 47 names it.
    pub language: Option<String>,
    /// The recording holds no sound at all.
    pub silent: bool,
    /// What was said, in order.
    pub segments: Vec<NewSegment>,
}

/// A piece of it.
#[derive(Debug, Clone, Default)]
pub struct NewSegment {
    /// Where it begins, in milliseconds of the recording.
    pub start_ms: u32,
    /// Where it ends.
    pub end_ms: u32,
    /// What was heard.
    pub text: String,
}

impl Node {
    /// Says what was heard in a recording of a note, named by its blob; it replaces what was heard before. All parts of a
    /// long one are durable when it returns.
    pub fn write_transcript(
        &self,
        note: &str,
        audio: &str,
        new: NewTranscript,
    ) -> Result<view::Captured> {
        let hash = new.model_hash.as_deref().map(blob_id).transpose()?;
        let mut parts = parts(segments(new.segments)).into_iter();
        self.write(|tx| {
            let (note, graph) = notes::find(tx, note)?;
            let audio = recording(&graph, Some(audio))?;
            let body = NoteTranscript {
                note,
                audio,
                replaces: Vec::new(),
                continues: None,
                engine: new.engine,
                model: new.model,
                model_hash: hash,
                language: new.language,
                silent: new.silent,
                segments: parts.next().unwrap_or_default(),
            };
            let body = decide::transcript(&graph, &of_note(tx, note)?, body)?;
            let first = commit::append(&self.inner, tx, &body, clock::now())?;
            let Body::NoteTranscript(body) = body else { return Ok(notes::captured(&first, note)) };
            let mut last = first.id;
            for segments in parts {
                let (replaces, continues) = (Vec::new(), Some(last));
                let part = NoteTranscript { replaces, continues, segments, ..body.clone() };
                let part = Body::NoteTranscript(part);
                last = commit::append(&self.inner, tx, &part, clock::now())?.id;
            }
            Ok(notes::captured(&first, note))
        })
    }

    /// The transcript of a note's recording with its pieces; of its first one, when none is named.
    pub fn transcript(&self, note: &str, audio: Option<&str>) -> Result<view::HeardTranscript> {
        self.read(|view| {
            let (note, graph) = notes::find(view, note)?;
            let audio = recording(&graph, audio)?;
            let heard = Heard::of(&audio, &of_note(view, note)?);
            let heard = heard.ok_or_else(|| {
                let hint = "transcribe it with `mirror transcribe`, on a device that has a model";
                let detail = format!("nothing was heard yet in {audio}");
                Error::new(view::Code::NotFound, detail, hint)
            })?;
            let doubts = doubts(&heard.segments).into_iter();
            let segments =
                heard.segments.iter().zip(doubts).map(|(segment, doubt)| view::TranscriptSegment {
                    start_ms: segment.start_ms,
                    end_ms: segment.end_ms,
                    text: segment.text.trim().to_owned(),
                    doubt: doubt.map(|doubt| match doubt {
                        Doubt::KnownPhrase => view::Doubt::KnownPhrase,
                        Doubt::Repeat => view::Doubt::Repeat,
                    }),
                });
            let segments = segments.collect();
            Ok(view::HeardTranscript { transcript: shown(&Names::of(view)?, &heard), segments })
        })
    }

    /// Forgets transcripts whose recording no revision carries any more because it was forgotten: the words of a
    /// forgotten note don't outlive it. This device's own, and as an anchor all.
    pub(crate) fn forget_orphans_or_warn(&self) {
        if let Err(error) = self.forget_orphans() {
            tracing::warn!(%error, "transcripts of forgotten recordings still stand");
        }
    }

    fn forget_orphans(&self) -> Result<u32> {
        if !self.read(|view| Ok(view.has_forgotten()?))? {
            return Ok(0);
        }
        let orphans = |view: &View<'_>| -> Result<Vec<(EventId, Vec<Tip>)>> {
            let membership = fold::membership(view, self.inner.mesh)?;
            let here = &self.inner.device;
            if membership.active(here).is_none() {
                return Ok(Vec::new());
            }
            let mut orphans = orphans(view)?;
            if !membership.is_anchor(here) {
                for (_, tips) in &mut orphans {
                    tips.retain(|tip| fold::author(view, &tip.chain).is_ok_and(|of| of == *here));
                }
            }
            orphans.retain(|(_, tips)| !tips.is_empty());
            Ok(orphans)
        };
        if self.read(orphans)?.is_empty() {
            return Ok(0);
        }
        let forgotten = self.write(|tx| {
            let mut count = 0;
            for (note, tips) in orphans(tx)? {
                for targets in tips.chunks(mirror_domain::body::MAX_FORGETS) {
                    count += targets.len() as u64;
                    let reason = "what it was heard in was forgotten".to_owned();
                    let body = NoteForget { note, targets: targets.to_vec(), reason };
                    commit::append(&self.inner, tx, &Body::NoteForget(body), clock::now())?;
                }
            }
            Ok(count)
        })?;
        Ok(convert::count(forgotten))
    }
}

/// Transcripts whose recording was forgotten, by their notes.
fn orphans(view: &View<'_>) -> Result<Vec<(EventId, Vec<Tip>)>> {
    let mut notes = BTreeSet::new();
    for (_, _, body) in fold::member_events(view)? {
        if let Body::NoteForget(forget) = body {
            notes.insert(forget.note);
        }
    }
    let mut orphans = Vec::new();
    for note in notes {
        let said = of_note(view, note)?;
        if said.is_empty() {
            continue;
        }
        let graph = fold::graph(view, note)?.unwrap_or_default();
        let carried = |audio| graph.history().iter().any(|revision| revision.carries(audio));
        let lost = said.iter().filter(|transcript| !carried(&transcript.body.audio));
        let tips = lost.map(|transcript| {
            let (_, chain, seq, id) = transcript.order;
            Tip { chain, seq, id }
        });
        orphans.push((note, tips.collect()));
    }
    Ok(orphans)
}

/// All that was heard in a note's recordings, as far as it counts and is not forgotten.
pub fn of_note(view: &View<'_>, note: EventId) -> Result<Vec<Transcript>> {
    let mut said = Vec::new();
    for pos in view.revisions(&note)? {
        let Some(event) = view.event_at(pos)? else { continue };
        if let Ok(Body::NoteTranscript(body)) = Body::read(&event)
            && !is_forgotten(view, &event)?
        {
            let (device, at) = (fold::author(view, &event.chain())?, event.header.at);
            let (id, order) = (event.id, event.order());
            said.push(Transcript { id, body, device, at, order });
        }
    }
    Ok(said)
}

/// What was heard in the recordings of a revision. Reads nothing when it has none.
pub fn of_revision(view: &View<'_>, note: EventId, shown: &Revision) -> Result<Vec<Heard>> {
    if !shown.attachments.iter().any(mirror_domain::Attachment::is_audio) {
        return Ok(Vec::new());
    }
    let said = of_note(view, note)?;
    let recordings = shown.attachments.iter().filter(|one| one.is_audio());
    Ok(recordings.filter_map(|one| Heard::of(&one.blob, &said)).collect())
}

/// A transcript as a face is shown it.
pub fn shown(names: &Names<'_>, heard: &Heard) -> view::Transcript {
    let Transcript { id, body, device, at, .. } = &heard.first;
    view::Transcript {
        id: id.to_string(),
        audio: body.audio.to_string(),
        text: heard.text(),
        engine: body.engine.clone(),
        model: body.model.clone(),
        model_hash: body.model_hash.map(|hash| hash.to_string()),
        language: body.language.clone(),
        silent: body.silent,
        doubtful: heard.is_doubtful(),
        at: clock::rfc3339(*at),
        device: device.to_string(),
        device_name: names.name(device),
        others: convert::count(heard.leaves.len().saturating_sub(1) as u64),
    }
}

/// The recording of a note that a text names, or its first.
pub fn recording(graph: &NoteGraph, audio: Option<&str>) -> Result<BlobId> {
    let revisions = graph.history().into_iter().rev();
    let mut recordings = revisions.flat_map(|revision| &revision.attachments);
    let wanted = audio.map(|text| text.trim().to_lowercase());
    let found = recordings.find(|one| {
        let id = one.blob.to_string();
        let fits = wanted.as_ref().is_none_or(|text| !text.is_empty() && id.starts_with(text));
        one.is_audio() && fits
    });
    found.map(|one| one.blob).ok_or_else(|| match audio {
        Some(audio) => Error::not_found(format!("this note carries no recording {audio:?}")),
        None => Error::not_found("this note carries no recording".to_owned()),
    })
}

fn blob_id(text: &str) -> Result<BlobId> {
    text.parse().map_err(|_| {
        Error::invalid(format!("{text:?} is no hash"), "64 hexadecimal digits of a SHA-256")
    })
}

/// As engines give them: with signs that no text has, empty ones, and times that run backwards.
fn segments(new: Vec<NewSegment>) -> Vec<Segment> {
    let mut before = 0;
    let mut clean = Vec::new();
    for NewSegment { start_ms, end_ms, text } in new {
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|w| !w.is_empty())
            .collect();
        if words.is_empty() {
            continue;
        }
        let start_ms = start_ms.max(before);
        clean.push(Segment { start_ms, end_ms: end_ms.max(start_ms), text: words.join(" ") });
        before = start_ms;
    }
    clean
}
