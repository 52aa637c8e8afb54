//! Where secret keys are kept: the operating system's keychain, or a 0600 file when there is none.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::view::Code;

/// A place for one small secret.
pub trait SecretStore {
    /// `keychain` or `file`; shown to the person.
    fn name(&self) -> &'static str;
    /// Keeps the secret; durable when it returns.
    fn put(&self, secret: &str) -> Result<()>;
    /// The secret, or `None` if nothing was ever put.
    fn get(&self) -> Result<Option<String>>;
}

/// Set to `file`, it keeps keys out of the person's real keychain: for tests and containers.
const FORCE_FILE: (&str, &str) = ("MIRROR_KEYS", "file");

/// The file beside the database, where there is no keychain.
pub const FILE: &str = "keys.json";

/// The store for a home that has no keys yet: the keychain if it works, else the file.
pub fn for_new_home(home: &Path, account: &str) -> Box<dyn SecretStore> {
    let forced = std::env::var(FORCE_FILE.0).is_ok_and(|value| value == FORCE_FILE.1);
    let file = || Box::new(KeyFile { path: home.join(FILE) }) as Box<dyn SecretStore>;
    if forced { file() } else { keychain::open(account).unwrap_or_else(file) }
}

/// The store that a home's keys were put into.
pub fn for_home(home: &Path, account: &str, name: &str) -> Result<Box<dyn SecretStore>> {
    if name == "file" {
        return Ok(Box::new(KeyFile { path: home.join(FILE) }));
    }
    keychain::open(account).ok_or_else(|| {
        Error::new(
            Code::Io,
            "this home's keys are in the system keychain, and there is no keychain here",
            "log in to a desktop session, or unlock the keychain, and try again",
        )
    })
}

struct KeyFile {
    path: PathBuf,
}

impl SecretStore for KeyFile {
    fn name(&self) -> &'static str {
        "file"
    }

    fn put(&self, secret: &str) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        // tempfile makes its files 0600; its persist syncs neither file nor directory.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(secret.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        fs::File::open(folder)?.sync_all()?;
        Ok(())
    }

    fn get(&self) -> Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "android"))]
mod keychain {
    use super::{Error, Result, SecretStore};
    use crate::view::Code;

    struct Keychain(keyring::Entry);

    /// `None` where no keychain answers.
    pub fn open(account: &str) -> Option<Box<dyn SecretStore>> {
        let entry = keyring::Entry::new("org.mirrordna.mirror", account).ok()?;
        match entry.get_password() {
            Ok(_) | Err(keyring::Error::NoEntry) => Some(Box::new(Keychain(entry))),
            Err(_) => None,
        }
    }

    impl SecretStore for Keychain {
        fn name(&self) -> &'static str {
            "keychain"
        }

        fn put(&self, secret: &str) -> Result<()> {
            self.0.set_password(secret).map_err(|error| refused(&error))
        }

        fn get(&self) -> Result<Option<String>> {
            match self.0.get_password() {
                Ok(secret) => Ok(Some(secret)),
                Err(keyring::Error::NoEntry) => Ok(None),
                Err(error) => Err(refused(&error)),
            }
        }
    }

    fn refused(error: &keyring::Error) -> Error {
        let detail = format!("the keychain answered: {error}");
        Error::new(Code::Io, detail, "unlock the keychain and try again")
    }
}

#[cfg(target_os = "android")]
mod keychain {
    /// Android's Keystore is reached from Kotlin; the core by itself has no keychain there.
    pub fn open(_account: &str) -> Option<Box<dyn super::SecretStore>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_private() {
        let home = tempfile::tempdir().unwrap();
        let store = KeyFile { path: home.path().join(FILE) };
        assert_eq!(store.get().unwrap(), None);
        store.put("secret").unwrap();
        assert_eq!(store.get().unwrap().as_deref(), Some("secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(home.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
