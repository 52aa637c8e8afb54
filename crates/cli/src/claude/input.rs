//! What Claude Code says to a hook: JSON that anybody may have written.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A prompt may hold a whole pasted file.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Its own name for a session.
const MAX_ID_BYTES: usize = 128;

/// The fields that we look at. A later version's others are passed over.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Input {
    /// Claude Code's name for the session.
    pub session_id: String,
    /// The folder that it is in.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Why a session starts: `startup`, `resume`, `clear`, `compact`.
    #[serde(default)]
    pub source: Option<String>,
    /// What the agent said last.
    #[serde(default)]
    pub last_assistant_message: Option<String>,
    /// What it makes of all that was said.
    #[serde(default)]
    pub compact_summary: Option<String>,
}

/// Reads it, with the limit in the error.
pub fn read(from: impl Read) -> Result<Input, String> {
    let mut bytes = Vec::new();
    let read = from.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error: io::Error| format!("can't read the hook's input: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("the hook's input is longer than {MAX_BYTES} bytes"));
    }
    let input: Input = serde_json::from_slice(&bytes)
        .map_err(|error| format!("the hook's input is not what Claude Code writes: {error}"))?;
    let id = &input.session_id;
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        return Err(format!(
            "the hook's session_id has {} bytes; 1 to {MAX_ID_BYTES} without control signs are one",
            id.len()
        ));
    }
    Ok(input)
}

/// A folder's name as a project's: small letters, digits, dots and dashes. One in another script is spelt by its bytes.
pub fn project_of(folder: &Path) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    let sign = |c: char| match c {
        'a'..='z' | '0'..='9' | '.' | '_' => c,
        _ => '-',
    };
    let known = name.chars().any(|c| c.is_ascii_alphanumeric());
    let mut project: String = match known {
        true => name.chars().map(sign).collect(),
        false => name.bytes().map(|byte| format!("{byte:02x}")).collect(),
    };
    // All of it is ASCII by now.
    project.truncate(64);
    project.trim_matches(['.', '-']).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_called_like_its_folder() {
        let of = |name: &str| project_of(Path::new(name));
        assert_eq!(of("/src/Mirror DNA"), "mirror-dna");
        assert_eq!(of("/src/.dotfiles"), "dotfiles");
        assert_eq!(of("/"), "");
        assert_eq!(of("/проект").len(), 24);
        assert!(of(&format!("/{}", "a".repeat(300))).len() <= 64);
    }

    #[test]
    fn strange_input_is_refused_with_its_limit() {
        let refused = |bytes: &[u8]| read(bytes).unwrap_err();
        assert!(refused(b"").contains("not what Claude Code writes"));
        assert!(refused(b"[]").contains("not what"));
        assert!(refused(br#"{"session_id":7}"#).contains("not what"));
        assert!(refused(br#"{"session_id":""}"#).contains("1 to 128"));
        let long = format!(r#"{{"session_id":"{}"}}"#, "a".repeat(129));
        assert!(refused(long.as_bytes()).contains("129 bytes"));
        assert!(read(io::repeat(b' ')).unwrap_err().contains("16777216"));
        let deep = format!(r#"{{"session_id":"a","x":{}"#, "[".repeat(100_000));
        assert!(refused(deep.as_bytes()).contains("not what"));
        let odd = read(&br#"{"session_id":"a","cwd":null,"future":{"x":[1]}}"#[..]).unwrap();
        assert_eq!(odd, Input { session_id: "a".into(), ..Input::default() });
    }
}
