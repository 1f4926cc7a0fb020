//! Errors as text for a person, which is how they leave a pipeline.

/// What an error says.
pub(crate) fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}
