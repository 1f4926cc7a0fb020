//! Recordings as a corpus, for a model that knows its extractors.

use std::collections::BTreeMap;

use mct_corpus::import::{fill_groups, stacked_unknown};
use mct_corpus::{Corpus, Metadata, ModalityBuilder, Precision, Utterance};
use mct_extractors::{Corruption, Extractor, Extractors, Input, LoadError};
use mct_hfr::config::Interface;
use mct_recordings::FRAMES_HZ;

use crate::one::{Extracted, Subject, of_recording};
use crate::shown::{Media, Medium, Thumbnail};
use crate::source::Reader;

/// Pictures of a recording that are shown, at most: twenty minutes.
const MOST_PICTURES: usize = 6000;

/// Recordings as a corpus, and why modalities are missing in each, or for how long.
#[derive(Debug)]
pub struct Clips {
    pub corpus: Corpus,
    /// For each recording the causes by modality.
    pub missing: Vec<BTreeMap<String, String>>,
    /// What each recording sounds and looks like, where that was asked for.
    pub media: Vec<Media>,
    /// What else was found wrong.
    pub notes: Vec<String>,
}

/// Why recordings give no corpus for a model.
#[derive(Debug, thiserror::Error)]
pub enum ExtractionError {
    /// Nothing says what made the features that the model was trained on.
    #[error(
        "the model does not know what extracted its features ({0}); it takes features of clips, and recordings \
         only where its corpus was made by `mct-hfr corpus extract`"
    )]
    Unknown(String),
    #[error(
        "{modality}: the model was trained on features of {wanted}, and the weights here are {found}"
    )]
    OtherWeights {
        modality: String,
        wanted: String,
        found: String,
    },
    #[error(
        "{modality}: the model has {found} features, where its extractor gives {dim} or a multiple of them"
    )]
    Width {
        modality: String,
        found: usize,
        dim: usize,
    },
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("{0}")]
    Nothing(String),
    #[error("{0}")]
    Invalid(String),
}

/// The modalities of a model of which it is known what extracted them.
#[derive(Debug, Clone)]
pub struct Known {
    /// Their places among the modalities of the model.
    places: Vec<usize>,
    extractors: Vec<Extractor>,
    /// Why others cannot be extracted here, by their places.
    without: BTreeMap<usize, String>,
}

impl Known {
    /// # Errors
    /// When it is known of none.
    pub fn of(interface: &Interface) -> Result<Self, ExtractionError> {
        let (mut places, mut extractors) = (Vec::new(), Vec::new());
        for (place, shape) in interface.modalities.iter().enumerate() {
            let Some(identity) = shape.extractor.as_deref() else {
                continue;
            };
            let name = identity.split_once('@').map_or(identity, |(name, _)| name);
            // A later version may know more of them.
            if let Ok(extractor) = Extractor::parse(name) {
                places.push(place);
                extractors.push(extractor);
            }
        }
        match places.is_empty() {
            true => Err(ExtractionError::Unknown(interface.describe_modalities())),
            false => Ok(Self {
                places,
                extractors,
                without: BTreeMap::new(),
            }),
        }
    }

    /// What has to be loaded for them, in this order.
    pub fn extractors(&self) -> &[Extractor] {
        &self.extractors
    }

    /// Does without the extractors for which there is a reason.
    #[must_use]
    pub fn without(mut self, reasons: &BTreeMap<Extractor, String>) -> Self {
        let all = std::mem::take(&mut self.places).into_iter();
        for (place, extractor) in all.zip(std::mem::take(&mut self.extractors)) {
            match reasons.get(&extractor) {
                Some(reason) => drop(self.without.insert(place, reason.clone())),
                None => {
                    self.places.push(place);
                    self.extractors.push(extractor);
                }
            }
        }
        self
    }

    /// What each modality of the model is heard or seen as.
    pub fn media(&self, modalities: usize) -> Vec<Option<Medium>> {
        let of = |place: usize| {
            let found = self.places.iter().position(|known| *known == place)?;
            Some(match self.extractors[found].input() {
                Input::Sound => Medium::Sound,
                Input::Words => Medium::Words,
                Input::Faces => Medium::Pictures,
            })
        };
        (0..modalities).map(of).collect()
    }

    /// # Errors
    /// When other weights than those of the model's corpus are loaded, or they give other features.
    fn require(
        &self,
        interface: &Interface,
        extractors: &Extractors,
    ) -> Result<(), ExtractionError> {
        for (place, loaded) in self.places.iter().zip(extractors.iter()) {
            let shape = &interface.modalities[*place];
            let found = loaded.identity();
            if let Some(wanted) = shape.extractor.clone().filter(|wanted| *wanted != found) {
                return Err(ExtractionError::OtherWeights {
                    modality: shape.name.clone(),
                    wanted,
                    found,
                });
            }
            // Of one step, or of several that were stacked.
            let (found, dim) = (shape.features, loaded.dim());
            if found == 0 || !found.is_multiple_of(dim) {
                return Err(ExtractionError::Width {
                    modality: shape.name.clone(),
                    found,
                    dim,
                });
            }
        }
        Ok(())
    }
}

/// Extracts what the model of this `interface` was trained on out of each recording. `extractors` are those
/// of `known`; with `shows` the result has what a person sees and hears, too. `done` is told after each
/// recording.
///
/// # Errors
/// When the features of the model were made with other weights, or nothing at all can be extracted.
#[expect(clippy::too_many_arguments, reason = "what is read, by what, for what")]
pub fn clips(
    title: &str,
    subjects: &[Subject],
    interface: &Interface,
    known: &Known,
    extractors: &Extractors,
    reader: &Reader,
    shows: bool,
    mut done: impl FnMut(usize),
) -> Result<Clips, ExtractionError> {
    known.require(interface, extractors)?;
    let mut builders = Vec::new();
    for (place, shape) in interface.modalities.iter().enumerate() {
        let mut found = known.places.iter().zip(extractors.iter());
        let found = found.find(|(known, _)| **known == place);
        let found = found.map(|(_, loaded)| loaded);
        let dim = found.map_or(1, |loaded| loaded.dim());
        // Steps may have been stacked when the corpus was made.
        let stack = (shape.features / dim).max(1);
        let rate_hz = found.and_then(|loaded| match loaded.extractor().input() {
            Input::Faces => Some(FRAMES_HZ),
            _ => loaded.rate_hz(),
        });
        let unknown = found.and_then(|loaded| loaded.unknown());
        let builder = ModalityBuilder::new(&shape.name, shape.features, Precision::F32)
            .rate_hz(rate_hz.map(|rate| rate / stack as f32))
            .unknown(unknown.map(|rows| stacked_unknown(&rows, dim, stack)))
            .extractor(shape.extractor.clone());
        builders.push((builder, dim, stack));
    }
    let (mut utterances, mut missing, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut media = Vec::new();
    for (count, subject) in subjects.iter().enumerate() {
        let mut thumbnails = Vec::new();
        let mut watch = |picture: &_, face: Option<&_>| {
            // Of a very long video the beginning is seen.
            if thumbnails.len() < MOST_PICTURES {
                thumbnails.push(Thumbnail::of(picture, face));
            }
        };
        let mut extracted = of_recording(
            *subject,
            extractors,
            reader,
            true,
            &Corruption::default(),
            if shows { Some(&mut watch) } else { None },
        );
        done(count + 1);
        let mut causes = BTreeMap::new();
        let mut rows = Vec::new();
        for (place, (_, dim, stack)) in builders.iter().enumerate() {
            let found = known.places.iter().position(|known| *known == place);
            let values = found.map(|found| std::mem::take(&mut extracted.sequences[found]));
            let mut values = values.unwrap_or_default();
            fill_groups(&mut values, *dim, *stack);
            let width = *dim * *stack;
            let mut gaps = Vec::new();
            for row in values.chunks_exact_mut(width) {
                let is_gap = row.iter().any(|value| value.is_nan());
                if is_gap {
                    row.fill(0.0);
                }
                gaps.push(is_gap);
            }
            let input = found.map(|found| known.extractors[found].input());
            if let Some(reason) = known.without.get(&place) {
                causes.insert(interface.modalities[place].name.clone(), reason.clone());
            } else if let Some(cause) = cause(&values, &gaps, input, subject, &extracted) {
                causes.insert(interface.modalities[place].name.clone(), cause);
            }
            rows.push((values, gaps));
        }
        if rows.iter().all(|(values, _)| values.is_empty()) {
            let texts = causes
                .iter()
                .map(|(modality, cause)| format!("{modality}: {cause}"));
            let texts = texts.collect::<Vec<_>>().join("; ");
            notes.push(format!("{}: nothing to predict from ({texts})", subject.id));
            continue;
        }
        for ((builder, ..), (values, gaps)) in builders.iter_mut().zip(&rows) {
            builder.push_masked(values, gaps);
        }
        // Those of a modality that is missing are said with it.
        for own in &extracted.causes {
            if !causes.values().any(|said| said.contains(&own.text)) {
                notes.push(format!("{}: {}", subject.id, own.text));
            }
        }
        missing.push(causes);
        utterances.push(Utterance {
            id: subject.id.to_owned(),
            duration_secs: extracted.duration_secs(),
            transcript: subject.transcript.map(|said| said.trim().to_owned()),
            ..Utterance::default()
        });
        if shows {
            let (samples, rate_hz) = match extracted.waveform {
                Some(waveform) => (waveform.samples, waveform.rate_hz),
                None => (Vec::new(), 0),
            };
            let mut words = vec![Vec::new(); builders.len()];
            for (place, loaded) in known.places.iter().zip(extractors.iter()) {
                words[*place] = loaded.pieces(subject.transcript.unwrap_or_default());
            }
            media.push(Media {
                samples,
                rate_hz,
                pictures: thumbnails,
                words,
            });
        }
    }
    let modalities: Vec<_> = builders
        .into_iter()
        .map(|(builder, ..)| builder.build())
        .collect();
    if utterances.is_empty() {
        return Err(ExtractionError::Nothing(notes.join("; ")));
    }
    let metadata = Metadata {
        title: title.to_owned(),
        licence: "not stated".to_owned(),
        ..Metadata::default()
    };
    let corpus = Corpus::new(title.to_owned(), metadata, utterances, modalities);
    let corpus = corpus.map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        ExtractionError::Invalid(format!("{title}: {}", findings.join("; ")))
    })?;
    Ok(Clips {
        corpus,
        missing,
        media,
        notes,
    })
}

/// Why a modality is missing, or some of it.
fn cause(
    values: &[f32],
    gaps: &[bool],
    input: Option<Input>,
    subject: &Subject,
    extracted: &Extracted,
) -> Option<String> {
    if !values.is_empty() {
        let count = gaps.iter().filter(|gap| **gap).count();
        let seconds = |count: usize| count as f32 / FRAMES_HZ;
        return (count > 0).then(|| {
            let (without, all) = (seconds(count), seconds(gaps.len()));
            format!("no face for {without:.1} of {all:.1} s")
        });
    }
    let all = |texts: &[&str]| texts.join("; ");
    let texts: Vec<&str> = extracted
        .causes
        .iter()
        .map(|own| own.text.as_str())
        .collect();
    Some(match input {
        None => "the model does not know what extracted it".to_owned(),
        Some(Input::Words) if subject.transcript.is_none() => "no transcript is given".to_owned(),
        Some(Input::Words) => "the transcript has no word".to_owned(),
        Some(Input::Faces) if subject.moving.is_none() => "a recording without pictures".to_owned(),
        Some(Input::Faces | Input::Sound) => all(&texts),
    })
}
