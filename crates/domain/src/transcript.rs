//! What was heard in a note's recordings. A transcript is derived: another may replace it, none is lost, and which of
//! several is shown follows from the events alone.

use mirror_protocol::{BlobId, DeviceId, EventId, Order, WallTime};

use crate::body::{NoteTranscript, Segment};
use crate::graph::{Graph, Node};

/// A transcript, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The event.
    pub id: EventId,
    /// What it says.
    pub body: NoteTranscript,
    /// Whose engine heard it.
    pub device: DeviceId,
    /// The author's wall clock.
    pub at: WallTime,
    /// Its place in canonical order.
    pub order: Order,
}

impl Node for Transcript {
    type Content<'n> = (&'n str, &'n str, &'n [Segment]);

    fn id(&self) -> EventId {
        self.id
    }

    fn parents(&self) -> &[EventId] {
        &self.body.replaces
    }

    fn order(&self) -> Order {
        self.order
    }

    fn content(&self) -> Self::Content<'_> {
        (&self.body.engine, &self.body.model, &self.body.segments)
    }
}

/// The transcript of one recording that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its first event, which says by what.
    pub first: Transcript,
    /// All that was heard, also in later parts.
    pub segments: Vec<Segment>,
    /// All latest transcripts, this one among them: what a new one replaces, as far as it may.
    pub leaves: Vec<EventId>,
    /// The events of what is shown.
    pub parts: Vec<EventId>,
}

impl Heard {
    /// What is shown of a recording, of all transcripts of its note in any order: the last of those that nothing replaces,
    /// in canonical order, with the parts that its own device added.
    pub fn of(audio: &BlobId, all: &[Transcript]) -> Option<Self> {
        let of_audio = || all.iter().filter(|transcript| transcript.body.audio == *audio);
        let mut graph = Graph::default();
        for whole in of_audio().filter(|transcript| transcript.body.continues.is_none()) {
            graph.add(whole.clone());
        }
        let leaves = graph.leaves();
        let first = (*leaves.last()?).clone();
        let leaves = leaves.iter().map(|leaf| leaf.id).collect();
        let (mut segments, mut parts) = (first.body.segments.clone(), vec![first.id]);
        let mut last = first.id;
        let next = |last: EventId| {
            of_audio()
                .filter(|part| part.body.continues == Some(last) && part.device == first.device)
                .max_by_key(|part| part.order)
        };
        // An event can only name what was before it, so this ends.
        while let Some(part) = next(last).filter(|part| !parts.contains(&part.id)) {
            segments.extend(part.body.segments.iter().cloned());
            parts.push(part.id);
            last = part.id;
        }
        Some(Self { first, segments, leaves, parts })
    }

    /// The words.
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.segments.iter().map(|segment| segment.text.trim()).collect();
        words.join(" ")
    }

    /// Something in it is doubtful.
    pub fn is_doubtful(&self) -> bool {
        doubts(&self.segments).iter().any(Option::is_some)
    }
}

/// Why a piece may never have been said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// What engines say of silence and noise.
    KnownPhrase,
    /// The same again and again.
    Repeat,
}

/// What speech engines are known to make of silence, noise and music: they learnt from subtitles. Lower case, without
/// punctuation.
const PHRASES: &[&str] = &[
    "blank audio",
    "inaudible",
    "music",
    "silence",
    "applause",
    "thank you for watching",
    "thanks for watching",
    "thank you so much for watching",
    "thank you very much for watching",
    "please subscribe",
    "please subscribe to my channel",
    "like and subscribe",
    "dont forget to like and subscribe",
    "see you in the next video",
    "ill see you in the next video",
    "subtitles by the amaraorg community",
    "subtitles by amaraorg",
    "transcription by castingwords",
    "untertitel der amaraorg community",
    "untertitel im auftrag des zdf für funk 2017",
    "vielen dank fürs zuschauen",
    "soustitres réalisés par la communauté damaraorg",
    "sous titres réalisés para la communauté damaraorg",
    "subtítulos realizados por la comunidad de amaraorg",
    "ご視聴ありがとうございました",
    "you",
];
/// A piece that comes so often in a row was hardly said so often.
const ROW: usize = 3;
/// Words of a turn that is looked for within a piece, and how often it comes there.
const TURN_WORDS: usize = 8;
const TURNS: usize = 4;

/// For each piece whether it is doubtful, and why. It follows from the words, so that a longer list of phrases helps old
/// transcripts too.
pub fn doubts(segments: &[Segment]) -> Vec<Option<Doubt>> {
    let plain: Vec<String> = segments.iter().map(|segment| plain(&segment.text)).collect();
    let mut doubts: Vec<Option<Doubt>> = plain
        .iter()
        .map(|text| match text {
            text if PHRASES.contains(&text.as_str()) => Some(Doubt::KnownPhrase),
            text if turns(text) => Some(Doubt::Repeat),
            _ => None,
        })
        .collect();
    let mut from = 0;
    while let Some(text) = plain.get(from) {
        let row = plain.iter().skip(from).take_while(|other| *other == text).count().max(1);
        if row >= ROW {
            let repeated = doubts.iter_mut().skip(from).take(row);
            repeated.filter(|doubt| doubt.is_none()).for_each(|doubt| *doubt = Some(Doubt::Repeat));
        }
        from += row;
    }
    doubts
}

/// Letters, digits and single spaces, in lower case.
fn plain(text: &str) -> String {
    let letters = text.chars().filter_map(|c| match c {
        c if c.is_alphanumeric() => Some(c),
        c if c.is_whitespace() || matches!(c, '-' | '_') => Some(' '),
        _ => None,
    });
    let lower: String = letters.flat_map(char::to_lowercase).collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the same few words come again and again.
fn turns(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    (1..=TURN_WORDS).any(|length| {
        words.windows(length * TURNS).any(|window| {
            let mut turns = window.chunks(length);
            let first = turns.next();
            turns.all(|turn| Some(turn) == first)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirror_protocol::{ChainId, Lamport};
    use proptest::prelude::*;

    const AUDIO: BlobId = BlobId([9; 32]);

    fn segment(text: &str) -> Segment {
        Segment { start_ms: 0, end_ms: 1000, text: text.into() }
    }

    fn transcript(n: u8, replaces: &[u8], text: &str) -> Transcript {
        Transcript {
            id: EventId([n; 32]),
            body: NoteTranscript {
                note: EventId([0; 32]),
                audio: AUDIO,
                replaces: replaces.iter().map(|n| EventId([*n; 32])).collect(),
                continues: None,
                engine: "engine".into(),
                model: "tiny".into(),
                model_hash: None,
                language: None,
                silent: false,
                segments: vec![segment(text)],
            },
            device: DeviceId([n % 2; 32]),
            at: WallTime { unix_ms: 0, offset_min: 0 },
            order: (Lamport(n.into()), ChainId([n % 2; 32]), n.into(), EventId([n; 32])),
        }
    }

    #[test]
    fn a_new_transcript_replaces_and_of_two_at_once_the_last_is_shown_and_both_are_kept() {
        let one = transcript(1, &[], "rough");
        let two = transcript(2, &[1], "better");
        let three = transcript(3, &[1], "other");
        assert_eq!(Heard::of(&AUDIO, std::slice::from_ref(&one)).unwrap().text(), "rough");
        let heard = Heard::of(&AUDIO, &[three.clone(), one.clone(), two.clone()]).unwrap();
        assert_eq!(heard.text(), "other");
        assert_eq!(heard.leaves, [two.id, three.id]);
        let four = transcript(4, &[2, 3], "best");
        let heard = Heard::of(&AUDIO, &[one, two, three, four.clone()]).unwrap();
        assert_eq!((heard.text(), heard.leaves), ("best".into(), vec![four.id]));
        assert_eq!(Heard::of(&BlobId([8; 32]), &[four]), None, "of another recording");
    }

    #[test]
    fn a_long_transcript_goes_on_in_parts_of_its_own_device() {
        let part = |n: u8, of: u8, text: &str| {
            let mut part = transcript(n, &[], text);
            part.body.continues = Some(EventId([of; 32]));
            part
        };
        let all = [
            part(5, 3, "three"),
            part(3, 1, "two"),
            part(4, 1, "false"),
            transcript(1, &[], "one"),
        ];
        let heard = Heard::of(&AUDIO, &all).unwrap();
        assert_eq!(heard.text(), "one two three");
        assert_eq!(heard.parts.len(), 3);
    }

    #[test]
    fn what_engines_make_of_silence_is_doubtful_and_so_is_what_comes_again_and_again() {
        let doubt = |text: &str| doubts(&[segment(text)])[0];
        assert_eq!(doubt("Thanks for watching!"), Some(Doubt::KnownPhrase));
        assert_eq!(doubt("[BLANK_AUDIO]"), Some(Doubt::KnownPhrase));
        assert_eq!(doubt(" you"), Some(Doubt::KnownPhrase));
        assert_eq!(doubt("Call Asha about the flat at four."), None);
        assert_eq!(doubt("thank you Asha for watching the children"), None);
        assert_eq!(doubt("so the the the the the end"), Some(Doubt::Repeat));
        assert_eq!(doubt("I am going. I am going. I am going. I am going."), Some(Doubt::Repeat));
        assert_eq!(doubt("no no no, not that one"), None);
        let row = ["a b", "Okay.", "okay", "Okay!", "c d"].map(segment);
        let repeat = Some(Doubt::Repeat);
        assert_eq!(doubts(&row), [None, repeat, repeat, repeat, None]);
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_decides_nothing_about_transcripts(parents in proptest::collection::vec(any::<u8>(), 1..10), turn in 0usize..10) {
            let mut all = vec![transcript(1, &[], "first")];
            for (n, parent) in parents.iter().enumerate() {
                let n = n as u8 + 2;
                let mut next = transcript(n, &[parent % (n - 1) + 1], "next");
                if parent % 3 == 0 {
                    next.body.continues = next.body.replaces.pop();
                }
                all.push(next);
            }
            let heard = Heard::of(&AUDIO, &all);
            let middle = turn % all.len();
            all.rotate_left(middle);
            all.reverse();
            prop_assert_eq!(Heard::of(&AUDIO, &all), heard);
        }
    }
}
