//! Where the app's node comes from. On Android, Kotlin writes to the same home in the same process: both take the one node
//! that `mirror-ffi` keeps of a home.

use std::path::Path;

use mirror_node::{Error, Node, view};

#[cfg(not(target_os = "android"))]
pub fn open(home: &Path) -> Result<Node, Error> {
    Node::open(home)
}

#[cfg(target_os = "android")]
pub fn open(home: &Path) -> Result<Node, Error> {
    mirror_ffi::shared(home)
}

pub fn init(home: &Path, name: &str, role: view::Role) -> Result<Node, Error> {
    made(home, Node::init(home, name, role)?)
}

pub async fn join(home: &Path, ticket: &str, name: &str) -> Result<Node, Error> {
    made(home, Node::join(home, ticket, Some(name)).await?.node)
}

#[cfg(not(target_os = "android"))]
fn made(_: &Path, node: Node) -> Result<Node, Error> {
    Ok(node)
}

#[cfg(target_os = "android")]
fn made(home: &Path, node: Node) -> Result<Node, Error> {
    mirror_ffi::share(home, &node)?;
    Ok(node)
}
