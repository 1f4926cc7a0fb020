//! Errors leave a pipeline as human-readable text.

/// The message of an error.
pub(crate) fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}
