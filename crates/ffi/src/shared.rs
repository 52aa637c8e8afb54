//! One node a home in this process: the app's window and the Kotlin beside it write one chain through one node.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use mirror_node::{Node, Result};

static OPEN: Mutex<BTreeMap<PathBuf, Node>> = Mutex::new(BTreeMap::new());

/// The node of a home, opened once.
pub fn shared(home: &Path) -> Result<Node> {
    let home = home.canonicalize().or_else(|_| std::path::absolute(home))?;
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
    let home = home.canonicalize()?;
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(home, node.clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_home_by_two_names_is_one_node() {
        let folder = tempfile::tempdir().unwrap();
        let (home, alias) = (folder.path().join("home"), folder.path().join("alias"));
        let made = Node::init(&home, "Pixel", mirror_node::view::Role::Anchor).unwrap();
        share(&home, &made).unwrap();
        // As Android has it: /data/data/APP leads to /data/user/0/APP.
        std::os::unix::fs::symlink(&home, &alias).unwrap();

        let mut changes = shared(&home).unwrap().subscribe();
        shared(&alias)
            .unwrap()
            .capture(mirror_node::NewNote {
                text: "by the other name".to_owned(),
                ..Default::default()
            })
            .unwrap();
        assert!(matches!(changes.try_recv(), Ok(mirror_node::view::Change::Data)));
    }
}
