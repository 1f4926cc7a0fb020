//! Feature extractors: from samples and words to sequences of features.
//!
//! Each is in a file of its own. Those here need no weights.

mod corruption;
mod log_mel;
mod low_level;
mod pitch;
mod spectrum;
mod words;

pub use corruption::{Corruption, vocabulary};
pub use low_level::NAMES as LOW_LEVEL_DESCRIPTORS;

/// Samples a second that extractors of sound expect.
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// The features of one modality of one utterance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequence {
    /// Features of a step.
    pub dim: usize,
    /// `[steps, dim]` row by row.
    pub values: Vec<f32>,
}

impl Sequence {
    pub fn steps(&self) -> usize {
        self.values.len().checked_div(self.dim).unwrap_or(0)
    }
}

/// What features are extracted of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Samples at [`SAMPLE_RATE_HZ`].
    Sound,
    /// A transcript.
    Words,
}

/// The extractors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extractor {
    /// The logarithm of the energy in 40 mel bands, at 50 Hz.
    LogMel,
    /// Descriptors of voice and spectrum, named after eGeMAPS where they are its, at 50 Hz.
    LowLevel,
    /// A fixed random vector for each word.
    Words,
}

impl Extractor {
    pub const ALL: [Self; 3] = [Self::LogMel, Self::LowLevel, Self::Words];

    pub const fn name(self) -> &'static str {
        match self {
            Self::LogMel => "log-mel",
            Self::LowLevel => "low-level",
            Self::Words => "words",
        }
    }

    /// The extractor of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The modality that its features are, where nobody says another name.
    pub const fn modality(self) -> &'static str {
        match self.input() {
            Input::Sound => "audio",
            Input::Words => "text",
        }
    }

    pub const fn input(self) -> Input {
        match self {
            Self::LogMel | Self::LowLevel => Input::Sound,
            Self::Words => Input::Words,
        }
    }

    /// Features of a step.
    pub const fn dim(self) -> usize {
        match self {
            Self::LogMel => log_mel::BANDS,
            Self::LowLevel => low_level::NAMES.len(),
            Self::Words => words::DIM,
        }
    }

    /// Steps a second, where they follow from time.
    pub fn rate_hz(self) -> Option<f32> {
        match self.input() {
            Input::Sound => Some(SAMPLE_RATE_HZ as f32 / spectrum::HOP as f32),
            Input::Words => None,
        }
    }

    /// The features of a sound, samples at [`SAMPLE_RATE_HZ`]; without a step where it is shorter than one
    /// window, and for an extractor of words.
    pub fn of_sound(self, samples: &[f32]) -> Sequence {
        let values = match self {
            Self::LogMel => log_mel::extract(samples),
            Self::LowLevel => low_level::extract(samples),
            Self::Words => Vec::new(),
        };
        Sequence {
            dim: self.dim(),
            values,
        }
    }

    /// The features of a transcript; without a step where it has no words, and for an extractor of sound.
    pub fn of_words(self, transcript: &str) -> Sequence {
        let values = match self {
            Self::Words => words::extract(transcript),
            Self::LogMel | Self::LowLevel => Vec::new(),
        };
        Sequence {
            dim: self.dim(),
            values,
        }
    }
}
