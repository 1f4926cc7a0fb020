//! What a model knows of the labels of its training set.

use mct_corpus::{Corpus, Task};

/// What a model knows of the labels of its training set.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelStatistics {
    /// Shares of the classes, `[classes]`, or mean intensities, `[targets]`.
    pub prior: Vec<f32>,
    /// Standard deviations of the intensities, `[targets]`; `None` for classes.
    pub deviation: Option<Vec<f32>>,
}

impl LabelStatistics {
    /// Of the utterances `indices`.
    pub fn of(corpus: &Corpus, task: Task, indices: &[usize]) -> Self {
        match task {
            Task::Classification => Self {
                prior: class_shares(corpus, indices),
                deviation: None,
            },
            Task::Regression => {
                let targets = 0..corpus.metadata.targets.len();
                let (prior, deviation) = targets.map(|t| moments(corpus, t, indices)).unzip();
                Self {
                    prior,
                    deviation: Some(deviation),
                }
            }
        }
    }

    /// As many as a model with `outputs` has, for values that are read from a file.
    pub(crate) fn placeholder(task: Task, outputs: usize) -> Self {
        Self {
            prior: vec![0.0; outputs],
            deviation: (task == Task::Regression).then(|| vec![1.0; outputs]),
        }
    }
}

fn class_shares(corpus: &Corpus, indices: &[usize]) -> Vec<f32> {
    let mut counts = vec![0usize; corpus.class_count()];
    let labels = indices.iter().map(|index| corpus.utterances[*index].label);
    for label in labels.flatten() {
        counts[label] += 1;
    }
    let total = counts.iter().sum::<usize>().max(1) as f32;
    counts.iter().map(|count| *count as f32 / total).collect()
}

/// Mean and standard deviation of a target; a deviation of 1 where it does not vary.
fn moments(corpus: &Corpus, target: usize, indices: &[usize]) -> (f32, f32) {
    let rated = indices.iter();
    let rated = rated.filter_map(|index| corpus.utterances[*index].targets[target]);
    let values: Vec<f64> = rated.map(f64::from).collect();
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / count).sqrt();
    let deviation = if deviation > 1e-6 { deviation } else { 1.0 };
    (mean as f32, deviation as f32)
}
