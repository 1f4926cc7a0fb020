//! What a model says of utterances.

use mct_corpus::Task;
use serde::{Deserialize, Serialize};

/// What a model says of a list of utterances, `[utterance][output]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Predicted {
    /// Of each class.
    Probabilities(Vec<Vec<f32>>),
    /// Of each target.
    Intensities(Vec<Vec<f32>>),
}

impl Predicted {
    /// From the outputs of a model: class probabilities or intensities.
    pub fn of(task: Task, rows: Vec<Vec<f32>>) -> Self {
        match task {
            Task::Classification => Self::Probabilities(rows),
            Task::Regression => Self::Intensities(rows),
        }
    }

    /// Of no utterances.
    pub fn none(task: Task) -> Self {
        Self::of(task, Vec::new())
    }

    pub const fn task(&self) -> Task {
        match self {
            Self::Probabilities(_) => Task::Classification,
            Self::Intensities(_) => Task::Regression,
        }
    }

    pub fn rows(&self) -> &[Vec<f32>] {
        match self {
            Self::Probabilities(rows) | Self::Intensities(rows) => rows,
        }
    }

    pub fn len(&self) -> usize {
        self.rows().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds further utterances; those of another task are left out.
    pub fn extend(&mut self, other: Self) {
        match (self, other) {
            (Self::Probabilities(all), Self::Probabilities(more))
            | (Self::Intensities(all), Self::Intensities(more)) => all.extend(more),
            (Self::Intensities(_), Self::Probabilities(_))
            | (Self::Probabilities(_), Self::Intensities(_)) => {}
        }
    }

    /// Of these classes all certainty, of `count` classes.
    #[cfg(test)]
    pub(crate) fn certain(count: usize, classes: impl IntoIterator<Item = usize>) -> Self {
        let row = |class| (0..count).map(move |other| f32::from(u8::from(other == class)));
        let rows = classes.into_iter().map(|class| row(class).collect());
        Self::Probabilities(rows.collect())
    }
}
