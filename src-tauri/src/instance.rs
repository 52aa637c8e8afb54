//! One app a home: the first holds a lock, and a second one only brings the first one's window to the front.

use std::fs::File;
use std::io;
use std::path::Path;

use tauri::AppHandle;

/// The app's hold on a home, for as long as it runs.
pub struct Instance {
    _lock: File,
    #[cfg(unix)]
    calls: Option<std::os::unix::net::UnixListener>,
}

impl Instance {
    /// Takes the home; `None` when another app has it, and was called to the front.
    pub fn take(home: &Path) -> io::Result<Option<Self>> {
        let mut folders = std::fs::DirBuilder::new();
        // A home is its owner's alone, whoever makes it first.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        folders.recursive(true).create(home)?;
        let lock = File::create(home.join("app.lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                call(home);
                return Ok(None);
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        #[cfg(unix)]
        {
            let path = home.join("app.sock");
            // Left by an app that was killed; the lock says that nobody listens.
            let _ = std::fs::remove_file(&path);
            // A home with a path too long for a socket works, only without being called to the front.
            let calls = std::os::unix::net::UnixListener::bind(&path).ok();
            Ok(Some(Self { _lock: lock, calls }))
        }
        #[cfg(not(unix))]
        Ok(Some(Self { _lock: lock }))
    }

    /// Brings the window to the front whenever another start calls.
    pub fn raise_on_call(self, app: AppHandle) {
        std::thread::spawn(move || {
            let _held = &self;
            #[cfg(unix)]
            if let Some(calls) = &self.calls {
                for call in calls.incoming() {
                    if call.is_ok() {
                        crate::desktop::raise(&app);
                    }
                }
            }
            // Holds the lock until the process ends.
            loop {
                std::thread::park();
            }
        });
    }
}

#[cfg(unix)]
fn call(home: &Path) {
    if let Err(error) = std::os::unix::net::UnixStream::connect(home.join("app.sock")) {
        tracing::warn!(%error, "the open app could not be called to the front");
    }
}

#[cfg(not(unix))]
fn call(_home: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_home_has_one_app_and_is_its_owners_alone() {
        let home: PathBuf =
            std::env::temp_dir().join(format!("mirror-instance-{}", std::process::id()));
        let first = Instance::take(&home).unwrap().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(home.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert!(Instance::take(&home).unwrap().is_none());
        drop(first);
        assert!(Instance::take(&home).unwrap().is_some());
        std::fs::remove_dir_all(home).unwrap();
    }
}
