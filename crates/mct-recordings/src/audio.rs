//! Audio files as samples: WAV (8 to 32 bit, float), AIFF, FLAC, MP3, M4A and Ogg Vorbis, on every target.

use std::io::{self, Read, SeekFrom};

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, TrackType};
#[cfg(not(target_arch = "wasm32"))]
use symphonia::core::io::ReadOnlySource;
use symphonia::core::io::{MediaSource, MediaSourceStream};

use crate::error::RecordingError;

/// Samples of the input that are transformed at a time, at least: many, so that the filter is steep.
const LEAST_BLOCK: usize = 2048;

/// Rates that a recording can have: a header may claim any.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1000..=768_000;

/// How files begin that hold pictures, too: in their bytes a reader of MP3 would find frames by chance.
const CONTAINERS: [&[u8]; 5] = [
    b"\x1A\x45\xDF\xA3",
    b"\x30\x26\xB2\x75",
    b"FLV\x01",
    b"\0\0\x01\xBA",
    b"\0\0\x01\xB3",
];

/// How long a sound may be: samples for each byte of its file (speech as Opus in its lowest quality has 64, silence
/// hundreds), and whatever the length of the file as many as are 93 minutes at 48 kHz.
const PER_BYTE: u64 = 64;
const ANYWAY: u64 = 1 << 28;

/// Sound of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Waveform {
    /// Between -1 and 1 for what is stored as integers.
    pub samples: Vec<f32>,
    pub rate_hz: u32,
    /// Packets of a compressed file that are damaged, and left out.
    pub damaged: usize,
    /// Whether the file ends before its sound does.
    pub cut_off: bool,
}

impl Waveform {
    /// Decodes an audio file; channels are averaged. `ending` is that of its name, a hint.
    ///
    /// # Errors
    /// When the source cannot be read, is of no known format, has no audio or none that can be decoded, or has
    /// more of it than a file of its length can be expected to hold.
    pub fn decode(
        source: Box<dyn MediaSource>,
        ending: Option<&str>,
    ) -> Result<Self, RecordingError> {
        let most = Most::of(source.byte_len().unwrap_or(0));
        Self::of_at_most(source, ending, most)
    }

    fn of_at_most(
        mut source: Box<dyn MediaSource>,
        ending: Option<&str>,
        most: Most,
    ) -> Result<Self, RecordingError> {
        refuse_containers(&mut *source)?;
        Self::of(source, ending, most)
    }

    /// Decodes a WAV file while it is written.
    ///
    /// # Errors
    /// As [`Self::decode`].
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of_pipe(
        pipe: impl Read + Send + Sync + 'static,
        most: Most,
    ) -> Result<Self, RecordingError> {
        Self::of(Box::new(ReadOnlySource::new(pipe)), Some("wav"), most)
    }

    fn of(
        source: Box<dyn MediaSource>,
        ending: Option<&str>,
        most: Most,
    ) -> Result<Self, RecordingError> {
        let mut hint = Hint::new();
        if let Some(ending) = ending {
            hint.with_extension(ending);
        }
        let stream = MediaSourceStream::new(source, Default::default());
        let probe = symphonia::default::get_probe();
        let mut format = probe
            .probe(&hint, stream, Default::default(), Default::default())
            .map_err(|error| match error {
                Symphonia::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                    RecordingError::Io(error)
                }
                other => RecordingError::Unknown(other.to_string()),
            })?;
        let track = format
            .default_track(TrackType::Audio)
            .ok_or(RecordingError::NoAudio)?;
        let id = track.id;
        let parameters = track.codec_params.as_ref().and_then(|all| all.audio());
        let parameters = parameters.ok_or(RecordingError::NoAudio)?;
        // Without a header that counts them, the length of an MP3 is a guess from its first frames, and what is
        // behind it would be trimmed.
        let is_counted = track.delay.is_some() || track.padding.is_some();
        let trims = is_counted || parameters.codec != CODEC_ID_MP3;
        let is_endless = track.num_frames.is_none();
        let mut decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default().gapless(trims))
            .map_err(|error| RecordingError::Undecodable(error.to_string()))?;
        let mut waveform = decode(&mut *format, &mut *decoder, id, most)?;
        // A WAV from a pipe does not know its length.
        waveform.cut_off &= !is_endless;
        Ok(waveform)
    }

    /// Seconds.
    pub fn duration_secs(&self) -> f32 {
        self.samples.len() as f32 / self.rate_hz as f32
    }

    /// The same sound at `rate_hz` samples a second, without what lies above half of that.
    ///
    /// # Errors
    /// When a rate is one that no filter can be made for.
    pub fn resampled(self, rate_hz: u32) -> Result<Self, RecordingError> {
        if self.rate_hz == rate_hz {
            return Ok(self);
        }
        let fails = |cause: String| RecordingError::Rate {
            from: self.rate_hz,
            cause,
        };
        let mut filter = Fft::<f32>::new_custom(
            self.rate_hz as usize,
            rate_hz as usize,
            block(self.rate_hz as usize, rate_hz as usize),
            1,
            1,
            WindowFunction::BlackmanHarris2,
            FixedSync::Input,
        )
        .map_err(|error| fails(error.to_string()))?;
        let length = self.samples.len();
        let input = InterleavedSlice::new(&self.samples, 1, length)
            .map_err(|error| fails(error.to_string()))?;
        let output = filter.process_all(&input, length, None);
        let samples = output
            .map_err(|error| fails(error.to_string()))?
            .take_data();
        Ok(Self {
            samples,
            rate_hz,
            ..self
        })
    }
}

/// As many samples as a file may hold.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    bytes: u64,
    pub samples: usize,
}

impl Most {
    /// Of a file of this length.
    pub fn of(bytes: u64) -> Self {
        let mut samples = bytes.saturating_mul(PER_BYTE).saturating_add(ANYWAY);
        if cfg!(target_pointer_width = "32") {
            // As in a page: a vector of twice as many cannot be made.
            samples = samples.min(1 << 27);
        }
        Self {
            bytes,
            samples: usize::try_from(samples).unwrap_or(usize::MAX),
        }
    }

    /// # Errors
    /// When it holds more.
    pub fn require(self, found: usize) -> Result<(), RecordingError> {
        match found > self.samples {
            true => Err(RecordingError::TooLong {
                bytes: self.bytes,
                most: self.samples,
            }),
            false => Ok(()),
        }
    }
}

/// Samples of the input that are transformed at a time: a whole number of periods of both rates, and an even
/// one, since the middle of the filter has to be a sample for the sound not to be moved by half of one.
fn block(from: usize, to: usize) -> usize {
    let divisor = {
        let (mut a, mut b) = (from, to);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a.max(1)
    };
    let unit = 2 * (from / divisor).max(1);
    unit * LEAST_BLOCK.div_ceil(unit)
}

/// # Errors
/// When the source begins like a container that only ffmpeg can read, or cannot be read.
fn refuse_containers(source: &mut dyn MediaSource) -> Result<(), RecordingError> {
    let mut head = Vec::new();
    source.take(12).read_to_end(&mut head)?;
    source.seek(SeekFrom::Start(0))?;
    let is_other_riff = head.starts_with(b"RIFF") && head.get(8..12) != Some(b"WAVE");
    if is_other_riff || CONTAINERS.iter().any(|magic| head.starts_with(magic)) {
        return Err(RecordingError::Unknown("a container of video".to_owned()));
    }
    Ok(())
}

fn decode(
    format: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    track: u32,
    most: Most,
) -> Result<Waveform, RecordingError> {
    let mut waveform = Waveform {
        samples: Vec::new(),
        rate_hz: 0,
        damaged: 0,
        cut_off: false,
    };
    let mut interleaved: Vec<f32> = Vec::new();
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // A file that is cut off keeps what it has, and so does one in which another begins.
            Err(Symphonia::ResetRequired) => {
                waveform.cut_off = true;
                break;
            }
            Err(Symphonia::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                waveform.cut_off = true;
                break;
            }
            Err(Symphonia::IoError(error)) => return Err(RecordingError::Io(error)),
            Err(error) => return Err(RecordingError::Undecodable(error.to_string())),
        };
        if packet.track_id != track {
            continue;
        }
        let buffer = match decoder.decode(&packet) {
            Ok(buffer) => buffer,
            Err(Symphonia::DecodeError(_) | Symphonia::IoError(_)) => {
                waveform.damaged += 1;
                continue;
            }
            Err(error) => return Err(RecordingError::Undecodable(error.to_string())),
        };
        let channels = buffer.spec().channels().count().max(1);
        let rate = buffer.spec().rate();
        if waveform.rate_hz != 0 && waveform.rate_hz != rate {
            let cause = format!("it goes from {} to {rate} Hz", waveform.rate_hz);
            return Err(RecordingError::Undecodable(cause));
        }
        waveform.rate_hz = rate;
        buffer.copy_to_vec_interleaved(&mut interleaved);
        let frames = interleaved.chunks_exact(channels);
        let mono = frames.map(|frame| frame.iter().sum::<f32>() / channels as f32);
        waveform.samples.extend(mono);
        most.require(waveform.samples.len())?;
    }
    whole(waveform)
}

/// # Errors
/// When there is nothing, or what no filter can take.
fn whole(waveform: Waveform) -> Result<Waveform, RecordingError> {
    if waveform.samples.is_empty() || waveform.rate_hz == 0 {
        let damaged = waveform.damaged;
        return Err(match damaged {
            0 => RecordingError::Empty,
            _ => RecordingError::Undecodable(format!("all of its {damaged} packets are damaged")),
        });
    }
    if !RATES_HZ.contains(&waveform.rate_hz) {
        return Err(RecordingError::Rate {
            from: waveform.rate_hz,
            cause: "no recording has this rate".to_owned(),
        });
    }
    if !waveform.samples.iter().all(|sample| sample.is_finite()) {
        return Err(RecordingError::NotFinite);
    }
    Ok(waveform)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_small_file_does_not_unfold_without_end() {
        // A minute of silence, 8 bits a sample.
        let mut wav = b"RIFF".to_vec();
        wav.extend(480_036_u32.to_le_bytes());
        wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        wav.extend([8000_u32, 8000].map(u32::to_le_bytes).concat());
        wav.extend(b"\x01\0\x08\0data");
        wav.extend(480_000_u32.to_le_bytes());
        wav.resize(wav.len() + 480_000, 128);
        let open = |most| {
            let source = Box::new(Cursor::new(wav.clone()));
            Waveform::of_at_most(source, Some("wav"), most)
        };
        let most = |samples| Most { bytes: 7, samples };
        assert_eq!(open(most(480_000)).unwrap().samples.len(), 480_000);
        let refused = open(most(479_999)).unwrap_err().to_string();
        assert!(refused.contains("more than 479999 samples"), "{refused}");
        assert!(refused.contains("a file of 7 bytes"), "{refused}");
        // Two hours at 48 kHz, in the lowest quality and in silence.
        let hours = 48_000 * 7200;
        assert!(Most::of(6000 / 8 * 7200).require(hours).is_ok());
        assert!(Most::of(100_000).require(hours).is_err());
        assert!(Most::of(u64::MAX).require(usize::MAX).is_ok());
    }
}
