use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::{NewFile, NewNote};

/// Says how long a piece was, and remembers where sound began in it.
#[derive(Default)]
struct StandIn {
    pieces: Vec<usize>,
    fails: bool,
}

impl Transcriber for StandIn {
    fn engine(&self) -> &str {
        "a stand-in"
    }

    fn hear(&mut self, samples: &[f32], _: &CancelToken) -> Result<Hearing> {
        assert!(!self.fails, "an engine that gives up");
        self.pieces.push(samples.len());
        let end_ms = (samples.len() / 16) as u32;
        let text = format!("{} samples", samples.len());
        let segments = vec![NewSegment { start_ms: 0, end_ms, text }];
        Ok(Hearing { segments, language: Some("en".into()) })
    }
}

fn home() -> (TempDir, Node) {
    let folder = TempDir::new().unwrap();
    let node = Node::init(&folder.path().join("home"), "Mac", view::Role::Anchor).unwrap();
    (folder, node)
}

/// A tone that pauses for half a second every 20 s; nothing at all with a level of 0.
fn recording(folder: &TempDir, seconds: u32, level: f32) -> PathBuf {
    let path = folder.path().join("memo.wav");
    let (bits_per_sample, sample_format) = (16, hound::SampleFormat::Int);
    let spec = hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample, sample_format };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for n in 0..seconds * 16_000 {
        let pause = n % 320_000 < 8_000;
        let tone = (n as f32 * 0.15).sin() * level;
        writer.write_sample(if pause { 0 } else { (tone * 32_767.0) as i16 }).unwrap();
    }
    writer.finalize().unwrap();
    path
}

fn captured(node: &Node, path: PathBuf) -> Recording {
    let files = vec![NewFile { path, audio: true }];
    let note = node.capture(NewNote { files, ..NewNote::default() }).unwrap().note;
    node.recordings_of(&note).unwrap().remove(0)
}

fn model() -> view::SpeechModel {
    view::SpeechModel { name: "small".into(), hash: "00".repeat(32), path: "nowhere".into() }
}

#[test]
fn a_long_recording_is_heard_in_pieces_that_end_where_it_is_quiet() {
    let (folder, node) = home();
    let recording = captured(&node, recording(&folder, 250, 0.3));
    let mut engine = StandIn::default();
    node.transcribe_with(&mut engine, &model(), &recording, &CancelToken::default()).unwrap();
    assert_eq!(engine.pieces.iter().sum::<usize>(), 250 * 16_000, "all of it, once");
    assert_eq!(engine.pieces.len(), 3);
    let heard = node.transcript(&recording.note, None).unwrap();
    for (segment, before) in heard.segments.iter().skip(1).zip(&heard.segments) {
        assert_eq!(segment.start_ms, before.end_ms);
        assert!(segment.start_ms % 20_000 < 500, "cut in a pause, not at {}", segment.start_ms);
    }
    assert_eq!(heard.transcript.language.as_deref(), Some("en"));
    assert!(node.waiting_recordings().unwrap().is_empty());
}

#[test]
fn a_recording_without_any_sound_is_told_and_no_engine_is_asked() {
    let (folder, node) = home();
    let recording = captured(&node, recording(&folder, 3, 0.0));
    let mut engine = StandIn::default();
    node.transcribe_with(&mut engine, &model(), &recording, &CancelToken::default()).unwrap();
    let heard = node.transcript(&recording.note, None).unwrap();
    assert!(engine.pieces.is_empty() && heard.segments.is_empty());
    assert!(heard.transcript.silent);
    let page = node.standup(None, None).unwrap().markdown;
    assert!(page.contains("[memo.opus: the recording holds no sound]"), "{page}");
}

#[test]
fn an_engine_that_fails_is_remembered_and_not_asked_again_with_the_same_model() {
    let (folder, node) = home();
    let recording = captured(&node, recording(&folder, 2, 0.3));
    let model = model();
    node.write(|tx| Ok(tx.set_meta(Meta::SpeechModel, &serde_json::to_vec(&model).unwrap())?))
        .unwrap();
    assert_eq!(node.waiting_recordings().unwrap(), std::slice::from_ref(&recording));
    let mut engine = StandIn { fails: true, ..StandIn::default() };
    let cancel = CancelToken::default();
    let error = node.transcribe_with(&mut engine, &model, &recording, &cancel).unwrap_err();
    assert_eq!(error.code, Code::Integrity);
    assert!(node.waiting_recordings().unwrap().is_empty());
    assert_eq!(node.untranscribed_recordings().unwrap(), std::slice::from_ref(&recording));
    let told = node.speech().unwrap();
    assert_eq!((told.waiting, told.failed.len()), (0, 1));
    // A person who asks tries again, and what is heard then ends it.
    node.transcribe_with(&mut StandIn::default(), &model, &recording, &cancel).unwrap();
    assert!(node.speech().unwrap().failed.is_empty());
}

#[test]
fn what_was_stopped_is_no_failure() {
    let (folder, node) = home();
    let recording = captured(&node, recording(&folder, 2, 0.3));
    let cancel = CancelToken::default();
    cancel.cancel();
    let mut engine = StandIn::default();
    let error = node.transcribe_with(&mut engine, &model(), &recording, &cancel).unwrap_err();
    assert_eq!(error.code, Code::Cancelled);
    assert_eq!(node.waiting_recordings().unwrap(), [recording]);
}
