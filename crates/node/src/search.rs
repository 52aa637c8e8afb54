//! Full text: notes found by their words, and the index that follows behind them.

use mirror_domain::{Heard, snippet};
use mirror_protocol::Event;
use mirror_store::NoteFilter;

use crate::error::{Error, Result};
use crate::names::Names;
use crate::node::Node;
use crate::notes::{MAX_PAGE, graph_at, note_view};
use crate::{convert, fold, transcripts, view};

/// Notes that are read through for terms too short for the index.
const SHORT_TERM_NOTES: u32 = 5_000;
/// Events that the index takes in one step.
const INDEX_STEP: usize = 500;

impl Node {
    /// Notes that hold every word of the query, best match first. The index is brought up to date before.
    pub fn search(&self, query: &str, limit: u32) -> Result<Vec<view::Hit>> {
        while self.index_pending()? > 0 {}
        let terms: Vec<&str> = query.split_whitespace().collect();
        if terms.is_empty() {
            return Err(Error::invalid("nothing to search for", "write one word or more"));
        }
        let limit = limit.clamp(1, MAX_PAGE);
        self.read(|view| {
            let names = Names::of(view)?;
            // Terms shorter than a trigram are checked on the text: on all that the longer ones find, or on the newest.
            let found = match view.search(&terms, SHORT_TERM_NOTES.max(limit))? {
                Some(found) => found,
                None => {
                    let newest = view.notes(&NoteFilter::default(), SHORT_TERM_NOTES)?;
                    newest.into_iter().map(|row| row.note).collect()
                }
            };
            let mut hits = Vec::new();
            for pos in found {
                if hits.len() as u64 == u64::from(limit) {
                    break;
                }
                let Some((id, graph)) = graph_at(view, pos)? else { continue };
                let note = note_view(view, &names, id, &graph)?;
                let short: Vec<&str> =
                    terms.iter().copied().filter(|term| term.chars().count() < 3).collect();
                if snippet::holds(&said_in(&note), &short) {
                    hits.push(hit(note, &terms));
                }
            }
            Ok(hits)
        })
    }

    /// Empties the full-text index, and brings it up to date again.
    pub(crate) fn clear_index(&self) -> Result<()> {
        self.quiet_write(|tx| Ok(tx.clear_index()?))?;
        while self.index_pending()? > 0 {}
        Ok(())
    }

    /// Brings the full-text index a step forward; answers how many events it still has to see.
    pub fn index_pending(&self) -> Result<u32> {
        let behind = self.read(|view| Ok(view.unindexed()?))?;
        let Some(next) = behind.first().copied() else { return Ok(0) };
        let indexed = self.quiet_write(|tx| {
            let mut events = Vec::new();
            tx.walk::<Error>(next.branch, next.from, |_, event| {
                events.push(event);
                Ok(events.len() < INDEX_STEP)
            })?;
            for event in &events {
                index(tx, event)?;
            }
            if let Some(last) = events.last() {
                tx.set_indexed(next.branch, last.header.seq)?;
            }
            Ok(events.len() as u64)
        })?;
        let total: u64 = behind.iter().map(|chain| chain.events).sum();
        Ok(convert::count(total.saturating_sub(indexed)))
    }
}

fn index(tx: &mirror_store::Tx<'_>, event: &Event) -> Result<()> {
    let Some(note) = fold::note_of(event) else { return Ok(()) };
    let (Some(pos), Some(graph)) = (tx.pos(&note)?, fold::graph(tx, note)?) else { return Ok(()) };
    // Every leaf can be found, not only the one shown: a note in conflict has two texts.
    let mut texts: Vec<String> = graph.leaves().iter().map(|leaf| leaf.text.clone()).collect();
    for leaf in graph.leaves() {
        texts.extend(transcripts::of_revision(tx, note, leaf)?.iter().map(Heard::text));
    }
    Ok(tx.index_note(pos, &texts.join("\n"))?)
}

/// What a note is found by: its text, and what was heard in its recordings.
fn said_in(note: &view::Note) -> String {
    let heard = note.attachments.iter().filter_map(|one| one.transcript.as_ref());
    let texts = std::iter::once(note.text.as_str()).chain(heard.map(|heard| heard.text.as_str()));
    texts.collect::<Vec<_>>().join("\n")
}

fn hit(note: view::Note, terms: &[&str]) -> view::Hit {
    // What was written goes before what was heard, unless only that holds what was searched for.
    let heard = note.attachments.iter().filter_map(|one| one.transcript.as_ref());
    let mut heard = heard.map(|heard| heard.text.as_str());
    let holds_any = |text: &str| terms.iter().any(|term| snippet::holds(text, &[*term]));
    let spoken = (!holds_any(&note.text)).then(|| heard.find(|text| holds_any(text))).flatten();
    let spans: Vec<view::HitSpan> = snippet::snippet(spoken.unwrap_or(&note.text), terms)
        .into_iter()
        .map(|(text, matched)| view::HitSpan { text, matched })
        .collect();
    view::Hit {
        snippet: spans.iter().map(|span| span.text.as_str()).collect(),
        spans,
        in_transcript: spoken.is_some(),
        note: note.note,
        id: note.id,
        at: note.at,
        device: note.device,
        device_name: note.device_name,
        tags: note.tags,
        state: note.state,
    }
}
