//! Recordings: a WAV becomes Ogg Opus when it is taken in, and either becomes samples for an engine.

mod opus;
mod resample;
mod wav;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

pub use opus::encode;

/// The sample rate that speech engines take.
pub const SPEECH_HZ: u32 = 16_000;
/// Recordings that are decoded; more is days of speech.
const MAX_DECODED_BYTES: u64 = 1 << 30;

/// Why a recording can't be read or encoded.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// Not a format that we read.
    #[error("this is neither WAV nor Ogg Opus")]
    UnknownFormat,
    /// Larger than what is decoded.
    #[error("the recording has {found} bytes, at most {MAX_DECODED_BYTES} are decoded")]
    TooLarge {
        /// Its size.
        found: u64,
    },
    /// A WAV that is broken or of an odd kind.
    #[error("the WAV can't be read: {0}")]
    Wav(String),
    /// An Ogg Opus stream that is broken or of an odd kind.
    #[error("the Opus stream can't be read: {0}")]
    Opus(String),
    /// What was encoded does not sound like what was recorded.
    #[error("what was encoded is not what was recorded: {0}")]
    Unlike(String),
    /// The reader or writer failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The caller wants no more.
    #[error("stopped")]
    Stopped,
}

/// Gives the samples of a recording, mono at [`SPEECH_HZ`], in blocks; `false` stops.
pub fn samples(path: &Path, mut take: impl FnMut(&[f32]) -> bool) -> Result<(), AudioError> {
    let mut file = File::open(path)?;
    let found = file.metadata()?.len();
    if found > MAX_DECODED_BYTES {
        return Err(AudioError::TooLarge { found });
    }
    let mut magic = [0; 4];
    file.read_exact(&mut magic).map_err(|_| AudioError::UnknownFormat)?;
    file.rewind()?;
    let mut take = |block: &[f32]| if take(block) { Ok(()) } else { Err(AudioError::Stopped) };
    match &magic {
        b"RIFF" => {
            let mut wav = wav::Wav::open(file)?;
            let channels = wav.channels;
            let mut resampler = resample::Resampler::new(wav.hz, SPEECH_HZ)?;
            while let Some(block) = wav.block()? {
                take(&resampler.push(&mix(block, channels))?)?;
            }
            take(&resampler.finish()?)
        }
        b"OggS" => opus::decode(file, SPEECH_HZ, take),
        _ => Err(AudioError::UnknownFormat),
    }
}

/// Interleaved channels as one.
fn mix(block: &[f32], channels: usize) -> Vec<f32> {
    let frames = block.chunks_exact(channels.max(1));
    frames.map(|frame| frame.iter().sum::<f32>() / frame.len() as f32).collect()
}

/// How loud a recording is, tenth of a second by tenth of a second.
#[derive(Debug, Default)]
struct Envelope {
    window: usize,
    squares: f64,
    count: usize,
    levels: Vec<f32>,
}

impl Envelope {
    fn new(hz: u32) -> Self {
        Self { window: (hz / 10) as usize, ..Self::default() }
    }

    fn push(&mut self, mono: &[f32]) {
        for sample in mono {
            self.squares += f64::from(*sample) * f64::from(*sample);
            self.count += 1;
            if self.count == self.window {
                self.levels.push((self.squares / self.count as f64).sqrt() as f32);
                (self.squares, self.count) = (0.0, 0);
            }
        }
    }

    /// How far apart two are: 0 equal, 1 as far as silence. What is cut short differs by what is missing.
    fn distance(&self, other: &Self) -> f32 {
        // Below this a codec may do as it likes.
        const QUIET: f32 = 0.002;
        let length = self.levels.len().max(other.levels.len());
        let at = |levels: &[f32], index| levels.get(index).copied().unwrap_or_default();
        let (mut apart, mut loud) = (0.0f32, QUIET);
        for index in 0..length {
            let (one, two) = (at(&self.levels, index), at(&other.levels, index));
            apart += ((one - two).abs() - QUIET).max(0.0);
            loud += one;
        }
        apart / loud
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
