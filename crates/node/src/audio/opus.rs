//! Ogg Opus (RFC 7845): written from a WAV, read as samples. The codec is a port of libopus to Rust, so that neither the
//! phone's build nor a peer's bytes meet C.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use ropus::{Application, Bitrate, Channels, DecodeMode, Decoder, Encoder};

use super::resample::Resampler;
use super::wav::Wav;
use super::{AudioError, Envelope, mix};

/// The rate that all positions of a stream count in.
const OPUS_HZ: u32 = 48_000;
/// Good speech; a minute takes 240 KB.
const BITS_MONO: u32 = 32_000;
const BITS_STEREO: u32 = 64_000;
/// Packets of 20 ms on a page: a second, so that a player can jump.
const PAGE: u64 = 50;
/// One stream in a file, and the same bytes for the same recording.
const SERIAL: u32 = 0x6d69_7272;
const MAX_PACKET: usize = 4000;
/// Longer than any packet.
const MAX_PACKET_MS: u32 = 120;
/// How far what was encoded may be from what was recorded.
const MAX_DISTANCE: f32 = 0.35;

/// Encodes a WAV, and reads it back before it is called done: `to` holds the whole stream, from its beginning.
pub fn encode(wav: File, to: &mut File) -> Result<(), AudioError> {
    let mut wav = Wav::open(wav)?;
    if wav.channels > 2 {
        return Err(AudioError::Wav(format!("{} channels", wav.channels)));
    }
    let hz =
        if [8_000, 12_000, 16_000, 24_000, OPUS_HZ].contains(&wav.hz) { wav.hz } else { OPUS_HZ };
    let mut stream = Stream::begin(BufWriter::new(&mut *to), hz, wav.channels, wav.hz)?;
    let resampler = || Resampler::new(wav.hz, hz);
    let mut resamplers = (0..wav.channels).map(|_| resampler()).collect::<Result<Vec<_>, _>>()?;
    let mut recorded = Envelope::new(wav.hz);
    let channels = wav.channels;
    while let Some(block) = wav.block()? {
        recorded.push(&mix(block, channels));
        let mut parts = Vec::new();
        for (channel, resampler) in resamplers.iter_mut().enumerate() {
            let one: Vec<f32> = block.iter().skip(channel).step_by(channels).copied().collect();
            parts.push(resampler.push(&one)?);
        }
        stream.push(&interleave(&parts))?;
    }
    let parts = resamplers.iter_mut().map(Resampler::finish).collect::<Result<Vec<_>, _>>()?;
    stream.push(&interleave(&parts))?;
    stream.end()?;
    to.rewind()?;
    let mut heard = Envelope::new(OPUS_HZ);
    decode(to.try_clone()?, OPUS_HZ, |block| {
        heard.push(block);
        Ok(())
    })?;
    to.rewind()?;
    let distance = recorded.distance(&heard);
    if distance > MAX_DISTANCE || recorded.levels.len().abs_diff(heard.levels.len()) > 1 {
        let (was, is) = (recorded.levels.len(), heard.levels.len());
        let what = format!("{was} tenths of a second became {is}, {distance:.2} apart");
        return Err(AudioError::Unlike(what));
    }
    Ok(())
}

fn interleave(parts: &[Vec<f32>]) -> Vec<f32> {
    let length = parts.iter().map(Vec::len).min().unwrap_or(0);
    let at = |index: usize| parts.iter().filter_map(move |part| part.get(index).copied());
    (0..length).flat_map(at).collect()
}

/// A stream that is being written.
struct Stream<'w, W: Write> {
    writer: PacketWriter<'w, W>,
    encoder: Encoder,
    channels: usize,
    /// Samples of a packet, all channels.
    frame: usize,
    waiting: Vec<f32>,
    /// Samples of one channel that came, at the encoder's rate, and their unit in positions.
    came: u64,
    unit: u64,
    skip: u64,
    packets: u64,
    /// The last packet is written when it is known whether it is the last.
    held: Option<Vec<u8>>,
}

impl<W: Write> Stream<'_, W> {
    fn begin(to: W, hz: u32, channels: usize, recorded_hz: u32) -> Result<Self, AudioError> {
        let (layout, bits) = match channels {
            1 => (Channels::Mono, BITS_MONO),
            _ => (Channels::Stereo, BITS_STEREO),
        };
        let bits = Bitrate::try_bits(bits).map_err(broken)?;
        let encoder = Encoder::builder(hz, layout, Application::Voip).bitrate(bits).build();
        let encoder = encoder.map_err(broken)?;
        let unit = u64::from(OPUS_HZ / hz);
        let skip = u64::from(encoder.lookahead()) * unit;
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels as u8);
        head.extend((skip as u16).to_le_bytes());
        head.extend(recorded_hz.to_le_bytes());
        head.extend([0, 0, 0]);
        let vendor = b"mirrordna";
        let mut tags = b"OpusTags".to_vec();
        tags.extend((vendor.len() as u32).to_le_bytes());
        tags.extend(vendor);
        tags.extend(0u32.to_le_bytes());
        let mut writer = PacketWriter::new(to);
        writer.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        writer.write_packet(tags, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        let frame = (hz / 50) as usize * channels;
        let (waiting, held) = (Vec::new(), None);
        Ok(Self {
            writer,
            encoder,
            channels,
            frame,
            waiting,
            came: 0,
            unit,
            skip,
            packets: 0,
            held,
        })
    }

    fn push(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        self.came += (samples.len() / self.channels) as u64;
        self.waiting.extend_from_slice(samples);
        while self.waiting.len() >= self.frame {
            let frame: Vec<f32> = self.waiting.drain(..self.frame).collect();
            self.frame(&frame)?;
        }
        Ok(())
    }

    fn frame(&mut self, frame: &[f32]) -> Result<(), AudioError> {
        let mut packet = vec![0; MAX_PACKET];
        let length = self.encoder.encode_float(frame, &mut packet).map_err(broken)?;
        packet.truncate(length);
        if let Some(before) = self.held.replace(packet) {
            self.packets += 1;
            let whole = self.packets.is_multiple_of(PAGE);
            let end =
                if whole { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
            self.writer.write_packet(
                before,
                SERIAL,
                end,
                self.packets * u64::from(OPUS_HZ / 50),
            )?;
        }
        Ok(())
    }

    /// Writes until all that came is decoded, and says where it ends.
    fn end(mut self) -> Result<(), AudioError> {
        if self.came == 0 {
            return Err(AudioError::Wav("it holds no samples".to_owned()));
        }
        let end = self.skip + self.came * self.unit;
        let per_packet = u64::from(OPUS_HZ / 50);
        let written =
            |stream: &Self| (stream.packets + u64::from(stream.held.is_some())) * per_packet;
        while written(&self) < end {
            let mut frame = std::mem::take(&mut self.waiting);
            frame.resize(self.frame, 0.0);
            self.frame(&frame)?;
        }
        if let Some(last) = self.held.take() {
            self.writer.write_packet(last, SERIAL, PacketWriteEndInfo::EndStream, end)?;
        }
        Ok(self.writer.into_inner().flush()?)
    }
}

/// Gives the samples of a stream, mono at a rate that Opus knows, in blocks.
pub fn decode(
    file: File,
    hz: u32,
    mut take: impl FnMut(&[f32]) -> Result<(), AudioError>,
) -> Result<(), AudioError> {
    let mut packets = PacketReader::new(BufReader::new(file));
    let head = packets.read_packet()?.ok_or_else(|| broken("it is empty"))?;
    let serial = head.stream_serial();
    let skip = match head.data.as_slice() {
        [
            b'O',
            b'p',
            b'u',
            b's',
            b'H',
            b'e',
            b'a',
            b'd',
            0..=15,
            1 | 2,
            low,
            high,
            _,
            _,
            _,
            _,
            _,
            _,
            0,
            ..,
        ] => u64::from(u16::from_le_bytes([*low, *high])),
        _ => return Err(broken("no Opus head of one or two channels")),
    };
    packets.read_packet()?.ok_or_else(|| broken("it ends behind its head"))?;
    let mut decoder = Decoder::new(hz, Channels::Mono).map_err(broken)?;
    let unit = u64::from(OPUS_HZ / hz);
    let mut skip = skip / unit;
    let lead = skip;
    let mut gone = 0u64;
    let mut block = vec![0.0; (hz / 1000 * MAX_PACKET_MS) as usize];
    while let Some(packet) = packets.read_packet()? {
        if packet.stream_serial() != serial {
            continue;
        }
        let length = decoder.decode_float(&packet.data, &mut block, DecodeMode::Normal);
        let mut samples = block.get(..length.map_err(broken)?).unwrap_or_default();
        let skipped = skip.min(samples.len() as u64);
        skip -= skipped;
        samples = samples.get(skipped as usize..).unwrap_or_default();
        if packet.last_in_stream() {
            let end = (packet.absgp_page() / unit).saturating_sub(lead);
            let left = end.saturating_sub(gone).min(samples.len() as u64);
            samples = samples.get(..left as usize).unwrap_or_default();
        }
        gone += samples.len() as u64;
        take(samples)?;
    }
    Ok(())
}

fn broken(error: impl std::fmt::Display) -> AudioError {
    AudioError::Opus(error.to_string())
}

impl From<ogg::OggReadError> for AudioError {
    fn from(error: ogg::OggReadError) -> Self {
        broken(error)
    }
}
