//! Stand-ins for what a desktop offers over D-Bus: the tray of the StatusNotifierItem specification, with its menu over
//! `com.canonical.dbusmenu`, and the Desktop Notifications Specification 1.2.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use zbus::blocking::{Connection, Proxy, connection};
use zbus::message::Header;
use zbus::zvariant::{OwnedValue, Value};

use crate::webdriver::until;

const MENU: &str = "com.canonical.dbusmenu";
const ITEM: &str = "org.kde.StatusNotifierItem";

/// The session's desktop: one for all stories of a run.
pub struct Desktop {
    bus: Connection,
    trays: Arc<Mutex<Vec<(String, String)>>>,
    told: Arc<Mutex<Vec<Notification>>>,
}

/// What a person was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub title: String,
    pub body: String,
}

impl Desktop {
    /// Takes the desktop's places on the session bus, once.
    pub fn get() -> &'static Self {
        static DESKTOP: OnceLock<Desktop> = OnceLock::new();
        DESKTOP.get_or_init(|| Self::start().expect("a session bus: run under dbus-run-session"))
    }

    fn start() -> zbus::Result<Self> {
        let (trays, told) = (Arc::default(), Arc::default());
        let bus = connection::Builder::session()?
            .serve_at("/StatusNotifierWatcher", Watcher { trays: Arc::clone(&trays) })?
            .serve_at("/org/freedesktop/Notifications", Notifications { told: Arc::clone(&told) })?
            .name("org.kde.StatusNotifierWatcher")?
            .name("org.freedesktop.Notifications")?
            .build()?;
        Ok(Self { bus, trays, told })
    }

    /// How many trays have come so far: the next one's number.
    pub fn trays(&self) -> usize {
        self.trays.lock().expect("no panic under the lock").len()
    }

    /// Waits for the tray with this number.
    pub fn tray(&self, number: usize) -> Tray<'_> {
        let (owner, path) = until("a tray registers", || {
            self.trays.lock().expect("no panic under the lock").get(number).cloned()
        });
        Tray { bus: &self.bus, owner, path }
    }

    /// Everything told so far.
    pub fn told(&self) -> Vec<Notification> {
        self.told.lock().expect("no panic under the lock").clone()
    }

    /// Waits until something with this title was told after so many others.
    #[track_caller]
    pub fn tells(&self, after: usize, title: &str) -> Notification {
        until(&format!("nothing told of {title:?}, only {:?}", self.told().get(after..)), || {
            self.told().into_iter().skip(after).find(|told| told.title == title)
        })
    }
}

/// One app's tray.
pub struct Tray<'a> {
    bus: &'a Connection,
    owner: String,
    path: String,
}

/// A line of a menu.
#[derive(Debug, Clone)]
pub struct Entry {
    id: i32,
    pub label: String,
    pub enabled: bool,
}

type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

impl Tray<'_> {
    /// The menu's lines, without separators.
    pub fn menu(&self) -> Vec<Entry> {
        self.read_menu().unwrap_or_default()
    }

    fn read_menu(&self) -> zbus::Result<Vec<Entry>> {
        let menu = self.menu_proxy()?;
        let (_, (_, _, lines)): (u32, Layout) =
            menu.call("GetLayout", &(0_i32, -1_i32, Vec::<String>::new()))?;
        let mut entries = Vec::new();
        for line in lines {
            let (id, mut properties, _): Layout = Layout::try_from(line)?;
            let Some(label) = properties.remove("label") else { continue };
            let enabled = properties.remove("enabled").is_none_or(|v| v.try_into().unwrap_or(true));
            // An underscore marks the access key.
            let label = String::try_from(label)?.replace('_', "");
            entries.push(Entry { id, label, enabled });
        }
        Ok(entries)
    }

    fn menu_proxy(&self) -> zbus::Result<Proxy<'_>> {
        let item = Proxy::new(self.bus, self.owner.as_str(), self.path.as_str(), ITEM)?;
        let path: zbus::zvariant::OwnedObjectPath = item.get_property("Menu")?;
        Proxy::new_owned(self.bus.clone(), self.owner.clone(), path, MENU)
    }

    /// The menu's first line, which tells the state.
    pub fn line(&self) -> String {
        self.menu().into_iter().next().map(|entry| entry.label).unwrap_or_default()
    }

    /// Waits until the state is told in these words.
    #[track_caller]
    pub fn says(&self, words: &str) {
        until(&format!("the tray says {words:?}, not {:?}", self.line()), || {
            (self.line() == words).then_some(())
        });
    }

    /// The icon's file: one for each shape.
    pub fn icon(&self) -> Vec<u8> {
        let read = || -> zbus::Result<Vec<u8>> {
            let item = Proxy::new(self.bus, self.owner.as_str(), self.path.as_str(), ITEM)?;
            let name: String = item.get_property("IconName")?;
            let folder: String = item.get_property("IconThemePath").unwrap_or_default();
            let direct = std::path::Path::new(&name).to_owned();
            let themed = std::path::Path::new(&folder).join(format!("{name}.png"));
            Ok(std::fs::read(direct).or_else(|_| std::fs::read(themed)).unwrap_or_default())
        };
        read().unwrap_or_default()
    }

    /// Chooses a line of the menu.
    #[track_caller]
    pub fn chooses(&self, label: &str) {
        let menu = self.menu();
        let entry = menu.iter().find(|entry| entry.label == label && entry.enabled);
        let entry = entry.unwrap_or_else(|| panic!("{label:?} can't be chosen from {menu:?}"));
        let event = (entry.id, "clicked", Value::from(0_i32), 0_u32);
        let proxy = self.menu_proxy().expect("the app has a menu");
        proxy.call::<_, _, ()>("Event", &event).expect("the menu hears a click");
    }
}

struct Watcher {
    trays: Arc<Mutex<Vec<(String, String)>>>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    #[allow(clippy::needless_pass_by_value)]
    fn register_status_notifier_item(&self, service: String, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let tray = if service.starts_with('/') {
            (sender, service)
        } else {
            (service, "/StatusNotifierItem".to_owned())
        };
        self.trays.lock().expect("no panic under the lock").push(tray);
    }

    fn register_status_notifier_host(&self, _service: String) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        let trays = self.trays.lock().expect("no panic under the lock");
        trays.iter().map(|(owner, path)| format!("{owner}{path}")).collect()
    }
}

struct Notifications {
    told: Arc<Mutex<Vec<Notification>>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[allow(clippy::too_many_arguments)]
    fn notify(
        &self,
        _app: String,
        _replaces: u32,
        _icon: String,
        title: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let mut told = self.told.lock().expect("no panic under the lock");
        told.push(Notification { title, body });
        u32::try_from(told.len()).unwrap_or(u32::MAX)
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("stand-in".into(), "MirrorDNA tests".into(), "1".into(), "1.2".into())
    }
}
