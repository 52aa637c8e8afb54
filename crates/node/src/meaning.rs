//! What an event says, as far as its bytes alone tell: read on any thread, ahead of the transaction that folds it.

use std::collections::BTreeMap;

use mirror_domain::{Body, Entry, NoteState};
use mirror_protocol::{Event, EventId, VerifiedRun};

/// An event's body, and its entry in the state digest if it begins a note that nothing revises.
#[derive(Debug)]
pub struct Meaning {
    /// A body of a known kind that does not read means nothing.
    pub body: Body,
    /// Of a new note.
    pub entry: Option<Entry>,
}

impl Meaning {
    /// Reads it.
    pub fn of(event: &Event) -> Self {
        let body = Body::read(event).unwrap_or_else(|error| {
            tracing::warn!(%error, "an event without meaning");
            Body::Unknown
        });
        let is_new = matches!(body, Body::NoteAdd(_));
        let entry = is_new.then(|| Entry::note(&event.id, &[event.id], NoteState::Current));
        Self { body, entry }
    }
}

/// What was read ahead of runs, by their last events: a run is only ever cut at its front.
#[derive(Debug, Default)]
pub struct ReadAhead(BTreeMap<EventId, Vec<Meaning>>);

impl ReadAhead {
    /// Keeps what the events of a run say.
    pub fn add(&mut self, run: &VerifiedRun, meanings: Vec<Meaning>) {
        self.0.insert(run.head.tip.id, meanings);
    }

    /// What the events of a run say, read now if it was not before.
    pub fn take(&mut self, run: &VerifiedRun) -> Vec<Meaning> {
        let mut ahead = self.0.remove(&run.head.tip.id).unwrap_or_default();
        match ahead.len().checked_sub(run.events.len()) {
            Some(0) => ahead,
            Some(cut) => ahead.split_off(cut),
            None => run.events.iter().map(Meaning::of).collect(),
        }
    }
}
