//! Mean and standard deviation of features, for standardisation.

use mct_corpus::{Corpus, Modality};

/// What the training set says of one modality's features.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureStatistics {
    /// Per feature.
    pub mean: Vec<f32>,
    /// Standard deviation per feature; 1 for a feature that never changes.
    pub deviation: Vec<f32>,
    /// What the corpus says of a missing step, `[positions, features]` row by row, before standardisation.
    pub unknown: Option<Vec<f32>>,
}

/// Statistics of the utterances `indices`, per modality. What is missing by nature does not count.
pub fn feature_statistics(corpus: &Corpus, indices: &[usize]) -> Vec<FeatureStatistics> {
    let modalities = corpus.modalities.iter();
    modalities
        .map(|modality| of_modality(modality, indices))
        .collect()
}

fn of_modality(modality: &Modality, indices: &[usize]) -> FeatureStatistics {
    let mut count = 0.0f64;
    let mut sum = vec![0.0f64; modality.dim];
    let mut squares = vec![0.0f64; modality.dim];
    for &index in indices {
        let values = modality.values(index);
        for (t, step) in values.chunks_exact(modality.dim).enumerate() {
            if modality.is_missing(index, t) {
                continue;
            }
            count += 1.0;
            for ((x, sum), squares) in step.iter().zip(&mut sum).zip(&mut squares) {
                *sum += f64::from(*x);
                *squares += f64::from(*x).powi(2);
            }
        }
    }
    let mean: Vec<f64> = sum.iter().map(|sum| sum / count.max(1.0)).collect();
    let deviation = squares.iter().zip(&mean).map(|(squares, mean)| {
        let variance = (squares / count.max(1.0) - mean.powi(2)).max(0.0);
        let deviation = variance.sqrt();
        if deviation > 1e-6 {
            deviation as f32
        } else {
            1.0
        }
    });
    FeatureStatistics {
        deviation: deviation.collect(),
        mean: mean.iter().map(|mean| *mean as f32).collect(),
        unknown: modality.unknown.clone(),
    }
}
