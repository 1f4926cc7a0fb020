//! Recordings as a corpus, for a model that knows its extractors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use mct_corpus::import::fill_groups;
use mct_corpus::{Corpus, Metadata, ModalityBuilder, Precision, Utterance};
use mct_extractors::{Corruption, Extractor, Input};
use mct_hfr::config::Interface;
use mct_recordings::tree::{Pictures, text};
use mct_recordings::{FRAMES_HZ, Ffmpeg, is_video};

use super::PretrainedArgs;
use super::is_recording;
use super::one::{Extracted, Subject, of_recording};

/// Recordings, and why modalities are missing in each, or for how long.
pub struct Clips {
    pub corpus: Corpus,
    /// For each recording the causes by modality.
    pub missing: Vec<BTreeMap<String, String>>,
    /// What else was found wrong.
    pub notes: Vec<String>,
}

/// Where the features of a modality come from.
struct Known {
    /// The place among the modalities of the model.
    place: usize,
    extractor: Extractor,
}

/// Extracts what the model was trained on out of the recording at `path`, or out of each one in that
/// folder, whose words may be in a `.txt` of the same name beside it.
///
/// # Errors
/// When there is no recording, the model does not know what made any of its features or they were made
/// with other weights, or nothing at all can be extracted.
pub fn clips(
    path: &Path,
    transcript: Option<&str>,
    interface: &Interface,
    pretrained: &PretrainedArgs,
    device: &str,
) -> Result<Clips> {
    let file = path.display();
    let paths = recordings(path)?;
    let is_folder = path.is_dir();
    let known = known(path, interface)?;
    let names: Vec<Extractor> = known.iter().map(|known| known.extractor).collect();
    let extractors = pretrained.load(&names, device)?;
    for (known, loaded) in known.iter().zip(extractors.iter()) {
        let shape = &interface.modalities[known.place];
        let (own, wanted) = (loaded.identity(), shape.extractor.as_deref());
        if wanted.is_some_and(|wanted| wanted != own) {
            bail!(
                "{}: the model was trained on features of {}, and the weights here are {own}",
                shape.name,
                wanted.unwrap_or_default()
            );
        }
    }
    let ffmpeg = Ffmpeg::default();
    let mut builders = Vec::new();
    for (place, shape) in interface.modalities.iter().enumerate() {
        let found = known.iter().zip(extractors.iter());
        let found = found.into_iter().find(|(known, _)| known.place == place);
        let dim = found.as_ref().map_or(1, |(_, loaded)| loaded.dim());
        // Steps may have been stacked when the corpus was made.
        let stack = (shape.features / dim).max(1);
        let rate_hz = found.and_then(|(known, loaded)| match known.extractor.input() {
            Input::Faces => Some(FRAMES_HZ),
            _ => loaded.rate_hz(),
        });
        let unknown = found.and_then(|(_, loaded)| loaded.unknown());
        let builder = ModalityBuilder::new(&shape.name, shape.features, Precision::F32)
            .rate_hz(rate_hz.map(|rate| rate / stack as f32))
            .unknown(unknown.map(|vector| vector.repeat(stack)))
            .extractor(shape.extractor.clone());
        builders.push((builder, dim, stack));
    }
    let (mut utterances, mut missing, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for path in &paths {
        let beside = path.with_extension("txt");
        let heard = match transcript {
            None if is_folder && beside.is_file() => Some(text(&beside)?),
            given => given.map(str::to_owned),
        };
        let pictures = is_video(path).then(|| Pictures {
            path: path.clone(),
            ..Pictures::default()
        });
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let subject = Subject {
            id: &name,
            audio: Some(path),
            pictures: pictures.as_ref(),
            transcript: heard.as_deref(),
        };
        let mut extracted =
            of_recording(subject, &extractors, &ffmpeg, true, &Corruption::default());
        let mut causes = BTreeMap::new();
        let mut rows = Vec::new();
        for (place, (_, dim, stack)) in builders.iter().enumerate() {
            let found = known.iter().position(|known| known.place == place);
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
            let input = found.map(|found| known[found].extractor.input());
            if let Some(cause) = cause(&values, &gaps, input, &subject, &extracted) {
                causes.insert(interface.modalities[place].name.clone(), cause);
            }
            rows.push((values, gaps));
        }
        if rows.iter().all(|(values, _)| values.is_empty()) {
            let texts = causes
                .iter()
                .map(|(modality, cause)| format!("{modality}: {cause}"));
            let texts = texts.collect::<Vec<_>>().join("; ");
            let text = format!("{}: nothing to predict from ({texts})", path.display());
            if !is_folder {
                bail!(text);
            }
            notes.push(text);
            continue;
        }
        for ((builder, ..), (values, gaps)) in builders.iter_mut().zip(&rows) {
            builder.push_masked(values, gaps);
        }
        // Those of a modality that is missing are said with it.
        for own in extracted.causes {
            if !causes.values().any(|said| said.contains(&own.text)) {
                notes.push(format!("{name}: {}", own.text));
            }
        }
        missing.push(causes);
        utterances.push(Utterance {
            id: name.into_owned(),
            duration_secs: extracted.duration_secs,
            transcript: heard,
            ..Utterance::default()
        });
    }
    let modalities: Vec<_> = builders
        .into_iter()
        .map(|(builder, ..)| builder.build())
        .collect();
    if utterances.is_empty() {
        bail!("{file}: nothing to predict from ({})", notes.join("; "));
    }
    let metadata = Metadata {
        title: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        licence: "not stated".to_owned(),
        ..Metadata::default()
    };
    let corpus = Corpus::new(file.to_string(), metadata, utterances, modalities);
    let corpus = corpus.map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{file}: {}", findings.join("; "))
    })?;
    Ok(Clips {
        corpus,
        missing,
        notes,
    })
}

/// The recording, or those of a folder in the order of their names.
fn recordings(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        if !path.is_file() {
            bail!("{}: no such file", path.display());
        }
        return Ok(vec![path.to_owned()]);
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).with_context(|| path.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_recording(&path) && !name.starts_with('.') && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        bail!("{}: no recording in this folder", path.display());
    }
    Ok(paths)
}

/// The modalities of a model of which it is known what extracted them.
fn known(path: &Path, interface: &Interface) -> Result<Vec<Known>> {
    let mut known = Vec::new();
    for (place, shape) in interface.modalities.iter().enumerate() {
        let Some(identity) = shape.extractor.as_deref() else {
            continue;
        };
        let name = identity.split_once('@').map_or(identity, |(name, _)| name);
        // A later version may know more of them.
        if let Ok(extractor) = Extractor::parse(name) {
            known.push(Known { place, extractor });
        }
    }
    if known.is_empty() {
        bail!(
            "{}: the model does not know what extracted its features ({}); it takes features of clips, and \
             recordings only where its corpus was made by `mct-hfr corpus extract`",
            path.display(),
            interface.describe_modalities()
        );
    }
    Ok(known)
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
        Some(Input::Words) if subject.transcript.is_none() => "no --transcript".to_owned(),
        Some(Input::Words) => "the transcript has no word".to_owned(),
        Some(Input::Faces) if subject.pictures.is_none() => {
            "a recording without pictures".to_owned()
        }
        Some(Input::Faces | Input::Sound) => all(&texts),
    })
}
