//! Scores of predictions (section 5.5 of the paper, and those of intensities). Knows labels and what is
//! predicted, no tensors.
//!
//! A [`Metric`] is one score; [`Confusion`] counts classes and [`intensity`] scores intensities; [`auilc`]
//! is the area under a score over the missing rates (eq. 19), [`Evaluation`] holds all of them over the
//! rates and by duration, [`Intervals`] says how sure they are, [`significance`] whether one system is better than
//! another, and [`Calibration`] whether the probabilities mean what they say.

mod auilc;
mod bootstrap;
mod calibration;
mod confusion;
mod evaluation;
pub mod intensity;
mod metric;
mod predicted;
pub mod significance;
mod spread;

pub use auilc::{PAPER_RATES, auilc};
pub use bootstrap::Intervals;
pub use calibration::{Bin, Calibration, Calibrator, Fitted, Part, Reliability};
pub use confusion::{ClassScores, Confusion, most_probable};
pub use evaluation::{
    Curves, DURATION_EDGES_SECS, DurationBin, Evaluation, Matrices, TargetScores, duration_bin,
};
pub use metric::{Metric, Scores};
pub use predicted::Predicted;
pub use spread::Spread;
