//! Pickles of three sides, `train`, `valid` and `test`, whose sequences are padded to one length.

use std::ops::Range;

use super::Options;
use super::array::Array;
use super::draft::{Channel, Row};
use super::pickle::Value;
use crate::error::Finding;
use crate::metadata::Side;

/// The modalities of these files, in the corpus's order.
pub(super) const MODALITIES: [&str; 3] = ["audio", "vision", "text"];

/// Who an utterance is by.
pub(super) struct Id {
    pub id: String,
    pub speaker: String,
}

/// One side.
pub(super) struct Part<'t> {
    pub name: &'static str,
    side: Side,
    fields: Value<'t>,
    pub ids: Vec<Id>,
}

/// The three sides; `ids` finds the utterances of each.
pub(super) fn parts<'t>(
    root: Value<'t>,
    ids: impl Fn(&Part<'t>) -> Result<Vec<Id>, Finding>,
) -> Result<[Part<'t>; 3], Finding> {
    let part = |name: &'static str, side: Side| -> Result<Part<'t>, Finding> {
        let fields = root.get(name).ok_or_else(|| {
            let found = format!("{} without such a key", root.describe());
            Finding::new(name, found, "a dict of train, valid and test")
        })?;
        let mut part = Part {
            name,
            side,
            fields,
            ids: Vec::new(),
        };
        part.ids = ids(&part)?;
        Ok(part)
    };
    Ok([
        part("train", Side::Train)?,
        part("valid", Side::Validation)?,
        part("test", Side::Test)?,
    ])
}

impl<'t> Part<'t> {
    /// What field `key` is called in messages.
    pub fn field_name(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    pub fn get(&self, key: &str) -> Option<Value<'t>> {
        self.fields.get(key)
    }

    pub fn field(&self, key: &str) -> Result<Value<'t>, Finding> {
        self.get(key).ok_or_else(|| {
            let found = format!("{} without this key", self.fields.describe());
            Finding::new(self.field_name(key), found, "a value for every utterance")
        })
    }

    /// The texts of field `key`.
    pub fn texts(&self, key: &str) -> Result<Vec<String>, Finding> {
        self.field(key)?.texts(&self.field_name(key))
    }

    /// The numbers of field `key`, as many as there are utterances.
    pub fn numbers(&self, key: &str) -> Result<Vec<f64>, Finding> {
        let numbers = self.field(key)?.numbers(&self.field_name(key))?;
        self.require_count(key, numbers.len())?;
        Ok(numbers)
    }

    pub fn require_count(&self, key: &str, found: usize) -> Result<(), Finding> {
        let n = self.ids.len();
        if found == n {
            return Ok(());
        }
        let found = format!("{found} values");
        Err(Finding::new(
            self.field_name(key),
            found,
            format!("{n}, one an utterance"),
        ))
    }

    /// The sequences of modality `key`.
    fn padded(&self, key: &str, options: &Options) -> Result<Padded<'t>, Finding> {
        let array = self.field(key)?.array(&self.field_name(key))?;
        let n = self.ids.len();
        let expected = format!("numbers of shape [{n}, steps, features]");
        let [utterances, steps, dim] = array.extents(&expected)?;
        if utterances != n {
            let found = format!("{utterances} utterances");
            return Err(Finding::new(self.field_name(key), found, n));
        }
        Ok(Padded {
            array,
            steps,
            dim,
            zero_infinite: options.zero_infinite,
        })
    }
}

/// Sequences `[utterances, steps, features]` of which only a part of the steps counts.
pub(super) struct Padded<'t> {
    array: Array<'t>,
    pub steps: usize,
    dim: usize,
    /// Whether -inf stands for 0.
    zero_infinite: bool,
}

impl Padded<'_> {
    /// Steps `steps` of utterance `index`, row by row.
    fn values(&self, index: usize, steps: Range<usize>) -> Vec<f32> {
        let first = index * self.steps;
        let range = (first + steps.start) * self.dim..(first + steps.end) * self.dim;
        self.array.values(range)
    }

    /// The steps of utterance `index` from the first to the last that is not all zero.
    pub fn content(&self, index: usize) -> Range<usize> {
        let values = self.values(index, 0..self.steps);
        let mut rows = values.chunks_exact(self.dim);
        let zero = |value: f32| value == 0.0 || (self.zero_infinite && value == f32::NEG_INFINITY);
        let full = |row: &[f32]| row.iter().any(|value| !zero(*value));
        match (rows.clone().position(full), rows.rposition(full)) {
            (Some(first), Some(last)) => first..last + 1,
            _ => 0..0,
        }
    }
}

/// Modality `key` of all sides; `content` says for each utterance of a side which steps count.
pub(super) fn channel<'t>(
    key: &str,
    parts: &[Part<'t>; 3],
    options: &Options,
    content: impl Fn(&Part<'t>, &Padded<'t>) -> Result<Vec<Range<usize>>, Finding>,
) -> Result<Channel, Finding> {
    let first = parts[0].padded(key, options)?;
    let precision = first.array.precision();
    let mut channel = Channel::new(key, first.dim, precision, None, None, options)?;
    for part in parts {
        let padded = part.padded(key, options)?;
        if padded.dim != channel.dim() {
            let found = format!("{} features", padded.dim);
            let expected = format!("{}, as in {}", channel.dim(), parts[0].name);
            return Err(Finding::new(part.field_name(key), found, expected));
        }
        let contents = content(part, &padded)?;
        for (index, (id, steps)) in part.ids.iter().zip(contents).enumerate() {
            channel.push(&id.id, padded.values(index, steps))?;
        }
    }
    Ok(channel)
}

/// The utterances of all sides with their labels.
pub(super) fn rows(parts: &[Part<'_>; 3], labels: Vec<usize>) -> Vec<Row> {
    let of_part = |part: &Part<'_>| -> Vec<Row> {
        let rows = part.ids.iter().map(|Id { id, speaker }| Row {
            id: id.clone(),
            speaker: speaker.clone(),
            side: Some(part.side),
            ..Row::default()
        });
        rows.collect()
    };
    let mut rows: Vec<Row> = parts.iter().flat_map(of_part).collect();
    for (row, label) in rows.iter_mut().zip(labels) {
        row.label = label;
    }
    rows
}
