//! The node behind the window: opened at the start or by the first run, served, watched, closed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mirror_node::{
    CancelToken, Error, Node, ProbeWatch, Serving, Transcribing, VaultWatch, Watch, view,
};
use tauri::{AppHandle, Emitter, Manager};

use crate::args::Args;
#[cfg(desktop)]
use crate::controller::Controller;
use crate::home;
#[cfg(desktop)]
use crate::recorder::Recorder;
use crate::recording::Recording;

/// What the app holds.
pub struct Shell {
    pub args: Args,
    node: Mutex<Option<Node>>,
    /// Why the home that is there could not be opened.
    unopened: Mutex<Option<view::Problem>>,
    serving: Mutex<Option<(Serving, Watch)>>,
    /// Records what other programs change in the vault.
    vault: Mutex<Option<VaultWatch>>,
    speech: Mutex<Option<Transcribing>>,
    /// Asks the services of the map.
    services: Mutex<Option<ProbeWatch>>,
    /// Stops the reconcile that runs.
    pub cancel: Mutex<CancelToken>,
    #[cfg(desktop)]
    pub controller: Mutex<Controller>,
    #[cfg(desktop)]
    pub recorder: Recorder,
}

/// A panic elsewhere leaves these values whole: each is replaced at once.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shell {
    pub fn new(args: Args) -> Self {
        Self {
            #[cfg(desktop)]
            recorder: Recorder::new(&args.home),
            args,
            node: Mutex::default(),
            unopened: Mutex::default(),
            serving: Mutex::default(),
            vault: Mutex::default(),
            speech: Mutex::default(),
            services: Mutex::default(),
            cancel: Mutex::default(),
            #[cfg(desktop)]
            controller: Mutex::default(),
        }
    }

    /// The node, once there is one.
    pub fn node(&self) -> Option<Node> {
        lock(&self.node).clone()
    }

    /// Opens the home if it belongs to a mesh; otherwise the first run will. A home that is there and can't be opened is
    /// no first run: the window shows why, and each look at it tries again.
    pub fn open_home(app: &AppHandle) -> Result<Option<Node>, view::Problem> {
        let shell = app.state::<Self>();
        let mut unopened = lock(&shell.unopened);
        if let Some(node) = shell.node() {
            return Ok(Some(node));
        }
        match home::open(&shell.args.home) {
            Ok(node) => {
                *unopened = None;
                Self::adopt(app, node.clone());
                Ok(Some(node))
            }
            Err(error) if error.code == view::Code::NotInitialised => {
                *unopened = None;
                Ok(None)
            }
            Err(error) => {
                // Asked again with every look; said once.
                if unopened.replace(error.problem()).is_none() {
                    tracing::error!(code = ?error.code, "{}", error.detail);
                }
                Err(error.problem())
            }
        }
    }

    /// Makes a node the app's own: answers other devices, and tells the window of every change.
    pub fn adopt(app: &AppHandle, node: Node) {
        *lock(&app.state::<Self>().node) = Some(node.clone());
        let mut changes = node.subscribe();
        #[cfg(desktop)]
        {
            let (handle, node) = (app.clone(), node.clone());
            let recover = move || handle.state::<Self>().recorder.recover(&node);
            drop(tauri::async_runtime::spawn_blocking(recover));
        }
        let (handle, listening) = (app.clone(), node.clone());
        tauri::async_runtime::spawn(async move {
            #[cfg(desktop)]
            Self::refresh(&handle, &listening);
            loop {
                match changes.recv().await {
                    Ok(change) => Self::on_change(&handle, &listening, &change),
                    // Some were missed: everything is read anew.
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {
                        Self::on_change(&handle, &listening, &view::Change::Data);
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                }
            }
        });
        match node.watch_vault() {
            Ok(watch) => *lock(&app.state::<Self>().vault) = Some(watch),
            Err(error) => tracing::warn!("{error}; {}", error.hint),
        }
        *lock(&app.state::<Self>().speech) = node.transcribe_in_background();
        let handle = app.clone();
        tauri::async_runtime::spawn(async move {
            let watch = node.watch();
            *lock(&handle.state::<Self>().services) = Some(node.watch_services());
            let listen = handle.state::<Self>().args.listen;
            match node.serve(listen).await {
                Ok(serving) => {
                    *lock(&handle.state::<Self>().serving) = Some((serving, watch));
                }
                Err(error) => tracing::warn!("other devices can't reach this one: {error}"),
            }
        });
    }

    fn on_change(app: &AppHandle, node: &Node, change: &view::Change) {
        if let Err(error) = app.emit("change", change) {
            tracing::warn!(%error, "the window did not hear of a change");
        }
        #[cfg(desktop)]
        if let view::Change::Progress(progress) = change {
            let desktop = crate::desktop::Effects(app);
            lock(&app.state::<Self>().controller).on_progress(progress, &desktop);
        }
        if matches!(change, view::Change::Data) {
            #[cfg(desktop)]
            Self::refresh(app, node);
            // The index follows while nobody waits for it.
            if let Err(error) = node.index_pending() {
                tracing::warn!(%error, "the full-text index could not follow");
            }
        }
    }

    #[cfg(desktop)]
    fn refresh(app: &AppHandle, node: &Node) {
        match node.status() {
            Ok(status) => {
                let desktop = crate::desktop::Effects(app);
                lock(&app.state::<Self>().controller).on_status(&status, &desktop);
            }
            Err(error) => tracing::warn!(%error, "the state could not be read"),
        }
    }

    /// Stops answering.
    pub fn close_home(app: &AppHandle) {
        if let Some((serving, _watch)) = lock(&app.state::<Self>().serving).take() {
            tauri::async_runtime::block_on(serving.stop());
        }
    }
}

/// What the window records; on a phone Kotlin does, and shows it on a screen of its own.
#[cfg(desktop)]
impl Shell {
    pub fn recording(&self) -> Recording {
        self.recorder.now()
    }

    /// Begins a recording: sound is being kept when it returns.
    pub fn start_recording(app: &AppHandle) -> Result<(), Error> {
        let shell = app.state::<Self>();
        let node = shell.node().ok_or_else(no_device)?;
        let window = app.clone();
        let tell = move |recording: &Recording| {
            if let Err(error) = window.emit("recording", recording) {
                tracing::warn!(%error, "the window did not hear of the recording");
            }
        };
        shell.recorder.start(node, Box::new(tell))
    }

    pub fn pause_recording(&self, paused: bool) {
        self.recorder.pause(paused);
    }

    pub fn stop_recording(&self) -> Result<view::Note, Error> {
        self.recorder.stop()
    }
}

#[cfg(target_os = "android")]
impl Shell {
    pub fn recording(&self) -> Recording {
        Recording::default()
    }

    /// Opens Kotlin's screen for it, which records in a foreground service.
    pub fn start_recording(app: &AppHandle) -> Result<(), Error> {
        crate::native::open(app, "record")
    }

    pub fn pause_recording(&self, _: bool) {}

    pub fn stop_recording(&self) -> Result<view::Note, Error> {
        let hint = "stop it on the screen that records";
        Err(Error::new(view::Code::Refused, "this window is not what records", hint))
    }
}

/// Before the first run.
pub fn no_device() -> Error {
    let hint = "start a mesh, or join one with a ticket";
    Error::new(view::Code::NotInitialised, "there is no device here yet", hint)
}
