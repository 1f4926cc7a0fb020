//! The sequences of one modality, in the forms that files have them.

use std::ops::Range;

use super::Options;
use super::array::Array;
use super::channel::Channel;
use super::padding::{Lengths, Padded};
use super::pickle::Value;
use crate::error::Finding;
use crate::modality::Precision;

/// The sequences of some utterances.
pub(super) enum Sequences<'a> {
    /// Padded to one length.
    Padded(Padded<'a>, Vec<Range<usize>>),
    /// An array `[steps, features]` each, where there is one.
    Each(Vec<Option<Array<'a>>>),
    /// Concatenated along time, with the steps of each utterance.
    Concatenated(Array<'a>, Vec<Range<usize>>),
}

/// Features per step, and the precision that loses least.
type Shape = (usize, Precision);

impl<'a> Sequences<'a> {
    /// Padded sequences of the utterances `ids`; `notes` gets what was left out.
    ///
    /// # Errors
    /// When there are not as many sequences as utterances.
    pub fn padded(
        padded: Padded<'a>,
        lengths: Lengths,
        ids: &[&str],
        notes: &mut Vec<String>,
    ) -> Result<Self, Finding> {
        if padded.utterances != ids.len() {
            let found = format!("{} utterances", padded.utterances);
            return Err(Finding::new(&padded.field, found, ids.len()));
        }
        let ranges = padded.ranges(lengths, ids, notes);
        Ok(Self::Padded(padded, ranges))
    }

    /// From a list or an array of objects: for each utterance an array `[steps, features]` or `[features]`,
    /// or nothing.
    ///
    /// # Errors
    /// When an item is none of those.
    pub fn each(field: &str, items: &[Value<'a>]) -> Result<Self, Finding> {
        let arrays = items.iter().enumerate().map(|(index, item)| {
            if item.is_none() {
                return Ok(None);
            }
            let field = format!("{field}[{index}]");
            let array = item.array(&field)?;
            // The same array may be an item many times.
            item.charge(array.bytes())?;
            match array.shape.as_slice() {
                [0, ..] => Ok(None),
                [_] | [_, _] if array.dtype.is_number() => Ok(Some(array)),
                _ => Err(Finding::new(
                    field,
                    array.describe(),
                    "numbers of shape [steps, features]",
                )),
            }
        });
        Ok(Self::Each(arrays.collect::<Result<_, _>>()?))
    }

    /// `None` where no utterance has the modality.
    pub fn shape(&self) -> Option<Shape> {
        let of = |array: &Array<'_>| (array.shape.last().copied().unwrap_or(0), array.precision());
        match self {
            Self::Padded(padded, _) => Some(of(&padded.array)),
            Self::Concatenated(array, _) => Some(of(array)),
            Self::Each(arrays) => arrays.iter().flatten().next().map(of),
        }
    }

    /// Appends the sequences of the utterances `ids`.
    ///
    /// # Errors
    /// When one has another number of features, or a temporary file cannot be written.
    pub fn append(&self, ids: &[&str], channel: &mut Channel) -> Result<(), Finding> {
        let dim = channel.dim();
        for (index, id) in ids.iter().enumerate() {
            let values = match self {
                Self::Padded(padded, ranges) => padded.values(index, ranges[index].clone()),
                Self::Concatenated(array, ranges) => {
                    let steps = &ranges[index];
                    array.values(steps.start * dim..steps.end * dim)
                }
                Self::Each(arrays) => match &arrays[index] {
                    None => Vec::new(),
                    Some(array) => {
                        let found = array.shape.last().copied().unwrap_or(0);
                        if found != dim {
                            let field = format!("{} of {id}", channel.name);
                            let found = format!("{found} features");
                            return Err(Finding::new(field, found, dim));
                        }
                        let values = array.values(0..array.shape.iter().product());
                        match values.iter().all(|value| *value == 0.0) {
                            true => Vec::new(),
                            false => values,
                        }
                    }
                },
            };
            channel.push(id, values, Vec::new())?;
        }
        Ok(())
    }
}

/// What a file says of a modality besides its values.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub rate_hz: Option<f32>,
    pub unknown: Option<Vec<f32>>,
}

/// Modality `name` of all parts of a file, which are given with the ids of their utterances; a part
/// without it has none of its sequences.
///
/// # Errors
/// When the parts differ in features, or as [`Channel::new`].
pub(super) fn channel(
    name: &str,
    parts: &[(Vec<&str>, Option<Sequences<'_>>)],
    known: Known,
    options: &Options,
) -> Result<Channel, Finding> {
    let shapes = parts
        .iter()
        .filter_map(|(_, sequences)| sequences.as_ref()?.shape());
    let shapes: Vec<Shape> = shapes.collect();
    let Some((dim, precision)) = shapes.first().copied() else {
        let expected = "a sequence of one utterance at least";
        return Err(Finding::new(name, "no sequence", expected));
    };
    if let Some((other, _)) = shapes.iter().find(|(other, _)| *other != dim) {
        let expected = format!("{dim}, as on the first side");
        return Err(Finding::new(name, format!("{other} features"), expected));
    }
    if let Some(unknown) = known.unknown.as_ref().filter(|u| u.len() != dim) {
        let (field, found) = (
            format!("unknown_{name}"),
            format!("{} features", unknown.len()),
        );
        return Err(Finding::new(
            field,
            found,
            format!("{dim}, as in each step"),
        ));
    }
    let half = shapes.iter().all(|(_, p)| *p == Precision::F16);
    let precision = if half { precision } else { Precision::F32 };
    let mut channel = Channel::new(name, dim, precision, known.rate_hz, known.unknown, options)?;
    for (ids, sequences) in parts {
        match sequences {
            Some(sequences) => sequences.append(ids, &mut channel)?,
            None => {
                for id in ids {
                    channel.push(id, Vec::new(), Vec::new())?;
                }
            }
        }
    }
    Ok(channel)
}

/// These modalities come first, in this order; the others follow alphabetically.
pub(super) fn in_order(names: &mut [String]) {
    const FIRST: [&str; 3] = ["audio", "vision", "text"];
    names.sort_by_key(|name| {
        let rank = FIRST.iter().position(|first| first == name);
        (rank.unwrap_or(FIRST.len()), name.clone())
    });
}

/// Ranges of steps that follow each other.
///
/// # Errors
/// When the lengths do not sum up to `total`.
pub(super) fn consecutive(
    field: &str,
    lengths: &[usize],
    total: usize,
) -> Result<Vec<Range<usize>>, Finding> {
    let mut end = 0usize;
    let mut ranges = Vec::with_capacity(lengths.len());
    for length in lengths {
        let start = end;
        end = end.saturating_add(*length);
        ranges.push(start..end);
    }
    if end != total {
        let expected = format!("{total}, the steps of the array");
        return Err(Finding::new(format!("sum of {field}"), end, expected));
    }
    Ok(ranges)
}
