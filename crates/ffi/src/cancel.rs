//! Stopping a reconcile.

use std::sync::Arc;

use mirror_node::CancelToken;

/// Stops what it was given to.
#[derive(uniffi::Object)]
pub struct Cancel {
    pub(crate) token: CancelToken,
}

#[uniffi::export]
impl Cancel {
    /// One that has stopped nothing yet.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { token: CancelToken::default() })
    }

    /// Stops it. What has arrived is kept.
    pub fn cancel(&self) {
        self.token.cancel();
    }
}
