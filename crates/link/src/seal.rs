//! Bundles in files: sealed with age to the devices that may read them, written so that a cut leaves old or new.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use bech32::{Bech32, Hrp};
use curve25519_dalek::montgomery::MontgomeryPoint;

/// Lines of a sealed file's head, two for each device that it is sealed to. age reads the head anew with every line, so
/// that a long one costs its square.
const MAX_HEAD_LINES: usize = 4096;
/// Bytes of a sealed file's head: a device takes a hundred. age keeps a line whole, however long it is.
const MAX_HEAD_BYTES: usize = 512 * 1024;

/// Why a file can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Not an age file.
    #[error("this is no sealed bundle: {reason}")]
    NotSealed {
        /// What was met.
        reason: String,
    },
    /// Sealed to others.
    #[error("this bundle is not sealed to this device")]
    NotForUs,
    /// A device's key to seal to is no key.
    #[error("a device's sealing key is damaged")]
    BadRecipient,
    /// A backup that this passphrase or key does not open.
    #[error("{given} does not open this backup")]
    WrongKey {
        /// What was tried.
        given: &'static str,
    },
    /// A backup that is opened otherwise.
    #[error("this file is opened by {needed}")]
    OtherKey {
        /// What it is sealed with.
        needed: &'static str,
    },
    /// A text that is no key in age's form.
    #[error(
        "{text:?} is no age key; one to seal to begins with age1, one to open with AGE-SECRET-KEY-1"
    )]
    NoKey {
        /// The beginning of a key to seal to; of a secret one nothing.
        text: String,
    },
    /// The file can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A device's key for sealed files (X25519, age).
#[derive(Clone)]
pub struct Sealing {
    identity: Identity,
}

impl Sealing {
    /// A new key.
    pub fn generate() -> Self {
        Self { identity: Identity::generate() }
    }

    /// Reads what [`Sealing::secret`] gave.
    pub fn from_secret(secret: &str) -> Result<Self, SealError> {
        let identity = secret.parse().map_err(|_| SealError::BadRecipient)?;
        Ok(Self { identity })
    }

    /// The key in age's own form; to be kept secret.
    pub fn secret(&self) -> String {
        self.identity.to_string().expose_secret().to_owned()
    }

    /// The public key that others seal to.
    pub fn recipient(&self) -> [u8; 32] {
        let text = self.recipient_text();
        // age writes its own keys as bech32 of 32 bytes.
        let decoded = bech32::decode(&text).ok().and_then(|(_, bytes)| bytes.try_into().ok());
        decoded.unwrap_or_default()
    }

    /// The same in age's own form, `age1...`.
    pub fn recipient_text(&self) -> String {
        self.identity.to_public().to_string()
    }

    pub(crate) fn identity(&self) -> &dyn age::Identity {
        &self.identity
    }

    /// Opens a sealed file for reading.
    pub fn open(&self, path: &Path) -> Result<impl Read + Send + use<>, SealError> {
        self.unseal(File::open(path)?)
    }

    /// Opens sealed bytes for reading.
    pub fn unseal<R: Read + Send>(
        &self,
        sealed: R,
    ) -> Result<impl Read + Send + use<R>, SealError> {
        let decryptor = decryptor(sealed)?;
        let identity = std::iter::once(&self.identity as &dyn age::Identity);
        decryptor.decrypt(identity).map_err(not_sealed)
    }
}

fn not_sealed(error: age::DecryptError) -> SealError {
    match error {
        age::DecryptError::NoMatchingKeys => SealError::NotForUs,
        age::DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            SealError::Io(error)
        }
        error => SealError::NotSealed { reason: error.to_string() },
    }
}

/// A sealed file up to the end of its head, which is bounded.
pub(crate) fn decryptor<R: Read>(
    sealed: R,
) -> Result<age::Decryptor<BufReader<impl Read + use<R>>>, SealError> {
    let over = Arc::new(AtomicBool::new(false));
    let head = Head { input: sealed, lines: 0, bytes: 0, over: over.clone() };
    let decryptor = age::Decryptor::new_buffered(BufReader::new(head)).map_err(not_sealed)?;
    over.store(true, Ordering::Relaxed);
    Ok(decryptor)
}

/// Bytes that end in an error if their head is not over in time.
struct Head<R> {
    input: R,
    lines: usize,
    bytes: usize,
    over: Arc<AtomicBool>,
}

impl<R: Read> Read for Head<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over.load(Ordering::Relaxed) {
            return self.input.read(buffer);
        }
        let too_long = |reason: String| Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        if self.lines > MAX_HEAD_LINES {
            let reason = format!("its list of recipients is longer than {MAX_HEAD_LINES} lines");
            return too_long(reason);
        }
        if self.bytes > MAX_HEAD_BYTES {
            let reason = format!("its list of recipients is longer than {MAX_HEAD_BYTES} bytes");
            return too_long(reason);
        }
        let read = self.input.read(buffer)?;
        self.bytes += read;
        self.lines += buffer.iter().take(read).filter(|byte| **byte == b'\n').count();
        Ok(read)
    }
}

/// Whether a key can be sealed to. One of small order gives the same secret to everybody, and age panics at it.
pub fn can_be_sealed_to(key: &[u8; 32]) -> bool {
    MontgomeryPoint(*key).mul_clamped([0; 32]) != MontgomeryPoint([0; 32])
}

pub(crate) fn recipient(key: &[u8; 32]) -> Result<Recipient, SealError> {
    if !can_be_sealed_to(key) {
        return Err(SealError::BadRecipient);
    }
    let hrp = Hrp::parse("age").map_err(|_| SealError::BadRecipient)?;
    let text = bech32::encode::<Bech32>(hrp, key).map_err(|_| SealError::BadRecipient)?;
    text.parse().map_err(|_| SealError::BadRecipient)
}

/// Writes a sealed file: beside its place, synced, then moved there, then the folder synced. Until then what stood
/// there stands.
pub fn write_sealed<T, E: From<SealError>>(
    path: &Path,
    recipients: &[[u8; 32]],
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    let keys = recipients.iter().map(recipient).collect::<Result<Vec<_>, _>>().map_err(E::from)?;
    let to = keys.iter().map(|key| key as &dyn age::Recipient);
    write_encrypted(path, to, write)
}

pub(crate) fn write_encrypted<'a, T, E: From<SealError>>(
    path: &Path,
    to: impl Iterator<Item = &'a dyn age::Recipient>,
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    let io = |error: io::Error| E::from(SealError::Io(error));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let encryptor =
        age::Encryptor::with_recipients(to).map_err(|_| E::from(SealError::BadRecipient))?;
    let file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    let mut sealed = encryptor.wrap_output(BufWriter::new(file)).map_err(io)?;
    let result = write(&mut sealed)?;
    let file = sealed.finish().and_then(|buffered| buffered.into_inner().map_err(Into::into));
    let file = file.map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(folder: &Path, to: &[&Sealing]) -> std::path::PathBuf {
        let path = folder.join("bundle");
        let keys: Vec<_> = to.iter().map(|sealing| sealing.recipient()).collect();
        write_sealed::<_, SealError>(&path, &keys, |out| Ok(out.write_all(b"ten years")?)).unwrap();
        path
    }

    fn read(sealing: &Sealing, path: &Path) -> Result<Vec<u8>, SealError> {
        let mut bytes = Vec::new();
        sealing.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_sealed_file_opens_for_its_devices_only() {
        let folder = tempfile::tempdir().unwrap();
        let (mac, phone, thief) = (Sealing::generate(), Sealing::generate(), Sealing::generate());
        let path = sealed(folder.path(), &[&mac, &phone]);
        assert_eq!(read(&mac, &path).unwrap(), b"ten years");
        let phone = Sealing::from_secret(&phone.secret()).unwrap();
        assert_eq!(read(&phone, &path).unwrap(), b"ten years");
        assert!(matches!(read(&thief, &path), Err(SealError::NotForUs)));
        assert!(!std::fs::read(&path).unwrap().windows(3).any(|bytes| bytes == b"ten"));
    }

    #[test]
    fn a_key_that_is_no_key_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        for bad in [[0; 32], small_order()] {
            let keys = [Sealing::generate().recipient(), bad];
            let result = write_sealed::<_, SealError>(&path, &keys, |_| Ok(()));
            assert!(matches!(result, Err(SealError::BadRecipient)), "{result:?}");
            assert!(!path.exists());
        }
    }

    /// A point of order eight on Curve25519.
    fn small_order() -> [u8; 32] {
        let bytes = data_encoding::HEXLOWER
            .decode(b"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
        bytes.unwrap().try_into().unwrap()
    }

    #[test]
    fn a_head_without_an_end_is_not_read_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        let stanza = "-> nobody\n\n".repeat(20_000);
        std::fs::write(&path, format!("age-encryption.org/v1\n{stanza}")).unwrap();
        let error = Sealing::generate().open(&path).err().unwrap();
        assert!(error.to_string().contains("4096"), "{error}");
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_whole() {
        let sealed = b"age-encryption.org/v1\n-> ".as_slice().chain(io::repeat(b'a'));
        let error = Sealing::generate().unseal(sealed).err().unwrap();
        assert!(error.to_string().contains("524288 bytes"), "{error}");
    }

    #[test]
    fn a_changed_or_cut_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mac = Sealing::generate();
        let path = sealed(folder.path(), &[&mac]);
        let whole = std::fs::read(&path).unwrap();
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 1;
            std::fs::write(&path, changed).unwrap();
            assert!(read(&mac, &path).is_err(), "byte {position}");
            std::fs::write(&path, &whole[..position]).unwrap();
            assert!(read(&mac, &path).is_err(), "cut at {position}");
        }
    }
}
