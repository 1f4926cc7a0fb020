//! Batches: utterances of similar length, padded to a few sizes.

use burn::tensor::{Device, Tensor, TensorData};
use mct_corpus::Corpus;
use mct_corpus::counter::Stream;

use crate::config::ModelConfig;
use crate::device::is_plain_cpu;
use crate::input::FeatureStatistics;
use crate::steps::Steps;

/// A padded batch on a device. Padding is zero; a step beyond `max_steps` is cut.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Complete features of each modality: `[batch, steps, features]`.
    pub features: Vec<Tensor<3>>,
    /// 1 at missing steps: `[batch, steps, 1]`.
    pub missing: Vec<Tensor<3>>,
    /// 1 at real steps: `[batch, steps, 1]`.
    pub valid: Vec<Tensor<3>>,
    /// True steps: `lengths[modality][sample]`.
    pub lengths: Vec<Vec<usize>>,
    /// How many steps are missing in the batch, a modality.
    pub missing_counts: Vec<usize>,
    /// One-hot labels: `[batch, classes]`.
    pub targets: Tensor<2>,
    pub labels: Vec<usize>,
}

/// One utterance's missing steps, a mask a modality.
pub type Masks = Vec<Vec<bool>>;

/// Steps are rounded up to one of this many sizes, so that GPU kernels are compiled once.
const SIZES: usize = 8;

/// `steps` rounded up to a multiple of an eighth of `most`.
fn padded(steps: usize, most: usize) -> usize {
    let unit = most.div_ceil(SIZES);
    (steps.div_ceil(unit) * unit).clamp(1, most)
}

impl Batch {
    /// Reads the utterances `indices` of the corpus; `masks` gives the missing steps of one
    /// (`None`: nothing is missing).
    pub fn read(
        corpus: &Corpus,
        indices: &[usize],
        config: &ModelConfig,
        masks: impl Fn(usize) -> Option<Masks>,
        device: &Device,
    ) -> Self {
        let batch = indices.len();
        // Evaluation on the CPU compiles nothing, so that padding would only be work. In training the
        // places of dropout depend on the padded size, which is the same on all devices.
        let exact = is_plain_cpu(device);
        let masks: Vec<Option<Masks>> = indices.iter().map(|index| masks(*index)).collect();
        let mut out = Self {
            features: Vec::new(),
            missing: Vec::new(),
            valid: Vec::new(),
            lengths: Vec::new(),
            missing_counts: Vec::new(),
            labels: indices
                .iter()
                .map(|i| corpus.utterances[*i].label)
                .collect(),
            targets: Tensor::zeros([1, 1], device),
        };
        let classes = corpus.class_count();
        let mut targets = vec![0.0f32; batch * classes];
        for (row, label) in out.labels.iter().enumerate() {
            targets[row * classes + label] = 1.0;
        }
        out.targets = Tensor::from_data(TensorData::new(targets, [batch, classes]), device);
        for (m, modality) in corpus.modalities.iter().enumerate() {
            let most = config.modality(&modality.name).max_steps;
            let lengths: Vec<usize> = indices
                .iter()
                .map(|i| modality.steps(*i).min(most))
                .collect();
            let longest = lengths.iter().copied().max().unwrap_or(1);
            let steps = if exact {
                longest
            } else {
                padded(longest, most)
            };
            let mut features = Vec::with_capacity(batch * steps * modality.dim);
            let mut missing = vec![0.0f32; batch * steps];
            let mut valid = vec![0.0f32; batch * steps];
            let mut count = 0;
            for (row, (index, length)) in indices.iter().zip(&lengths).enumerate() {
                modality.read(*index, most, &mut features);
                features.resize((row + 1) * steps * modality.dim, 0.0);
                valid[row * steps..row * steps + length].fill(1.0);
                let mask = masks[row].as_ref().map(|masks| &masks[m][..*length]);
                for (t, _) in mask.into_iter().flatten().enumerate().filter(|(_, m)| **m) {
                    missing[row * steps + t] = 1.0;
                    count += 1;
                }
            }
            let column =
                |values| Tensor::from_data(TensorData::new(values, [batch, steps, 1]), device);
            let shape = [batch, steps, modality.dim];
            out.features
                .push(Tensor::from_data(TensorData::new(features, shape), device));
            out.missing.push(column(missing));
            out.valid.push(column(valid));
            out.lengths.push(lengths);
            out.missing_counts.push(count);
        }
        out
    }
}

impl Batch {
    /// The real steps of each modality.
    pub fn steps(&self) -> Vec<Steps> {
        let parts = self.valid.iter().zip(&self.lengths);
        parts
            .map(|(valid, lengths)| Steps::new(valid.clone(), lengths.clone()))
            .collect()
    }
}

/// Total steps of an utterance that the model would see.
fn size(corpus: &Corpus, config: &ModelConfig, index: usize) -> usize {
    let steps = |m: &mct_corpus::Modality| m.steps(index).min(config.modality(&m.name).max_steps);
    corpus.modalities.iter().map(steps).sum()
}

/// The batches of one training epoch: shuffled, then neighbours in length within pools of several
/// batches go together, and the batches are shuffled again. Depends on (seed, epoch) alone.
pub fn training_batches(
    corpus: &Corpus,
    indices: &[usize],
    config: &ModelConfig,
    batch_size: usize,
    seed: u64,
    epoch: usize,
) -> Vec<Vec<usize>> {
    /// Batches a pool: enough to match lengths, few enough that batches differ between epochs.
    const POOL: usize = 16;
    let mut stream = Stream::new(&[0x6F72_6465, seed, epoch as u64]);
    let mut order = indices.to_vec();
    stream.shuffle(&mut order);
    let mut batches = Vec::new();
    for pool in order.chunks_mut(POOL * batch_size) {
        pool.sort_by_key(|index| size(corpus, config, *index));
        batches.extend(pool.chunks(batch_size).map(<[usize]>::to_vec));
    }
    stream.shuffle(&mut batches);
    batches
}

/// The batches of an evaluation: sorted by length, so that little is padded.
pub fn evaluation_batches(
    corpus: &Corpus,
    indices: &[usize],
    config: &ModelConfig,
    batch_size: usize,
) -> Vec<Vec<usize>> {
    let mut order = indices.to_vec();
    order.sort_by_key(|index| size(corpus, config, *index));
    order
        .chunks(batch_size.max(1))
        .map(<[usize]>::to_vec)
        .collect()
}

/// Mean and standard deviation of each feature over the given utterances, a modality; a feature
/// that never changes gets deviation 1.
pub fn feature_statistics(corpus: &Corpus, indices: &[usize]) -> Vec<FeatureStatistics> {
    let of = |modality: &mct_corpus::Modality| {
        let mut count = 0.0f64;
        let mut sum = vec![0.0f64; modality.dim];
        let mut squares = vec![0.0f64; modality.dim];
        for &index in indices {
            for step in modality.values(index).chunks_exact(modality.dim) {
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
    };
    corpus.modalities.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn batches_hold_every_utterance_once_and_depend_on_the_epoch() {
        let corpus = mct_corpus::demo::generate(1, 0.05).unwrap();
        let config = Config::preset("demo").unwrap().model;
        let all: Vec<usize> = (0..corpus.len()).collect();
        let batches = |epoch| training_batches(&corpus, &all, &config, 16, 1, epoch);
        assert_eq!(batches(0), batches(0));
        assert_ne!(batches(0), batches(1));
        let mut seen: Vec<usize> = batches(2).concat();
        seen.sort_unstable();
        assert_eq!(seen, all);
    }

    #[test]
    fn lengths_are_rounded_up_to_eight_sizes() {
        let sizes: std::collections::BTreeSet<usize> =
            (1..=400).map(|steps| padded(steps, 400)).collect();
        assert_eq!(sizes.len(), 8);
        assert!((1..=400).all(|steps| padded(steps, 400) >= steps));
        assert_eq!(padded(3, 3), 3);
    }
}
