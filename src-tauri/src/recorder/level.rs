//! The level meter.

/// A microphone that the system withholds (a privacy switch, another app) gives samples that are all zero, which no open
/// microphone does: after so many milliseconds it is said.
const MUTE_MS: u64 = 1000;
/// From the floor of a quiet room to full scale, in decibels.
const FLOOR_DB: f32 = 60.0;

/// How loud it is now, and whether there is any sound at all.
pub struct Level {
    rate: u32,
    zeros: u64,
    heard: bool,
    loudness: f32,
}

impl Level {
    pub fn new(rate: u32) -> Self {
        Self { rate, zeros: 0, heard: false, loudness: 0.0 }
    }

    /// Takes samples.
    pub fn take(&mut self, sound: &[i16]) {
        let mut squares = 0.0;
        for sample in sound {
            squares += f32::from(*sample).powi(2);
            if *sample == 0 {
                self.zeros += 1;
            } else {
                self.zeros = 0;
                self.heard = true;
            }
        }
        #[allow(clippy::cast_precision_loss)] // The samples of a moment are few.
        let mean = (squares / sound.len().max(1) as f32).sqrt();
        let above_floor = 1.0 + 20.0 * (mean / 32_768.0).log10() / FLOOR_DB;
        self.loudness = if mean < 1.0 { 0.0 } else { above_floor.clamp(0.0, 1.0) };
    }

    /// From 0 to 1.
    pub fn loudness(&self) -> f32 {
        self.loudness
    }

    /// Nothing but zeros for a while.
    pub fn mute(&self) -> bool {
        self.zeros * 1000 >= MUTE_MS * u64::from(self.rate)
    }

    /// Anything but zeros ever came.
    pub fn heard(&self) -> bool {
        self.heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_said_after_a_second_and_taken_back_with_the_first_sound() {
        let mut level = Level::new(16_000);
        level.take(&[0; 15_999]);
        assert!(!level.mute());
        level.take(&[0]);
        assert!(level.mute() && !level.heard());
        level.take(&[3]);
        assert!(!level.mute() && level.heard());
    }

    #[test]
    fn loudness_runs_from_a_quiet_room_to_full_scale() {
        let mut level = Level::new(16_000);
        for (sample, low, high) in
            [(0, 0.0, 0.0), (33, 0.0, 0.02), (1000, 0.45, 0.55), (i16::MAX, 0.99, 1.0)]
        {
            level.take(&[sample; 800]);
            assert!((low..=high).contains(&level.loudness()), "{sample}: {}", level.loudness());
        }
    }
}
