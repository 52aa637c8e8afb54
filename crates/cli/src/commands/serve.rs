//! `serve`: a node without a window that the other devices reach.

use std::time::Duration;

use mirror_node::{Error, Node, VaultWatch};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::Here;
use crate::args::Serve;
use crate::output::{Exit, Result};
use crate::platform::Stop;

/// `mirror serve`
pub fn serve(here: &Here<'_>, args: &Serve) -> Result<Exit> {
    let node = here.node()?;
    here.block_on(async {
        let mut stop = Stop::listen().map_err(Error::from)?;
        let serving = node.serve(args.listen).await?;
        let addresses = serving.addresses();
        let device = node.identity()?.device;
        // Scripts read this line whatever form they asked for.
        here.out.document(&json!({
            "device": device,
            "address": addresses.first(),
            "addresses": addresses,
        }))?;
        let _watch = node.watch();
        let _vault = watch_vault(here, &node);
        let _speech = node.transcribe_in_background();
        let index = tokio::spawn(keep_index(node.clone()));
        stop.asked().await;
        index.abort();
        serving.stop().await;
        Ok(Exit::Done)
    })
}

/// Records what other programs change in the vault. Without it everything else still works.
fn watch_vault(here: &Here<'_>, node: &Node) -> Option<VaultWatch> {
    let watching = node.watch_vault();
    watching.inspect_err(|error| here.out.note(&format!("{error}; {}", error.hint))).ok()
}

/// Keeps full text in step while there is nothing else to do, so that a search finds it ready.
async fn keep_index(node: Node) {
    let mut changes = node.subscribe();
    loop {
        let worker = node.clone();
        match tokio::task::spawn_blocking(move || worker.index_pending()).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0)) => {
                if matches!(changes.recv().await, Err(RecvError::Closed)) {
                    return;
                }
            }
            // The disk may be full or the home busy: search catches up by itself in any case.
            Ok(Err(_)) | Err(_) => tokio::time::sleep(Duration::from_secs(30)).await,
        }
    }
}
