//! Speech to text with a real engine and a real, small model, on sentences that a synthesizer speaks. Started by
//! `cargo xtask test speech`, which says where the model lies and runs a `mirror` that has an engine.

mod models;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use world::{Home, World, text};

const TWO_SENTENCES: &str = "The meeting with the builders moved to Thursday morning. \
    Please bring the drawings of the kitchen and the new estimate.";

/// What people say to their phones.
const SENTENCES: [&str; 8] = [
    "The meeting with the builders moved to Thursday morning.",
    "Please bring the drawings of the kitchen and the new estimate.",
    "Remember to buy bread, butter and a bottle of milk on the way home.",
    "I had an idea about the garden: we could plant apple trees along the wall.",
    "The train to London leaves at seven, so we should leave the house at six.",
    "My sister wants to visit us in the first week of December.",
    "The doctor said that the results look good and that nothing has changed.",
    "Write a short letter to the bank and ask for a new card.",
];

/// Of all words, in a voice that was made by a machine and with the smallest model. Measured: see docs/FIGURES.md.
const MAX_WORD_ERROR: f64 = 0.25;

/// The model that `cargo xtask test speech` has made ready.
pub fn model() -> String {
    std::env::var("MIRROR_SPEECH_MODEL").expect("run by `cargo xtask test speech`")
}

/// A WAV of these words.
pub fn speaks(world: &World, name: &str, words: &str) -> PathBuf {
    let path = world.path(name);
    let mut speak = Command::new("espeak-ng");
    speak.args(["-v", "en-gb", "-s", "140", "-w"]).arg(&path).arg(words);
    assert!(speak.status().expect("espeak-ng").success());
    path
}

fn seconds(wav: &Path) -> f64 {
    // 22 050 Hz, 16 bits, one channel.
    (std::fs::metadata(wav).unwrap().len() - 44) as f64 / (2.0 * 22_050.0)
}

fn words(text: &str) -> Vec<String> {
    let plain = text.to_lowercase().replace('7', "seven").replace('6', "six");
    let words = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// How many words have to be put in, taken out or changed to make one of the other.
fn word_errors(said: &str, heard: &str) -> usize {
    let (said, heard) = (words(said), words(heard));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in heard.iter().enumerate() {
            let changed = diagonal + usize::from(word != other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[heard.len()]
}

fn word_error_rate(said: &str, heard: &str) -> f64 {
    word_errors(said, heard) as f64 / words(said).len() as f64
}

fn has_model(home: &Home) {
    home.json(&["speech", "use", &model()]);
}

fn transcript(home: &Home, note: &Value) -> Value {
    home.json(&["note", "show", text(&note["note"])])["attachments"][0]["transcript"].clone()
}

#[test]
fn words_are_counted_right() {
    assert_eq!(word_errors("one two three", "One, two three!"), 0);
    assert_eq!(word_errors("one two three", "one three"), 1);
    assert_eq!(word_errors("one two three", "won two tree more"), 3);
    assert_eq!(word_errors("", "a b"), 2);
}

#[test]
#[ignore = "needs a model: cargo xtask test speech"]
fn two_sentences_spoken_to_the_phone_are_found_on_the_desktop_and_stand_in_its_standup() {
    let world = World::new();
    let mac = world.first("Mac");
    has_model(&mac);
    let phone = world.joins("Pixel", "capture", &mac);
    let wav = speaks(&world, "memo.wav", TWO_SENTENCES);
    let note = phone.json(&["note", "add", "--audio", wav.to_str().unwrap()]);
    let status = phone.json(&["speech", "status"]);
    assert!(text(&status["hint"]).contains("no speech model is chosen"), "{status}");

    let serve = mac.serve();
    phone.reconciles(&serve).exits(0);
    // The desktop that serves hears it by itself.
    let waited = Instant::now();
    while mac.list(&["search", "thursday morning"]).is_empty() {
        assert!(waited.elapsed() < Duration::from_secs(120), "it was never transcribed");
        std::thread::sleep(Duration::from_millis(300));
    }

    let heard = transcript(&mac, &note);
    let rate = word_error_rate(TWO_SENTENCES, text(&heard["text"]));
    println!("two sentences: word error rate {:.1} %: {}", rate * 100.0, heard["text"]);
    assert!(rate <= MAX_WORD_ERROR, "{heard}");
    assert_eq!((&heard["engine"], &heard["language"]), (&"whisper.cpp".into(), &"en".into()));
    assert_eq!(text(&heard["model_hash"]).len(), 64);
    let hit = &mac.list(&["search", "thursday morning"])[0];
    assert_eq!((&hit["note"], &hit["in_transcript"]), (&note["note"], &true.into()));
    let page = text(&mac.json(&["standup"])["markdown"]).to_owned();
    assert!(page.contains("> [memo.opus, heard by"), "{page}");
    assert!(page.contains(&format!("  > {}", text(&heard["text"]))), "{page}");
    // The phone, which has no engine of its own, gets the words too.
    phone.reconciles(&serve).exits(0);
    assert_eq!(transcript(&phone, &note)["text"], heard["text"]);
    for home in [&mac, &phone] {
        home.verifies();
    }
    assert_eq!(mac.head(), phone.head());
}

#[test]
#[ignore = "needs a model: cargo xtask test speech"]
fn most_words_are_heard_and_it_is_faster_than_they_were_spoken() {
    let world = World::new();
    let mac = world.first("Mac");
    has_model(&mac);
    let (mut length, mut notes) = (0.0, Vec::new());
    for (number, sentence) in SENTENCES.iter().enumerate() {
        let wav = speaks(&world, &format!("{number}.wav"), sentence);
        length += seconds(&wav);
        notes.push(mac.json(&["note", "add", "--audio", wav.to_str().unwrap()]));
    }
    let begun = Instant::now();
    mac.run(&["transcribe"]).exits(0);
    let factor = begun.elapsed().as_secs_f64() / length;

    let (mut errors, mut all) = (0, 0);
    for (sentence, note) in SENTENCES.iter().zip(&notes) {
        let heard = transcript(&mac, note);
        errors += word_errors(sentence, text(&heard["text"]));
        all += words(sentence).len();
        assert_eq!(heard["doubtful"], false, "{heard}");
    }
    let rate = f64::from(errors as u32) / f64::from(all as u32);
    println!(
        "{} sentences, {all} words, {length:.1} s: word error rate {:.1} %, real-time factor {factor:.2}",
        SENTENCES.len(),
        rate * 100.0
    );
    assert!(rate <= MAX_WORD_ERROR, "{errors} of {all} words");
    assert!(factor < 5.0, "{factor}: the machine is busy, or something is wrong");
}

#[test]
#[ignore = "needs a model: cargo xtask test speech"]
fn long_work_stops_when_asked_and_goes_on_later() {
    let world = World::new();
    let mac = world.first("Mac");
    has_model(&mac);
    let wav = speaks(&world, "long.wav", &SENTENCES.join(" ").repeat(2));
    let note = mac.json(&["note", "add", "--audio", wav.to_str().unwrap()]);
    let running = mac.start(&["transcribe", "--json"]);
    std::thread::sleep(Duration::from_millis(1500));
    running.interrupt();
    let stopped = running.finish();
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert_eq!(transcript(&mac, &note), Value::Null);
    assert_eq!(mac.json(&["speech", "status"])["waiting"], 1, "what was stopped is no failure");

    mac.run(&["transcribe"]).exits(0);

    let rate =
        word_error_rate(&SENTENCES.join(" ").repeat(2), text(&transcript(&mac, &note)["text"]));
    println!("{:.0} s in one recording: word error rate {:.1} %", seconds(&wav), rate * 100.0);
    assert!(rate <= MAX_WORD_ERROR, "{rate}");
}

#[test]
#[ignore = "needs a model: cargo xtask test speech"]
fn what_can_t_be_heard_is_told_once_and_again_when_asked() {
    let world = World::new();
    let mac = world.first("Mac");
    has_model(&mac);
    let memo = world.write("memo.opus", "no stream of any codec");
    let note = mac.json(&["note", "add", "a note", "--audio", memo.to_str().unwrap()]);
    let failed = mac.run(&["transcribe", "--json"]).exits(1).lines();
    assert!(text(&failed[0]["error"]["detail"]).contains("neither WAV nor Ogg Opus"), "{failed:?}");
    assert_eq!(mac.list(&["transcribe"]).len(), 0, "not tried for ever");
    let status = mac.json(&["speech", "status"]);
    assert_eq!((&status["waiting"], &status["failed"][0]["note"]), (&0.into(), &note["note"]));
    mac.run(&["transcribe", "--all"]).exits(1);
    let words = mac.run(&["note", "show", text(&note["note"])]).exits(0).stdout;
    assert!(words.contains("memo.opus"), "{words}");
}
