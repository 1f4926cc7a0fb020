//! What a model says of utterances.

use mct_corpus::Task;
use serde::{Deserialize, Serialize};

use crate::confusion::most_probable;

/// What a model says of a list of utterances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Predicted {
    /// The class of each.
    Classes(Vec<usize>),
    /// `[utterance][target]`.
    Intensities(Vec<Vec<f32>>),
}

impl Predicted {
    /// From the outputs of a model, `[utterance][output]`: class probabilities or intensities.
    pub fn of(task: Task, rows: Vec<Vec<f32>>) -> Self {
        match task {
            Task::Classification => {
                Self::Classes(rows.iter().map(|row| most_probable(row)).collect())
            }
            Task::Regression => Self::Intensities(rows),
        }
    }

    /// Of no utterances.
    pub const fn none(task: Task) -> Self {
        match task {
            Task::Classification => Self::Classes(Vec::new()),
            Task::Regression => Self::Intensities(Vec::new()),
        }
    }

    pub const fn task(&self) -> Task {
        match self {
            Self::Classes(_) => Task::Classification,
            Self::Intensities(_) => Task::Regression,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Intensities(rows) => rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds further utterances; those of another task are left out.
    pub fn extend(&mut self, other: Self) {
        match (self, other) {
            (Self::Classes(all), Self::Classes(more)) => all.extend(more),
            (Self::Intensities(all), Self::Intensities(more)) => all.extend(more),
            // A list of no utterances is read back as one of classes.
            (Self::Intensities(_), Self::Classes(_)) | (Self::Classes(_), Self::Intensities(_)) => {
            }
        }
    }
}
