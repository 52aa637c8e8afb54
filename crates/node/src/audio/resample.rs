//! From one sample rate to another, one channel.

use rubato::WindowFunction;
use rubato::{Resampler as _, SincFixedIn, SincInterpolationParameters, SincInterpolationType};

use super::AudioError;

const CHUNK: usize = 1024;

/// Resamples what it is given; at equal rates it gives it back.
pub struct Resampler {
    sinc: Option<SincFixedIn<f32>>,
    waiting: Vec<f32>,
    /// What the filter gives before the first sample.
    lead: usize,
    /// Samples that came, and that are to go.
    came: u64,
    gone: u64,
    ratio: f64,
}

impl Resampler {
    pub fn new(from: u32, to: u32) -> Result<Self, AudioError> {
        let ratio = f64::from(to) / f64::from(from);
        let parameters = SincInterpolationParameters {
            sinc_len: 128,
            f_cutoff: 0.95,
            interpolation: SincInterpolationType::Linear,
            oversampling_factor: 128,
            window: WindowFunction::BlackmanHarris2,
        };
        let sinc = (from != to)
            .then(|| SincFixedIn::new(ratio, 1.0, parameters, CHUNK, 1))
            .transpose()
            .map_err(|error| AudioError::Wav(format!("{from} Hz to {to} Hz: {error}")))?;
        let lead = sinc.as_ref().map_or(0, rubato::Resampler::output_delay);
        Ok(Self { sinc, waiting: Vec::new(), lead, came: 0, gone: 0, ratio })
    }

    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<f32>, AudioError> {
        self.came += samples.len() as u64;
        if self.sinc.is_none() {
            return Ok(samples.to_vec());
        }
        self.waiting.extend_from_slice(samples);
        self.drain()
    }

    fn drain(&mut self) -> Result<Vec<f32>, AudioError> {
        let mut out = Vec::new();
        let Some(sinc) = &mut self.sinc else { return Ok(out) };
        while self.waiting.len() >= CHUNK {
            let chunk: Vec<f32> = self.waiting.drain(..CHUNK).collect();
            let made = sinc.process(&[chunk], None);
            let made = made.map_err(|error| AudioError::Wav(error.to_string()))?;
            let made = made.into_iter().next().unwrap_or_default();
            let skipped = self.lead.min(made.len());
            self.lead -= skipped;
            out.extend(made.into_iter().skip(skipped));
        }
        self.gone += out.len() as u64;
        Ok(out)
    }

    /// The rest: as many samples in all as the recording is long.
    pub fn finish(&mut self) -> Result<Vec<f32>, AudioError> {
        if self.sinc.is_none() {
            return Ok(Vec::new());
        }
        let due = (self.came as f64 * self.ratio).round() as u64;
        let mut out = Vec::new();
        while self.gone < due {
            self.waiting.resize(self.waiting.len() + CHUNK, 0.0);
            out.extend(self.drain()?);
        }
        let over = usize::try_from(self.gone - due).unwrap_or(0);
        out.truncate(out.len().saturating_sub(over));
        Ok(out)
    }
}
