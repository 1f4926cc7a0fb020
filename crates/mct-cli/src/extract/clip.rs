//! One recording as a corpus of a single utterance, for a model that knows its extractors.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use mct_corpus::import::fill_groups;
use mct_corpus::{Corpus, Metadata, ModalityBuilder, Precision, Utterance};
use mct_extractors::{Extractor, Input};
use mct_hfr::config::Interface;
use mct_recordings::Ffmpeg;

use super::one::of_recording;
use super::{Feature, is_recording};

/// A clip, and why modalities are missing in it.
pub struct Clip {
    pub corpus: Corpus,
    pub missing: BTreeMap<String, String>,
    /// What else was found wrong with the recording.
    pub notes: Vec<String>,
}

/// Extracts what the model was trained on out of the recording at `path`.
///
/// # Errors
/// When there is no such file, the model does not know what made any of its features, or nothing at all
/// can be extracted.
pub fn clip(path: &Path, transcript: Option<&str>, interface: &Interface) -> Result<Clip> {
    debug_assert!(is_recording(path), "by its name");
    let file = path.display();
    if !path.is_file() {
        bail!("{file}: no such file");
    }
    let known: Vec<(usize, Feature)> = (interface.modalities.iter().enumerate())
        .filter_map(|(place, shape)| {
            let extractor = Extractor::of_name(shape.extractor.as_deref()?)?;
            let modality = shape.name.clone();
            Some((
                place,
                Feature {
                    modality,
                    extractor,
                },
            ))
        })
        .collect();
    if known.is_empty() {
        bail!(
            "{file}: the model does not know what extracted its features ({}); it takes features of clips, \
             and recordings only where its corpus was made by `mct-hfr corpus extract`",
            interface.describe_modalities()
        );
    }
    let features: Vec<Feature> = known.iter().map(|(_, feature)| feature.clone()).collect();
    let ffmpeg = Ffmpeg::default();
    let mut extracted = of_recording(Some(path), transcript, &features, &ffmpeg, false, |_| {});
    let causes: Vec<String> = extracted
        .causes
        .iter()
        .map(|cause| cause.text.clone())
        .collect();
    let mut missing = BTreeMap::new();
    let mut modalities = Vec::new();
    for (place, shape) in interface.modalities.iter().enumerate() {
        let found = known.iter().position(|(of, _)| *of == place);
        let mut values = found.map_or_else(Vec::new, |found| {
            std::mem::take(&mut extracted.sequences[found].values)
        });
        // Steps may have been stacked when the corpus was made.
        let dim = found.map_or(1, |found| known[found].1.extractor.dim());
        let stack = (shape.features / dim).max(1);
        fill_groups(&mut values, dim, stack);
        if values.is_empty() {
            let cause = match found.map(|found| known[found].1.extractor.input()) {
                None => "the model does not know what extracted it".to_owned(),
                Some(Input::Words) if transcript.is_none() => "no --transcript".to_owned(),
                Some(Input::Words) => "the transcript has no word".to_owned(),
                Some(Input::Sound) => causes.join("; "),
            };
            missing.insert(shape.name.clone(), cause);
        }
        let rate_hz = found.and_then(|found| known[found].1.extractor.rate_hz());
        let mut builder = ModalityBuilder::new(&shape.name, shape.features, Precision::F32)
            .rate_hz(rate_hz.map(|rate| rate / stack as f32))
            .extractor(shape.extractor.clone());
        builder.push(&values);
        modalities.push(builder.build());
    }
    if missing.len() == modalities.len() {
        let texts = missing
            .iter()
            .map(|(modality, cause)| format!("{modality}: {cause}"));
        let texts: Vec<String> = texts.collect();
        bail!("{file}: nothing to predict from ({})", texts.join("; "));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let utterance = Utterance {
        id: name.clone().into_owned(),
        duration_secs: extracted.duration_secs,
        transcript: transcript.map(str::to_owned),
        ..Utterance::default()
    };
    let metadata = Metadata {
        title: name.into_owned(),
        licence: "not stated".to_owned(),
        ..Metadata::default()
    };
    let source = file.to_string();
    let corpus = Corpus::new(source, metadata, vec![utterance], modalities);
    let corpus = corpus.map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{file}: {}", findings.join("; "))
    })?;
    // Those of a modality that is missing are said with it.
    let said = |cause: &String| missing.values().any(|text| text.contains(cause.as_str()));
    let notes = causes.into_iter().filter(|cause| !said(cause)).collect();
    Ok(Clip {
        corpus,
        missing,
        notes,
    })
}
