//! Where this home stands: in one word, as a head, as a log, as a map, as a page for the morning.

use std::collections::BTreeSet;

use jiff::civil::Date;
use mirror_domain::standup::{StandupNote, date_of, day, local_time, markdown, standup};
use mirror_domain::{Body, NoteState, Role, sync};
use mirror_protocol::{
    BlobId, CanonicalHead, ChainId, DeviceId, Event, EventId, Lamport, canonical_head,
};
use mirror_store::{ChainRow, Place, View};

use crate::error::{Error, Result};
use crate::forget::is_forgotten;
use crate::names::Names;
use crate::node::Node;
use crate::view::{self, SyncState};
use crate::{clock, convert, devices, fold, notes, transcripts};

/// What of the log to show.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Events in a page, 500 at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Of this chain only: its id or a unique beginning.
    pub chain: Option<String>,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self { limit: 50, cursor: None, chain: None }
    }
}

/// The canonical head of what is stored.
pub fn head_of(view: &View<'_>) -> Result<CanonicalHead> {
    Ok(canonical_head(view.tips()?))
}

impl Node {
    /// The first question of every screen.
    pub fn status(&self) -> Result<view::Status> {
        let identity = self.identity()?;
        self.read(|view| {
            let devices = self.devices_in(view)?;
            let conflicts = conflict_count(view)?;
            let peers = devices.iter().filter(|device| !device.this).map(|device| device.state);
            let mut own = view.chains()?;
            own.retain(|chain| chain.device == self.inner.device);
            let forked = devices::forked(&own);
            let mut signed = Vec::new();
            for member in view.members()? {
                signed.extend(view.peer(&member.device)?.signed);
            }
            let unreconciled: u64 = own
                .iter()
                .map(|row| {
                    let known = signed.iter().filter(|tip| tip.chain == row.tip.chain).copied();
                    let known: Vec<_> = known.collect();
                    devices::beyond(view, row.tip, &known, &forked).min(row.events())
                })
                .sum();
            Ok(view::Status {
                identity: Some(identity),
                head: head_of(view)?.to_string(),
                events: convert::count(view.event_count()?),
                notes: convert::count(view.note_count()?),
                state: overall(conflicts, peers),
                conflicts: convert::count(conflicts),
                unreconciled: convert::count(unreconciled),
                last_reconcile: view.last_checkpoint()?.map(|c| clock::local_rfc3339(c.at_ms)),
                devices,
            })
        })
    }

    /// The canonical head, the chains' tips and the state digest.
    pub fn head(&self) -> Result<view::Head> {
        self.read(|view| {
            let (version, digest) = fold::state(view)?;
            let chains = view.chains()?;
            Ok(view::Head {
                head: head_of(view)?.to_string(),
                state: format!("{version}:{}", crate::keys::hex(&digest.0)),
                events: convert::count(view.event_count()?),
                chains: chains.iter().map(|c| devices::chain_view(&c.tip, &c.device)).collect(),
            })
        })
    }

    /// A page of events in canonical order, newest first.
    pub fn log(&self, query: LogQuery) -> Result<view::LogPage> {
        self.read(|view| {
            let chain = query.chain.as_deref().map(|text| find_chain(view, text)).transpose()?;
            let before = query.cursor.as_deref().map(parse_place).transpose()?;
            let limit = query.limit.clamp(1, 500) as usize;
            // One more than asked for tells whether there is another page.
            let mut events = view.newest_events(before, chain.as_ref(), limit + 1)?;
            let more = events.len() > limit;
            events.truncate(limit);
            let next = events.last().filter(|_| more).map(write_place);
            let names = Names::of(view)?;
            let chains = view.chains()?;
            let entries = events
                .iter()
                .map(|event| log_entry(view, &names, &chains, event))
                .collect::<Result<_>>()?;
            Ok(view::LogPage { entries, next })
        })
    }

    /// The morning page of a day (today, without one) in a zone (the system's, without one).
    pub fn standup(&self, date: Option<&str>, zone: Option<&str>) -> Result<view::Standup> {
        let zone = clock::zone(zone)?;
        let date: Date = match date {
            Some(text) => text.parse().map_err(|_| {
                Error::invalid(format!("{text:?} is no date"), "write it like 2026-11-23")
            })?,
            None => date_of(clock::now_ms(), &zone).unwrap_or(Date::ZERO),
        };
        let notes = self.read(|view| standup_notes(view, date, &zone))?;
        let sections = standup(date, &zone, notes);
        Ok(view::Standup {
            date: date.to_string(),
            zone: zone.iana_name().unwrap_or("local").to_owned(),
            markdown: markdown(date, &zone, &sections),
            sections: sections
                .into_iter()
                .map(|section| view::StandupSection {
                    title: section.title,
                    items: section.items.into_iter().map(standup_item).collect(),
                })
                .collect(),
        })
    }
}

/// How many notes and shared files wait for a person.
pub fn conflict_count(view: &View<'_>) -> Result<u64> {
    Ok(view.conflict_count()? + crate::vault::shared::conflict_count(view)?)
}

fn overall(conflicts: u64, peers: impl Iterator<Item = SyncState>) -> SyncState {
    let back = |state| match state {
        SyncState::Synced => sync::SyncState::Synced,
        SyncState::Behind => sync::SyncState::Behind,
        SyncState::Ahead => sync::SyncState::Ahead,
        SyncState::Conflict => sync::SyncState::Conflict,
        SyncState::Stale => sync::SyncState::Stale,
        SyncState::Offline => sync::SyncState::Offline,
        SyncState::Unknown => sync::SyncState::Unknown,
        SyncState::Revoked => sync::SyncState::Revoked,
        SyncState::Forked => sync::SyncState::Forked,
    };
    convert::sync_state(sync::home_state(conflicts, peers.map(back)))
}

/// Notes of the day before and the day, and all that wait for a person.
fn standup_notes(
    view: &View<'_>,
    date: Date,
    zone: &jiff::tz::TimeZone,
) -> Result<Vec<StandupNote>> {
    let yesterday = date.yesterday().ok().and_then(|date| day(date, zone));
    let members = view.members()?;
    let role_of = |device: &DeviceId| {
        let member = members.iter().find(|member| member.device == *device);
        member.and_then(|member| Role::from_number(member.role)).unwrap_or(Role::Node)
    };
    let names = Names::of(view)?;
    // A note revised since still counts by its capture, which can't be later than its revisions' clocks by much: a day
    // is allowed for clocks that disagree.
    let since = yesterday.map_or(i64::MIN, |(from, _)| from.saturating_sub(86_400_000));
    let mut found = notes::all_since(view, since)?;
    for pos in view.notes_in_conflict()? {
        if let Some((id, graph)) = notes::graph_at(view, pos)?
            && !found.iter().any(|(known, _)| *known == id)
        {
            found.push((id, graph));
        }
    }
    let mut page = Vec::new();
    for (id, graph) in &found {
        let (Some(first), Some(shown)) = (notes::captured_at(graph), graph.shown()) else {
            continue;
        };
        let heard = transcripts::of_revision(view, *id, shown)?;
        let of = |audio: &BlobId| heard.iter().find(|one| one.first.body.audio == *audio).cloned();
        page.push(StandupNote {
            event: shown.id,
            note: *id,
            text: shown.told(of),
            at: first.at,
            device_name: names.name(&first.device),
            role: role_of(&first.device),
            order: first.order,
            conflict: graph.state() == NoteState::Conflict,
        });
    }
    Ok(page)
}

fn standup_item(note: StandupNote) -> view::StandupItem {
    view::StandupItem {
        event: note.event.to_string(),
        note: Some(note.note.to_string()),
        text: note.text,
        time: local_time(note.at),
        at: clock::rfc3339(note.at),
        device_name: note.device_name,
    }
}

fn log_entry(
    view: &View<'_>,
    names: &Names<'_>,
    chains: &[ChainRow],
    event: &Event,
) -> Result<view::LogEntry> {
    let header = &event.header;
    let device = fold::author(view, &event.chain())?;
    Ok(view::LogEntry {
        id: event.id.to_string(),
        chain: event.chain().to_string(),
        device: device.to_string(),
        device_name: names.name(&device),
        seq: convert::count(header.seq),
        prev: header.prev.map(|prev| prev.to_string()),
        deps: header.deps.iter().map(|dep| dep.id.to_string()).collect(),
        lamport: convert::count(header.lamport.0),
        at: clock::rfc3339(header.at),
        kind: header.kind.clone(),
        branch: branch_of(view, chains, event)?.map(|first| first.to_string()),
        counts: fold::counts(view, event)?,
        forgotten: is_forgotten(view, event)?,
        reason: match Body::read(event) {
            Ok(Body::NoteForget(forget)) => Some(forget.reason),
            _ => None,
        },
        body_hash: header.body_hash.to_string(),
    })
}

/// The first event of the branch in which an event lies, when its chain forks before it.
fn branch_of(view: &View<'_>, chains: &[ChainRow], event: &Event) -> Result<Option<EventId>> {
    let Some(pos) = view.pos(&event.id)? else { return Ok(None) };
    let starts = chains.iter().filter_map(|row| {
        let starts = row.parent.is_some() && row.first <= event.header.seq;
        // A fork begins a branch in the new row and goes on as one in the row that it leaves.
        let here = row.branch == pos.branch() || row.parent == Some(pos.branch());
        (starts && here).then_some(row.first)
    });
    starts.max().map_or(Ok(None), |first| Ok(view.id_of(pos.branch(), first)?))
}

fn find_chain(view: &View<'_>, text: &str) -> Result<ChainId> {
    let lower = text.to_lowercase();
    let tips = view.tips()?;
    let chains: BTreeSet<ChainId> = tips.iter().map(|tip| tip.chain).collect();
    let found: Vec<_> =
        chains.iter().filter(|chain| chain.to_string().starts_with(&lower)).collect();
    match found.as_slice() {
        [chain] => Ok(**chain),
        [] => Err(Error::not_found(format!("no chain begins with {text:?}"))),
        _ => {
            Err(Error::invalid(format!("{text:?} fits several chains"), "write more of its digits"))
        }
    }
}

fn write_place(event: &Event) -> String {
    let (lamport, chain, seq, id) = event.order();
    format!("{}.{chain}.{seq}.{id}", lamport.0)
}

fn parse_place(text: &str) -> Result<Place> {
    let parse = || {
        let mut parts = text.split('.');
        let lamport = Lamport(parts.next()?.parse().ok()?);
        let (chain, seq) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let id = parts.next()?.parse().ok()?;
        Some(Place { lamport, chain, seq, id })
    };
    parse().ok_or_else(|| Error::invalid(format!("{text:?} is no cursor"), "use `next` of a page"))
}
