//! From utterances of a corpus to what a network takes in.

mod batch;
mod input;
mod statistics;

pub use batch::{Batch, Masks, evaluation_batches, training_batches};
pub use input::Input;
pub use statistics::{FeatureStatistics, feature_statistics};
