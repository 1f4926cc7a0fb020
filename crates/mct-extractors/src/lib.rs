//! Feature extractors: from samples, words and faces to sequences of features.
//!
//! Each of those without weights is in a file of its own; the others read a network of `mct-networks`.

mod corruption;
mod extractor;
mod loaded;
mod log_mel;
mod low_level;
mod pitch;
mod spectrum;
mod voice_mel;
pub mod weights;
mod words;

pub use corruption::{Corruption, vocabulary};
pub use extractor::{Extractor, Input};
pub use loaded::{Extractors, LoadError, Loaded};
pub use low_level::NAMES as LOW_LEVEL_DESCRIPTORS;

/// Samples a second that extractors of sound expect.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
