//! A backup's inside: sections, one after the other, each a stream of frames. The seal around it proves every byte and its
//! end; here only the order is checked.
//!
//! `MIRRORK1`, then frames `section (1 byte) || length (4 bytes) || bytes`. A frame without bytes ends its section.

use std::io::{self, ErrorKind, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::view::Code;

const MAGIC: [u8; 8] = *b"MIRRORK1";
/// Bytes of a frame that is written.
const FRAME: usize = 64 * 1024;
/// The most that a frame holds.
const MAX_FRAME: usize = 1024 * 1024;
/// The most that a section holds that is read at once.
const MAX_WHOLE: u64 = 8 * 1024 * 1024;

/// What a backup consists of, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What it is of, in JSON.
    Manifest = 1,
    /// What makes a home this device's, in JSON.
    Keys = 2,
    /// Small things that are no events, in JSON.
    State = 3,
    /// All events and the blobs that are here, as a bundle.
    History = 4,
    /// The vault's files and versions.
    Vault = 5,
    /// Nothing comes behind it.
    End = 9,
}

/// Writes sections.
pub struct Archive<W> {
    out: W,
}

impl<W: Write> Archive<W> {
    pub fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(&MAGIC)?;
        Ok(Self { out })
    }

    /// A section of one value.
    pub fn put(&mut self, section: Section, value: &impl Serialize) -> io::Result<()> {
        let mut out = self.section(section);
        serde_json::to_writer(&mut out, value)?;
        out.end()
    }

    /// A section of any length; it has to be ended.
    pub fn section(&mut self, section: Section) -> SectionWriter<'_, W> {
        SectionWriter { out: &mut self.out, section, frame: Vec::with_capacity(FRAME) }
    }

    /// Ends the backup.
    pub fn finish(mut self) -> io::Result<()> {
        self.section(Section::End).end()?;
        self.out.flush()
    }
}

pub struct SectionWriter<'a, W> {
    out: &'a mut W,
    section: Section,
    frame: Vec<u8>,
}

impl<W: Write> SectionWriter<'_, W> {
    fn frame(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.frame.len()).map_err(io::Error::other)?;
        self.out.write_all(&[self.section as u8])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&self.frame)?;
        self.frame.clear();
        Ok(())
    }

    pub fn end(mut self) -> io::Result<()> {
        if !self.frame.is_empty() {
            self.frame()?;
        }
        self.frame()
    }
}

impl<W: Write> Write for SectionWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = FRAME.saturating_sub(self.frame.len()).min(bytes.len());
        self.frame.extend_from_slice(bytes.get(..room).unwrap_or_default());
        if self.frame.len() >= FRAME {
            self.frame()?;
        }
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads sections, in their order.
pub struct Sections<R> {
    input: R,
}

impl<R: Read> Sections<R> {
    pub fn begin(mut input: R) -> Result<Self> {
        let mut magic = [0; 8];
        input.read_exact(&mut magic).map_err(cut)?;
        match magic {
            MAGIC => Ok(Self { input }),
            _ if magic.starts_with(b"MIRRORK") => Err(too_new()),
            _ => Err(Error::new(
                Code::Integrity,
                "this is no backup of MirrorDNA",
                "name a file that `mirror backup create` wrote; nothing was changed",
            )),
        }
    }

    /// The next section, which has to be this one.
    pub fn next(&mut self, section: Section) -> SectionReader<'_, R> {
        SectionReader { input: &mut self.input, section, left: 0, over: false }
    }

    /// A section of one value.
    pub fn take<T: DeserializeOwned>(&mut self, section: Section) -> Result<T> {
        let mut text = Vec::new();
        let mut whole = self.next(section).take(MAX_WHOLE + 1);
        whole.read_to_end(&mut text).map_err(cut)?;
        if text.len() as u64 > MAX_WHOLE {
            return Err(Error::integrity(format!("its {section:?} is over {MAX_WHOLE} bytes")));
        }
        // The error says nothing of what was found: it could be a secret.
        serde_json::from_slice(&text)
            .map_err(|_| Error::integrity(format!("its {section:?} does not read")))
    }

    /// The end, and nothing behind it.
    pub fn finish(mut self) -> Result<()> {
        let bytes = io::copy(&mut self.next(Section::End), &mut io::sink()).map_err(cut)?;
        match (bytes, self.input.read(&mut [0; 1]).map_err(cut)?) {
            (0, 0) => Ok(()),
            _ => Err(Error::integrity("something stands behind its end")),
        }
    }
}

pub struct SectionReader<'a, R> {
    input: &'a mut R,
    section: Section,
    left: usize,
    over: bool,
}

impl<R: Read> SectionReader<'_, R> {
    fn frame(&mut self) -> io::Result<()> {
        let mut head = [0; 5];
        self.input.read_exact(&mut head)?;
        let [section, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if section != self.section as u8 || length > MAX_FRAME {
            let (found, expected) = (section, self.section);
            let reason =
                format!("section {found} of {length} bytes stands where {expected:?} belongs");
            return Err(io::Error::new(ErrorKind::InvalidData, reason));
        }
        (self.left, self.over) = (length, length == 0);
        Ok(())
    }
}

impl<R: Read> Read for SectionReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.over {
            self.frame()?;
        }
        let room = self.left.min(buffer.len());
        let read = self.input.read(buffer.get_mut(..room).unwrap_or_default())?;
        if read == 0 && room > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= read;
        Ok(read)
    }
}

fn too_new() -> Error {
    let detail = "this backup was made by a later version of MirrorDNA";
    Error::new(Code::TooNew, detail, "update MirrorDNA; nothing was changed")
}

/// Reading a seal that was broken ends as invalid data or too early: the file is damaged, not the disk.
fn cut(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            Error::integrity(format!("it was cut or changed: {error}"))
        }
        _ => error.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn archive(history: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = Archive::begin(&mut bytes).unwrap();
        archive.put(Section::Manifest, &"what").unwrap();
        let mut section = archive.section(Section::History);
        section.write_all(history).unwrap();
        section.end().unwrap();
        archive.finish().unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut sections = Sections::begin(bytes)?;
        let what: String = sections.take(Section::Manifest)?;
        assert_eq!(what, "what");
        let mut history = Vec::new();
        sections.next(Section::History).read_to_end(&mut history).map_err(cut)?;
        sections.finish()?;
        Ok(history)
    }

    #[test]
    fn sections_of_any_length_come_back() {
        for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME] {
            let history: Vec<u8> = (0..length).map(|n| n as u8).collect();
            assert_eq!(read(&archive(&history)).unwrap(), history);
        }
    }

    #[test]
    fn what_is_cut_or_does_not_belong_is_an_error() {
        let whole = archive(b"ten years");
        for end in 0..whole.len() {
            assert!(read(whole.get(..end).unwrap()).is_err(), "cut at {end}");
        }
        assert!(read(&[whole.as_slice(), b"x"].concat()).is_err());
        let mut later = whole.clone();
        *later.get_mut(7).unwrap() = b'2';
        assert_eq!(read(&later).unwrap_err().code, Code::TooNew);
    }
}
