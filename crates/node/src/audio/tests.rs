use std::f32::consts::TAU;
use std::io::Read;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// Something like speech: a voice of several tones that swells and falls, with pauses.
fn voice(hz: u32, channels: u16, seconds: f32, folder: &TempDir) -> PathBuf {
    let path = folder.path().join("voice.wav");
    let (bits_per_sample, sample_format) = (16, hound::SampleFormat::Int);
    let spec = hound::WavSpec { channels, sample_rate: hz, bits_per_sample, sample_format };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for n in 0..(hz as f32 * seconds) as u32 {
        let at = n as f32 / hz as f32;
        let swell = ((TAU * 1.5 * at).sin() * 1.4).clamp(0.0, 1.0);
        let tones: f32 =
            [140.0, 280.0, 700.0, 1_900.0].map(|tone| (TAU * tone * at).sin()).iter().sum();
        for channel in 0..channels {
            let level = if channel == 0 { 0.2 } else { 0.15 };
            writer.write_sample((tones * swell * level * 32_767.0) as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
    path
}

fn encoded(path: &Path) -> Result<Vec<u8>, AudioError> {
    let mut to = tempfile::tempfile().unwrap();
    encode(File::open(path).unwrap(), &mut to)?;
    let mut bytes = Vec::new();
    to.read_to_end(&mut bytes).unwrap();
    Ok(bytes)
}

fn heard(path: &Path) -> Vec<f32> {
    let mut all = Vec::new();
    samples(path, |block| {
        all.extend_from_slice(block);
        true
    })
    .unwrap();
    all
}

#[test]
fn a_recording_at_any_rate_becomes_a_small_stream_as_long_and_as_loud() {
    let folder = TempDir::new().unwrap();
    for (hz, channels) in [(16_000, 1), (48_000, 1), (44_100, 2), (22_050, 1), (8_000, 1)] {
        let wav = voice(hz, channels, 3.137, &folder);
        let bytes = encoded(&wav).unwrap();
        let size = std::fs::metadata(&wav).unwrap().len() as usize;
        assert!(bytes.len() * 2 < size, "{} of {size} bytes at {hz} Hz", bytes.len());
        assert_eq!(bytes, encoded(&wav).unwrap(), "one recording, one stream");
        let opus = folder.path().join("voice.opus");
        std::fs::write(&opus, bytes).unwrap();
        let (before, after) = (heard(&wav), heard(&opus));
        let due = (3.137 * SPEECH_HZ as f32) as usize;
        assert!(before.len().abs_diff(due) <= 1, "{} samples at {hz} Hz", before.len());
        assert!(before.len().abs_diff(after.len()) <= 1, "{} {}", before.len(), after.len());
        let [mut one, mut two] = [SPEECH_HZ; 2].map(Envelope::new);
        one.push(&before);
        two.push(&after);
        assert!(one.distance(&two) < 0.1, "{} apart at {hz} Hz", one.distance(&two));
    }
}

#[test]
fn what_is_no_recording_is_told_and_what_was_cut_is_no_whole_one() {
    let folder = TempDir::new().unwrap();
    let wav = voice(16_000, 1, 1.0, &folder);
    let bytes = std::fs::read(&wav).unwrap();
    let other = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let cut = other("cut.wav", &bytes[..bytes.len() - 1001]);
    assert!(matches!(encoded(&cut), Err(AudioError::Wav(_))));
    let empty = other("empty.wav", &bytes[..44]);
    assert!(encoded(&empty).is_err());
    let garbage = other("garbage.wav", b"no recording");
    assert!(encoded(&garbage).is_err());
    assert!(matches!(samples(&garbage, |_| true), Err(AudioError::UnknownFormat)));
    let opus = encoded(&wav).unwrap();
    let mut broken = opus.clone();
    let middle = broken.len() / 2;
    broken[middle] ^= 0x40;
    let broken = other("broken.opus", &broken);
    assert!(matches!(samples(&broken, |_| true), Err(AudioError::Opus(_))));
    let whole = other("whole.opus", &opus);
    assert!(matches!(samples(&whole, |_| false), Err(AudioError::Stopped)));
}

#[test]
fn an_encoder_that_gives_something_else_is_noticed() {
    let envelope = |levels: &[f32]| Envelope { levels: levels.to_vec(), ..Envelope::new(16_000) };
    let spoken = envelope(&[0.0, 0.1, 0.3, 0.2, 0.0]);
    assert!(spoken.distance(&envelope(&[0.0, 0.11, 0.28, 0.2, 0.001])) < 0.1);
    assert!(spoken.distance(&envelope(&[0.0; 5])) > 0.9);
    assert!(spoken.distance(&envelope(&[0.0, 0.1, 0.3])) > 0.3, "cut short");
    assert!(envelope(&[0.0; 5]).distance(&envelope(&[0.3; 5])) > 0.9, "noise instead of silence");
    assert_eq!(envelope(&[0.0; 5]).distance(&envelope(&[0.0; 5])), 0.0);
}
