//! The desktop's own: window, tray, notifications.

use mirror_node::With;
use tauri::image::Image;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Emitter, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_notification::NotificationExt;

use crate::commands::reconcile_with;
use crate::controller::{Desktop, Mark, Tray};
use crate::glyph;
use crate::shell::Shell;

const WINDOW: &str = "main";
const TRAY: &str = "state";

/// The menu's first line, to be rewritten.
struct StateLine(MenuItem<tauri::Wry>);

/// The real desktop.
pub struct Effects<'a>(pub &'a AppHandle);

impl Desktop for Effects<'_> {
    fn show(&self, tray: &Tray) {
        if let Some(line) = self.0.try_state::<StateLine>()
            && let Err(error) = line.0.set_text(&tray.line)
        {
            tracing::warn!(%error, "the tray's line was not written");
        }
        let Some(icon) = self.0.tray_by_id(TRAY) else { return };
        let image = Image::new_owned(glyph::draw(tray.mark), glyph::SIZE, glyph::SIZE);
        let shown = icon
            .set_icon(Some(image))
            .and_then(|()| icon.set_tooltip(Some(format!("MirrorDNA: {}", tray.line))));
        if let Err(error) = shown {
            tracing::warn!(%error, "the tray's glyph was not drawn");
        }
    }

    fn notify(&self, title: &str, body: &str) {
        let shown = self.0.notification().builder().title(title).body(body).show();
        if let Err(error) = shown {
            tracing::warn!(%error, "a notification was not shown");
        }
    }
}

/// Lays out window and tray.
pub fn build(app: &AppHandle) -> tauri::Result<()> {
    build_tray(app)?;
    let args = app.state::<Shell>().args.clone();
    let window = WebviewWindowBuilder::new(app, WINDOW, WebviewUrl::App("index.html".into()))
        .title("MirrorDNA")
        .inner_size(args.window.0, args.window.1)
        .min_inner_size(360.0, 480.0)
        .visible(!args.hidden)
        .build()?;
    let closing = window.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            // It goes on in the tray; Quit is in the menu there.
            api.prevent_close();
            if let Err(error) = closing.hide() {
                tracing::warn!(%error, "the window could not be hidden");
            }
        }
    });
    Ok(())
}

fn build_tray(app: &AppHandle) -> tauri::Result<()> {
    let item =
        |id: &str, text: &str, enabled| MenuItem::with_id(app, id, text, enabled, None::<&str>);
    let line = item("state", "No device yet", false)?;
    let menu = Menu::with_items(
        app,
        &[
            &line,
            &PredefinedMenuItem::separator(app)?,
            &item("reconcile", "Reconcile now", true)?,
            &item("capture", "Capture", true)?,
            &item("open", "Open", true)?,
            &PredefinedMenuItem::separator(app)?,
            &item("quit", "Quit", true)?,
        ],
    )?;
    app.manage(StateLine(line));
    let image = Image::new_owned(glyph::draw(Mark::Unknown), glyph::SIZE, glyph::SIZE);
    TrayIconBuilder::with_id(TRAY)
        .icon(image)
        .icon_as_template(true)
        .tooltip("MirrorDNA")
        .menu(&menu)
        .on_menu_event(|app, event| match event.id().as_ref() {
            "reconcile" => reconcile(app),
            "capture" => open_screen(app, "capture"),
            "open" => raise(app),
            "quit" => app.exit(0),
            _ => {}
        })
        .build(app)?;
    Ok(())
}

/// Reconciles from the tray: the window needs not be open, and a failure is told.
fn reconcile(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let result = reconcile_with(&app.state::<Shell>(), With::All).await;
        let failed = match result {
            Ok(report) => report.peers.into_iter().find_map(|peer| {
                peer.error.map(|error| (format!("{} was not reached", peer.name), error.hint))
            }),
            Err(problem) => Some((problem.detail, problem.hint)),
        };
        if let Some((title, body)) = failed {
            Effects(&app).notify(&title, &body);
        }
    });
}

fn open_screen(app: &AppHandle, screen: &str) {
    raise(app);
    if let Err(error) = app.emit("open", screen) {
        tracing::warn!(%error, "the window was not told to open {screen}");
    }
}

/// Brings the window to the front.
pub fn raise(app: &AppHandle) {
    let Some(window) = app.get_webview_window(WINDOW) else { return };
    let raised = window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus());
    if let Err(error) = raised {
        tracing::warn!(%error, "the window could not be brought to the front");
    }
}

/// The window has painted its first screen.
pub fn first_paint(app: &AppHandle) {
    if app.state::<Shell>().args.hidden {
        return;
    }
    if let Some(window) = app.get_webview_window(WINDOW)
        && let Err(error) = window.set_focus()
    {
        tracing::debug!(%error, "the window took no focus");
    }
}
