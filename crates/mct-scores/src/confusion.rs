//! The confusion matrix and its scores (section 5.5): UA, WA, UF1, WF1.

use serde::{Deserialize, Serialize};

/// Counts of true class (row) against predicted class (column).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion(pub Vec<Vec<usize>>);

/// The four scores, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Scores {
    /// Mean recall over the classes that occur.
    pub ua: f64,
    /// Mean recall weighted by class size: the share of right answers.
    pub wa: f64,
    /// Mean F1 over the classes that occur or are predicted.
    pub uf1: f64,
    /// Mean F1 weighted by class size.
    pub wf1: f64,
}

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

    pub fn scores(&self) -> Scores {
        let classes = self.0.len();
        let total = self.total().max(1) as f64;
        let mut scores = Scores::default();
        let (mut present, mut named) = (0usize, 0usize);
        for class in 0..classes {
            let right = self.0[class][class] as f64;
            let size: usize = self.0[class].iter().sum();
            let predicted: usize = self.0.iter().map(|row| row[class]).sum();
            if size > 0 {
                present += 1;
                scores.ua += right / size as f64;
            }
            if size + predicted > 0 {
                named += 1;
                let f1 = 2.0 * right / (size + predicted) as f64;
                scores.uf1 += f1;
                scores.wf1 += f1 * size as f64 / total;
            }
            scores.wa += right / total;
        }
        scores.ua /= present.max(1) as f64;
        scores.uf1 /= named.max(1) as f64;
        scores
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
        assert!((scores.ua - 0.625).abs() < 1e-12);
        assert!((scores.wa - 0.625).abs() < 1e-12);
        let f1 = [2.0 * 3.0 / 9.0, 2.0 * 2.0 / 7.0];
        assert!((scores.uf1 - (f1[0] + f1[1]) / 2.0).abs() < 1e-12);
    }
}
