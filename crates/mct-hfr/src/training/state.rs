//! The state of training, as checkpoints keep it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Term;
use crate::training::event::EpochRecord;

/// How far training has come; with weights and moments all that a resume needs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub epoch: usize,
    /// Steps done in this epoch.
    pub step: usize,
    /// Steps done in all, the counter of the randomness.
    pub total_steps: u64,
    /// Sums of the losses over the steps done in this epoch.
    pub sums: BTreeMap<Term, f64>,
    /// The best score so far (higher is better) and its epoch.
    pub best: Option<(f64, usize)>,
    /// The same of the test set, where a config asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_on_test: Option<(f64, usize)>,
    pub history: Vec<EpochRecord>,
    pub finished: bool,
}

impl State {
    /// The state of a run that has nothing left to train.
    pub fn finished(epochs: usize) -> Self {
        Self {
            epoch: epochs,
            finished: true,
            ..Self::default()
        }
    }
}
