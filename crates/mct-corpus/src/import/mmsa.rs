//! The pickle of MMSA, TFR-Net and EMT (see [`Format::Mmsa`](super::Format::Mmsa)).
//!
//! Sequences are padded on the right. How long one is say `audio_lengths` and `vision_lengths`, and
//! for the text the mask in `text_bert` (rows: token ids, mask, segments). Where these are absent, as
//! the lengths are in aligned files, the last step that is not all zero is the last one.

use std::ops::Range;

use super::draft::Draft;
use super::labels::classes;
use super::split::{Id, MODALITIES, Padded, Part, channel, parts, rows};
use super::{Options, pickle};
use crate::error::Finding;

const LABELS: &str = "classification_labels";
const TOKENS: &str = "text_bert";

pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Draft, Finding> {
    let tree = pickle::read(bytes)?;
    let parts = parts(tree.root(), |part| {
        let ids = part.texts("id")?.into_iter();
        Ok(ids.map(with_speaker).collect())
    })?;
    let mut labels = Vec::new();
    for part in &parts {
        labels.extend(class_labels(part)?);
    }
    let (classes, labels) = classes(LABELS, &labels, options.class_names.as_deref())?;
    let mut rows = rows(&parts, labels);
    if parts.iter().all(|part| part.get("raw_text").is_some()) {
        let mut next = rows.iter_mut();
        for part in &parts {
            let transcripts = part.texts("raw_text")?;
            part.require_count("raw_text", transcripts.len())?;
            for (transcript, row) in transcripts.into_iter().zip(next.by_ref()) {
                row.transcript = Some(transcript);
            }
        }
    }
    let channels = MODALITIES
        .iter()
        .map(|key| {
            channel(key, &parts, options, |part, padded| {
                lengths(key, part, padded)
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Draft {
        classes,
        rows,
        channels,
    })
}

/// Ids are `video$_$clip`. The file knows no speakers; the video is the best stand-in, because most
/// videos show one person.
fn with_speaker(id: String) -> Id {
    let speaker = id.split_once("$_$").map_or(id.as_str(), |(video, _)| video);
    Id {
        speaker: speaker.to_owned(),
        id,
    }
}

fn class_labels(part: &Part<'_>) -> Result<Vec<f64>, Finding> {
    if part.get(LABELS).is_none() && part.get("regression_labels").is_some() {
        let found = "regression labels only";
        let expected = "a class for every utterance (an intensity is no class)";
        return Err(Finding::new(part.field_name(LABELS), found, expected));
    }
    part.numbers(LABELS)
}

/// The steps of each utterance that count.
fn lengths(key: &str, part: &Part<'_>, padded: &Padded<'_>) -> Result<Vec<Range<usize>>, Finding> {
    let field = match key {
        "text" => TOKENS.to_owned(),
        _ => format!("{key}_lengths"),
    };
    if part.get(&field).is_none() {
        let contents = (0..part.ids.len()).map(|index| 0..padded.content(index).end);
        return Ok(contents.collect());
    }
    let lengths = match key {
        "text" => mask_lengths(part, padded.steps)?,
        _ => part.numbers(&field)?,
    };
    whole_lengths(&field, &lengths, part, padded.steps)
}

/// Ones in the mask of each utterance; a mask has `steps` steps.
fn mask_lengths(part: &Part<'_>, steps: usize) -> Result<Vec<f64>, Finding> {
    let n = part.ids.len();
    let field = part.field_name(TOKENS);
    let array = part.field(TOKENS)?.array(&field)?;
    let expected = format!("numbers of shape [{n}, 3, {steps}], as many steps as the text has");
    let extents: [usize; 3] = array.extents(&expected)?;
    if extents != [n, 3, steps] {
        let found = format!("shape {:?}", array.shape);
        return Err(Finding::new(field, found, expected));
    }
    let mask = |index: usize| -> f64 {
        let first = (index * 3 + 1) * steps;
        let mask = array.values(first..first + steps);
        mask.into_iter().map(f64::from).sum()
    };
    Ok((0..n).map(mask).collect())
}

fn whole_lengths(
    key: &str,
    lengths: &[f64],
    part: &Part<'_>,
    steps: usize,
) -> Result<Vec<Range<usize>>, Finding> {
    let whole = lengths.iter().zip(&part.ids).map(|(length, id)| {
        if length.fract() == 0.0 && (0.0..=steps as f64).contains(length) {
            return Ok(0..*length as usize);
        }
        let field = format!("{} of {}", part.field_name(key), id.id);
        let found = format!("{length} steps");
        Err(Finding::new(
            field,
            found,
            format!("a whole number up to {steps}"),
        ))
    });
    whole.collect()
}
