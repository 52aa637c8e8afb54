//! What the window may ask: each command is one call of the node, off the window's thread.

use mirror_node::{CancelToken, Error, LogQuery, NewNote, Node, NoteQuery, Spot, With, view};
use tauri::ipc::Response;
use tauri::{AppHandle, Manager, State, Wry};
use view::{Code, Problem, SyncState};

use crate::home;
use crate::recording::Recording;
use crate::shell::{Shell, lock, no_device};

type Answer<T> = Result<T, Problem>;

/// Which notes a list shows; all, when nothing is said.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Wanted {
    tag: Option<String>,
    device: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

/// All commands.
pub fn handler() -> impl Fn(tauri::ipc::Invoke<Wry>) -> bool {
    tauri::generate_handler![
        status,
        init,
        join,
        read_ticket,
        invite,
        capture,
        draft,
        save_draft,
        recording,
        start_recording,
        pause_recording,
        stop_recording,
        notes,
        note,
        note_history,
        note_changes,
        transcript,
        attachment_piece,
        edit_note,
        archive_note,
        search,
        conflicts,
        resolve,
        reconcile,
        cancel_reconcile,
        map,
        map_move,
        map_group,
        timeline,
        map_at,
        standup,
        log,
        rename_device,
        revoke_device,
        ui_ready,
        #[cfg(target_os = "android")]
        scan,
    ]
}

fn problem(error: &Error) -> Problem {
    error.problem()
}

fn node(shell: &Shell) -> Answer<Node> {
    shell.node().ok_or_else(|| problem(&no_device()))
}

/// Runs a blocking call of the node on a thread for such calls.
async fn ask<T: Send + 'static>(
    shell: &Shell,
    call: impl FnOnce(&Node) -> Result<T, Error> + Send + 'static,
) -> Answer<T> {
    let node = node(shell)?;
    blocking(move || call(&node)).await
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Answer<T> {
    match tauri::async_runtime::spawn_blocking(call).await {
        Ok(result) => result.map_err(|error| problem(&error)),
        Err(error) => Err(problem(&Error::new(Code::Io, error, "try again"))),
    }
}

#[tauri::command]
async fn status(app: AppHandle) -> Answer<view::Status> {
    let opening = tauri::async_runtime::spawn_blocking(move || Shell::open_home(&app));
    let opened =
        opening.await.map_err(|error| problem(&Error::new(Code::Io, error, "try again")))?;
    if let Some(node) = opened? {
        return blocking(move || node.status()).await;
    }
    Ok(view::Status {
        identity: None,
        head: String::new(),
        events: 0,
        notes: 0,
        state: SyncState::Unknown,
        conflicts: 0,
        unreconciled: 0,
        last_reconcile: None,
        devices: Vec::new(),
    })
}

#[tauri::command]
async fn init(app: AppHandle, name: String, role: view::Role) -> Answer<view::Identity> {
    let home = app.state::<Shell>().args.home.clone();
    let node = blocking(move || home::init(&home, &name, role)).await?;
    let identity = node.identity().map_err(|error| problem(&error))?;
    Shell::adopt(&app, node);
    Ok(identity)
}

#[tauri::command]
async fn join(app: AppHandle, ticket: String, name: String) -> Answer<view::Identity> {
    let home = app.state::<Shell>().args.home.clone();
    let node = home::join(&home, &ticket, &name).await.map_err(|error| problem(&error))?;
    let identity = node.identity().map_err(|error| problem(&error))?;
    Shell::adopt(&app, node);
    Ok(identity)
}

#[tauri::command]
async fn read_ticket(ticket: String) -> Answer<view::TicketFacts> {
    Node::read_ticket(&ticket).map_err(|error| problem(&error))
}

#[tauri::command]
async fn note(shell: State<'_, Shell>, note: String) -> Answer<view::Note> {
    ask(&shell, move |node| node.note(&note)).await
}

#[tauri::command]
async fn invite(shell: State<'_, Shell>, role: view::Role) -> Answer<view::Invite> {
    ask(&shell, move |node| node.invite(role)).await
}

#[tauri::command]
async fn capture(shell: State<'_, Shell>, text: String, tags: Vec<String>) -> Answer<view::Note> {
    ask(&shell, move |node| {
        let captured = node.capture(NewNote { text, tags, draft: true, ..NewNote::default() })?;
        node.note(&captured.id)
    })
    .await
}

#[tauri::command]
async fn draft(shell: State<'_, Shell>) -> Answer<String> {
    ask(&shell, Node::draft).await
}

#[tauri::command]
async fn save_draft(shell: State<'_, Shell>, text: String) -> Answer<()> {
    ask(&shell, move |node| node.save_draft(&text)).await
}

#[tauri::command]
async fn recording(shell: State<'_, Shell>) -> Answer<Recording> {
    Ok(shell.recording())
}

#[tauri::command]
async fn start_recording(app: AppHandle) -> Answer<()> {
    blocking(move || Shell::start_recording(&app)).await
}

#[tauri::command]
async fn pause_recording(shell: State<'_, Shell>, paused: bool) -> Answer<()> {
    shell.pause_recording(paused);
    Ok(())
}

/// Ends it: the note is durable when it returns.
#[tauri::command]
async fn stop_recording(app: AppHandle) -> Answer<view::Note> {
    blocking(move || app.state::<Shell>().stop_recording()).await
}

#[tauri::command]
async fn notes(
    shell: State<'_, Shell>,
    skip: u32,
    limit: u32,
    wanted: Wanted,
) -> Answer<view::NotePage> {
    let Wanted { tag, device, since, until } = wanted;
    let query = NoteQuery { skip, limit, tag, device, since, until, ..NoteQuery::default() };
    ask(&shell, move |node| node.notes(query)).await
}

#[tauri::command]
async fn note_history(shell: State<'_, Shell>, note: String) -> Answer<Vec<view::Revision>> {
    ask(&shell, move |node| node.history(&note)).await
}

#[tauri::command]
async fn note_changes(
    shell: State<'_, Shell>,
    note: String,
    revision: String,
) -> Answer<Vec<view::DiffSpan>> {
    ask(&shell, move |node| node.changes(&note, &revision)).await
}

#[tauri::command]
async fn transcript(
    shell: State<'_, Shell>,
    note: String,
    audio: String,
) -> Answer<view::HeardTranscript> {
    ask(&shell, move |node| node.transcript(&note, Some(&audio))).await
}

/// A megabyte of an attachment at most: the window asks again for what comes behind it.
#[tauri::command]
async fn attachment_piece(shell: State<'_, Shell>, blob: String, from: u32) -> Answer<Response> {
    ask(&shell, move |node| node.read_blob(&blob, from.into())).await.map(Response::new)
}

#[tauri::command]
async fn edit_note(
    shell: State<'_, Shell>,
    note: String,
    base: String,
    text: String,
    tags: Vec<String>,
) -> Answer<view::Note> {
    ask(&shell, move |node| {
        node.edit(&note, Some(&base), &text, Some(tags))?;
        node.note(&note)
    })
    .await
}

#[tauri::command]
async fn archive_note(shell: State<'_, Shell>, note: String, base: String) -> Answer<()> {
    ask(&shell, move |node| node.archive(&note, Some(&base)).map(drop)).await
}

#[tauri::command]
async fn search(shell: State<'_, Shell>, query: String, limit: u32) -> Answer<Vec<view::Hit>> {
    ask(&shell, move |node| node.search(&query, limit)).await
}

#[tauri::command]
async fn conflicts(shell: State<'_, Shell>) -> Answer<Vec<view::Conflict>> {
    ask(&shell, Node::conflicts).await
}

#[tauri::command]
async fn resolve(
    shell: State<'_, Shell>,
    note: String,
    take: view::Take,
    seen: Vec<String>,
) -> Answer<view::Note> {
    ask(&shell, move |node| {
        node.resolve(&note, take, Some(&seen))?;
        node.note(&note)
    })
    .await
}

#[tauri::command]
async fn reconcile(
    shell: State<'_, Shell>,
    device: Option<String>,
) -> Answer<view::ReconcileReport> {
    let with = device.map_or(With::All, With::Device);
    reconcile_with(&shell, with).await
}

/// One reconcile, stoppable by [`cancel_reconcile`]; the tray starts it too.
pub async fn reconcile_with(shell: &Shell, with: With) -> Answer<view::ReconcileReport> {
    let node = node(shell)?;
    let cancel = CancelToken::default();
    *lock(&shell.cancel) = cancel.clone();
    node.reconcile(with, cancel).await.map_err(|error| problem(&error))
}

#[tauri::command]
async fn cancel_reconcile(shell: State<'_, Shell>) -> Answer<()> {
    lock(&shell.cancel).cancel();
    Ok(())
}

#[tauri::command]
async fn map(shell: State<'_, Shell>) -> Answer<view::Map> {
    ask(&shell, Node::map).await
}

#[tauri::command]
async fn map_move(shell: State<'_, Shell>, node: String, x: f64, y: f64) -> Answer<()> {
    ask(&shell, move |home| home.map_move(&node, Spot { x, y })).await
}

#[tauri::command]
async fn map_group(shell: State<'_, Shell>, node: String, place: Option<String>) -> Answer<()> {
    ask(&shell, move |home| home.map_group(&node, place.as_deref())).await
}

#[tauri::command]
async fn timeline(shell: State<'_, Shell>) -> Answer<view::Timeline> {
    ask(&shell, Node::timeline).await
}

#[tauri::command]
async fn map_at(shell: State<'_, Shell>, at: u32) -> Answer<view::MapCut> {
    ask(&shell, move |node| node.map_at(at)).await
}

#[tauri::command]
async fn standup(shell: State<'_, Shell>, date: Option<String>) -> Answer<view::Standup> {
    ask(&shell, move |node| node.standup(date.as_deref(), None)).await
}

#[tauri::command]
async fn log(shell: State<'_, Shell>, cursor: Option<String>, limit: u32) -> Answer<view::LogPage> {
    ask(&shell, move |node| node.log(LogQuery { cursor, limit, chain: None })).await
}

#[tauri::command]
async fn rename_device(shell: State<'_, Shell>, device: String, name: String) -> Answer<()> {
    ask(&shell, move |node| node.rename_device(&device, &name)).await
}

#[tauri::command]
async fn revoke_device(shell: State<'_, Shell>, device: String) -> Answer<()> {
    ask(&shell, move |node| node.revoke_device(&device)).await
}

/// The window has painted: now it may be seen.
#[tauri::command]
async fn ui_ready(app: AppHandle) -> Answer<()> {
    #[cfg(desktop)]
    crate::desktop::first_paint(&app);
    #[cfg(mobile)]
    let _ = app;
    Ok(())
}

/// Opens the phone's scanner. What it finds goes to the screen that joins, which is Kotlin's too.
#[cfg(target_os = "android")]
#[tauri::command]
async fn scan(app: AppHandle) -> Answer<()> {
    crate::native::open(&app, "scan").map_err(|error| problem(&error))
}
