//! Errors of run folders.

use std::path::Path;

use mct_corpus::CorpusError;

/// What is wrong with a run folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{file}: {error}")]
    Io { file: String, error: std::io::Error },
    #[error("{folder}: not a run folder: {error}")]
    NotARun { folder: String, error: Box<Error> },
    #[error("{folder} already holds a run")]
    Exists { folder: String },
    #[error("{folder}: another process is writing to this run")]
    Locked { folder: String },
    #[error("{file}: found SHA-256 {found}, expected {expected}, the corpus of the run")]
    OtherCorpus {
        file: String,
        found: String,
        expected: String,
    },
    #[error(transparent)]
    Model(#[from] mct_hfr::Error),
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let file = path.display().to_string();
        move |error| Self::Io { file, error }
    }

    /// A value that cannot be serialised.
    pub(crate) fn unwritable<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let file = path.display().to_string();
        move |error| mct_hfr::Error::invalid(file, "content", error, "writable values").into()
    }
}

impl From<CorpusError> for Error {
    fn from(error: CorpusError) -> Self {
        Self::Model(error.into())
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
