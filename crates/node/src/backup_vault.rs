//! The vault in a backup: its folder as it lies, versions first, then files and sidecars; and what is recorded of each file.
//!
//! A file whose content is a version is named by it, so that its bytes travel once.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use mirror_protocol::BlobId;
use mirror_store::{VaultFileRow, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::keys::hex;
use crate::node::Node;
use crate::view::Code;

/// Ours in the vault, and what of it is only of this moment.
const OURS: &str = ".mirror";
const PASSING: [&str; 2] = [".mirror/pending", ".mirror/lock"];
/// Bytes that are moved at once.
const CHUNK: usize = 64 * 1024;
/// No entry's head is longer.
const MAX_HEAD: usize = 64 * 1024;

/// One thing of the vault.
#[derive(Debug, Serialize, Deserialize)]
enum Entry {
    /// A file whose bytes follow, in chunks, and their SHA-256.
    File { path: String, mode: u32 },
    /// A file whose bytes are another's that came before.
    Like { path: String, mode: u32, version: String },
    /// What is recorded of a file.
    Record { path: String, event: String, content: String, bytes: u64 },
}

/// Writes all of it; what could not be taken.
pub fn write(node: &Node, view: &View<'_>, out: &mut dyn Write) -> Result<Vec<String>> {
    let root = node.vault_folder()?;
    let mut rows = Vec::new();
    view.vault_files(|row| {
        rows.push(row);
        Ok(())
    })?;
    let mut left_out = Vec::new();
    if root.is_dir() {
        let ours = root.join(OURS);
        walk(&root, &ours, out, &mut left_out)?;
        walk(&root, &root, out, &mut left_out)?;
    } else if !rows.is_empty() {
        left_out.push(format!("the vault's folder {} is not there", root.display()));
    }
    for row in rows {
        let Some(event) = view.event_at(row.pos)? else { continue };
        let (event, content) = (event.id.to_string(), row.content.to_string());
        put(out, &Entry::Record { path: row.path, event, content, bytes: row.bytes })?;
    }
    Ok(out.write_all(&0u32.to_be_bytes()).map(|()| left_out)?)
}

fn put(out: &mut dyn Write, entry: &Entry) -> Result<()> {
    let head = serde_json::to_vec(entry).map_err(Error::integrity)?;
    chunk(out, &head)
}

fn chunk(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    let length = u32::try_from(bytes.len()).map_err(Error::integrity)?;
    out.write_all(&length.to_be_bytes())?;
    Ok(out.write_all(bytes)?)
}

fn walk(root: &Path, at: &Path, out: &mut dyn Write, left_out: &mut Vec<String>) -> Result<()> {
    let Ok(entries) = fs::read_dir(at) else { return Ok(()) };
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let below = path.strip_prefix(root).unwrap_or(&path);
        // What is ours was walked first, by itself.
        let passing = PASSING.iter().any(|name| below == Path::new(name));
        if passing || (at == root && below == Path::new(OURS)) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, out, left_out)?;
        } else if let Some(name) = below.to_str().filter(|_| kind.is_file()) {
            file(root, &path, name, out, left_out)?;
        } else {
            left_out.push(format!("{} is no file with a name of text", path.display()));
        }
    }
    Ok(())
}

fn file(
    root: &Path,
    from: &Path,
    name: &str,
    out: &mut dyn Write,
    left_out: &mut Vec<String>,
) -> Result<()> {
    let (path, mode) = (name.to_owned(), mode_of(from));
    let mut open = match File::open(from) {
        Ok(open) => open,
        // Removed since, or not ours to read.
        Err(error) => {
            left_out.push(format!("{}: {error}", from.display()));
            return Ok(());
        }
    };
    if !name.starts_with(OURS) {
        let version = hex(&copy(&mut open, &mut |_| Ok(()))?);
        if version_at(root, &version).is_file() {
            return put(out, &Entry::Like { path, mode, version });
        }
        open = File::open(from)?;
    }
    put(out, &Entry::File { path, mode })?;
    let hash = copy(&mut open, &mut |bytes| chunk(out, bytes))?;
    out.write_all(&0u32.to_be_bytes())?;
    Ok(out.write_all(&hash)?)
}

/// Moves all bytes on; their SHA-256.
fn copy(from: &mut dyn Read, to: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<[u8; 32]> {
    let (mut sha, mut buffer) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        let read = from.read(&mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(sha.finalize().into());
        }
        sha.update(bytes);
        to(bytes)?;
    }
}

fn version_at(root: &Path, hash: &str) -> PathBuf {
    let (folder, name) = hash.split_at_checked(2).unwrap_or_default();
    root.join(OURS).join("versions").join(folder).join(name)
}

#[cfg(unix)]
fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or(0o600, |meta| meta.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode_of(_: &Path) -> u32 {
    0o600
}

/// Lays the vault down in a home's own folder, each file checked; how many files came.
pub fn read(node: &Node, input: &mut dyn Read) -> Result<u64> {
    let root = node.inner.home.join("vault");
    let (mut files, mut records) = (0, Vec::new());
    while let Some(head) = next(input, MAX_HEAD)? {
        match serde_json::from_slice(&head).map_err(|_| wrong("an entry does not read"))? {
            Entry::File { path, mode } => {
                let mut out = make(&root, &path, mode)?;
                let mut sha = Sha256::new();
                while let Some(bytes) = next(input, CHUNK)? {
                    sha.update(&bytes);
                    out.write_all(&bytes)?;
                }
                let mut hash = [0; 32];
                input.read_exact(&mut hash)?;
                if <[u8; 32]>::from(sha.finalize()) != hash {
                    return Err(wrong(&format!("{path:?} is not what it was")));
                }
                out.sync_all()?;
                files += u64::from(!path.starts_with(OURS));
            }
            Entry::Like { path, mode, version } => {
                let mut out = make(&root, &path, mode)?;
                let mut from = File::open(version_at(&root, &version))
                    .map_err(|_| wrong(&format!("{path:?} is like a version that is not there")))?;
                let hash = copy(&mut from, &mut |bytes| Ok(out.write_all(bytes)?))?;
                if hex(&hash) != version {
                    return Err(wrong(&format!("{path:?} is not what it was")));
                }
                out.sync_all()?;
                files += 1;
            }
            Entry::Record { path, event, content, bytes } => {
                records.push((path, event, content, bytes));
            }
        }
    }
    if input.read(&mut [0; 1])? != 0 {
        return Err(wrong("something stands behind its end"));
    }
    sync_folders(&root)?;
    node.quiet_write(|tx| {
        for (path, event, content, bytes) in records {
            let pos = event.parse().ok().map(|id| tx.pos(&id)).transpose()?.flatten();
            let content: Option<BlobId> = content.parse().ok();
            // How it lies here, the next look finds out.
            if let Some((pos, content)) = pos.zip(content) {
                let (mtime_ns, inode) = (0, 0);
                tx.put_vault_file(&VaultFileRow { path, pos, content, bytes, mtime_ns, inode })?;
            }
        }
        Ok(())
    })?;
    Ok(files)
}

/// The files are synced; that they are there stands in their folders.
fn sync_folders(at: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(at) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    Ok(File::open(at)?.sync_all()?)
}

/// A length and as many bytes; none at an end.
fn next(input: &mut dyn Read, most: usize) -> Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > most {
        return Err(wrong(&format!("{length} bytes stand where at most {most} may")));
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
}

/// A new file below the folder, and nowhere else.
fn make(root: &Path, path: &str, mode: u32) -> Result<File> {
    let below = Path::new(path);
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !plain {
        return Err(wrong(&format!("{path:?} leads out of the vault")));
    }
    let at = root.join(below);
    let mut folders = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders.recursive(true).create(at.parent().unwrap_or(root))?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode & 0o777);
    #[cfg(not(unix))]
    let _ = mode;
    Ok(options.open(&at)?)
}

fn wrong(detail: &str) -> Error {
    Error::new(Code::Integrity, format!("its vault: {detail}"), "")
}
