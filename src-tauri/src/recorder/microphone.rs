//! The system's microphone, as samples of one channel.

use std::sync::mpsc::Sender;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, Device, FromSample, SampleFormat, SizedSample, Stream, StreamConfig};
use mirror_node::{Error, view::Code};

/// What speech needs. A microphone that can't do it gives its own.
const RATE: u32 = 16_000;

/// What comes from the microphone.
pub enum Heard {
    Sound(Vec<i16>),
    /// It gives no more: unplugged, or taken away.
    Broken(String),
}

/// An open microphone. Closed when it is dropped.
pub struct Microphone {
    _stream: Stream,
    pub rate: u32,
}

impl Microphone {
    /// Opens the one that the system offers. What it hears is sent, in the caller's own words.
    pub fn open<T: From<Heard> + Send + 'static>(to: &Sender<T>) -> Result<Self, Error> {
        let device =
            cpal::default_host().default_input_device().ok_or_else(|| absent("there is none"))?;
        let (format, config) = config(&device)?;
        let stream = match format {
            SampleFormat::I16 => build::<i16, T>(&device, &config, to),
            SampleFormat::I32 => build::<i32, T>(&device, &config, to),
            SampleFormat::F32 => build::<f32, T>(&device, &config, to),
            other => return Err(absent(format!("its samples are {other}"))),
        };
        let stream = stream.map_err(absent)?;
        stream.play().map_err(absent)?;
        Ok(Self { _stream: stream, rate: config.sample_rate })
    }
}

fn config(device: &Device) -> Result<(SampleFormat, StreamConfig), Error> {
    let speech = device.supported_input_configs().ok().into_iter().flatten().any(|range| {
        range.channels() == 1
            && range.sample_format() == SampleFormat::I16
            && (range.min_sample_rate()..=range.max_sample_rate()).contains(&RATE)
    });
    if speech {
        let config =
            StreamConfig { channels: 1, sample_rate: RATE, buffer_size: BufferSize::Default };
        return Ok((SampleFormat::I16, config));
    }
    let own = device.default_input_config().map_err(absent)?;
    Ok((own.sample_format(), own.into()))
}

fn build<S, T>(
    device: &Device,
    config: &StreamConfig,
    to: &Sender<T>,
) -> Result<Stream, cpal::Error>
where
    S: SizedSample + 'static,
    i16: FromSample<S>,
    T: From<Heard> + Send + 'static,
{
    let channels = usize::from(config.channels.max(1));
    let (sound, broken) = (to.clone(), to.clone());
    device.build_input_stream(
        *config,
        move |samples: &[S], _: &_| {
            // Nobody listens any more when the recording has ended.
            let _ = sound.send(Heard::Sound(samples.chunks(channels).map(mean).collect()).into());
        },
        move |error| match error.kind() {
            cpal::ErrorKind::Xrun
            | cpal::ErrorKind::DeviceChanged
            | cpal::ErrorKind::RealtimeDenied => {
                tracing::debug!(%error, "the microphone goes on");
            }
            _ => drop(broken.send(Heard::Broken(error.to_string()).into())),
        },
        None,
    )
}

/// One sample of all channels.
fn mean<S>(frame: &[S]) -> i16
where
    S: SizedSample,
    i16: FromSample<S>,
{
    let sum: i32 = frame.iter().map(|sample| i32::from(i16::from_sample_(*sample))).sum();
    let count = i32::try_from(frame.len()).unwrap_or(1).max(1);
    i16::try_from(sum / count).unwrap_or(0)
}

fn absent(why: impl std::fmt::Display) -> Error {
    let hint = "plug one in, or allow the app to use it in the system's settings";
    Error::new(Code::NotFound, format!("no microphone can be opened: {why}"), hint)
}
