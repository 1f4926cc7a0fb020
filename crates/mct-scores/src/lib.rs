//! Scores of predictions (section 5.5 of the paper). Knows labels and predicted classes, no tensors.
//!
//! [`Confusion`] counts, [`Scores`] are UA, WA, UF1 and WF1 of such counts, [`auilc`] is the area under a
//! score over the missing rates (eq. 19), [`Evaluation`] holds all of them over the rates and by
//! duration, [`significance`] says whether one system is better than another.

mod auilc;
mod confusion;
mod evaluation;
pub mod significance;
mod spread;

pub use auilc::{PAPER_RATES, auilc};
pub use confusion::{Confusion, Scores, most_probable};
pub use evaluation::{DURATION_EDGES_SECS, DurationBin, Evaluation, duration_bin};
pub use spread::Spread;
