//! The window, the tray and the notifications around a node: one shell for desktop and phone.
//!
//! It shows what the node says and passes on what the person does. It decides nothing about notes, and every effect on
//! the desktop goes through [`controller::Desktop`], so that the decisions are tested without a window.

mod args;
mod commands;
pub mod controller;
#[cfg(desktop)]
mod desktop;
#[cfg(desktop)]
mod glyph;
mod home;
#[cfg(desktop)]
mod instance;
#[cfg(target_os = "android")]
mod native;
#[cfg(desktop)]
mod recorder;
pub mod recording;
mod shell;

use std::process::ExitCode;

use tauri::RunEvent;

use crate::args::Args;
use crate::shell::Shell;

/// Opens the app.
#[cfg_attr(mobile, tauri::mobile_entry_point)]
pub fn run() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("MIRROR_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    #[cfg(desktop)]
    let instance = match instance::Instance::take(&args.home) {
        Ok(Some(instance)) => instance,
        // The window that is open has come to the front.
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}: {error}", args.home.display());
            return ExitCode::FAILURE;
        }
    };
    let shell = Shell::new(args);
    let builder = tauri::Builder::default();
    // On a phone, Kotlin notifies, with channels and without the webview.
    #[cfg(desktop)]
    let builder = builder.plugin(tauri_plugin_notification::init());
    let built = builder
        .manage(shell)
        .invoke_handler(commands::handler())
        .setup(move |app| {
            #[cfg(desktop)]
            {
                desktop::build(app.handle())?;
                instance.raise_on_call(app.handle().clone());
            }
            #[cfg(mobile)]
            tauri::WebviewWindowBuilder::new(
                app,
                "main",
                tauri::WebviewUrl::App("index.html".into()),
            )
            .build()?;
            // A failure is told to the window, which asks for the status first.
            let _ = Shell::open_home(app.handle());
            Ok(())
        })
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            app.run(|handle, event| {
                if let RunEvent::Exit = event {
                    Shell::close_home(handle);
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!("the app can't start: {error}");
            ExitCode::FAILURE
        }
    }
}
