//! The pickle of MulT (see [`Format::Mult`](super::Format::Mult)).
//!
//! Sequences are padded with zeros on the left, or truncated; all-zero steps at both ends are removed.
//! Ids are often absent (IEMOCAP, MOSI): then utterances are called `train-0` and so on, and each
//! side counts as one speaker, because nobody can know more.

use super::draft::Draft;
use super::labels::{classes, named};
use super::split::{Id, MODALITIES, Part, channel, parts, rows};
use super::{Options, pickle};
use crate::error::Finding;

/// The order in the labels of IEMOCAP (MulT's `eval_iemocap`).
const EMOTIONS: [&str; 4] = ["Neutral", "Happy", "Sad", "Angry"];

pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Draft, Finding> {
    let tree = pickle::read(bytes)?;
    let parts = parts(tree.root(), ids)?;
    let (classes, labels) = labels(&parts, options)?;
    let channels = MODALITIES
        .iter()
        .map(|key| {
            channel(key, &parts, options, |part, padded| {
                let utterances = 0..part.ids.len();
                Ok(utterances.map(|index| padded.content(index)).collect())
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Draft {
        classes,
        rows: rows(&parts, labels),
        channels,
    })
}

/// An id is one text or several parts, the video first (`[video, start, end]` in MOSEI).
fn ids(part: &Part<'_>) -> Result<Vec<Id>, Finding> {
    let Some(value) = part.get("id") else {
        let ids = (0..label_values(part)?.count()).map(|index| Id {
            id: format!("{}-{index}", part.name),
            speaker: part.name.to_owned(),
        });
        return Ok(ids.collect());
    };
    let field = part.field_name("id");
    let split: Vec<Vec<String>> = match value.shape() {
        Some(shape) => {
            let texts = value.texts(&field)?;
            let parts = texts.len().checked_div(shape.first().copied().unwrap_or(1));
            let parts = parts.filter(|parts| *parts > 0);
            let parts = parts.ok_or_else(|| Finding::new(&field, "no ids", "1 or more"))?;
            texts.chunks(parts).map(<[String]>::to_vec).collect()
        }
        None => {
            let items = value.items(&field)?.into_iter();
            items
                .map(|item| item.texts(&field))
                .collect::<Result<_, _>>()?
        }
    };
    let ids = split.into_iter().map(|parts| match parts.as_slice() {
        [] => Err(Finding::new(&field, "an id without parts", "text")),
        [id] => Ok(Id {
            speaker: without_clip(id).to_owned(),
            id: id.clone(),
        }),
        [video, ..] => Ok(Id {
            speaker: video.clone(),
            id: parts.join("_"),
        }),
    });
    ids.collect()
}

/// An id without the number of the clip at its end: `video[3]`, `video_3`, `video$_$3`.
fn without_clip(id: &str) -> &str {
    let stem = id.strip_suffix(']').unwrap_or(id);
    let stem = stem.trim_end_matches(|char: char| char.is_ascii_digit());
    let video = ["$_$", "_", "["]
        .iter()
        .find_map(|mark| stem.strip_suffix(mark));
    video.filter(|video| !video.is_empty()).unwrap_or(id)
}

/// The labels of one side as they stand in the file.
enum Labels {
    /// For each utterance and emotion, how much speaks against it and for it.
    Emotions(Vec<[f64; 2 * EMOTIONS.len()]>),
    Numbers(Vec<f64>),
}

impl Labels {
    fn count(&self) -> usize {
        match self {
            Self::Emotions(labels) => labels.len(),
            Self::Numbers(labels) => labels.len(),
        }
    }
}

fn label_values(part: &Part<'_>) -> Result<Labels, Finding> {
    let field = part.field_name("labels");
    let value = part.field("labels")?;
    let numbers = value.numbers(&field)?;
    match value.shape() {
        Some([_, 4, 2]) => Ok(Labels::Emotions(numbers.as_chunks().0.to_vec())),
        Some([_, rest @ ..]) if rest.iter().any(|extent| *extent != 1) => {
            let expected = "shape [n], [n, 1, 1] or [n, 4, 2]";
            Err(Finding::new(field, value.describe(), expected))
        }
        _ => Ok(Labels::Numbers(numbers)),
    }
}

/// The classes of all sides and the label of each utterance.
fn labels(parts: &[Part<'_>; 3], options: &Options) -> Result<(Vec<String>, Vec<usize>), Finding> {
    let mut emotions = Vec::new();
    let mut numbers = Vec::new();
    for part in parts {
        let values = label_values(part)?;
        part.require_count("labels", values.count())?;
        match values {
            Labels::Emotions(values) => emotions.extend(values),
            Labels::Numbers(values) => numbers.extend(values),
        }
    }
    let names = options.class_names.as_deref();
    match (emotions.is_empty(), numbers.is_empty()) {
        (false, true) => {
            let emotion_names = EMOTIONS.map(str::to_owned).to_vec();
            Ok((named(emotion_names, names)?, single_emotions(&emotions)?))
        }
        (true, _) => classes("labels", &numbers, names),
        (false, false) => {
            let expected = "the same on every side";
            Err(Finding::new("labels", "emotions and numbers", expected))
        }
    }
}

/// The one emotion of each utterance.
fn single_emotions(labels: &[[f64; 2 * EMOTIONS.len()]]) -> Result<Vec<usize>, Finding> {
    let (mut none, mut several) = (0usize, 0usize);
    let mut single = Vec::with_capacity(labels.len());
    for label in labels {
        let pairs = label.as_chunks::<2>().0.iter().enumerate();
        let mut positive = pairs.filter(|(_, [against, for_it])| for_it > against);
        match (positive.next(), positive.next()) {
            (Some((emotion, _)), None) => single.push(emotion),
            (None, _) => none += 1,
            (Some(_), Some(_)) => several += 1,
        }
    }
    if none + several > 0 {
        let found = format!("{none} utterances without an emotion, {several} with more than one");
        return Err(Finding::new(
            "labels",
            found,
            "one emotion for every utterance",
        ));
    }
    Ok(single)
}
