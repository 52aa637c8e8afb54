//! Screens of the app that are Kotlin's: `MainActivity` has a method for each.

use mirror_node::{Error, view::Code};
use tauri::{AppHandle, Manager};

/// Opens one.
pub fn open(app: &AppHandle, screen: &'static str) -> Result<(), Error> {
    let failed = |why: String| Error::new(Code::Io, why, "open it from the app's icon");
    let window = app.get_webview_window("main").ok_or_else(|| failed("no window".to_owned()))?;
    let opened = window.with_webview(move |webview| {
        webview.jni_handle().exec(move |env, activity, _| {
            if let Err(error) = env.call_method(activity, screen, "()V", &[]) {
                tracing::error!(%error, screen, "a screen could not be opened");
                // Left pending, it would end the process at the next call into Java.
                let _ = env.exception_clear();
            }
        });
    });
    opened.map_err(|error| failed(error.to_string()))
}
