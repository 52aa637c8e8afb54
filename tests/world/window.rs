//! The app in a real window, used as a person uses it: looked at, clicked, typed into, killed.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::home::Home;
use crate::process::app;
use crate::webdriver::{Session, free_port, until};

/// A window's size in CSS pixels.
pub const PHONE: &str = "390x844";
/// The narrowest that a phone is, in CSS pixels.
pub const NARROW: &str = "360x640";
/// A window's size in CSS pixels.
pub const DESKTOP: &str = "1280x800";

/// Control and Enter, pressed together.
pub const CONTROL_ENTER: &str = "\u{e009}\u{e007}\u{e000}";
/// Control and K, pressed together.
pub const CONTROL_K: &str = "\u{e009}k\u{e000}";
const SELECT_ALL: &str = "\u{e009}a\u{e000}";

/// The open app. Elements are named by their `data-testid`, with conditions behind it: `map-node[data-state=synced]`.
pub struct Window {
    session: Option<Session>,
    home: PathBuf,
    address: String,
}

impl Window {
    /// Opens the app on a home.
    pub fn open(home: &Home, size: &str) -> Self {
        Self::open_with(home, size, &[])
    }

    /// Opens it with these variables set.
    pub fn open_with(home: &Home, size: &str, more: &[(&'static str, String)]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let folder = home.folder().display().to_string();
        let app = app().display().to_string();
        let args = ["--home", &folder, "--window", size, "--listen", &address];
        let mut variables = vec![("MIRROR_KEYS", "file"), ("TZ", home.zone())];
        variables.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        let session = Session::start(&app, &args, &variables);
        Self { session: Some(session), home: home.folder().to_owned(), address }
    }

    fn session(&self) -> &Session {
        self.session.as_ref().expect("open until it is dropped")
    }

    /// Where other devices reach it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How many such elements there are now.
    pub fn count(&self, name: &str) -> usize {
        self.session().find(&css(name)).len()
    }

    /// Waits for something to show.
    #[track_caller]
    pub fn sees(&self, name: &str) {
        self.wait(name, "is not shown", |_, _| Some(()));
    }

    /// Waits for something to go.
    #[track_caller]
    pub fn sees_no_more(&self, name: &str) {
        until(&format!("{name} is still shown"), || (self.count(name) == 0).then_some(()));
    }

    /// The words of the first of these, once it shows any.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        until(&format!("{name} has no words"), || {
            self.texts(name).into_iter().next().filter(|text| !text.is_empty())
        })
    }

    /// The words of all of these, as they are now.
    pub fn texts(&self, name: &str) -> Vec<String> {
        // Not the driver's own "element text": WebKit's takes clamped lines for hidden ones.
        let script = "return [...document.querySelectorAll(arguments[0])].map((found) =>
            found.checkVisibility({ visibilityProperty: true, opacityProperty: true }) ? found.innerText : '')";
        let texts = self.session().run(script, &[json!(css(name))]).unwrap_or_default();
        let texts = texts.as_array().into_iter().flatten();
        texts.map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until one of these says this.
    #[track_caller]
    pub fn reads(&self, name: &str, words: &str) {
        until(&format!("{name} does not say {words:?}"), || {
            self.texts(name).iter().any(|text| text.contains(words)).then_some(())
        });
    }

    /// What a field holds.
    #[track_caller]
    pub fn value(&self, name: &str) -> String {
        self.wait(name, "is no field", |session, element| session.value(element).ok())
    }

    /// An attribute of the first of these.
    #[track_caller]
    pub fn attribute(&self, name: &str, attribute: &str) -> String {
        self.wait(name, "is not shown", |session, element| {
            session.attribute(element, attribute).ok()
        })
    }

    /// Clicks the first of these.
    #[track_caller]
    pub fn click(&self, name: &str) {
        self.wait(name, "can't be clicked", |session, element| session.click(element).ok());
    }

    /// Clicks a shape of a drawing, which WebKit's driver can't: it has no box of its own.
    #[track_caller]
    pub fn click_shape(&self, name: &str) {
        let script = "const shape = document.querySelector(arguments[0]); if (!shape) return false;
            shape.dispatchEvent(new MouseEvent('click', { bubbles: true })); return true;";
        until(&format!("{name} can't be clicked"), || {
            let clicked = self.session().run(script, &[json!(css(name))]).ok()?;
            (clicked == json!(true)).then_some(())
        });
    }

    /// Clicks the one that says this.
    #[track_caller]
    pub fn click_saying(&self, name: &str, words: &str) {
        until(&format!("no {name} says {words:?}"), || {
            let at = self.texts(name).iter().position(|text| text.contains(words))?;
            self.session().click(self.session().find(&css(name)).get(at)?).ok()
        });
    }

    /// Types behind what a field holds.
    #[track_caller]
    pub fn types(&self, name: &str, keys: &str) {
        self.wait(name, "can't be typed into", |session, element| {
            session.type_in(element, keys).ok()
        });
    }

    /// Replaces what a field holds.
    #[track_caller]
    pub fn writes(&self, name: &str, text: &str) {
        self.types(name, SELECT_ALL);
        self.types(name, text);
    }

    /// Presses keys wherever the focus is.
    #[track_caller]
    pub fn presses(&self, keys: &str) {
        until("keys can't be pressed", || {
            self.session().type_in(self.session().find("body").first()?, keys).ok()
        });
    }

    /// Runs a script in the window.
    #[track_caller]
    pub fn runs(&self, script: &str) -> serde_json::Value {
        self.session().run(script, &[]).unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Keeps a picture of it, when `MIRROR_SHOTS` names a folder.
    pub fn shoot(&self, name: &str) {
        let Some(folder) = std::env::var_os("MIRROR_SHOTS") else { return };
        let png = self.session().screenshot().expect("a picture of the window");
        let folder = Path::new(&folder);
        std::fs::create_dir_all(folder).expect("a folder for pictures");
        std::fs::write(folder.join(format!("{name}.png")), png).expect("a picture is kept");
    }

    /// Ends the app as a power cut would.
    pub fn kill(self) {
        let ids = processes(&self.home);
        assert!(!ids.is_empty(), "the app runs");
        for id in ids {
            signal("-KILL", &id);
        }
    }

    /// Whether the app still runs.
    pub fn runs_still(&self) -> bool {
        !processes(&self.home).is_empty()
    }

    #[track_caller]
    fn wait<T>(&self, name: &str, not: &str, ask: impl Fn(&Session, &str) -> Option<T>) -> T {
        until(&format!("{name} {not}"), || {
            let found = self.session().find(&css(name));
            ask(self.session(), found.first()?)
        })
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(session) = &self.session
            && let Some(folder) = std::env::var_os("MIRROR_SHOTS")
            && let Ok(png) = session.screenshot()
        {
            // What it looked like when the promise was broken.
            let story = std::thread::current().name().unwrap_or("story").replace("::", "-");
            let _ = std::fs::create_dir_all(&folder);
            let _ = std::fs::write(Path::new(&folder).join(format!("failed-{story}.png")), png);
        }
        // The session's end closes the window, which goes on in the tray: the process is ended by hand.
        drop(self.session.take());
        for id in processes(&self.home) {
            signal("-KILL", &id);
        }
    }
}

/// The test ids of a name, with the conditions behind it.
fn css(name: &str) -> String {
    name.split(' ')
        .map(|part| {
            let (id, conditions) = part.find('[').map_or((part, ""), |at| part.split_at(at));
            format!("[data-testid=\"{id}\"]{conditions}")
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn signal(signal: &str, id: &str) {
    let _ = Command::new("kill").args([signal, id]).status();
}

/// The app's processes on a home.
fn processes(home: &Path) -> Vec<String> {
    let home = home.display().to_string();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let id = entry.file_name().into_string().ok()?;
            let line = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
            let mut args = line.split(|byte| *byte == 0);
            let app = args.next()?.ends_with(b"mirror-app");
            (app && args.any(|arg| arg == home.as_bytes())).then_some(id)
        })
        .collect()
}
