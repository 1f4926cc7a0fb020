//! What a file does not say, and what to do with what it says.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::SpeakerTable;
use crate::bins::Bins;
use crate::metadata::Task;
use crate::modality::Precision;

/// What becomes of feature values that no model can take: NaN and the infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NonFinite {
    /// The step that holds one is missing by nature.
    #[default]
    Missing,
    /// The value is 0.
    Zero,
    /// The file is refused.
    Refuse,
}

/// What a file does not say, and what to do with what it says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The corpus's title; the file's name where `None`.
    pub title: Option<String>,
    /// Under which terms the data may be used; "not stated" where `None`.
    pub licence: Option<String>,
    /// The fields that hold the labels; those of the layout where empty.
    pub labels: Vec<String>,
    /// What the labels are; by their values where `None`.
    pub task: Option<Task>,
    /// Makes classes of intensities.
    pub bins: Option<Bins>,
    /// The ends of the scale of the intensities; by their values where `None`.
    pub range: Option<[f32; 2]>,
    /// Names of the intensities, in their order.
    pub target_names: Option<Vec<String>>,
    /// Names of the classes, in the order of the labels; stronger than what the file says. Classes that do
    /// not occur may be among them.
    pub class_names: Option<Vec<String>>,
    pub non_finite: NonFinite,
    /// Turns feature values of -inf (the log of silence) into 0, whatever becomes of the others.
    pub zero_infinite: bool,
    /// For a modality, how many consecutive steps become one step with all their features. The last
    /// step is repeated to fill an incomplete group.
    pub stack: Vec<(String, usize)>,
    /// Steps per second of a modality, before stacking; stronger than what the file says.
    ///
    /// Where the file has no durations they follow from steps and rate: the longest of the
    /// modalities whose rate is known counts.
    pub rates: Vec<(String, f32)>,
    /// What made the features of a modality, where they are of recordings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extractors: Vec<(String, String)>,
    /// What stands for a missing step of a modality, where the file has none.
    pub unknowns: Vec<(String, Vec<f32>)>,
    /// Modalities in which a step of NaN is one that nobody could observe, such as a picture without a
    /// face: it is missing by nature, and nothing to remark.
    pub gaps: Vec<String>,
    /// Sex and session of every speaker, or the speaker of every utterance.
    pub speakers: Option<SpeakerTable>,
    /// A regular expression whose first group is the speaker in an id.
    pub speaker_from_id: Option<String>,
    /// How feature values are stored; as in the file where `None` (64-bit floats as 32-bit ones).
    pub precision: Option<Precision>,
    /// Bytes that a packed file may unpack to, and a table's files together; 24 MiB or 8 times what is read
    /// where `None`, whichever is more.
    pub max_unpacked: Option<u64>,
    /// The folder of `MODALITY/ID.npy` for a table; `features` beside it where `None`. A browser has none.
    pub features: Option<std::path::PathBuf>,
    /// Where features are kept while the corpus is put together; in memory where `None`, and in a browser.
    pub spill: Option<std::path::PathBuf>,
}

impl Options {
    pub(super) fn most_unpacked(&self, file: usize) -> u64 {
        const LEAST: u64 = 24 << 20;
        const TIMES: u64 = 8;
        let of_file = (file as u64).saturating_mul(TIMES).max(LEAST);
        self.max_unpacked.unwrap_or(of_file)
    }
}

/// `LOW,HIGH`: the ends of a scale.
///
/// # Errors
/// When these are not two finite numbers, the lower first.
pub fn range(text: &str) -> Result<[f32; 2], String> {
    let ends = text.split_once(',').and_then(|(low, high)| {
        let ends = [low.trim().parse().ok()?, high.trim().parse().ok()?];
        let [low, high]: [f32; 2] = ends;
        (low.is_finite() && high.is_finite() && low < high).then_some(ends)
    });
    ends.ok_or_else(|| "expected two numbers, the lower first, such as -3,3".to_owned())
}

/// `MODALITY=NUMBER`.
///
/// # Errors
/// When there is no `=`, or no number of this kind follows it.
pub fn of_modality<T: FromStr>(text: &str) -> Result<(String, T), String> {
    let (name, value) = text.split_once('=').ok_or("expected MODALITY=NUMBER")?;
    let number = value.trim().parse();
    let number = number.map_err(|_| format!("`{value}` is not a valid number"))?;
    Ok((name.trim().to_owned(), number))
}
