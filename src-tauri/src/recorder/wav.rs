//! A WAV file of one channel of 16-bit samples that is whole after every write, wherever the process ends: samples go behind
//! what the header claims, then the header, in one write, claims them. [`repair`] claims what a kill left unclaimed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A sample's bytes.
const SAMPLE: u64 = 2;
pub const HEADER: u64 = 44;
const MAX_DATA: u64 = u32::MAX as u64 - HEADER;

/// A recording being written.
pub struct WavWriter {
    file: File,
    rate: u32,
    samples: u64,
    unsynced: u64,
}

impl WavWriter {
    /// Begins one in an empty file, and makes it durable.
    pub fn new(mut file: File, rate: u32) -> io::Result<Self> {
        file.write_all(&header(0, rate))?;
        file.sync_all()?;
        Ok(Self { file, rate, samples: 0, unsynced: 0 })
    }

    /// How long it is.
    pub fn ms(&self) -> u64 {
        self.samples * 1000 / u64::from(self.rate)
    }

    /// Appends samples; on disk within a second of sound.
    pub fn write(&mut self, sound: &[i16]) -> io::Result<()> {
        let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let data = self.samples * SAMPLE;
        if data + bytes.len() as u64 > MAX_DATA {
            return Err(io::Error::other("the recording is as long as a WAV file can be"));
        }
        self.file.seek(SeekFrom::Start(HEADER + data))?;
        self.file.write_all(&bytes)?;
        self.samples += sound.len() as u64;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header(self.samples * SAMPLE, self.rate))?;
        self.unsynced += sound.len() as u64;
        if self.unsynced >= u64::from(self.rate) { self.sync() } else { Ok(()) }
    }

    /// Makes it durable.
    pub fn sync(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        self.file.sync_data()
    }
}

/// Makes a recording whose process was killed claim every whole sample that it holds. False when it is no recording of ours,
/// or holds nothing but silence.
pub fn repair(path: &Path) -> io::Result<bool> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut found = [0; HEADER as usize];
    match file.read_exact(&mut found) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        read => read?,
    }
    let (rate, claimed) = (number(&found, 24), number(&found, 40));
    if rate == 0 || header(u64::from(claimed), rate) != found {
        return Ok(false);
    }
    let data = (file.metadata()?.len() - HEADER) / SAMPLE * SAMPLE;
    file.set_len(HEADER + data)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header(data, rate))?;
    file.sync_all()?;
    for byte in io::BufReader::new(&file).bytes() {
        if byte? != 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn number(header: &[u8; HEADER as usize], at: usize) -> u32 {
    header.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_le_bytes(*four))
}

/// The first bytes of a file with so much data; a writer never gets beyond [`MAX_DATA`].
fn header(data: u64, rate: u32) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    let data = u32::try_from(data.min(MAX_DATA)).unwrap_or(u32::MAX);
    let one = 1_u16.to_le_bytes();
    let parts: [&[u8]; 12] = [
        b"RIFF",
        &(data + HEADER as u32 - 8).to_le_bytes(),
        b"WAVEfmt ",
        &16_u32.to_le_bytes(),
        &one,
        &one,
        &rate.to_le_bytes(),
        &(rate.saturating_mul(SAMPLE as u32)).to_le_bytes(),
        &(SAMPLE as u16).to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &data.to_le_bytes(),
    ];
    for (byte, from) in header.iter_mut().zip(parts.concat()) {
        *byte = from;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(folder: &Path) -> (std::path::PathBuf, WavWriter) {
        let path = folder.join("a.wav");
        let file = File::create_new(&path).unwrap();
        (path, WavWriter::new(file, 16_000).unwrap())
    }

    #[test]
    fn a_recording_is_whole_after_every_write() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut wav) = new(folder.path());
        for _ in 0..3 {
            wav.write(&[7; 1600]).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(
                bytes.len() as u64,
                HEADER + u64::from(number(bytes.first_chunk().unwrap(), 40))
            );
        }
        assert_eq!(wav.ms(), 300);
    }

    #[test]
    fn what_a_kill_left_unclaimed_is_claimed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut wav) = new(folder.path());
        wav.write(&[7; 100]).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend([9, 9, 9]);
        std::fs::write(&path, &bytes).unwrap();

        assert!(repair(&path).unwrap());

        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len(), number(bytes.first_chunk().unwrap(), 40)), (44 + 202, 202));
    }

    #[test]
    fn what_is_no_recording_or_holds_none_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut wav) = new(folder.path());
        assert!(!repair(&path).unwrap(), "empty");
        wav.write(&[0; 1600]).unwrap();
        assert!(!repair(&path).unwrap(), "silence");
        std::fs::write(&path, [1; 100]).unwrap();
        assert!(!repair(&path).unwrap(), "foreign");
        assert_eq!(std::fs::read(&path).unwrap(), [1; 100], "and left as it is");
    }
}
