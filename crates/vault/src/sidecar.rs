//! The files beside a file: its hash for `sha256sum -c`, and where it came from.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::error::{Result, VaultError};
use crate::folder::{Folder, Writing};
use crate::hash::Hash;
use crate::intent::Beside;

/// The ending of the file that holds the hash.
pub const SUM: &str = ".sha256";
/// The ending of the file that says where the content came from.
pub const PROVENANCE: &str = ".prov.json";
/// The longest sidecar that is ours.
const LONGEST_BYTES: u64 = 256 * 1024;

/// Where a content came from. Written to `NAME.prov.json` with the file's name and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The events that it was made from.
    pub events: Vec<String>,
    /// What wrote it.
    pub tool: String,
    /// When, as RFC 3339.
    pub time: String,
}

/// What `NAME.prov.json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ProvenanceFile {
    file: String,
    sha256: Hash,
    #[serde(flatten)]
    from: Provenance,
}

/// The sidecars of a content.
pub(crate) fn beside(name: &str, hash: Hash, from: &Provenance) -> Result<Beside> {
    let file = ProvenanceFile { file: name.to_owned(), sha256: hash, from: from.clone() };
    let json = serde_json::to_string_pretty(&file)
        .map_err(|error| VaultError::io("write", format!("{name}{PROVENANCE}"), error.into()))?;
    if json.len() as u64 >= LONGEST_BYTES {
        return Err(VaultError::TooLarge {
            what: "the provenance".to_owned(),
            limit: LONGEST_BYTES,
        });
    }
    Ok(Beside { sum: Some(sum_line(name, hash)), provenance: Some(json + "\n") })
}

/// A line as `sha256sum` writes it. No name in a vault needs its escapes.
pub(crate) fn sum_line(name: &str, hash: Hash) -> String {
    format!("{hash}  {name}\n")
}

/// The hash that a sidecar says; `None` when it is not ours.
pub(crate) fn said(text: &str, name: &str) -> Option<Hash> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let (hash, rest) = line.split_once(' ')?;
    // A second space for text, a star for binary; both mean the same here.
    let named = rest.strip_prefix([' ', '*'])?;
    hash.parse().ok().filter(|_| named.trim_end_matches('\r') == name)
}

/// A small file's text; `None` when there is none, or it can't be a sidecar.
pub(crate) fn text_of(folder: &Folder, name: &str) -> Result<Option<String>> {
    let Some(file) = folder.file(name)? else { return Ok(None) };
    let mut text = String::new();
    let read = file.take(LONGEST_BYTES).read_to_string(&mut text);
    Ok(read.is_ok().then_some(text).filter(|text| (text.len() as u64) < LONGEST_BYTES))
}

/// What stands beside a file.
pub(crate) fn beside_of(folder: &Folder, name: &str) -> Result<Beside> {
    Ok(Beside {
        sum: text_of(folder, &format!("{name}{SUM}"))?,
        provenance: text_of(folder, &format!("{name}{PROVENANCE}"))?,
    })
}

/// Whether a text is a provenance of ours.
pub(crate) fn is_provenance(text: &str) -> bool {
    serde_json::from_str::<ProvenanceFile>(text).is_ok()
}

/// Writes a sidecar under a passing name.
pub(crate) fn lay(folder: &Folder, temp: &str, text: &str) -> Result<std::fs::File> {
    let file = folder.create(temp, 0o666)?;
    let written = Writing(&file).write_all(text.as_bytes());
    written.map_err(|error| VaultError::io("write", folder.path_of(temp), error))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_coreutils_reads_it() {
        let hash = Hash::of(b"a");
        assert_eq!(said(&sum_line("a b.md", hash), "a b.md"), Some(hash));
        assert_eq!(said(&format!("{hash} *a.md\n"), "a.md"), Some(hash));
        assert_eq!(said(&format!("{hash}  a.md"), "a.md"), Some(hash));
        for not_ours in ["", "\n", "abc  a.md\n", &format!("{hash}  b.md\n"), &format!("{hash}\n")]
        {
            assert_eq!(said(not_ours, "a.md"), None, "{not_ours:?}");
        }
    }

    #[test]
    fn a_provenance_names_its_file_and_hash() {
        let from = Provenance { events: vec!["e1".into()], tool: "t".into(), time: "now".into() };
        let text = beside("a.md", Hash::of(b"a"), &from).unwrap().provenance.unwrap();
        assert!(is_provenance(&text));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["file"], "a.md");
        assert_eq!(value["sha256"], Hash::of(b"a").to_string());
        assert_eq!(value["events"][0], "e1");
    }
}
