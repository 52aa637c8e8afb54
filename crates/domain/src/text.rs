//! Texts with limits: parsed once, at the edge.

use std::fmt;

/// Bytes of a note's text; with its tags it fits a body.
pub const MAX_TEXT_BYTES: usize = 48 * 1024;
/// Tags of one note.
pub const MAX_TAGS: usize = 32;
/// Bytes of a tag.
pub const MAX_TAG_BYTES: usize = 64;
/// Bytes of the reason for which something is forgotten.
pub const MAX_REASON_BYTES: usize = 1024;
/// Characters of a device's name.
pub const MAX_NAME_CHARS: usize = 64;

/// A text outside its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("the note is empty")]
    Empty,
    /// Too long.
    #[error("the note has {found} bytes, the limit is {MAX_TEXT_BYTES}")]
    TooLong {
        /// Its bytes.
        found: usize,
    },
    /// A tag outside its alphabet or length.
    #[error("{found:?} is no tag: 1 to {MAX_TAG_BYTES} bytes without white space or control signs")]
    BadTag {
        /// The tag, cut.
        found: String,
    },
    /// Too many tags.
    #[error("{found} tags, the limit is {MAX_TAGS}")]
    TooManyTags {
        /// How many.
        found: usize,
    },
    /// A name outside its limits.
    #[error("{found:?} is no device name: 1 to {MAX_NAME_CHARS} visible characters")]
    BadName {
        /// The name, cut.
        found: String,
    },
    /// A reason that is none, or too long.
    #[error("a reason has 1 to {MAX_REASON_BYTES} bytes, this one has {found}")]
    BadReason {
        /// Its bytes, white space around it left out.
        found: usize,
    },
}

/// Checks the reason for which something is forgotten.
pub fn check_reason(reason: &str) -> Result<(), TextError> {
    let found = reason.trim().len();
    match (found, reason.len()) {
        (1.., ..=MAX_REASON_BYTES) => Ok(()),
        _ => Err(TextError::BadReason { found }),
    }
}

/// Checks a note's text: not empty, not too long. The text itself is never changed.
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(TextError::TooLong { found: text.len() });
    }
    Ok(())
}

/// Checks tags and gives them sorted, each once.
pub fn check_tags(tags: &[String]) -> Result<Vec<String>, TextError> {
    let sorted: std::collections::BTreeSet<&String> = tags.iter().collect();
    if sorted.len() > MAX_TAGS {
        return Err(TextError::TooManyTags { found: sorted.len() });
    }
    for tag in &sorted {
        let fits = (1..=MAX_TAG_BYTES).contains(&tag.len());
        if !fits || tag.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(TextError::BadTag { found: tag.chars().take(80).collect() });
        }
    }
    Ok(sorted.into_iter().cloned().collect())
}

/// A device's name: trimmed, visible, short.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceName(String);

impl DeviceName {
    /// Checks a name. Signs that turn the writing direction, or are not seen at all, are refused: they can make one name
    /// look like another. The joiners of Indic scripts and emoji stay.
    pub fn new(name: &str) -> Result<Self, TextError> {
        let name = name.trim();
        let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let unseen =
            |c: char| matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
        let wrong = |c: char| c.is_control() || turns(c) || unseen(c);
        let count = name.chars().count();
        if count == 0 || count > MAX_NAME_CHARS || name.chars().any(wrong) {
            return Err(TextError::BadName { found: name.chars().take(80).collect() });
        }
        Ok(Self(name.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stand_in_the_error() {
        assert_eq!(check_text(" \n"), Err(TextError::Empty));
        let error = check_text(&"x".repeat(MAX_TEXT_BYTES + 1)).unwrap_err();
        assert_eq!(error.to_string(), "the note has 49153 bytes, the limit is 49152");
        assert!(check_tags(&["two words".into()]).is_err());
        assert_eq!(check_tags(&["b".into(), "a".into(), "b".into()]).unwrap(), ["a", "b"]);
    }

    #[test]
    fn a_name_cannot_pretend_to_be_another() {
        assert!(DeviceName::new("Mac\u{202e}xelP").is_err());
        assert_eq!(DeviceName::new("  Pixel ").unwrap().as_str(), "Pixel");
    }
}
