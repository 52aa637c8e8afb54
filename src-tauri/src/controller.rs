//! What the desktop shows without a window: the tray's state, and notifications of what really happened.

use mirror_node::view::{Phase, Progress, Status, SyncState};

/// Every effect on the desktop.
pub trait Desktop {
    /// Shows the state in the tray.
    fn show(&self, tray: &Tray);
    /// Tells the person.
    fn notify(&self, title: &str, body: &str);
}

/// What the tray shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tray {
    /// The shape.
    pub mark: Mark,
    /// One line of words.
    pub line: String,
}

/// The tray's shapes; colour only repeats them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// All dots filled.
    Synced,
    /// One dot hollow: something has to travel.
    Moving,
    /// A diamond: a person has to choose.
    Conflict,
    /// Dotted outlines: it can't be known.
    Unknown,
}

/// Decides, from states and progress, what to show and tell.
#[derive(Debug, Default)]
pub struct Controller {
    shown: Option<Tray>,
    conflicts: Option<u32>,
}

impl Controller {
    /// The home's state has been read.
    pub fn on_status(&mut self, status: &Status, desktop: &dyn Desktop) {
        let tray = tray(status);
        if self.shown.as_ref() != Some(&tray) {
            desktop.show(&tray);
            self.shown = Some(tray);
        }
        // The first state after the start is where things stand, not news.
        let Some(before) = self.conflicts.replace(status.conflicts) else { return };
        if status.conflicts > before {
            let waiting = status.conflicts;
            let verb = if waiting == 1 { "note needs" } else { "notes need" };
            desktop.notify(
                &format!("{waiting} {verb} you"),
                "Two devices changed the same note. Nothing was chosen for you.",
            );
        }
    }

    /// A session moved on.
    pub fn on_progress(&mut self, progress: &Progress, desktop: &dyn Desktop) {
        let Progress { phase, name, notes, received, .. } = progress;
        // What came before a session broke off is here all the same.
        if !matches!(phase, Phase::Done | Phase::Failed | Phase::Cancelled) {
            return;
        }
        // New versions of old notes are no arrivals: only a conflict among them is told.
        match notes {
            0 => tracing::debug!(%name, received, "no new notes"),
            1 => desktop.notify(&format!("1 note from {name} arrived"), "It is in your inbox."),
            notes => {
                desktop.notify(
                    &format!("{notes} notes from {name} arrived"),
                    "They are in your inbox.",
                );
            }
        }
    }
}

fn tray(status: &Status) -> Tray {
    let (mark, line) = match status.state {
        _ if status.conflicts == 1 => (Mark::Conflict, "1 note needs you".to_owned()),
        _ if status.conflicts > 1 => {
            (Mark::Conflict, format!("{} notes need you", status.conflicts))
        }
        SyncState::Forked => (Mark::Conflict, "A device's history has two branches".to_owned()),
        SyncState::Synced => (Mark::Synced, "Everything is in step".to_owned()),
        SyncState::Ahead => (Mark::Moving, waiting(status.unreconciled)),
        SyncState::Behind => (Mark::Moving, "Other devices have news".to_owned()),
        SyncState::Offline => (Mark::Moving, "A device can't be reached".to_owned()),
        SyncState::Stale => (Mark::Unknown, "Not in touch since yesterday".to_owned()),
        _ if status.devices.len() < 2 => (Mark::Unknown, "No other device yet".to_owned()),
        _ => (Mark::Unknown, "A device was never met".to_owned()),
    };
    Tray { mark, line }
}

fn waiting(events: u32) -> String {
    match events {
        0 => "Another device lacks some changes".to_owned(),
        1 => "1 change is only here".to_owned(),
        events => format!("{events} changes are only here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Recorder {
        shown: RefCell<Vec<Tray>>,
        told: RefCell<Vec<String>>,
    }

    impl Desktop for Recorder {
        fn show(&self, tray: &Tray) {
            self.shown.borrow_mut().push(tray.clone());
        }

        fn notify(&self, title: &str, _: &str) {
            self.told.borrow_mut().push(title.to_owned());
        }
    }

    fn status(state: SyncState, notes: u32, conflicts: u32) -> Status {
        Status {
            identity: None,
            head: String::new(),
            events: 0,
            notes,
            state,
            conflicts,
            unreconciled: 2,
            last_reconcile: None,
            devices: vec![],
        }
    }

    fn done(received: u32, notes: u32) -> Progress {
        Progress {
            device: String::new(),
            name: "Pixel".into(),
            phase: Phase::Done,
            received,
            notes,
            to_receive: received,
            sent: 0,
            to_send: 0,
        }
    }

    #[test]
    fn what_stands_at_the_start_is_no_news() {
        let (mut controller, desktop) = (Controller::default(), Recorder::default());
        controller.on_status(&status(SyncState::Conflict, 5, 2), &desktop);
        assert_eq!(*desktop.told.borrow(), [""; 0]);
        assert_eq!(desktop.shown.borrow()[0].line, "2 notes need you");
    }

    #[test]
    fn arrivals_and_conflicts_are_told_once_each() {
        let (mut controller, desktop) = (Controller::default(), Recorder::default());
        controller.on_status(&status(SyncState::Synced, 5, 0), &desktop);
        controller.on_progress(&done(4, 3), &desktop);
        controller.on_progress(&done(1, 0), &desktop);
        controller.on_status(&status(SyncState::Conflict, 8, 1), &desktop);
        controller.on_status(&status(SyncState::Conflict, 8, 1), &desktop);
        assert_eq!(*desktop.told.borrow(), ["3 notes from Pixel arrived", "1 note needs you"]);
    }

    #[test]
    fn the_tray_is_touched_only_when_it_changes() {
        let (mut controller, desktop) = (Controller::default(), Recorder::default());
        for _ in 0..3 {
            controller.on_status(&status(SyncState::Ahead, 1, 0), &desktop);
        }
        assert_eq!(desktop.shown.borrow().len(), 1);
        assert_eq!(desktop.shown.borrow()[0].line, "2 changes are only here");
        assert_eq!(desktop.shown.borrow()[0].mark, Mark::Moving);
    }
}
