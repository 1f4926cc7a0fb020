//! What training tells its faces. No face reaches into the trainer.

use serde::{Deserialize, Serialize};

use crate::metrics::{Confusion, Scores};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    Started {
        fold: String,
        train: usize,
        validation: usize,
        parameters: usize,
        epochs: usize,
        /// The epoch that training goes on from; 0 for a new run.
        from_epoch: usize,
    },
    /// Mean losses since the last such event.
    Step {
        epoch: usize,
        step: usize,
        steps: usize,
        losses: LossRecord,
    },
    Epoch(EpochRecord),
    /// A checkpoint is safe.
    Checkpoint {
        epoch: usize,
        best: bool,
    },
    Warning {
        message: String,
    },
    Finished {
        best_epoch: usize,
        reason: FinishReason,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinishReason {
    Epochs,
    EarlyStop,
    Interrupted,
}

/// The terms of eq. 18; 0 where a term is switched off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LossRecord {
    pub total: f32,
    pub classification: f32,
    pub complete: f32,
    pub distance: f32,
    pub imagination: f32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    pub epoch: usize,
    pub losses: LossRecord,
    pub validation_loss: f64,
    pub validation: Scores,
    pub confusion: Confusion,
    /// AUILC of UA, where the best epoch is chosen by it.
    pub validation_auilc: Option<f64>,
    pub best: bool,
}
