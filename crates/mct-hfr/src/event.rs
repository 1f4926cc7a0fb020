//! What training tells its faces. No face reaches into the trainer.

use std::collections::BTreeMap;

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

/// A term of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// The weighted sum of all others.
    Total,
    /// Cross entropy of the incomplete view.
    Classification,
    /// Cross entropy of the complete view.
    Complete,
    /// Distance of the views (GFA, eq. 17).
    Distance,
    /// Of missing features (LFI, eq. 15).
    Imagination,
    /// Of missing features in TFR-Net and EMT-DLFR, of projected vectors in MISA.
    Reconstruction,
    /// Of the views' pooled vectors (EMT-DLFR).
    Attraction,
    /// Distance of the modalities' shared vectors, and lack of orthogonality between private and
    /// shared ones (MISA).
    Similarity,
    Difference,
}

impl Term {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Classification => "classification",
            Self::Complete => "complete",
            Self::Distance => "distance",
            Self::Imagination => "imagination",
            Self::Reconstruction => "reconstruction",
            Self::Attraction => "attraction",
            Self::Similarity => "similarity",
            Self::Difference => "difference",
        }
    }
}

/// Mean losses by term; a term that the system does not have, or that had nothing to do, is absent.
pub type LossRecord = BTreeMap<Term, f32>;

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
