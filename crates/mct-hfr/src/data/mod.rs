//! From utterances of a corpus to what a network takes in.

mod batch;
mod input;
mod label_statistics;
mod statistics;

pub use batch::{Batch, Masks, copies, evaluation_batches, training_batches};
pub use input::Input;
pub use label_statistics::LabelStatistics;
pub use statistics::{FeatureStatistics, feature_statistics};
