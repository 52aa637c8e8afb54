//! Voice on the desktop: the microphone is recorded into a file that is whole and durable all the while, which becomes a note
//! when it is stopped, or at the next start when the process ended before that. On a phone Kotlin records, in a service that
//! outlives the window.

mod level;
mod microphone;
mod recordings;
mod wav;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mirror_node::{Error, Node, view};
use view::Code;

use crate::recording::{Recording, Stage};
use crate::shell::lock;
use level::Level;
use microphone::{Heard, Microphone};
use recordings::Recordings;
use wav::WavWriter;

/// The meter moves so often.
const TELL_EVERY: Duration = Duration::from_millis(80);

/// Told whenever the recording moves.
type Tell = Box<dyn Fn(&Recording) + Send>;
/// How a recording ends: a note.
type End = Result<view::Note, Error>;

enum Say {
    Heard(Heard),
    Pause(bool),
    Stop(Sender<End>),
}

impl From<Heard> for Say {
    fn from(heard: Heard) -> Self {
        Self::Heard(heard)
    }
}

/// At most one recording at a time.
pub struct Recorder {
    recordings: Arc<Recordings>,
    now: Arc<Mutex<Recording>>,
    running: Mutex<Option<Sender<Say>>>,
}

impl Recorder {
    pub fn new(home: &Path) -> Self {
        let recordings = Arc::new(Recordings::new(home));
        Self { recordings, now: Arc::default(), running: Mutex::default() }
    }

    /// How it stands.
    pub fn now(&self) -> Recording {
        lock(&self.now).clone()
    }

    /// Makes notes of what the end of the process left behind.
    pub fn recover(&self, node: &Node) {
        self.recordings.recover(node);
    }

    /// Begins; when it returns, sound is being kept.
    pub fn start(&self, node: Node, tell: Tell) -> Result<(), Error> {
        let mut running = lock(&self.running);
        if self.now().stage != Stage::Idle {
            return Ok(());
        }
        let (say, said) = mpsc::channel();
        let (begun, begins) = mpsc::channel();
        let (recordings, now, to) =
            (Arc::clone(&self.recordings), Arc::clone(&self.now), say.clone());
        thread::Builder::new().name("microphone".to_owned()).spawn(move || {
            let taken = Taking::begin(&recordings, &to);
            match taken {
                Ok(taking) => {
                    let shown = Shown { now, tell, told: Instant::now() };
                    let _ = begun.send(Ok(()));
                    taking.run(&recordings, &node, &to, &said, shown);
                }
                Err(error) => drop(begun.send(Err(error))),
            }
        })?;
        begins.recv().unwrap_or_else(|_| Err(ended()))?;
        *running = Some(say);
        Ok(())
    }

    /// Holds it back, or goes on.
    pub fn pause(&self, paused: bool) {
        if let Some(running) = &*lock(&self.running) {
            let _ = running.send(Say::Pause(paused));
        }
    }

    /// Ends it; the note is durable when it returns.
    pub fn stop(&self) -> End {
        let running = lock(&self.running).take().ok_or_else(ended)?;
        let (end, ends) = mpsc::channel();
        running.send(Say::Stop(end)).map_err(|_| ended())?;
        ends.recv().map_err(|_| ended())?
    }
}

fn ended() -> Error {
    Error::new(Code::NotFound, "nothing is being recorded", "begin a recording")
}

/// What a face is shown.
struct Shown {
    now: Arc<Mutex<Recording>>,
    tell: Tell,
    told: Instant,
}

impl Shown {
    fn show(&mut self, recording: Recording) {
        self.told = Instant::now();
        *lock(&self.now) = recording.clone();
        (self.tell)(&recording);
    }
}

/// One file being recorded.
struct Taking {
    path: PathBuf,
    wav: WavWriter,
    level: Level,
    microphone: Option<Microphone>,
}

impl Taking {
    fn begin(recordings: &Recordings, to: &Sender<Say>) -> Result<Self, Error> {
        let microphone = Microphone::open(to)?;
        let rate = microphone.rate;
        let (path, file) = recordings.create()?;
        match WavWriter::new(file, rate) {
            Ok(wav) => {
                Ok(Self { path, wav, level: Level::new(rate), microphone: Some(microphone) })
            }
            Err(error) => {
                recordings::remove(&path);
                recordings.release(&path);
                Err(error.into())
            }
        }
    }

    /// Writes what comes until it is stopped or breaks.
    fn run(
        mut self,
        recordings: &Recordings,
        node: &Node,
        to: &Sender<Say>,
        said: &Receiver<Say>,
        mut shown: Shown,
    ) {
        shown.show(self.recording());
        let (end, broke) = loop {
            let step = match said.recv() {
                Ok(Say::Heard(Heard::Sound(sound))) => self.take(&sound),
                Ok(Say::Heard(Heard::Broken(why))) => Err(broken(why)),
                Ok(Say::Pause(paused)) => {
                    self.hold(paused, to).map(|()| shown.show(self.recording()))
                }
                Ok(Say::Stop(end)) => break (Some(end), None),
                Err(_) => break (None, None),
            };
            if let Err(error) = step {
                break (None, Some(error));
            }
            if shown.told.elapsed() >= TELL_EVERY {
                shown.show(self.recording());
            }
        };
        let kept = self.finish(recordings, node);
        let failed = broke.as_ref().or(kept.as_ref().err());
        shown.show(Recording { problem: failed.map(Error::problem), ..Recording::default() });
        if let Some(end) = end {
            let _ = end.send(kept);
        }
    }

    /// What is not being listened to is not kept.
    fn take(&mut self, sound: &[i16]) -> Result<(), Error> {
        if self.microphone.is_some() {
            self.level.take(sound);
            self.wav.write(sound)?;
        }
        Ok(())
    }

    fn hold(&mut self, paused: bool, to: &Sender<Say>) -> Result<(), Error> {
        match (&self.microphone, paused) {
            (Some(_), true) => {
                self.microphone = None;
                self.wav.sync()?;
            }
            (None, false) => self.microphone = Some(Microphone::open(to)?),
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self, recordings: &Recordings, node: &Node) -> End {
        self.microphone = None;
        let kept = self.keep(recordings, node);
        recordings.release(&self.path);
        kept
    }

    fn keep(&mut self, recordings: &Recordings, node: &Node) -> End {
        self.wav.sync()?;
        if self.level.heard() {
            return recordings.capture(node, &self.path);
        }
        recordings::remove(&self.path);
        let detail = format!("the microphone gave {} ms of nothing but silence", self.wav.ms());
        let hint = "check its switch, and that the system lets this app use it";
        Err(Error::new(Code::Refused, detail, hint))
    }

    fn recording(&self) -> Recording {
        let stage = if self.microphone.is_some() { Stage::Recording } else { Stage::Paused };
        Recording {
            stage,
            ms: u32::try_from(self.wav.ms()).unwrap_or(u32::MAX),
            loudness: if stage == Stage::Paused { 0.0 } else { self.level.loudness() },
            mute: self.level.mute(),
            problem: None,
        }
    }
}

fn broken(why: String) -> Error {
    let hint = "what was recorded until then is kept as a note";
    Error::new(Code::Io, format!("the microphone broke off: {why}"), hint)
}
