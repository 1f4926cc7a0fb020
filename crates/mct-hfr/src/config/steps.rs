//! How long the sequences of a modality may be.

use mct_corpus::{Corpus, Modality};
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::model::ModelConfig;

/// `T_m^max`: a number of time steps, or `"auto"`, which training replaces by a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxSteps {
    /// The longest sequence of the training set; its 99th percentile where the longest is more than
    /// twice that.
    Auto,
    Most(usize),
}

/// Steps of a model that is made without a training set.
const UNKNOWN: usize = 400;

/// The most that can be asked for.
pub const MOST: usize = 100_000;

impl MaxSteps {
    /// The number; of a model that no training set has given one, 400.
    pub const fn steps(self) -> usize {
        match self {
            Self::Auto => UNKNOWN,
            Self::Most(steps) => steps,
        }
    }

    /// Whether a number has to be found.
    pub const fn is_auto(self) -> bool {
        matches!(self, Self::Auto)
    }
}

impl std::fmt::Display for MaxSteps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Most(steps) => steps.fmt(f),
        }
    }
}

impl Serialize for MaxSteps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Most(steps) => serializer.serialize_u64(*steps as u64),
        }
    }
}

impl<'de> Deserialize<'de> for MaxSteps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(usize),
            Word(String),
        }
        let expected = &"a number of steps or \"auto\"";
        match Written::deserialize(deserializer)? {
            Written::Number(steps) => Ok(Self::Most(steps)),
            Written::Word(word) if word == "auto" => Ok(Self::Auto),
            Written::Word(word) => Err(D::Error::invalid_value(Unexpected::Str(&word), expected)),
        }
    }
}

impl ModelConfig {
    /// With a number in place of each `"auto"`, for the modalities of `corpus`: from the sequences of the
    /// utterances `indices`, the training set.
    pub fn with_steps_of(mut self, corpus: &Corpus, indices: &[usize]) -> Self {
        for modality in &corpus.modalities {
            let mut settings = self.modality(&modality.name);
            if settings.max_steps.is_auto() {
                settings.max_steps = MaxSteps::Most(automatic(modality, indices));
                self.modality.insert(modality.name.clone(), settings);
            }
        }
        self
    }
}

fn automatic(modality: &Modality, indices: &[usize]) -> usize {
    let mut lengths: Vec<usize> = indices.iter().map(|index| modality.steps(*index)).collect();
    lengths.sort_unstable();
    let longest = lengths.last().copied().unwrap_or(1);
    let percentile = lengths.len() * 99 / 100;
    let most = lengths.get(percentile).copied().unwrap_or(longest);
    let most = if longest > 2 * most { most } else { longest };
    most.clamp(1, MOST)
}
