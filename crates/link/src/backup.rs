//! Backups in files: sealed with age to a passphrase, or to keys that a person keeps elsewhere. No device's key opens them.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use age::secrecy::SecretString;

use crate::seal::{SealError, Sealing, decryptor, recipient, write_encrypted};

/// scrypt's cost as a power of two: about a second and 256 MiB.
const WORK: u8 = 18;
/// The most that a file may ask for: 1 GiB. It is the file that names its cost.
const MAX_WORK: u8 = 20;

/// What a backup is sealed with. age gives a file either a passphrase or keys, never both.
pub enum Lock {
    /// A person's words.
    Passphrase(String),
    /// Keys in age's form, `age1...`: each opens it.
    Recipients(Vec<String>),
}

/// What opens a backup.
pub enum Opener {
    /// A person's words.
    Passphrase(String),
    /// A secret key in age's form, as `age-keygen` writes it.
    Identity(String),
}

// What they hold is not for logs.
impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// Writes a backup: beside its place, synced, then moved there, then the folder synced. Until then what stood there
/// stands.
pub fn write_backup<T, E: From<SealError>>(
    path: &Path,
    lock: &Lock,
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    match lock {
        Lock::Passphrase(words) => {
            let mut scrypt = age::scrypt::Recipient::new(SecretString::from(words.clone()));
            scrypt.set_work_factor(WORK);
            write_encrypted(path, std::iter::once(&scrypt as &dyn age::Recipient), write)
        }
        Lock::Recipients(texts) => {
            let keys = texts.iter().map(|text| key_to(text)).collect::<Result<Vec<_>, _>>();
            let keys = keys.map_err(E::from)?;
            let to = keys.iter().map(|key| key as &dyn age::Recipient);
            write_encrypted(path, to, write)
        }
    }
}

fn key_to(text: &str) -> Result<age::x25519::Recipient, SealError> {
    let decoded = bech32::decode(text.trim()).ok();
    let key = decoded.filter(|(hrp, _)| hrp.as_str() == "age");
    let key = key.and_then(|(_, bytes)| <[u8; 32]>::try_from(bytes).ok());
    // What a key to open with says is not repeated.
    let shown = if text.trim().starts_with("age1") { text.trim() } else { "" };
    recipient(&key.ok_or_else(|| SealError::NoKey { text: shown.to_owned() })?)
}

/// Opens a backup for reading: what comes is authentic, and its end is the end that was written.
pub fn open_backup(path: &Path, opener: &Opener) -> Result<Box<dyn Read + Send>, SealError> {
    let decryptor = decryptor(File::open(path)?)?;
    let needed = match (decryptor.is_scrypt(), opener) {
        (true, Opener::Identity(_)) => Some("a passphrase, not by a key"),
        (false, Opener::Passphrase(_)) => Some("a key (--identity FILE), not by a passphrase"),
        _ => None,
    };
    if let Some(needed) = needed {
        return Err(SealError::OtherKey { needed });
    }
    match opener {
        Opener::Passphrase(words) => {
            let mut scrypt = age::scrypt::Identity::new(SecretString::from(words.clone()));
            scrypt.set_max_work_factor(MAX_WORK);
            let wrong = |error| unopened(error, "this passphrase");
            Ok(Box::new(decryptor.decrypt(std::iter::once(&scrypt as _)).map_err(wrong)?))
        }
        Opener::Identity(text) => {
            let line =
                text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-1"));
            let none = || SealError::NoKey { text: String::new() };
            let key = Sealing::from_secret(line.ok_or_else(none)?).map_err(|_| none())?;
            let wrong = |error| unopened(error, "this key");
            Ok(Box::new(decryptor.decrypt(std::iter::once(key.identity())).map_err(wrong)?))
        }
    }
}

fn unopened(error: age::DecryptError, given: &'static str) -> SealError {
    use age::DecryptError as Age;
    match error {
        Age::NoMatchingKeys | Age::DecryptionFailed | Age::KeyDecryptionFailed => {
            SealError::WrongKey { given }
        }
        Age::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => SealError::Io(error),
        error => SealError::NotSealed { reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(folder: &Path, lock: &Lock) -> std::path::PathBuf {
        let path = folder.join("backup");
        write_backup::<_, SealError>(&path, lock, |out| Ok(out.write_all(b"ten years")?)).unwrap();
        path
    }

    fn read(path: &Path, opener: &Opener) -> Result<Vec<u8>, SealError> {
        let mut bytes = Vec::new();
        open_backup(path, opener)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_passphrase_opens_what_it_sealed_and_another_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let words = |text: &str| Opener::Passphrase(text.into());
        let path = sealed(folder.path(), &Lock::Passphrase("correct horse".into()));
        assert_eq!(read(&path, &words("correct horse")).unwrap(), b"ten years");
        let error = read(&path, &words("battery staple")).unwrap_err();
        assert!(matches!(error, SealError::WrongKey { .. }), "{error}");
        let key = Opener::Identity(Sealing::generate().secret());
        assert!(matches!(read(&path, &key), Err(SealError::OtherKey { .. })));
    }

    #[test]
    fn a_key_opens_what_was_sealed_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (key, thief) = (Sealing::generate(), Sealing::generate());
        let path = sealed(folder.path(), &Lock::Recipients(vec![key.recipient_text()]));
        let file = format!("# a key\n{}\n", key.secret());
        assert_eq!(read(&path, &Opener::Identity(file)).unwrap(), b"ten years");
        let thief = Opener::Identity(thief.secret());
        assert!(matches!(read(&path, &thief), Err(SealError::WrongKey { .. })));
        let words = Opener::Passphrase("x".into());
        assert!(matches!(read(&path, &words), Err(SealError::OtherKey { .. })));
    }

    #[test]
    fn what_is_no_key_seals_nothing_and_is_not_quoted_when_it_is_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        for text in ["age1qqq", "", &Sealing::generate().secret()] {
            let lock = Lock::Recipients(vec![text.to_owned()]);
            let error = write_backup::<_, SealError>(&path, &lock, |_| Ok(())).unwrap_err();
            assert!(matches!(error, SealError::NoKey { .. }), "{error}");
            let rest = text.get(20..).unwrap_or("all of it");
            assert!(!error.to_string().contains(rest), "{error}");
            assert!(!path.exists());
        }
    }
}
