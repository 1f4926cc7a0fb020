//! The features of one recording.

use std::fs::File;
use std::path::Path;

use mct_extractors::{Extractor, Input, SAMPLE_RATE_HZ, Sequence};
use mct_recordings::{Ffmpeg, RecordingError, Waveform};
use serde::{Deserialize, Serialize};

use super::Feature;

/// Why a modality is missing, or less than it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The file that it lies in; empty where there is none.
    pub file: String,
    pub text: String,
}

/// The features of one recording.
#[derive(Debug, Default)]
pub struct Extracted {
    /// One for each feature; without a step where it is missing.
    pub sequences: Vec<Sequence>,
    pub duration_secs: Option<f32>,
    pub causes: Vec<Cause>,
    /// A program that is not there would have read it.
    pub needs_ffmpeg: bool,
}

/// Extracts all features of a recording; what cannot be had is missing, with the cause. With `times` the
/// sound is opened for its duration, even if no feature is of it. `corrupt` may change the sound before.
pub fn of_recording(
    audio: Option<&Path>,
    transcript: Option<&str>,
    features: &[Feature],
    ffmpeg: &Ffmpeg,
    times: bool,
    corrupt: impl FnOnce(&mut [f32]),
) -> Extracted {
    let mut extracted = Extracted::default();
    let hears = features
        .iter()
        .any(|feature| feature.extractor.input() == Input::Sound);
    let mut waveform = match audio {
        Some(path) if hears || times => sound(path, ffmpeg, &mut extracted),
        _ => None,
    };
    if let Some(waveform) = &mut waveform {
        corrupt(&mut waveform.samples);
    }
    extracted.duration_secs = waveform.as_ref().map(Waveform::duration_secs);
    let mut short = false;
    let mut of_feature = |extractor: Extractor| match extractor.input() {
        Input::Sound => {
            let samples = waveform
                .as_ref()
                .map(|waveform| waveform.samples.as_slice());
            let sequence = extractor.of_sound(samples.unwrap_or_default());
            short |= samples.is_some() && sequence.steps() == 0;
            sequence
        }
        Input::Words => extractor.of_words(transcript.unwrap_or_default()),
    };
    extracted.sequences = features
        .iter()
        .map(|feature| of_feature(feature.extractor))
        .collect();
    if let Some(path) = audio.filter(|_| short) {
        extracted
            .causes
            .push(cause(path, "is shorter than one window of 25 ms"));
    }
    extracted
}

fn cause(path: &Path, text: impl std::fmt::Display) -> Cause {
    Cause {
        file: path.display().to_string(),
        text: text.to_string(),
    }
}

/// The sound of a file at the rate of the extractors: by our own readers, else by ffmpeg.
fn sound(path: &Path, ffmpeg: &Ffmpeg, extracted: &mut Extracted) -> Option<Waveform> {
    let own = own(path);
    let waveform = match own {
        Err(
            error @ (RecordingError::Unknown(_)
            | RecordingError::NoAudio
            | RecordingError::Undecodable(_)
            | RecordingError::Empty),
        ) => match ffmpeg.sound(path) {
            Err(RecordingError::NoFfmpeg(_)) => {
                extracted.needs_ffmpeg = true;
                let text = format!("{error}; ffmpeg, which may read it, is not on the PATH");
                extracted.causes.push(cause(path, text));
                return None;
            }
            // Our own words are the clearer ones.
            Err(other) if !matches!(other, RecordingError::NoAudio) => Err(error),
            other => other,
        },
        other => other,
    };
    let waveform = waveform.and_then(|waveform| waveform.resampled(SAMPLE_RATE_HZ));
    match waveform {
        Ok(waveform) => {
            if waveform.damaged > 0 {
                let text = format!("{} damaged packets are left out", waveform.damaged);
                extracted.causes.push(cause(path, text));
            }
            if waveform.cut_off {
                extracted.causes.push(cause(
                    path,
                    "is cut off: the file ends before its sound does",
                ));
            }
            Some(waveform)
        }
        Err(error) => {
            extracted.causes.push(cause(path, error));
            None
        }
    }
}

fn own(path: &Path) -> Result<Waveform, RecordingError> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        let kind = std::io::ErrorKind::InvalidInput;
        return Err(std::io::Error::new(kind, "no regular file").into());
    }
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().into_owned());
    Waveform::decode(Box::new(file), ending.as_deref())
}
