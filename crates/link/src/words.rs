//! Words of a peer, before a person reads them.

/// Letters of a peer's reason that are shown.
const MAX_CHARS: usize = 200;

/// A peer's words without signs that steer a terminal or turn the writing direction, and not too many of them.
pub fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown: String =
        text.chars().take(MAX_CHARS).map(|c| if steers(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_cannot_steer_the_screen_or_flood_it() {
        assert_eq!(printable("no\u{1b}[2J\n\u{202e}way"), "no\u{fffd}[2J\u{fffd}\u{fffd}way");
        assert_eq!(printable(&"ನ".repeat(5000)).chars().count(), MAX_CHARS + 1);
        assert_eq!(printable("this device was revoked"), "this device was revoked");
    }
}
