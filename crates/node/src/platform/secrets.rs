//! Where secret keys are kept: the operating system's keychain, or a 0600 file when there is none; on Android a file that
//! its Keystore has sealed, if a face brought one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::view::Code;

/// A place for one small secret.
pub trait SecretStore {
    /// `keychain`, `keystore` or `file`; shown to the person.
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

/// A key that seals, and stays where it was made. Android's is reached from Kotlin only, so a face has to bring it.
pub trait Keystore: Send + Sync {
    /// Seals a secret for an account.
    fn seal(&self, account: &str, secret: &str) -> Result<Vec<u8>>;
    /// Gives back what was sealed for that account; fails for anything else.
    fn unseal(&self, account: &str, sealed: &[u8]) -> Result<String>;
}

static BROUGHT: OnceLock<Arc<dyn Keystore>> = OnceLock::new();

/// Seals the keys of every home that is made from now on, and opens those that were sealed before. Only the first one counts.
pub fn bring_keystore(keystore: Arc<dyn Keystore>) {
    let _ = BROUGHT.set(keystore);
}

/// The file beside the database, sealed.
pub const SEALED: &str = "keys.sealed";

/// The store for a home that has no keys yet: a keystore that was brought, else the keychain if it works, else the file.
pub fn for_new_home(home: &Path, account: &str) -> Box<dyn SecretStore> {
    let forced = std::env::var(FORCE_FILE.0).is_ok_and(|value| value == FORCE_FILE.1);
    let file = || Box::new(KeyFile { path: home.join(FILE) }) as Box<dyn SecretStore>;
    if forced {
        return file();
    }
    match BROUGHT.get() {
        Some(keystore) => Box::new(Sealed::new(home, account, keystore)),
        None => keychain::open(account).unwrap_or_else(file),
    }
}

/// The store that a home's keys were put into.
pub fn for_home(home: &Path, account: &str, name: &str) -> Result<Box<dyn SecretStore>> {
    if name == "file" {
        return Ok(Box::new(KeyFile { path: home.join(FILE) }));
    }
    if name == Sealed::NAME {
        let keystore = BROUGHT.get().ok_or_else(|| {
            Error::new(
                Code::Io,
                "this home's keys are sealed by a phone's keystore, and there is none here",
                "open it in the app on the phone that made it",
            )
        })?;
        return Ok(Box::new(Sealed::new(home, account, keystore)));
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
        write(&self.path, secret.as_bytes())
    }

    fn get(&self) -> Result<Option<String>> {
        there(fs::read_to_string(&self.path))
    }
}

struct Sealed {
    path: PathBuf,
    account: String,
    keystore: Arc<dyn Keystore>,
}

impl Sealed {
    const NAME: &str = "keystore";

    fn new(home: &Path, account: &str, keystore: &Arc<dyn Keystore>) -> Self {
        let keystore = Arc::clone(keystore);
        Self { path: home.join(SEALED), account: account.to_owned(), keystore }
    }
}

impl SecretStore for Sealed {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn put(&self, secret: &str) -> Result<()> {
        write(&self.path, &self.keystore.seal(&self.account, secret)?)
    }

    fn get(&self) -> Result<Option<String>> {
        let sealed = there(fs::read(&self.path))?;
        sealed.map(|sealed| self.keystore.unseal(&self.account, &sealed)).transpose()
    }
}

/// Durable when it returns, and the owner's alone.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // tempfile makes its files 0600; its persist syncs neither file nor directory.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

fn there<T>(read: std::io::Result<T>) -> Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
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
    /// There is none: a face may bring the Keystore.
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

    /// Seals by writing the account before the secret: enough to tell that both went through it.
    struct Labelled;

    impl Keystore for Labelled {
        fn seal(&self, account: &str, secret: &str) -> Result<Vec<u8>> {
            Ok(format!("{account}:{secret}").into_bytes())
        }

        fn unseal(&self, account: &str, sealed: &[u8]) -> Result<String> {
            let text = String::from_utf8_lossy(sealed).into_owned();
            let secret = text.strip_prefix(&format!("{account}:")).map(str::to_owned);
            secret.ok_or_else(|| Error::new(Code::Refused, "sealed for another account", ""))
        }
    }

    #[test]
    fn a_sealed_file_is_private_and_opens_for_its_account_alone() {
        let home = tempfile::tempdir().unwrap();
        let keystore: Arc<dyn Keystore> = Arc::new(Labelled);
        let store = Sealed::new(home.path(), "a", &keystore);
        assert_eq!(store.get().unwrap(), None);
        store.put("secret").unwrap();
        assert_eq!(fs::read(home.path().join(SEALED)).unwrap(), b"a:secret");
        assert_eq!(store.get().unwrap().as_deref(), Some("secret"));
        assert_eq!(Sealed::new(home.path(), "b", &keystore).get().unwrap_err().code, Code::Refused);
    }

    #[test]
    fn keys_that_a_phone_sealed_are_told_to_be_so_elsewhere() {
        let home = tempfile::tempdir().unwrap();
        let error = for_home(home.path(), "a", "keystore").err().unwrap();
        assert!(error.detail.contains("sealed by a phone's keystore"), "{}", error.detail);
    }
}
