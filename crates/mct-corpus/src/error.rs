//! What can be wrong with a corpus, said so that a person can mend it.

use std::fmt;

/// One thing that is wrong in a file: where, what was found, what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The field, with the utterance or the index where there is one.
    pub field: String,
    pub found: String,
    pub expected: String,
}

impl Finding {
    pub fn new(
        field: impl Into<String>,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        Self {
            field: short(field.into()),
            found: short(found.to_string()),
            expected: short(expected.to_string()),
        }
    }

    /// The finding as an error about `file`.
    pub fn in_file(self, file: impl Into<String>) -> CorpusError {
        CorpusError::Invalid {
            file: file.into(),
            finding: self,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: found {}, expected {}",
            self.field, self.found, self.expected
        )
    }
}

/// What a file says may be of any length; a message for a person is not.
const LONGEST: usize = 800;

fn short(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// Errors of this crate. Every one names the file it is about.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    #[error("{file}: {error}")]
    Io { file: String, error: std::io::Error },
    #[error("{file}: {finding}")]
    Invalid { file: String, finding: Finding },
}

impl CorpusError {
    /// Shorthand for [`CorpusError::Invalid`].
    pub fn invalid(
        file: impl Into<String>,
        field: impl Into<String>,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        Finding::new(field, found, expected).in_file(file)
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn io(file: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.into();
        move |error| Self::Io { file, error }
    }
}

pub type Result<T, E = CorpusError> = std::result::Result<T, E>;
