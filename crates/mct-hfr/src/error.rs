//! Errors of the model crate.

use mct_corpus::{CorpusError, Finding};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A file or a setting that cannot be used: where, what was found, what was expected.
    #[error("{file}: {finding}")]
    Invalid { file: String, finding: Finding },
    /// What the face that drives training could not do.
    #[error("{0}")]
    Face(String),
    #[error("device: {0}")]
    Device(String),
    #[error(
        "training: the loss is {loss} in epoch {epoch}, step {step}; lower `training.learning_rate` or check the features"
    )]
    NotFinite {
        loss: f32,
        epoch: usize,
        step: usize,
    },
    /// Weights can be such that nothing follows from them.
    #[error("the model: predictions: found NaN or infinity, expected numbers")]
    NoNumbers,
}

impl Error {
    pub fn invalid(
        file: impl Into<String>,
        field: impl Into<String>,
        found: impl std::fmt::Display,
        expected: impl std::fmt::Display,
    ) -> Self {
        Self::Invalid {
            file: file.into(),
            finding: Finding::new(field, found, expected),
        }
    }
}

impl From<burn::tensor::ExecutionError> for Error {
    fn from(error: burn::tensor::ExecutionError) -> Self {
        Self::Device(error.to_string())
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
