//! The features of one recording.

use mct_extractors::{Corruption, Extractors, Input, Loaded, SAMPLE_RATE_HZ};
use mct_networks::Picture;
use mct_networks::mtcnn::Face;
use mct_recordings::{FRAMES_HZ, Frame, Waveform};
use serde::{Deserialize, Serialize};

use crate::source::{Failed, Moving, Reader, Sound};

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
    pub sound: Option<Sound<'a>>,
    pub moving: Option<Moving<'a>>,
    /// As it was heard.
    pub transcript: Option<&'a str>,
}

/// The features of one recording.
#[derive(Debug, Default)]
pub struct Extracted {
    /// `[steps, dim]` row by row for each extractor; without a step where the modality is missing. A
    /// picture without a face is a step of NaN.
    pub sequences: Vec<Vec<f32>>,
    /// The sound at [`SAMPLE_RATE_HZ`], where it was opened.
    pub waveform: Option<Waveform>,
    pub causes: Vec<Cause>,
    /// A program that is not there would have read it.
    pub needs_ffmpeg: bool,
    /// It may go well another time: the machine failed, not the file.
    pub is_transient: bool,
}

impl Extracted {
    pub fn duration_secs(&self) -> Option<f32> {
        self.waveform.as_ref().map(Waveform::duration_secs)
    }
}

/// Is given every picture and the face in it.
pub type Watch<'a> = &'a mut dyn FnMut(&Picture, Option<&Face>);

/// Extracts all features of a recording; what cannot be had is missing, with the cause. With `times` the
/// sound is opened for its duration, even if no feature is of it; with `watch` the pictures likewise.
pub fn of_recording(
    subject: Subject,
    extractors: &Extractors,
    reader: &Reader,
    times: bool,
    corruption: &Corruption,
    watch: Option<Watch>,
) -> Extracted {
    let mut extracted = Extracted::default();
    let reads = |input| {
        extractors
            .iter()
            .any(|own| own.extractor().input() == input)
    };
    let mut waveform = match subject.sound {
        Some(file) if reads(Input::Sound) || times => sound(file, reader, &mut extracted),
        _ => None,
    };
    if let Some(waveform) = &mut waveform {
        corruption.sound(subject.id, &mut waveform.samples);
    }
    let mut seen = match subject.moving {
        Some(moving) if reads(Input::Faces) || watch.is_some() => faces(
            subject.id,
            moving,
            extractors,
            reader,
            corruption,
            &mut extracted,
            watch,
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
    if let Some(file) = subject.sound {
        let short = short.then(|| "is shorter than one window of 25 ms".to_owned());
        let texts = short.into_iter().chain(long);
        let causes = texts.map(|text| cause(file.name(), text));
        extracted.causes.extend(causes);
    }
    extracted.waveform = waveform;
    extracted
}

const fn cause(file: String, text: String) -> Cause {
    Cause { file, text }
}

/// The features of the most prominent face in each picture, for each extractor of faces.
fn faces(
    id: &str,
    source: Moving,
    extractors: &Extractors,
    reader: &Reader,
    corruption: &Corruption,
    extracted: &mut Extracted,
    mut watch: Option<Watch>,
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
        let half = source.columns(width);
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
        let face = picture.as_ref().and_then(|own| extractors.face(own));
        if let (Some(watch), Some(picture)) = (&mut watch, &picture) {
            watch(picture, face.as_ref());
        }
        let found = face.zip(picture);
        with_face += usize::from(found.is_some());
        for (own, sequence) in own.iter().zip(&mut sequences) {
            match &found {
                Some((face, picture)) => sequence.extend(own.of_face(picture, face)),
                None => sequence.extend(std::iter::repeat_n(f32::NAN, own.dim())),
            }
        }
    };
    let text = match reader.pictures(source, take) {
        Err(Failed {
            text,
            needs_ffmpeg,
            is_transient,
        }) => {
            extracted.needs_ffmpeg |= needs_ffmpeg;
            extracted.is_transient |= is_transient;
            sequences.iter_mut().for_each(Vec::clear);
            Some(text)
        }
        // Nobody looked for one.
        Ok(()) if own.is_empty() => None,
        Ok(()) if with_face == 0 => {
            sequences.iter_mut().for_each(Vec::clear);
            Some(format!("has no face in any of {all} pictures"))
        }
        Ok(()) if with_face < all => Some(format!(
            "has no face in {} of {all} pictures ({:.1} s)",
            all - with_face,
            (all - with_face) as f32 / FRAMES_HZ
        )),
        Ok(()) => None,
    };
    let causes = text.map(|text| cause(source.name(), text));
    extracted.causes.extend(causes);
    sequences
}

/// The sound of a file at the rate of the extractors.
fn sound(file: Sound, reader: &Reader, extracted: &mut Extracted) -> Option<Waveform> {
    let waveform = reader.sound(file).and_then(|waveform| {
        waveform
            .resampled(SAMPLE_RATE_HZ)
            .map_err(|error| Failed::of(&error))
    });
    let mut say = |text: String| extracted.causes.push(cause(file.name(), text));
    match waveform {
        Ok(waveform) => {
            if waveform.damaged > 0 {
                say(format!("{} damaged packets are left out", waveform.damaged));
            }
            if waveform.cut_off {
                say("is cut off: the file ends before its sound does".to_owned());
            }
            Some(waveform)
        }
        Err(failed) => {
            say(failed.text);
            extracted.needs_ffmpeg |= failed.needs_ffmpeg;
            extracted.is_transient |= failed.is_transient;
            None
        }
    }
}
