//! Where a file stands in the vault, in a form that every system can hold.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use crate::sidecar::{PROVENANCE, SUM};

/// The longest name of a file or folder.
pub const LONGEST_NAME_BYTES: usize = 255;
/// The longest path. Also bounds how deep folders go.
pub const LONGEST_PATH_BYTES: usize = 1024;

/// Names that Windows keeps for devices, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
/// Characters that Windows, Android's shared storage or macOS refuse, the backslash among them.
const REFUSED: [char; 8] = ['\\', ':', '*', '?', '"', '<', '>', '|'];

/// A path relative to the vault's root: parts with `/` between them, in Unicode's composed form (NFC).
///
/// ```
/// use mirror_vault::VaultPath;
///
/// let path: VaultPath = "work/Papers/draft.md".parse()?;
/// assert_eq!(path.name(), "draft.md");
/// assert!("../elsewhere.md".parse::<VaultPath>().is_err());
/// # Ok::<(), mirror_vault::PathError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VaultPath(String);

/// Why a path can't stand in a vault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} can't be a path in the vault: {fault}")]
pub struct PathError {
    /// What was given, its beginning.
    pub path: String,
    /// What is wrong with it.
    pub fault: PathFault,
}

/// What is wrong with a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Nothing, or nothing between two slashes, before the first or after the last.
    #[error("it has an empty part")]
    EmptyPart,
    /// `.` or `..`.
    #[error("it has a part that leads elsewhere")]
    Traversal,
    /// A part that begins with a dot: ours, or another program's settings.
    #[error("{name:?} is hidden; hidden files are no part of the vault")]
    Hidden {
        /// That part.
        name: String,
    },
    /// A control or otherwise invisible character.
    #[error("it has the character U+{code:04X}, which can't be seen")]
    Invisible {
        /// Its code.
        code: u32,
    },
    /// A character that some system refuses in a name.
    #[error("it has the character {character:?}, which not every system takes in a name")]
    Character {
        /// That character.
        character: char,
    },
    /// A name that some system keeps for itself.
    #[error("{name:?} is a reserved name on some systems")]
    Reserved {
        /// That part.
        name: String,
    },
    /// A part that ends with a dot or begins or ends with a space: some systems drop it.
    #[error("{name:?} ends with a dot, or begins or ends with a space")]
    Edge {
        /// That part.
        name: String,
    },
    /// A name with an ending that we give the files beside a file.
    #[error("names with {ending} belong to the files beside a file")]
    Sidecar {
        /// The ending.
        ending: &'static str,
    },
    /// A part that is too long.
    #[error("a name has {bytes} bytes; {limit} is the limit")]
    NameTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be: less than a file system allows, because the names beside it are longer.
        limit: usize,
    },
    /// A path that is too long.
    #[error("it has {bytes} bytes; {LONGEST_PATH_BYTES} is the limit")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
}

impl VaultPath {
    /// Checks a path, and composes it (NFC).
    pub fn new(path: &str) -> Result<Self, PathError> {
        let refuse = |fault| PathError { path: path.chars().take(200).collect(), fault };
        // Before anything is made of it: what is composed can only be a little longer.
        if path.len() > 4 * LONGEST_PATH_BYTES {
            return Err(refuse(PathFault::TooLong { bytes: path.len() }));
        }
        let composed: String = path.nfc().collect();
        if composed.len() > LONGEST_PATH_BYTES {
            return Err(refuse(PathFault::TooLong { bytes: composed.len() }));
        }
        composed.split('/').try_for_each(check_part).map_err(refuse)?;
        let name = composed.rsplit('/').next().unwrap_or_default();
        check_file(name).map_err(refuse)?;
        Ok(Self(composed))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file's own name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The folders that lead to it, outermost first.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        let count = self.0.matches('/').count();
        self.0.split('/').take(count)
    }
}

/// What holds for folders and files.
pub(crate) fn check_part(name: &str) -> Result<(), PathFault> {
    let owned = || name.to_owned();
    if name.is_empty() {
        return Err(PathFault::EmptyPart);
    }
    if name == "." || name == ".." {
        return Err(PathFault::Traversal);
    }
    if name.len() > LONGEST_NAME_BYTES {
        return Err(PathFault::NameTooLong { bytes: name.len(), limit: LONGEST_NAME_BYTES });
    }
    if name.starts_with('.') {
        return Err(PathFault::Hidden { name: owned() });
    }
    if let Some(code) = name.chars().find(|c| is_invisible(*c)) {
        return Err(PathFault::Invisible { code: code.into() });
    }
    if let Some(character) = name.chars().find(|c| REFUSED.contains(c)) {
        return Err(PathFault::Character { character });
    }
    if name.ends_with('.') || name.starts_with(' ') || name.ends_with(' ') {
        return Err(PathFault::Edge { name: owned() });
    }
    if is_reserved(name) {
        return Err(PathFault::Reserved { name: owned() });
    }
    Ok(())
}

/// What holds for a file beyond that: room for the names beside it, and none of them.
pub(crate) fn check_file(name: &str) -> Result<(), PathFault> {
    let folded = fold(name);
    if let Some(ending) = [SUM, PROVENANCE].into_iter().find(|ending| folded.ends_with(ending)) {
        return Err(PathFault::Sidecar { ending });
    }
    let limit = LONGEST_NAME_BYTES - PROVENANCE.len();
    if name.len() > limit {
        return Err(PathFault::NameTooLong { bytes: name.len(), limit });
    }
    Ok(())
}

/// Names that are equal when folded can't stand beside each other on every system.
pub(crate) fn fold(name: &str) -> String {
    // Upper case first: it is what makes ß and SS, or the two sigmas, one.
    name.to_uppercase().to_lowercase().nfc().collect()
}

/// A name in its composed form.
pub(crate) fn compose(name: &str) -> String {
    name.nfc().collect()
}

/// Controls, and what changes the direction of the text or joins nothing to nothing: a name has to look like what it is.
fn is_invisible(character: char) -> bool {
    // The joiners U+200C and U+200D stay: emoji and several scripts need them.
    character.is_control()
        || matches!(character,
            '\u{AD}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        let number = stem.strip_prefix(device).map(|rest| rest.chars().collect::<Vec<_>>());
        matches!(number.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    });
    numbered || DEVICES.contains(&stem.as_str())
}

impl fmt::Display for VaultPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for VaultPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for VaultPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::new(path)
    }
}

impl Serialize for VaultPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for VaultPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        Self::new(&path).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str) -> PathFault {
        VaultPath::new(path).expect_err(path).fault
    }

    #[test]
    fn ordinary_names_of_any_script_are_taken() {
        for path in [
            "a.md",
            "Daily/2026-11-24.md",
            "Ideen/Über uns.md",
            "メモ/今日.md",
            "a b/c (1) [x].md",
            "no-ending",
            "👩‍👩‍👧.md",
            "a..b.md",
            "console.md",
            "com.md",
            "com10.md",
            "a.sha256.md",
        ] {
            assert_eq!(VaultPath::new(path).map(|p| p.to_string()), Ok(compose(path)), "{path}");
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for path in ["..", "../a", "a/../../b", "a/..", ".", "./a", "a/./b"] {
            assert_eq!(fault(path), PathFault::Traversal, "{path}");
        }
        for path in ["", "/", "/etc/passwd", "a//b", "a/", "a/b/"] {
            assert_eq!(fault(path), PathFault::EmptyPart, "{path}");
        }
        for path in ["a\\b", "a\\..\\b", "C:/a", "a:stream"] {
            assert!(matches!(fault(path), PathFault::Character { .. }), "{path}");
        }
    }

    #[test]
    fn hidden_folders_are_out_of_reach() {
        for path in [".mirror/versions/a", ".git/hooks/post-commit", "a/.obsidian/b", ".mirror"] {
            assert!(matches!(fault(path), PathFault::Hidden { .. }), "{path}");
        }
    }

    #[test]
    fn names_that_some_system_reserves_are_refused() {
        for path in
            ["CON", "nul.md", "a/Aux.txt/b", "COM1", "lpt9.md", "com¹.md", "NUL .md", "conin$"]
        {
            assert!(matches!(fault(path), PathFault::Reserved { .. }), "{path}");
        }
        for path in ["a.", "a ", " a", "b./a", "a.md "] {
            assert!(matches!(fault(path), PathFault::Edge { .. }), "{path}");
        }
        for path in ["a\0b", "a\nb", "a\u{202E}dm.exe", "\u{FEFF}a", "a\u{7f}"] {
            assert!(matches!(fault(path), PathFault::Invisible { .. }), "{path:?}");
        }
    }

    #[test]
    fn the_names_of_sidecars_are_ours() {
        for path in ["a.md.sha256", "a.md.SHA256", "b/a.prov.json", "a.Prov.JSON"] {
            assert!(matches!(fault(path), PathFault::Sidecar { .. }), "{path}");
        }
        assert!(VaultPath::new("a.sha256/b.md").is_ok());
    }

    #[test]
    fn lengths_are_limited_with_room_for_the_sidecars() {
        let limit = LONGEST_NAME_BYTES - PROVENANCE.len();
        assert!(VaultPath::new(&"a".repeat(limit)).is_ok());
        assert_eq!(
            fault(&"a".repeat(limit + 1)),
            PathFault::NameTooLong { bytes: limit + 1, limit }
        );
        assert!(VaultPath::new(&format!("{}/a", "f".repeat(255))).is_ok());
        assert!(matches!(fault(&format!("{}/a", "f".repeat(256))), PathFault::NameTooLong { .. }));
        let deep = "a/".repeat(512);
        assert_eq!(fault(&format!("{deep}a")), PathFault::TooLong { bytes: 1025 });
        assert!(matches!(fault(&"é".repeat(40_000_000)), PathFault::TooLong { .. }));
    }

    #[test]
    fn decomposed_names_are_composed() {
        let path = VaultPath::new("Cafe\u{301}/u\u{308}ber.md").unwrap();
        assert_eq!(path.as_str(), "Café/über.md");
        assert_eq!(path.folders().collect::<Vec<_>>(), ["Café"]);
    }

    #[test]
    fn names_that_differ_only_in_case_or_form_fold_to_one() {
        for (one, other) in
            [("A.md", "a.MD"), ("Straße", "STRASSE"), ("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("e\u{301}", "É")]
        {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("a.md"), fold("b.md"));
    }
}
