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

    /// UA, WA, UF1 and WF1; 0 where nothing is counted.
    pub fn scores(&self) -> Scores {
        let classes = self.0.len();
        let total = self.total().max(1) as f64;
        let (mut ua, mut wa, mut uf1, mut wf1) = (0.0, 0.0, 0.0, 0.0);
        let (mut present, mut named) = (0usize, 0usize);
        for class in 0..classes {
            let right = self.0[class][class] as f64;
            let size: usize = self.0[class].iter().sum();
            let predicted: usize = self.0.iter().map(|row| row[class]).sum();
            if size > 0 {
                present += 1;
                ua += right / size as f64;
            }
            if size + predicted > 0 {
                named += 1;
                let f1 = 2.0 * right / (size + predicted) as f64;
                uf1 += f1;
                wf1 += f1 * size as f64 / total;
            }
            wa += right / total;
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
}
