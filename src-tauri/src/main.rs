//! The desktop entry; phones enter through the library.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() -> std::process::ExitCode {
    mirror_app_lib::run()
}
