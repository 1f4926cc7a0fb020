//! The features of one recording.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use mct_extractors::{Corruption, Extractors, Input, Loaded, SAMPLE_RATE_HZ};
use mct_networks::Picture;
use mct_recordings::tree::{Half, Pictures};
use mct_recordings::{FRAMES_HZ, Ffmpeg, Frame, RecordingError, Waveform, pictures};
use serde::{Deserialize, Serialize};

/// Why a modality is missing, or less than it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The file that it lies in; empty where there is none.
    pub file: String,
    pub text: String,
}

/// What features are extracted of.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub id: &'a str,
    pub audio: Option<&'a Path>,
    pub pictures: Option<&'a Pictures>,
    /// As it was heard.
    pub transcript: Option<&'a str>,
}

/// The features of one recording.
#[derive(Debug, Default)]
pub struct Extracted {
    /// `[steps, dim]` row by row for each extractor; without a step where the modality is missing. A
    /// picture without a face is a step of NaN.
    pub sequences: Vec<Vec<f32>>,
    pub duration_secs: Option<f32>,
    pub causes: Vec<Cause>,
    /// A program that is not there would have read it.
    pub needs_ffmpeg: bool,
    /// It may go well another time: the machine failed, not the file.
    pub is_transient: bool,
}

/// Extracts all features of a recording; what cannot be had is missing, with the cause. With `times` the
/// sound is opened for its duration, even if no feature is of it.
pub fn of_recording(
    subject: Subject,
    extractors: &Extractors,
    ffmpeg: &Ffmpeg,
    times: bool,
    corruption: &Corruption,
) -> Extracted {
    let mut extracted = Extracted::default();
    let reads = |input| {
        extractors
            .iter()
            .any(|own| own.extractor().input() == input)
    };
    let mut waveform = match subject.audio {
        Some(path) if reads(Input::Sound) || times => sound(path, ffmpeg, &mut extracted),
        _ => None,
    };
    if let Some(waveform) = &mut waveform {
        corruption.sound(subject.id, &mut waveform.samples);
    }
    extracted.duration_secs = waveform.as_ref().map(Waveform::duration_secs);
    let mut seen = match subject.pictures {
        Some(pictures) if reads(Input::Faces) => faces(
            subject.id,
            pictures,
            extractors,
            ffmpeg,
            corruption,
            &mut extracted,
        ),
        _ => Vec::new(),
    }
    .into_iter();
    let (mut short, mut long) = (false, None);
    let mut of_extractor = |own: &Loaded| match own.extractor().input() {
        Input::Sound => {
            let samples = waveform
                .as_ref()
                .map(|waveform| waveform.samples.as_slice());
            if let (Some(limit), Some(samples)) = (own.longest_secs(), samples)
                && samples.len() > limit * SAMPLE_RATE_HZ as usize
            {
                let extractor = own.extractor();
                long = Some(format!(
                    "is longer than the {limit} s that {extractor} takes"
                ));
                return Vec::new();
            }
            let values = own.of_sound(samples.unwrap_or_default());
            short |= samples.is_some() && values.is_empty();
            values
        }
        Input::Words => own.of_words(subject.transcript.unwrap_or_default()),
        Input::Faces => seen.next().unwrap_or_default(),
    };
    extracted.sequences = extractors.iter().map(&mut of_extractor).collect();
    if let Some(path) = subject.audio.filter(|_| short) {
        let text = "is shorter than one window of 25 ms";
        extracted.causes.push(cause(path, text));
    }
    if let (Some(path), Some(text)) = (subject.audio, long) {
        extracted.causes.push(cause(path, text));
    }
    extracted
}

/// Whether the same file may be read another time.
fn is_transient(error: &RecordingError) -> bool {
    match error {
        RecordingError::Stopped => true,
        RecordingError::Io(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::InvalidData
        ),
        _ => false,
    }
}

fn cause(path: &Path, text: impl std::fmt::Display) -> Cause {
    Cause {
        file: path.display().to_string(),
        text: text.to_string(),
    }
}

/// The features of the most prominent face in each picture, for each extractor of faces.
fn faces(
    id: &str,
    source: &Pictures,
    extractors: &Extractors,
    ffmpeg: &Ffmpeg,
    corruption: &Corruption,
    extracted: &mut Extracted,
) -> Vec<Vec<f32>> {
    let own = extractors
        .iter()
        .filter(|own| own.extractor().input() == Input::Faces);
    let own: Vec<&Loaded> = own.collect();
    let mut sequences = vec![Vec::new(); own.len()];
    let (mut all, mut with_face) = (0, 0);
    let take = |frame: Frame| {
        let Frame {
            width,
            height,
            mut rgb,
        } = frame;
        // The speaker's half first: the other one is not what is corrupted.
        let half = match source.half {
            Some(Half::Left) if width > 1 => Some((0, width / 2)),
            Some(Half::Right) if width > 1 => Some((width / 2, width)),
            _ => None,
        };
        let mut width = width;
        if let Some((from, to)) = half {
            let rows = rgb.chunks_exact(3 * width);
            rgb = rows
                .flat_map(|row| &row[3 * from..3 * to])
                .copied()
                .collect();
            width = to - from;
        }
        corruption.picture(id, all, width, &mut rgb);
        all += 1;
        let picture = Picture::new(width, height, rgb);
        let found = picture.and_then(|picture| Some((extractors.face(&picture)?, picture)));
        with_face += usize::from(found.is_some());
        for (own, sequence) in own.iter().zip(&mut sequences) {
            match &found {
                Some((face, picture)) => sequence.extend(own.of_face(picture, face)),
                None => sequence.extend(std::iter::repeat_n(f32::NAN, own.dim())),
            }
        }
    };
    let path = source.path.as_path();
    let read = match path.is_dir() {
        true => pictures(path, take),
        false => match std::fs::metadata(path) {
            Ok(_) => ffmpeg.frames(path, source.seconds, take),
            Err(error) => Err(error.into()),
        },
    };
    let text = match read {
        Err(error) => {
            extracted.needs_ffmpeg |= matches!(error, RecordingError::NoFfmpeg(_));
            extracted.is_transient |= is_transient(&error);
            sequences.iter_mut().for_each(Vec::clear);
            Some(error.to_string())
        }
        Ok(_) if with_face == 0 => {
            sequences.iter_mut().for_each(Vec::clear);
            Some(format!("has no face in any of {all} pictures"))
        }
        Ok(_) if with_face < all => Some(format!(
            "has no face in {} of {all} pictures ({:.1} s)",
            all - with_face,
            (all - with_face) as f32 / FRAMES_HZ
        )),
        Ok(_) => None,
    };
    extracted.causes.extend(text.map(|text| cause(path, text)));
    sequences
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
            Err(stopped @ RecordingError::Stopped) => Err(stopped),
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
            extracted.is_transient |= is_transient(&error);
            extracted.causes.push(cause(path, error));
            None
        }
    }
}

fn own(path: &Path) -> Result<Waveform, RecordingError> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        let kind = ErrorKind::InvalidInput;
        return Err(std::io::Error::new(kind, "no regular file").into());
    }
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().into_owned());
    Waveform::decode(Box::new(file), ending.as_deref())
}
