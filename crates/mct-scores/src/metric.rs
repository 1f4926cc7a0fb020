//! The scores by their names: those of classes (section 5.5) and those of intensities.

use std::collections::BTreeMap;

use mct_corpus::bins::Scale;
use mct_corpus::{Target, Task};
use serde::{Deserialize, Serialize};

/// A score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean recall over the classes that occur.
    Ua,
    /// Mean recall weighted by class size: the share of right answers.
    Wa,
    /// Mean F1 over the classes that occur or are predicted.
    Uf1,
    /// Mean F1 weighted by class size.
    Wf1,
    /// Mean absolute error, in units of the target.
    Mae,
    /// Pearson's correlation.
    Corr,
    /// Concordance correlation coefficient (Lin, 1989).
    Ccc,
    /// Negative or not on -3 to 3, positive or not on -1 to 1.
    Acc2,
    /// F1 of the same two, weighted by their sizes.
    F1,
    /// Negative or positive, without the utterances rated 0.
    Acc2NonZero,
    /// F1 of the same two, weighted by their sizes.
    F1NonZero,
    Acc3,
    Acc5,
    Acc7,
}

const CLASSES: &[Metric] = &[Metric::Ua, Metric::Wa, Metric::Uf1, Metric::Wf1];
const INTENSITIES: &[Metric] = &[Metric::Mae, Metric::Corr, Metric::Ccc];
const MOSI: &[Metric] = &[
    Metric::Mae,
    Metric::Corr,
    Metric::Ccc,
    Metric::Acc2,
    Metric::F1,
    Metric::Acc2NonZero,
    Metric::F1NonZero,
    Metric::Acc3,
    Metric::Acc5,
    Metric::Acc7,
];
const SIMS: &[Metric] = &[
    Metric::Mae,
    Metric::Corr,
    Metric::Ccc,
    Metric::Acc2,
    Metric::F1,
    Metric::Acc3,
    Metric::Acc5,
];

impl Metric {
    /// The scores of a task; of intensities those that every target has.
    pub const fn of_task(task: Task) -> &'static [Self] {
        match task {
            Task::Classification => CLASSES,
            Task::Regression => INTENSITIES,
        }
    }

    /// The scores of one target: those of bins only on the scales whose bins the field has agreed on.
    pub fn of_target(target: &Target) -> &'static [Self] {
        match Scale::of(target) {
            Some(Scale::Mosi) => MOSI,
            Some(Scale::Sims) => SIMS,
            None => INTENSITIES,
        }
    }

    /// The score that a task is judged by where one number has to do: UA as in the paper, MAE as in
    /// the literature on sentiment.
    pub const fn main(task: Task) -> Self {
        match task {
            Task::Classification => Self::Ua,
            Task::Regression => Self::Mae,
        }
    }

    /// Whether it is of classes, and not of intensities.
    pub const fn is_of_classes(self) -> bool {
        matches!(self, Self::Ua | Self::Wa | Self::Uf1 | Self::Wf1)
    }

    /// The least and the largest value that it can have.
    pub const fn range(self) -> [f64; 2] {
        match self {
            Self::Corr | Self::Ccc => [-1.0, 1.0],
            Self::Mae => [0.0, f64::MAX],
            _ => [0.0, 1.0],
        }
    }

    /// The least and the largest AUILC that it can have over these missing rates (eq. 19).
    pub fn range_of_auilc(self, rates: &[f64]) -> [f64; 2] {
        let width = match rates {
            [first, .., last] => last - first,
            _ => 0.0,
        };
        self.range().map(|end| end * width)
    }

    /// As tables and curves call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ua => "UA",
            Self::Wa => "WA",
            Self::Uf1 => "UF1",
            Self::Wf1 => "WF1",
            Self::Mae => "MAE",
            Self::Corr => "Corr",
            Self::Ccc => "CCC",
            Self::Acc2 => "Acc-2",
            Self::F1 => "F1",
            Self::Acc2NonZero => "Acc-2 non-0",
            Self::F1NonZero => "F1 non-0",
            Self::Acc3 => "Acc-3",
            Self::Acc5 => "Acc-5",
            Self::Acc7 => "Acc-7",
        }
    }

    /// What it says, in a sentence without its full stop.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ua => "unweighted accuracy: mean recall over the classes that occur",
            Self::Wa => "weighted accuracy: the share of right answers",
            Self::Uf1 => "mean F1 over the classes that occur or are predicted",
            Self::Wf1 => "mean F1 weighted by class size",
            Self::Mae => "mean absolute error, lower is better",
            Self::Corr => "Pearson's correlation of predicted and true",
            Self::Ccc => "concordance: correlation that also counts bias and scale",
            Self::Acc2 => "accuracy of two classes: negative or not (positive or not on -1 to 1)",
            Self::F1 => "weighted F1 of negative or not (positive or not on -1 to 1)",
            Self::Acc2NonZero => "accuracy of negative or positive, without utterances rated 0",
            Self::F1NonZero => "weighted F1 of negative or positive, without utterances rated 0",
            Self::Acc3 => "accuracy of three bins",
            Self::Acc5 => "accuracy of five bins",
            Self::Acc7 => "accuracy of seven bins",
        }
    }

    pub const fn lower_is_better(self) -> bool {
        matches!(self, Self::Mae)
    }

    /// Whether it is a share, which the paper writes in percent.
    pub const fn is_share(self) -> bool {
        !matches!(self, Self::Mae | Self::Corr | Self::Ccc)
    }

    /// The value as a number of which more is better.
    pub const fn merit(self, value: f64) -> f64 {
        if self.lower_is_better() {
            -value
        } else {
            value
        }
    }
}

/// Scores by metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scores(pub BTreeMap<Metric, f64>);

impl Scores {
    /// NaN for a metric that is not among them.
    pub fn get(&self, metric: Metric) -> f64 {
        self.0.get(&metric).copied().unwrap_or(f64::NAN)
    }

    /// In the order in which they are shown.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, f64)> {
        self.0.iter().map(|(metric, value)| (*metric, *value))
    }
}

impl FromIterator<(Metric, f64)> for Scores {
    fn from_iter<T: IntoIterator<Item = (Metric, f64)>>(scores: T) -> Self {
        Self(scores.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_kept_by_their_short_names() {
        let scores: Scores = [(Metric::Acc2NonZero, 0.5), (Metric::Ua, 0.25)]
            .into_iter()
            .collect();
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(json, r#"{"ua":0.25,"acc2_non_zero":0.5}"#);
        assert_eq!(serde_json::from_str::<Scores>(&json).unwrap(), scores);
        assert!(scores.get(Metric::Mae).is_nan());
    }
}
