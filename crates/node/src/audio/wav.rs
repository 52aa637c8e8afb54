//! WAV files, block by block.

use std::fs::File;
use std::io::BufReader;

use hound::{SampleFormat, WavIntoSamples, WavReader};

use super::AudioError;

/// A WAV that is being read.
pub struct Wav {
    /// Its sample rate.
    pub hz: u32,
    /// Interleaved channels.
    pub channels: usize,
    samples: Samples,
    block: Vec<f32>,
}

enum Samples {
    Whole(WavIntoSamples<BufReader<File>, i32>, f32),
    Float(WavIntoSamples<BufReader<File>, f32>),
}

impl Wav {
    pub fn open(file: File) -> Result<Self, AudioError> {
        let reader = WavReader::new(BufReader::new(file)).map_err(bad)?;
        let spec = reader.spec();
        let channels = usize::from(spec.channels);
        if !(1..=8).contains(&channels) || !(4_000..=192_000).contains(&spec.sample_rate) {
            let what = format!("{channels} channels at {} Hz", spec.sample_rate);
            return Err(AudioError::Wav(what));
        }
        let samples = match spec.sample_format {
            SampleFormat::Float => Samples::Float(reader.into_samples()),
            SampleFormat::Int => {
                let scale = (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
                Samples::Whole(reader.into_samples(), scale)
            }
        };
        Ok(Self { hz: spec.sample_rate, channels, samples, block: Vec::new() })
    }

    /// The next tenth of a second, interleaved; less at the end.
    pub fn block(&mut self) -> Result<Option<&[f32]>, AudioError> {
        let length = (self.hz / 10) as usize * self.channels;
        self.block.clear();
        while self.block.len() < length {
            let next = match &mut self.samples {
                Samples::Whole(samples, scale) => {
                    samples.next().map(|sample| sample.map(|sample| sample as f32 / *scale))
                }
                Samples::Float(samples) => samples.next(),
            };
            let Some(sample) = next else { break };
            self.block.push(sample.map_err(bad)?.clamp(-1.0, 1.0));
        }
        // Half a frame at the end is none.
        self.block.truncate(self.block.len() / self.channels * self.channels);
        Ok((!self.block.is_empty()).then_some(self.block.as_slice()))
    }
}

fn bad(error: hound::Error) -> AudioError {
    AudioError::Wav(error.to_string())
}
