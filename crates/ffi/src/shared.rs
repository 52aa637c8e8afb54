//! One node a home in this process: the app's window and the Kotlin beside it write one chain through one node.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use mirror_node::{Node, Result};

static OPEN: Mutex<BTreeMap<PathBuf, Node>> = Mutex::new(BTreeMap::new());

/// The node of a home, opened once.
pub fn shared(home: &Path) -> Result<Node> {
    let home = std::path::absolute(home)?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(node) = open.get(&home) {
        return Ok(node.clone());
    }
    let node = Node::open(&home)?;
    open.insert(home, node.clone());
    Ok(node)
}

/// Keeps a node that was just made.
pub fn share(home: &Path, node: &Node) -> Result<()> {
    let home = std::path::absolute(home)?;
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(home, node.clone());
    Ok(())
}
