//! A device's secret keys: made here, kept in the keychain or a 0600 file, never sent.

use mirror_link::Sealing;
use mirror_protocol::{DeviceId, PublicKey, SigningKey, public_key};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::view::Code;

/// The three secrets of an incarnation.
pub struct Keys {
    /// Names the device and admits its incarnations.
    pub authority: SigningKey,
    /// Signs this incarnation's heads; the link endpoint's identity.
    pub incarnation: SigningKey,
    /// Opens bundles sealed to this incarnation.
    pub sealing: Sealing,
}

/// What a backup keeps of them: what makes a home this device's. The incarnation key stays where it was made, so that no two
/// homes write one chain; with the sealing key the bundles that are on their way, and older ones, can still be opened.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    authority: String,
    sealing: String,
}

impl Kept {
    /// Of a home's keys.
    pub fn of(keys: &Keys) -> Self {
        Self { authority: hex(keys.authority.as_bytes()), sealing: keys.sealing.secret() }
    }

    /// The keys of a new incarnation.
    pub fn incarnate(&self) -> Result<Keys> {
        let damaged = || Error::integrity("the backup's keys do not read");
        let authority = unhex(&self.authority).ok_or_else(damaged)?;
        Ok(Keys {
            authority: SigningKey::from_bytes(&authority),
            incarnation: SigningKey::from_bytes(&random()?),
            sealing: Sealing::from_secret(&self.sealing).map_err(|_| damaged())?,
        })
    }
}

/// As kept; a version so that a later form can be told apart.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u8,
    authority: String,
    incarnation: String,
    sealing: String,
}

impl Keys {
    /// New keys from the system's randomness.
    pub fn generate() -> Result<Self> {
        Ok(Self {
            authority: SigningKey::from_bytes(&random()?),
            incarnation: SigningKey::from_bytes(&random()?),
            sealing: Sealing::generate(),
        })
    }

    /// The device that these keys are.
    pub fn device(&self) -> DeviceId {
        DeviceId(public_key(&self.authority).0)
    }

    /// The key that heads verify with.
    pub fn public(&self) -> PublicKey {
        public_key(&self.incarnation)
    }

    /// As text, for the secret store.
    pub fn to_secret(&self) -> Result<String> {
        let stored = Stored {
            version: 1,
            authority: hex(self.authority.as_bytes()),
            incarnation: hex(self.incarnation.as_bytes()),
            sealing: self.sealing.secret(),
        };
        serde_json::to_string(&stored).map_err(|error| Error::new(Code::Io, error, ""))
    }

    /// Reads what [`Keys::to_secret`] wrote.
    pub fn from_secret(text: &str) -> Result<Self> {
        // The error says nothing of what was found: it would be a secret.
        let damaged = || {
            Error::new(
                Code::Integrity,
                "this home's keys are damaged",
                "restore them from a backup, or join the mesh again as a new device",
            )
        };
        let stored: Stored = serde_json::from_str(text).map_err(|_| damaged())?;
        if stored.version != 1 {
            return Err(Error::new(
                Code::TooNew,
                format!("keys of version {}, this program reads 1", stored.version),
                "update MirrorDNA",
            ));
        }
        let key = |text: &str| unhex(text).map(|seed| SigningKey::from_bytes(&seed));
        Ok(Self {
            authority: key(&stored.authority).ok_or_else(damaged)?,
            incarnation: key(&stored.incarnation).ok_or_else(damaged)?,
            sealing: Sealing::from_secret(&stored.sealing).map_err(|_| damaged())?,
        })
    }
}

/// Fresh randomness of the operating system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(Code::Io, format!("no randomness: {error}"), ""))?;
    Ok(bytes)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_store_and_damage_is_not_quoted() {
        let keys = Keys::generate().unwrap();
        let again = Keys::from_secret(&keys.to_secret().unwrap()).unwrap();
        assert_eq!(again.device(), keys.device());
        assert_eq!(again.public(), keys.public());
        let Err(error) = Keys::from_secret("{\"authority\":\"s3cret\"}") else { panic!("read") };
        assert!(!error.detail.contains("s3cret"));
    }
}
