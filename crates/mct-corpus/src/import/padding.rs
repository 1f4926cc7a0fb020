//! Which steps of a padded sequence count.
//!
//! Files pad with zeros behind (MMSA) or in front (MulT), and say how long a sequence is or not. A
//! sequence of zeros alone is no sequence: the modality is missing in that utterance.

use std::ops::Range;

use super::array::Array;
use super::channel::Count;
use crate::error::Finding;

/// Sequences `[utterances, steps, features]` of which only a part of the steps counts.
pub(super) struct Padded<'a> {
    pub array: Array<'a>,
    /// What it is called in messages.
    pub field: String,
    pub utterances: usize,
    pub steps: usize,
    pub dim: usize,
    /// For each utterance the steps from the first to the last that is not all zero.
    contents: Vec<Range<usize>>,
}

/// What else says where a sequence lies.
pub(super) enum Lengths {
    /// The file does not say; sequences are padded as their zeros show.
    Unknown,
    /// As unknown, but zeros on both ends are padding.
    Trimmed,
    /// The number of steps, in front of or behind the padding; not above those of the array.
    Steps(Vec<usize>),
    /// The steps themselves.
    Ranges(Vec<Range<usize>>),
}

impl<'a> Padded<'a> {
    /// # Errors
    /// When the array is not one of numbers `[utterances, steps, features]`.
    pub fn new(field: impl Into<String>, array: Array<'a>) -> Result<Self, Finding> {
        let [utterances, steps, dim] =
            array.extents("numbers of shape [utterances, steps, features]")?;
        let mut padded = Self {
            array,
            field: field.into(),
            utterances,
            steps,
            dim,
            contents: Vec::new(),
        };
        let contents = (0..utterances).map(|index| padded.content(index));
        padded.contents = contents.collect();
        Ok(padded)
    }

    /// Steps `steps` of utterance `index`, row by row.
    pub fn values(&self, index: usize, steps: Range<usize>) -> Vec<f32> {
        let first = index * self.steps;
        let range = (first + steps.start) * self.dim..(first + steps.end) * self.dim;
        self.array.values(range)
    }

    fn content(&self, index: usize) -> Range<usize> {
        let values = self.values(index, 0..self.steps);
        let mut rows = values.chunks_exact(self.dim);
        // The log of padding is -inf.
        let zero = |value: f32| value == 0.0 || value == f32::NEG_INFINITY;
        let full = |row: &[f32]| row.iter().any(|value| !zero(*value));
        match (rows.clone().position(full), rows.rposition(full)) {
            (Some(first), Some(last)) => first..last + 1,
            _ => 0..0,
        }
    }

    /// The steps of each utterance that count, none where they are all zero. `ids` are for messages;
    /// `notes` gets what was left out.
    pub fn ranges(
        &self,
        lengths: Lengths,
        ids: &[&str],
        notes: &mut Vec<String>,
    ) -> Vec<Range<usize>> {
        let total = self.steps;
        let contents = || self.contents.iter().cloned();
        match lengths {
            Lengths::Trimmed => contents().collect(),
            Lengths::Unknown => {
                let some = || contents().filter(|content| !content.is_empty());
                let in_front = some().any(|content| content.start > 0);
                let behind = some().any(|content| content.end < total);
                match in_front && !behind {
                    true => contents().collect(),
                    // Zeros in front may be silence.
                    false => contents().map(|content| 0..content.end).collect(),
                }
            }
            Lengths::Steps(lengths) => {
                let windows = lengths
                    .iter()
                    .map(|length| [0..*length, total - length..total]);
                let mut known = contents().zip(windows.clone());
                // One utterance that fits only behind its padding tells how the file is padded.
                let front_padded = known.any(|(content, [front, back])| {
                    !inside(&front, &content) && inside(&back, &content)
                });
                let mut beyond = Count::default();
                let all = contents().zip(windows).zip(ids);
                let ranges = all.map(|((content, windows), id)| {
                    let [mut range, other] = windows;
                    if front_padded {
                        range = other;
                    }
                    if content.is_empty() {
                        range = 0..0;
                    } else if !inside(&range, &content) {
                        beyond.add(id, 1);
                    }
                    range
                });
                let ranges = ranges.collect();
                if !beyond.is_zero() {
                    notes.push(format!(
                        "{}: values beyond the length that the file states are left out in {}",
                        self.field,
                        beyond.utterances()
                    ));
                }
                ranges
            }
            Lengths::Ranges(ranges) => {
                let all = contents().zip(ranges);
                all.map(|(content, range)| if content.is_empty() { 0..0 } else { range })
                    .collect()
            }
        }
    }
}

fn inside(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
