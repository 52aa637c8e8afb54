//! Text that comes in from outside: bounded, and UTF-8 or refused with the place where it isn't.

use std::io::{self, BufRead, Read};

use mirror_node::Error;
use mirror_node::view::Code;

use super::failed;

/// More than any note may hold: the node names its own limit, this one only bounds what is read.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The lines of a stream, read one at a time and counted from one; empty ones are
/// counted and passed over.
pub fn of<R: BufRead>(reader: R) -> Lines<R> {
    Lines { reader, number: 0 }
}

/// See [`of`].
pub struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = (u64, Result<String, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            match self.read() {
                Ok(None) => return None,
                Ok(Some(text)) if text.trim().is_empty() => {}
                Ok(Some(text)) => return Some((self.number, Ok(text))),
                Err(error) => return Some((self.number, Err(error))),
            }
        }
    }
}

impl<R: BufRead> Lines<R> {
    fn read(&mut self) -> Result<Option<String>, Error> {
        let mut bytes = Vec::new();
        let limit = MAX_BYTES as u64 + 2;
        match self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes) {
            Ok(0) => Ok(None),
            Ok(_) => text_of(bytes).map(Some),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

/// Checks length and encoding; the newline at the end is not part of the text.
pub fn text_of(mut bytes: Vec<u8>) -> Result<String, Error> {
    for end in *b"\n\r" {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    if bytes.len() > MAX_BYTES {
        return Err(failed(Code::Invalid, format!("more than {MAX_BYTES} bytes"), ""));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        failed(Code::Invalid, format!("not UTF-8 text (byte {at})"), "")
    })
}

fn unreadable(error: &io::Error) -> Error {
    failed(Code::Io, format!("can't read standard input: {error}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_are_counted_and_passed_over() {
        let lines = of(&b"one\n\n  \r\nfour\r\nfive"[..]);
        let lines: Vec<_> = lines.map(|(number, text)| (number, text.unwrap())).collect();
        assert_eq!(lines, [(1, "one".into()), (4, "four".into()), (5, "five".into())]);
    }

    #[test]
    fn a_line_that_is_not_text_is_named() {
        let Some((2, Err(error))) = of(&b"one\nab\xff\n"[..]).nth(1) else { panic!("taken") };
        assert!(error.detail.contains("byte 3"), "{error}");
    }

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let endless = io::BufReader::new(io::repeat(b'x'));
        let Some((1, Err(error))) = of(endless).next() else { panic!("taken") };
        assert!(error.detail.contains("1048576"), "{error}");
    }
}
