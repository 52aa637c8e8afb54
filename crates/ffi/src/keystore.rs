//! The phone's keystore, which Rust does not reach by itself.

use std::sync::Arc;

use mirror_node::view::Code;

use crate::error::{MirrorError, Result};

/// A key that seals, and stays where it was made: Android's Keystore, behind Kotlin.
#[uniffi::export(with_foreign)]
pub trait Keystore: Send + Sync {
    /// Seals a secret for an account.
    fn seal(&self, account: String, secret: String) -> Result<Vec<u8>>;
    /// Gives back what was sealed for that account; fails for anything else.
    fn unseal(&self, account: String, sealed: Vec<u8>) -> Result<String>;
}

/// Keeps the keys of homes that this process makes from now on sealed by a keystore, and opens those that are. To be called
/// before the first home is opened; only the first call counts.
#[uniffi::export]
pub fn bring_keystore(keystore: Arc<dyn Keystore>) {
    mirror_node::bring_keystore(Arc::new(Brought(keystore)));
}

struct Brought(Arc<dyn Keystore>);

impl mirror_node::Keystore for Brought {
    fn seal(&self, account: &str, secret: &str) -> mirror_node::Result<Vec<u8>> {
        Ok(self.0.seal(account.to_owned(), secret.to_owned())?)
    }

    fn unseal(&self, account: &str, sealed: &[u8]) -> mirror_node::Result<String> {
        Ok(self.0.unseal(account.to_owned(), sealed.to_owned())?)
    }
}

impl From<MirrorError> for mirror_node::Error {
    fn from(MirrorError::Failed { code, detail, hint }: MirrorError) -> Self {
        Self { code, detail, hint }
    }
}

impl From<uniffi::UnexpectedUniFFICallbackError> for MirrorError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        let detail = format!("Kotlin failed: {}", error.reason);
        Self::Failed { code: Code::Io, detail, hint: String::new() }
    }
}
