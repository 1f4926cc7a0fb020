//! The confusion matrix and its scores (section 5.5): UA, WA, UF1, WF1.

use serde::{Deserialize, Serialize};

use crate::metric::{Metric, Scores};

/// Counts of true class (row) against predicted class (column).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion(pub Vec<Vec<usize>>);

impl Confusion {
    pub fn new(classes: usize) -> Self {
        Self(vec![vec![0; classes]; classes])
    }

    pub fn add(&mut self, label: usize, predicted: usize) {
        self.0[label][predicted] += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        for (row, other) in self.0.iter_mut().zip(&other.0) {
            for (count, other) in row.iter_mut().zip(other) {
                *count += other;
            }
        }
    }

    pub fn total(&self) -> usize {
        self.0.iter().flatten().sum()
    }

    /// Of each class.
    pub fn by_class(&self) -> Vec<ClassScores> {
        let of_class = |class: usize| {
            let utterances = self.0[class].iter().sum();
            let predicted = self.0.iter().map(|row| row[class]).sum();
            ClassScores::of(utterances, predicted, self.0[class][class])
        };
        (0..self.0.len()).map(of_class).collect()
    }

    /// UA, WA, UF1 and WF1; 0 where nothing is counted.
    pub fn scores(&self) -> Scores {
        ClassScores::of_all(&self.by_class())
    }
}

/// The scores of one class; `None` where nothing is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    pub utterances: usize,
    /// Utterances that are predicted as it.
    pub predicted: usize,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
}

impl ClassScores {
    /// Of a class with so many utterances, of which so many are right, and so many predicted as it.
    pub fn of(utterances: usize, predicted: usize, right: usize) -> Self {
        let share = |of: usize| (of > 0).then(|| right as f64 / of as f64);
        let f1 = 2.0 * right as f64 / (utterances + predicted).max(1) as f64;
        Self {
            utterances,
            predicted,
            precision: share(predicted),
            recall: share(utterances),
            f1: (utterances + predicted > 0).then_some(f1),
        }
    }

    /// UA, WA, UF1 and WF1 of all classes; 0 where nothing is counted.
    pub fn of_all(classes: &[Self]) -> Scores {
        let total = classes.iter().map(|class| class.utterances).sum::<usize>();
        let total = total.max(1) as f64;
        let (mut ua, mut wa, mut uf1, mut wf1) = (0.0, 0.0, 0.0, 0.0);
        let (mut present, mut named) = (0usize, 0usize);
        for class in classes {
            let size = class.utterances as f64;
            if let Some(recall) = class.recall {
                present += 1;
                ua += recall;
                wa += recall * size / total;
            }
            if let Some(f1) = class.f1 {
                named += 1;
                uf1 += f1;
                wf1 += f1 * size / total;
            }
        }
        let scores = [
            (Metric::Ua, ua / present.max(1) as f64),
            (Metric::Wa, wa),
            (Metric::Uf1, uf1 / named.max(1) as f64),
            (Metric::Wf1, wf1),
        ];
        scores.into_iter().collect()
    }
}

/// The class of the highest probability; the first one of equals.
pub fn most_probable(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scores_of_a_small_example() {
        let confusion = Confusion(vec![vec![3, 1], vec![2, 2]]);
        let scores = confusion.scores();
        assert!((scores.get(Metric::Ua) - 0.625).abs() < 1e-12);
        assert!((scores.get(Metric::Wa) - 0.625).abs() < 1e-12);
        let f1 = [2.0 * 3.0 / 9.0, 2.0 * 2.0 / 7.0];
        assert!((scores.get(Metric::Uf1) - (f1[0] + f1[1]) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn precision_recall_and_f1_of_each_class() {
        let confusion = Confusion(vec![vec![3, 1, 0], vec![2, 2, 0], vec![0, 0, 0]]);
        let [first, second, none] = confusion.by_class().try_into().unwrap();
        assert_eq!((first.precision, first.recall), (Some(0.6), Some(0.75)));
        assert!((first.f1.unwrap() - 2.0 * 3.0 / 9.0).abs() < 1e-12);
        assert_eq!((second.utterances, second.predicted), (4, 3));
        assert_eq!((none.precision, none.recall, none.f1), (None, None, None));
    }
}
