//! What training tells its faces. No face reaches into the trainer.

use std::collections::BTreeMap;

use mct_corpus::Task;
use mct_scores::{Confusion, Metric, Scores};
use serde::{Deserialize, Serialize};

use crate::config::Term;

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

/// Mean losses by term; a term that the system does not have, or that had nothing to do, is absent.
pub type LossRecord = BTreeMap<Term, f32>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    pub epoch: usize,
    pub losses: LossRecord,
    pub validation_loss: f64,
    pub validation: Scores,
    /// Of the classes, or of the bins of the first target.
    pub confusion: Confusion,
    /// AUILC of the main score of the task, where the best epoch is chosen by it.
    pub validation_auilc: Option<f64>,
    /// Of a system with LFI; histories of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imagination: Option<ImaginationRecord>,
    pub best: bool,
}

/// How much LFI's decoders use the reinforced sequences `E_m`: its loss (eq. 15) on the validation set, the mean over
/// batches by their utterances.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ImaginationRecord {
    pub loss: f64,
    /// The same with `E_m` of another utterance, which is no larger where they are not used.
    pub of_another: f64,
}

/// Losses and validation scores over the epochs, numbered from 1: each curve with its name.
pub fn learning_curves(
    task: Task,
    history: &[EpochRecord],
) -> Vec<(&'static str, Vec<(f64, f64)>)> {
    let (supervised, score) = match task {
        Task::Classification => (Term::Classification, "validation UA"),
        Task::Regression => (Term::Regression, "validation MAE"),
    };
    let metric = Metric::main(task);
    let curve = |value: &dyn Fn(&EpochRecord) -> f64| {
        let points = history.iter();
        points
            .map(|record| ((record.epoch + 1) as f64, value(record)))
            .collect()
    };
    let loss =
        |record: &EpochRecord, term| record.losses.get(&term).copied().map_or(0.0, f64::from);
    vec![
        ("training loss", curve(&|record| loss(record, Term::Total))),
        (supervised.name(), curve(&|record| loss(record, supervised))),
        ("validation loss", curve(&|record| record.validation_loss)),
        (score, curve(&|record| record.validation.get(metric))),
    ]
}
