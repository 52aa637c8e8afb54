//! Whether a home's files still lie where they were written. A home that was copied must not go on with the original's
//! chain: two that write one chain fork it.

use std::path::Path;

use mirror_store::{Meta, Store};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::error::{Error, Result};
use crate::node::DATABASE;
use crate::platform;

/// Compares the marker in the database with the place that the database's file is in now. In another place the home's next
/// event opens a new chain; nothing else changes, and nothing is refused. What was written before there were markers
/// takes the place that it is in.
pub fn settle(store: &mut Store, home: &Path) -> Result<()> {
    let Some(here) = marker(&home.join(DATABASE)) else { return Ok(()) };
    let kept = store.read::<_, Error>(|view| Ok(view.meta(Meta::Marker)?))?;
    if kept.as_deref() == Some(&here) {
        return Ok(());
    }
    store.write(|tx| {
        // Another process may have been faster.
        let kept = tx.meta(Meta::Marker)?;
        if kept.as_deref() == Some(&here) {
            return Ok(());
        }
        if kept.is_some() {
            tracing::warn!("this home was copied or moved; it goes on in a new chain");
            tx.clear_meta(Meta::Chain)?;
            tx.set_meta(Meta::Moved, clock::now_ms().to_string().as_bytes())?;
        }
        Ok(tx.set_meta(Meta::Marker, &here)?)
    })
}

/// The place of a file, as a hash: a machine's id is not for others to read. `None` where nothing tells.
fn marker(file: &Path) -> Option<[u8; 32]> {
    let place = platform::place_of(file)?;
    Some(Sha256::new().chain_update("mirrordna/marker/1").chain_update(place).finalize().into())
}
