//! What a model predicts and how large it is.

pub mod complexity;
mod inspect;
mod predict;

pub use inspect::{Attending, Inspection, Sequence, inspect, outputs_without};
pub use predict::{
    Masking, batch_predictions, batch_representations, predictions, representations, static_masks,
};
