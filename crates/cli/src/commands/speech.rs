//! `speech` and `transcribe`: models, and what they hear.

use mirror_node::view::{Code, Speech, SpeechOffer};
use mirror_node::{CancelToken, Error, Fetch, Node, Recording};
use serde_json::json;
use tokio::sync::mpsc;

use super::Here;
use super::reconcile::ProgressLine;
use crate::args::{Speech as SpeechCommand, Transcribe};
use crate::output::{Exit, Result, exit_of};
use crate::platform::Stop;
use crate::words;

/// `mirror speech …`
pub fn speech(here: &Here<'_>, command: SpeechCommand) -> Result<Exit> {
    let node = here.node()?;
    match command {
        SpeechCommand::Status => here.out.answer(&node.speech()?, status_words)?,
        SpeechCommand::Models => here.out.list(&node.speech_models()?, "", offer_line)?,
        SpeechCommand::Use { path } => {
            let model = node.use_speech_model(&path)?;
            here.out.answer(&model, |model| format!("{} {}", model.name, model.hash))?;
        }
        SpeechCommand::Fetch { name, from, sha256 } => {
            let fetch = Fetch { from, hash: sha256 };
            let model = here.block_on(stoppable(move |cancel, tell| {
                node.fetch_speech_model(&name, &fetch, cancel, &mut |here, all| {
                    let all = all.map(|all| format!(" of {}", size(all))).unwrap_or_default();
                    tell(format!("{}{all}", size(here)));
                })
            }))?;
            here.out.answer(&model, |model| format!("{} {}", model.name, model.hash))?;
        }
    }
    Ok(Exit::Done)
}

/// `mirror transcribe`
pub fn transcribe(here: &Here<'_>, args: &Transcribe) -> Result<Exit> {
    let node = here.node()?;
    let recordings = match &args.note {
        Some(note) => node.recordings_of(note)?,
        None if args.all => node.untranscribed_recordings()?,
        None => node.waiting_recordings()?,
    };
    if let (Some(note), true) = (&args.note, recordings.is_empty()) {
        let hint = "see `mirror note show ID`";
        return Err(Error::new(Code::NotFound, format!("{note} carries no recording"), hint).into());
    }
    let reader = node.clone();
    let done = here.block_on(stoppable(move |cancel, tell| {
        let mut done = Vec::new();
        let all = recordings.len();
        tell(format!("0 of {all} recordings"));
        node.transcribe(&recordings, cancel, &mut |recording, heard| {
            done.push((recording.clone(), heard.as_ref().map(drop).map_err(Clone::clone)));
            tell(format!("{} of {all} recordings", done.len()));
        })?;
        Ok(done)
    }))?;
    let mut exit = Exit::Done;
    for (recording, heard) in done {
        match heard {
            Ok(()) => tell_heard(here, &reader, &recording)?,
            // The same words, by the same model: there was nothing to write.
            Err(error) if error.code == Code::Invalid && error.detail.contains("has already") => {
                tell_heard(here, &reader, &recording)?;
            }
            Err(error) => {
                let short = words::short(&recording.note).to_owned();
                let failed = json!({ "note": recording.note, "audio": recording.audio,
                    "error": { "code": error.code, "detail": error.detail, "hint": error.hint } });
                here.out.answer(&failed, |_| format!("{short}  failed: {}", error.detail))?;
                exit = exit_of(error.code);
            }
        }
    }
    Ok(exit)
}

fn tell_heard(here: &Here<'_>, node: &Node, recording: &Recording) -> Result<()> {
    let heard = node.transcript(&recording.note, Some(&recording.audio))?;
    let value = json!({ "note": recording.note, "audio": recording.audio,
        "transcript": heard.transcript, "segments": heard.segments });
    let heard = heard.transcript;
    here.out.answer(&value, |_| {
        let doubt = if heard.doubtful { "  (doubtful)" } else { "" };
        let text = match heard.text.as_str() {
            "" if heard.silent => "the recording holds no sound",
            "" => "no speech was heard",
            text => text,
        };
        format!("{}  {text}{doubt}", words::short(&recording.note))
    })
}

/// Runs long work on a thread, shows how far it is, and stops it when asked.
async fn stoppable<T: Send + 'static>(
    work: impl FnOnce(&CancelToken, &dyn Fn(String)) -> mirror_node::Result<T> + Send + 'static,
) -> Result<T> {
    let mut stop = Stop::listen().map_err(Error::from)?;
    let cancel = CancelToken::default();
    let (told, mut telling) = mpsc::unbounded_channel();
    let token = cancel.clone();
    let mut working = tokio::task::spawn_blocking(move || {
        work(&token, &|words| {
            let _ = told.send(words);
        })
    });
    let mut line = ProgressLine::new();
    let done = loop {
        tokio::select! {
            done = &mut working => break done,
            () = stop.asked() => cancel.cancel(),
            Some(words) = telling.recv(), if line.shows() => line.show(&words),
        }
    };
    line.end();
    let ended = |error| Error::new(Code::Io, format!("the work ended early: {error}"), "try again");
    Ok(done.map_err(ended)??)
}

fn status_words(speech: &Speech) -> String {
    let Speech { engine, model, waiting, absent, failed, hint } = speech;
    let mut lines = vec![
        format!("engine: {}", engine.as_deref().unwrap_or("none in this build")),
        match model {
            Some(model) => format!("model: {} {}", model.name, model.path),
            None => "model: none chosen".to_owned(),
        },
        format!("{} waiting, {absent} not here", words::count(*waiting, "recording")),
    ];
    for one in failed {
        lines.push(format!("{}  failed: {}", words::short(&one.note), one.reason));
    }
    lines.extend(hint.clone());
    lines.join("\n")
}

fn offer_line(offer: &SpeechOffer) -> String {
    let SpeechOffer { name, languages, size, hash, here, chosen, .. } = offer;
    let state = match (chosen, here) {
        (true, _) => "  (chosen)",
        (_, true) => "  (here)",
        _ => "",
    };
    format!("{name:<20} {:>9}  {languages}  {hash}{state}", words::size(*size))
}

fn size(bytes: u64) -> String {
    words::size(u32::try_from(bytes).unwrap_or(u32::MAX))
}
