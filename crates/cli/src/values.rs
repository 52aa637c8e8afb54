//! Values that are parsed at the command line, once; the message says what was expected.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use mirror_node::Expect;
use mirror_node::view::Role;

/// How `resolve` is told to settle a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeArg {
    Ours,
    Theirs,
    Merged,
    /// The text in this file.
    File(PathBuf),
}

/// `ours`, `theirs`, `merged` or `file:PATH`.
pub fn take(text: &str) -> Result<TakeArg, String> {
    match text {
        "ours" => Ok(TakeArg::Ours),
        "theirs" => Ok(TakeArg::Theirs),
        "merged" => Ok(TakeArg::Merged),
        _ => match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(TakeArg::File(path.into())),
            _ => Err("expected ours, theirs, merged or file:PATH".into()),
        },
    }
}

/// An instant with an offset, kept as it was written: the offset is the author's.
pub fn instant(text: &str) -> Result<String, String> {
    let offset = Pieces::parse(text).ok().and_then(|pieces| pieces.to_numeric_offset());
    match (text.parse::<Timestamp>(), offset) {
        (Ok(_), Some(_)) => Ok(text.to_owned()),
        _ => Err("expected an instant with an offset, like 2026-11-22T09:30:00+05:30".into()),
    }
}

/// A day of the calendar.
pub fn date(text: &str) -> Result<String, String> {
    let date: Result<Date, _> = text.parse();
    date.map(|date| date.to_string()).map_err(|_| "expected a day, like 2026-11-22".into())
}

/// A time zone that this system knows.
pub fn zone(text: &str) -> Result<String, String> {
    match TimeZone::get(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("expected an IANA time zone, like Asia/Kolkata".into()),
    }
}

/// What has to stand at a path in the vault.
pub fn expect(text: &str) -> Result<Expect, String> {
    let byte = |index: usize| {
        let digits = text.get(2 * index..2 * index + 2)?;
        u8::from_str_radix(digits, 16).ok()
    };
    match text {
        "anything" => Ok(Expect::Anything),
        "none" => Ok(Expect::Absent),
        _ if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
            let hash = bytes.and_then(|bytes| bytes.try_into().ok());
            hash.map(Expect::Content).ok_or_else(|| "expected a SHA-256".to_owned())
        }
        _ => Err("expected the 64 hexadecimal digits of a SHA-256, or none".into()),
    }
}

/// A device's job.
pub fn role(text: &str) -> Result<Role, String> {
    match text {
        "anchor" => Ok(Role::Anchor),
        "node" => Ok(Role::Node),
        "capture" => Ok(Role::Capture),
        _ => Err("expected anchor, node or capture".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_one_of_four() {
        assert_eq!(take("ours"), Ok(TakeArg::Ours));
        assert_eq!(take("file:a b.md"), Ok(TakeArg::File("a b.md".into())));
        assert!(take("file:").is_err());
        assert!(take("mine").unwrap_err().contains("file:PATH"));
    }

    #[test]
    fn an_instant_needs_its_offset() {
        assert!(instant("2026-11-22T09:30:00+05:30").is_ok());
        assert!(instant("2026-11-22T09:30:00Z").is_ok());
        assert!(instant("2026-11-22T09:30:00").is_err());
        assert!(instant("yesterday").is_err());
    }

    #[test]
    fn days_zones_and_roles_are_checked() {
        assert_eq!(date("2026-11-22"), Ok("2026-11-22".into()));
        assert!(date("2026-11-31").is_err());
        assert!(zone("Asia/Kolkata").is_ok());
        assert!(zone("Asia/Atlantis").is_err());
        assert_eq!(role("capture"), Ok(Role::Capture));
        assert!(role("boss").is_err());
    }
}
