//! A recording in pieces that an engine hears one after another, cut where it is quiet.

use crate::audio::SPEECH_HZ;

/// The longest piece.
const LONGEST: usize = 120 * SPEECH_HZ as usize;
/// In how much of its end the quietest place is looked for.
const SEARCHED: usize = 30 * SPEECH_HZ as usize;
const WINDOW: usize = SPEECH_HZ as usize / 10;
/// Two of the smallest steps of 16 bits: what a codec makes of zeros. Every real microphone is louder.
const SILENCE: f32 = 2.5 / 32_768.0;

/// Collects samples and gives them back in pieces.
#[derive(Debug, Default)]
pub struct Chunks {
    waiting: Vec<f32>,
    /// Samples that were given back, or passed over as silence.
    gone: u64,
    sound: bool,
}

impl Chunks {
    /// Takes samples; a piece with its beginning in milliseconds, when there is one.
    pub fn push(&mut self, samples: &[f32]) -> Option<(u32, Vec<f32>)> {
        self.waiting.extend_from_slice(samples);
        if self.waiting.len() < LONGEST {
            return None;
        }
        let from = LONGEST - SEARCHED;
        let windows = self.waiting.get(from..LONGEST)?.chunks_exact(WINDOW).enumerate();
        let energy = |window: &[f32]| window.iter().map(|sample| sample * sample).sum::<f32>();
        let quietest = windows.min_by(|(_, one), (_, two)| energy(one).total_cmp(&energy(two)));
        let at = quietest.map_or(LONGEST, |(index, _)| from + index * WINDOW + WINDOW / 2);
        let rest = self.waiting.split_off(at);
        let piece = std::mem::replace(&mut self.waiting, rest);
        self.give(piece)
    }

    /// What is left.
    pub fn rest(&mut self) -> Option<(u32, Vec<f32>)> {
        let piece = std::mem::take(&mut self.waiting);
        self.give(piece)
    }

    /// Nothing that was taken holds any sound.
    pub fn is_silent(&self) -> bool {
        !self.sound
    }

    /// A silent piece is passed over: engines invent words for it.
    fn give(&mut self, piece: Vec<f32>) -> Option<(u32, Vec<f32>)> {
        let start = self.gone * 1000 / u64::from(SPEECH_HZ);
        self.gone += piece.len() as u64;
        let sound = piece.iter().any(|sample| sample.abs() >= SILENCE);
        self.sound |= sound;
        sound.then(|| (u32::try_from(start).unwrap_or(u32::MAX), piece))
    }
}
