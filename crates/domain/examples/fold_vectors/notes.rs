//! What becomes of notes, and the state digest.

use mirror_domain::Transcript;
use mirror_domain::attachment::Attachment;
use mirror_domain::body::{NoteAdd, NoteArchive, NoteEdit, NoteTranscript, Segment};
use mirror_domain::{Body, Entry, Heard, NoteGraph, NoteState, Revision, Role, StateDigest};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::{BlobId, BlobRef, ChunkListHash, Event, EventId};
use serde_json::{Value, json};

use super::mesh::{Member, all, take};
use super::world::{Reader, bundle, gathered, hears, hex, mesh, revoke_at, say};

fn add(by: &mut Member, text: &str, tags: &[&str]) -> EventId {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    say(by, &Body::NoteAdd(NoteAdd { text: text.to_owned(), tags, attachments: vec![] })).id
}

fn attachment(n: u8, name: &str) -> Attachment {
    let blob = BlobRef { id: BlobId([n; 32]), bytes: 9, chunks: ChunkListHash([n; 32]) };
    Attachment::new(blob, name, "audio/mp4")
}

fn edit(by: &mut Member, note: EventId, replaces: &[EventId], text: &str) -> EventId {
    edit_carrying(by, note, replaces, text, None)
}

fn edit_carrying(
    by: &mut Member,
    note: EventId,
    replaces: &[EventId],
    text: &str,
    attachments: Option<Vec<Attachment>>,
) -> EventId {
    let (replaces, text, tags) = (replaces.to_vec(), text.to_owned(), vec!["edited".to_owned()]);
    say(by, &Body::NoteEdit(NoteEdit { note, replaces, text, tags, attachments })).id
}

fn archive(by: &mut Member, note: EventId, replaces: &[EventId]) -> EventId {
    say(by, &Body::NoteArchive(NoteArchive { note, replaces: replaces.to_vec() })).id
}

/// An event as a revision, with the note that it belongs to.
fn revision(reader: &Reader<'_>, event: &Event) -> Option<(EventId, Revision)> {
    let (note, parents, text, tags, carries, archived) = match Body::read(event).ok()? {
        Body::NoteAdd(add) => (event.id, vec![], add.text, add.tags, Some(add.attachments), false),
        Body::NoteEdit(e) => (e.note, e.replaces, e.text, e.tags, e.attachments, false),
        Body::NoteArchive(put) => (put.note, put.replaces, String::new(), vec![], None, true),
        _ => return None,
    };
    let (inherits, attachments) = (carries.is_none(), carries.unwrap_or_default());
    let (id, device) = (event.id, reader.author(event));
    let (at, order) = (event.header.at, event.order());
    let revision =
        Revision { id, parents, text, tags, attachments, inherits, archived, device, at, order };
    Some((note, revision))
}

fn case(name: &str, devices: &[&Member]) -> Value {
    forgetting(name, devices, None)
}

/// What a reader of all that these devices have makes of it, when the body of an event was forgotten.
fn forgetting(name: &str, devices: &[&Member], forgotten: Option<EventId>) -> Value {
    let mut runs = all(&gathered(devices));
    for event in runs.iter_mut().flat_map(|run| &mut run.events) {
        if Some(mirror_protocol::event::id_of(&event.header)) == forgotten {
            event.body = None;
        }
    }
    let mut log = MemoryLog::default();
    take(&mut log, runs.clone());
    let input = bundle(devices[0], &log, runs);
    let reader = Reader::new(&log, devices[0].open.mesh);
    let (mut notes, mut digest) = (Vec::new(), StateDigest::default());
    for member in reader.membership.all() {
        let revoked = member.revoked.is_some();
        digest.add(Entry::member(&member.device, &member.name, member.role, revoked));
    }
    for first in reader.ordered() {
        let Some(graph) = graph(&reader, first) else { continue };
        let leaves: Vec<_> = graph.leaves().iter().map(|leaf| leaf.id).collect();
        digest.add(Entry::note(&first.id, &leaves, graph.state()));
        notes.push(note(first.id, &graph, &transcripts(&reader, first.id)));
    }
    for event in reader.ordered().into_iter().filter(|event| reader.counts(event)) {
        if let Ok(Body::NoteTranscript(_)) = Body::read(event) {
            digest.add(Entry::transcript(&event.id));
        }
    }
    let expect = json!({ "notes": notes, "digest": hex(digest.0) });
    json!({ "name": name, "input": input, "expect": expect })
}

fn graph(reader: &Reader<'_>, first: &Event) -> Option<NoteGraph> {
    let Ok(Body::NoteAdd(_)) = Body::read(first) else { return None };
    let counting = reader.ordered().into_iter().filter(|event| reader.counts(event));
    let revisions = counting.filter_map(|event| revision(reader, event));
    let revisions: Vec<_> =
        revisions.filter(|(note, _)| *note == first.id).map(|(_, revision)| revision).collect();
    (!revisions.is_empty()).then(|| NoteGraph::new(revisions))
}

fn transcripts(reader: &Reader<'_>, note: EventId) -> Vec<Transcript> {
    let counting = reader.ordered().into_iter().filter(|event| reader.counts(event));
    let said = counting.filter_map(|event| match Body::read(event).ok()? {
        Body::NoteTranscript(body) if body.note == note => Some(Transcript {
            id: event.id,
            body,
            device: reader.author(event),
            at: event.header.at,
            order: event.order(),
        }),
        _ => None,
    });
    said.collect()
}

fn note(note: EventId, graph: &NoteGraph, said: &[Transcript]) -> Value {
    let state = match graph.state() {
        NoteState::Current => "current",
        NoteState::Conflict => "conflict",
        NoteState::Archived => "archived",
    };
    let ids = |leaves: Vec<&Revision>| leaves.iter().map(|leaf| leaf.id).collect::<Vec<_>>();
    let shown = graph.shown().unwrap();
    let audio = shown.attachments.iter().filter(|one| one.is_audio());
    let heard = audio.filter_map(|one| Heard::of(&one.blob, said));
    let heard: Vec<_> = heard
        .map(|heard| {
            let (audio, parts) = (heard.first.body.audio, &heard.parts);
            json!({ "audio": audio, "parts": parts, "leaves": heard.leaves, "text": heard.text() })
        })
        .collect();
    json!({
        "note": note, "state": state, "leaves": ids(graph.leaves()),
        "distinct": ids(graph.distinct_leaves()),
        "shown": {
            "id": shown.id, "text": shown.text, "tags": shown.tags,
            "carries": shown.attachments.iter().map(|one| &one.name).collect::<Vec<_>>(),
            "heard": heard,
        },
    })
}

pub fn notes() -> Value {
    Value::Array([edits(), archives(), attachments(), spoken(), others()].concat())
}

fn two() -> [Member; 2] {
    mesh(&[("phone", Role::Capture)]).try_into().ok().unwrap()
}

fn meet(a: &mut Member, b: &mut Member) {
    hears(a, b);
    hears(b, a);
}

fn edits() -> Vec<Value> {
    let [mut mac, mut phone] = two();
    let note = add(&mut mac, "tea at four", &["home", "दोस्त"]);
    let mut cases = vec![case("a new note", &[&mac])];
    meet(&mut mac, &mut phone);
    let mine = edit(&mut mac, note, &[note], "tea at five");
    cases.push(case("an edit", &[&mac, &phone]));
    let theirs = edit(&mut phone, note, &[note], "coffee at four");
    cases.push(case("two edits at once", &[&mac, &phone]));
    meet(&mut mac, &mut phone);
    edit(&mut mac, note, &[mine, theirs], "coffee at five");
    cases.push(case("two edits made one", &[&mac, &phone]));

    let [mut mac, mut phone] = two();
    let note = add(&mut mac, "tea", &[]);
    meet(&mut mac, &mut phone);
    edit(&mut mac, note, &[note], "more tea");
    edit(&mut phone, note, &[note], "more tea");
    cases.push(case("the same edit twice", &[&mac, &phone]));
    edit(&mut phone, note, &[note], "less tea");
    cases.push(case("the same edit twice and another", &[&mac, &phone]));
    cases
}

fn archives() -> Vec<Value> {
    let [mut mac, mut phone] = two();
    let note = add(&mut mac, "tea", &["home"]);
    meet(&mut mac, &mut phone);
    let away = archive(&mut mac, note, &[note]);
    let mut cases = vec![case("an archive", &[&mac, &phone])];
    edit(&mut phone, note, &[note], "more tea");
    cases.push(case("an archive and an edit at once", &[&mac, &phone]));
    edit(&mut mac, note, &[away], "tea again");
    cases
        .push(case("an archive, an edit at once, and an edit behind the archive", &[&mac, &phone]));

    let [mut mac, mut phone] = two();
    let note = add(&mut mac, "tea", &[]);
    meet(&mut mac, &mut phone);
    let one = edit(&mut mac, note, &[note], "one");
    phone.note("time passes", &[]);
    let other = edit(&mut phone, note, &[note], "the newest");
    meet(&mut mac, &mut phone);
    archive(&mut mac, note, &[other, one]);
    cases.push(case("an archive of two edits", &[&mac, &phone]));
    let unknown = EventId([9; 32]);
    archive(&mut mac, note, &[unknown]);
    cases.push(case("an archive of what is not here", &[&mac, &phone]));
    cases
}

fn attachments() -> Vec<Value> {
    let [mut mac, mut phone] = two();
    let add =
        NoteAdd { text: String::new(), tags: vec![], attachments: vec![attachment(1, "one.m4a")] };
    let note = say(&mut mac, &Body::NoteAdd(add)).id;
    let mut cases = vec![case("a recording without a text", &[&mac, &phone])];
    meet(&mut mac, &mut phone);
    let mine = edit(&mut mac, note, &[note], "");
    cases.push(case("an edit without a text that names no attachments", &[&mac, &phone]));
    let kept = edit(&mut mac, note, &[note], "keeps what it carries");
    let (one, two) = (attachment(1, "one.m4a"), attachment(2, "two.m4a"));
    let more = Some(vec![two, one]);
    let more = edit_carrying(&mut phone, note, &[note], "carries two", more);
    meet(&mut mac, &mut phone);
    cases.push(case("edits that carry different things", &[&mac, &phone]));
    let both = edit(&mut mac, note, &[more, kept, mine], "carries all");
    cases.push(case("an edit carries what it replaces carries", &[&mac, &phone]));
    archive(&mut mac, note, &[both]);
    cases.push(case("an archive carries what it replaces carries", &[&mac, &phone]));
    edit_carrying(&mut mac, note, &[both], "carries nothing", Some(vec![]));
    cases.push(case("an edit that lets go", &[&mac, &phone]));
    let away = attachment(3, "../away.m4a");
    edit_carrying(&mut mac, note, &[both], "carries a lie", Some(vec![away]));
    cases.push(case("an attachment under a name that is none", &[&mac, &phone]));
    cases
}

fn hear(by: &mut Member, note: EventId, n: u8, replaces: &[EventId], text: &str) -> EventId {
    say(by, &Body::NoteTranscript(transcript(note, n, replaces, text))).id
}

fn transcript(note: EventId, n: u8, replaces: &[EventId], text: &str) -> NoteTranscript {
    let segment =
        |start_ms, text: &str| Segment { start_ms, end_ms: start_ms + 900, text: text.to_owned() };
    NoteTranscript {
        note,
        audio: BlobId([n; 32]),
        replaces: replaces.to_vec(),
        continues: None,
        engine: "whisper.cpp".to_owned(),
        model: "tiny.en".to_owned(),
        model_hash: Some(BlobId([7; 32])),
        language: Some("en".to_owned()),
        silent: false,
        segments: vec![segment(0, text), segment(1000, " at four. ")],
    }
}

fn spoken() -> Vec<Value> {
    let [mut mac, mut phone] = two();
    let add =
        NoteAdd { text: String::new(), tags: vec![], attachments: vec![attachment(1, "one.m4a")] };
    let note = say(&mut phone, &Body::NoteAdd(add)).id;
    meet(&mut mac, &mut phone);
    let rough = hear(&mut phone, note, 1, &[], "tee");
    let mut cases = vec![case("a transcript", &[&mac, &phone])];
    meet(&mut mac, &mut phone);
    let mine = hear(&mut mac, note, 1, &[rough], "tea");
    cases.push(case("a transcript replaces one", &[&mac, &phone]));
    let theirs = hear(&mut phone, note, 1, &[rough], "sea");
    cases.push(case("two transcripts at once", &[&mac, &phone]));
    meet(&mut mac, &mut phone);
    let whole = hear(&mut mac, note, 1, &[mine, theirs], "a long story");
    let part = |of, text| NoteTranscript { continues: Some(of), ..transcript(note, 1, &[], text) };
    let second = say(&mut mac, &Body::NoteTranscript(part(whole, "goes on"))).id;
    say(&mut mac, &Body::NoteTranscript(part(second, "and ends")));
    meet(&mut mac, &mut phone);
    say(&mut phone, &Body::NoteTranscript(part(whole, "another's words")));
    cases.push(case("a long transcript in three parts", &[&mac, &phone]));
    hear(&mut mac, note, 2, &[], "of nothing that the note carries");
    let mut wrong = transcript(note, 1, &[], "control");
    wrong.segments[1].text = "\u{7}".to_owned();
    say(&mut mac, &Body::NoteTranscript(wrong));
    let mut wrong = transcript(note, 1, &[], "backwards");
    wrong.segments[0].start_ms = 2000;
    wrong.segments[0].end_ms = 2000;
    say(&mut mac, &Body::NoteTranscript(wrong));
    let silent = NoteTranscript { silent: true, ..transcript(note, 1, &[], "silent, and words") };
    say(&mut mac, &Body::NoteTranscript(silent));
    let nameless = NoteTranscript { model: String::new(), ..transcript(note, 1, &[], "nobody") };
    say(&mut mac, &Body::NoteTranscript(nameless));
    let odd = Some("e\u{301}n".to_owned());
    let odd = NoteTranscript { language: odd, ..transcript(note, 1, &[], "no language") };
    say(&mut mac, &Body::NoteTranscript(odd));
    cases.push(case("what is no transcript", &[&mac, &phone]));
    cases
}

fn others() -> Vec<Value> {
    let [mut mac, mut phone] = two();
    let note = add(&mut mac, "tea", &[]);
    meet(&mut mac, &mut phone);
    let edited = edit(&mut phone, note, &[note], "in time");
    meet(&mut mac, &mut phone);
    let late = add(&mut phone, "too late", &[]);
    edit(&mut phone, note, &[edited], "too late");
    let mut gone = vec![case("before a revocation", &[&mac, &phone])];
    hears(&mut mac, &phone);
    edit(&mut mac, late, &[late], "an honest edit of a late note");
    let cut = phone.log.events().find(|event| event.id == edited).unwrap().tip();
    revoke_at(&mut mac, &phone, vec![cut]);
    gone.push(case("beyond a cut", &[&mac, &phone]));

    let [mut mac, phone] = two();
    let note = add(&mut mac, "secret", &[]);
    let edited = edit(&mut mac, note, &[note], "less secret");
    gone.push(forgetting("a note whose first body is missing", &[&mac, &phone], Some(note)));
    gone.push(forgetting("an edit whose body is missing", &[&mac, &phone], Some(edited)));
    mac.add("note.add", vec![0xff]);
    edit(&mut mac, edited, &[edited], "an edit of an edit");
    edit(&mut mac, note, &[], "replaces nothing");
    add(&mut mac, " \n", &[]);
    add(&mut mac, "two words", &["two words"]);
    mac.add("note.add", vec![0xa2, 0, 0x62, b'h', b'i', 1, 0x80, 0]);
    mac.add("note.add", vec![0xa2, 0, 0x78, 2, b'h', b'i', 1, 0x80]);
    mac.add("note.add", vec![0xa2, 1, 0x80, 0, 0x62, b'h', b'i']);
    mac.add("note.add", vec![0xa1, 0, 0x62, b'h', b'i']);
    mac.add("note.sing", vec![1]);
    gone.push(case("what is no revision", &[&mac, &phone]));
    // {0: "hi", 1: [], 9: true}
    mac.add("note.add", vec![0xa3, 0, 0x62, b'h', b'i', 1, 0x80, 9, 0xf5]);
    gone.push(case("a note with a key of a later version", &[&mac, &phone]));
    gone
}
