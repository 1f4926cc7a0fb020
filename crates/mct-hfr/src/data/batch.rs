//! Batches: utterances of similar length, padded to a few sizes.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use mct_corpus::counter::Stream;
use mct_corpus::{Corpus, Task};

use crate::config::{Config, ModelConfig, TrainingConfig};
use crate::device::is_plain_cpu;
use crate::nn::padding::PaddingMask;

/// A padded batch on a device. Padding is zero; sequences are truncated to `max_steps`.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Complete features, per modality `[batch, time, features]`.
    pub features: Vec<Tensor<3>>,
    /// 1 at steps that are missing by nature, per modality `[batch, time, 1]`; `None` where none is. An
    /// utterance without the modality has one such step.
    pub absent: Vec<Option<Tensor<3>>>,
    /// 1 at steps that an experiment takes away from those that are there, per modality
    /// `[batch, time, 1]`.
    pub missing: Vec<Tensor<3>>,
    /// 1 at valid steps, 0 at padding, per modality `[batch, time, 1]`.
    pub valid: Vec<Tensor<3>>,
    /// Valid steps, `[modality][sample]`.
    pub lengths: Vec<Vec<usize>>,
    /// Steps of the whole batch that an experiment takes away, per modality.
    pub missing_counts: Vec<usize>,
    /// 1 for an utterance with a step that is not missing by nature, 0 for one without: `[batch, 1]`;
    /// `None` where all have one.
    pub present: Option<Tensor<2>>,
    /// The same with the steps that an experiment takes away: 0 where the incomplete view shows nothing.
    pub observed: Option<Tensor<2>>,
    /// One-hot labels `[batch, classes]`, or intensities as they are rated `[batch, targets]`; zeros where
    /// an utterance has none.
    pub targets: Tensor<2>,
    /// In a regression 1 where an utterance is rated and 0 where not, `[batch, targets]`; `None` where all
    /// are.
    pub rated: Option<Tensor<2>>,
    pub labels: Vec<Option<usize>>,
}

/// Missing steps of one utterance, a mask per modality.
pub type Masks = Vec<Vec<bool>>;

/// Padded lengths are rounded up to one of this many sizes, so that few GPU kernels are compiled.
const SIZES: usize = 8;

/// `steps` rounded up to a multiple of an eighth of `most`.
fn padded(steps: usize, most: usize) -> usize {
    let unit = most.div_ceil(SIZES);
    (steps.div_ceil(unit) * unit).clamp(1, most)
}

impl Batch {
    /// Reads the utterances `indices` of the corpus; `masks` gives the missing steps of one, asked in their order
    /// (`None`: nothing but what is missing by nature).
    pub fn read(
        corpus: &Corpus,
        indices: &[usize],
        config: &ModelConfig,
        mut masks: impl FnMut(usize) -> Option<Masks>,
        device: &Device,
    ) -> Self {
        let batch = indices.len();
        // Evaluation on the CPU compiles nothing, so that padding would only be work. In training the
        // dropout masks depend on the padded size, which is the same on all devices.
        let exact = is_plain_cpu(device);
        let masks: Vec<Option<Masks>> = indices.iter().map(|index| masks(*index)).collect();
        let mut out = Self {
            features: Vec::new(),
            absent: Vec::new(),
            missing: Vec::new(),
            valid: Vec::new(),
            lengths: Vec::new(),
            missing_counts: Vec::new(),
            labels: indices
                .iter()
                .map(|i| corpus.utterances[*i].label)
                .collect(),
            present: None,
            observed: None,
            targets: Tensor::zeros([1, 1], device),
            rated: None,
        };
        (out.targets, out.rated) = targets(corpus, indices, config.task, device);
        let (mut present, mut observed) = (vec![0.0f32; batch], vec![0.0f32; batch]);
        for (m, modality) in corpus.modalities.iter().enumerate() {
            let most = config.max_steps(&modality.name);
            let lengths: Vec<usize> = indices
                .iter()
                .map(|i| modality.steps(*i).clamp(1, most))
                .collect();
            let longest = lengths.iter().copied().max().unwrap_or(1);
            let steps = if exact {
                longest
            } else {
                padded(longest, most)
            };
            let mut features = Vec::with_capacity(batch * steps * modality.dim);
            let mut absent = vec![0.0f32; batch * steps];
            let mut missing = vec![0.0f32; batch * steps];
            let mut valid = vec![0.0f32; batch * steps];
            let mut count = 0;
            for (row, (index, length)) in indices.iter().zip(&lengths).enumerate() {
                modality.read(*index, most, &mut features);
                features.resize((row + 1) * steps * modality.dim, 0.0);
                valid[row * steps..row * steps + length].fill(1.0);
                let mask = masks[row].as_ref().map(|masks| &masks[m][..]);
                let is_there = modality.steps(*index) > 0;
                for t in 0..*length {
                    if !is_there || modality.is_missing(*index, t) {
                        absent[row * steps + t] = 1.0;
                        continue;
                    }
                    present[row] = 1.0;
                    if mask.is_some_and(|mask| mask[t]) {
                        missing[row * steps + t] = 1.0;
                        count += 1;
                    } else {
                        observed[row] = 1.0;
                    }
                }
            }
            let column =
                |values| Tensor::from_data(TensorData::new(values, [batch, steps, 1]), device);
            let shape = [batch, steps, modality.dim];
            out.features
                .push(Tensor::from_data(TensorData::new(features, shape), device));
            let any_absent = absent.contains(&1.0);
            out.absent.push(any_absent.then(|| column(absent)));
            out.missing.push(column(missing));
            out.valid.push(column(valid));
            out.lengths.push(lengths);
            out.missing_counts.push(count);
        }
        let where_any_is_0 = |flags: Vec<f32>| {
            flags
                .contains(&0.0)
                .then(|| Tensor::from_data(TensorData::new(flags, [batch, 1]), device))
        };
        out.present = where_any_is_0(present);
        out.observed = where_any_is_0(observed);
        out
    }
}

/// The targets of a batch, and where they are known.
fn targets(
    corpus: &Corpus,
    indices: &[usize],
    task: Task,
    device: &Device,
) -> (Tensor<2>, Option<Tensor<2>>) {
    let utterances = indices.iter().map(|index| &corpus.utterances[*index]);
    let width = match task {
        Task::Classification => corpus.class_count(),
        Task::Regression => corpus.metadata.targets.len(),
    };
    let tensor =
        |values| Tensor::from_data(TensorData::new(values, [indices.len(), width]), device);
    let mut values = vec![0.0f32; indices.len() * width];
    if task == Task::Classification {
        for (row, utterance) in utterances.enumerate() {
            if let Some(label) = utterance.label {
                values[row * width + label] = 1.0;
            }
        }
        return (tensor(values), None);
    }
    let mut rated = values.clone();
    let cells = utterances.flat_map(|utterance| &utterance.targets);
    for (cell, target) in cells.enumerate() {
        if let Some(target) = target {
            (values[cell], rated[cell]) = (*target, 1.0);
        }
    }
    let rated = rated.contains(&0.0).then(|| tensor(rated));
    (tensor(values), rated)
}

impl Batch {
    /// The padding mask of each modality.
    pub fn padding_masks(&self) -> Vec<PaddingMask> {
        let per_modality = self.valid.iter().zip(&self.lengths);
        per_modality
            .map(|(valid, lengths)| PaddingMask::new(valid.clone(), lengths.clone()))
            .collect()
    }
}

/// Time steps of an utterance that the model sees, over all modalities.
fn total_steps(corpus: &Corpus, config: &ModelConfig, index: usize) -> usize {
    let steps = |m: &mct_corpus::Modality| m.steps(index).min(config.max_steps(&m.name));
    corpus.modalities.iter().map(steps).sum()
}

/// As many utterances as `indices`, of every class that there is as many as of any other: those of a small
/// class several times. Depends on (seed, epoch) alone.
fn balanced(corpus: &Corpus, indices: &[usize], seed: u64, epoch: usize) -> Vec<usize> {
    let mut stream = Stream::new(&[0x6261_6C61, seed, epoch as u64]);
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in indices {
        if let Some(label) = corpus.utterances[*index].label {
            classes.entry(label).or_default().push(*index);
        }
    }
    let mut drawn = Vec::with_capacity(indices.len());
    let count = classes.len().max(1);
    for (rank, members) in classes.values_mut().enumerate() {
        let share = (indices.len() + count - 1 - rank) / count;
        stream.shuffle(members);
        drawn.extend(members.iter().cycle().take(share));
    }
    drawn
}

/// Deals out the classes evenly; those of each class keep their order.
fn deal_classes(corpus: &Corpus, pool: &mut [usize]) {
    let class = |index: usize| corpus.utterances[index].label;
    let mut sizes: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    for index in pool.iter() {
        *sizes.entry(class(*index)).or_default() += 1;
    }
    let mut seen: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    let mut placed: Vec<(f64, usize)> = Vec::with_capacity(pool.len());
    for index in pool.iter() {
        let rank = seen.entry(class(*index)).or_default();
        let place = (*rank as f64 + 0.5) / sizes[&class(*index)] as f64;
        *rank += 1;
        placed.push((place, *index));
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (own, (_, index)) in pool.iter_mut().zip(placed) {
        *own = index;
    }
}

/// The batches of one training epoch: shuffled, then neighbours in length within pools of several
/// batches go together, and the batches are shuffled again. Where they are balanced, neighbours in length are
/// of the same rank within their classes, so that each batch has every class. Depends on (seed, epoch) alone.
pub fn training_batches(
    corpus: &Corpus,
    indices: &[usize],
    config: &Config,
    epoch: usize,
) -> Vec<Vec<usize>> {
    /// Batches per pool: enough to match lengths, few enough that batches differ between epochs.
    const POOL: usize = 16;
    let TrainingConfig {
        batch_size,
        seed,
        balanced_batches,
        ..
    } = config.training;
    let mut stream = Stream::new(&[0x6F72_6465, seed, epoch as u64]);
    let mut order = match balanced_batches {
        true => balanced(corpus, indices, seed, epoch),
        false => indices.to_vec(),
    };
    stream.shuffle(&mut order);
    let mut batches = Vec::new();
    for pool in order.chunks_mut(POOL * batch_size) {
        pool.sort_by_key(|index| total_steps(corpus, &config.model, *index));
        if balanced_batches {
            deal_classes(corpus, pool);
        }
        batches.extend(pool.chunks(batch_size).map(<[usize]>::to_vec));
    }
    stream.shuffle(&mut batches);
    batches
}

/// How often each utterance of the batches of an epoch was in it before.
pub fn copies(batches: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut earlier = |index: &usize| {
        let count = seen.entry(*index).or_default();
        *count += 1;
        *count - 1
    };
    let batches = batches.iter();
    batches
        .map(|batch| batch.iter().map(&mut earlier).collect())
        .collect()
}

/// The batches of an evaluation: sorted by length, so that little is padded.
pub fn evaluation_batches(
    corpus: &Corpus,
    indices: &[usize],
    config: &ModelConfig,
    batch_size: usize,
) -> Vec<Vec<usize>> {
    let mut order = indices.to_vec();
    order.sort_by_key(|index| total_steps(corpus, config, *index));
    order
        .chunks(batch_size.max(1))
        .map(<[usize]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_utterance_once_and_depend_on_the_epoch() {
        let corpus = mct_corpus::demo::generate(1, 0.05).unwrap();
        let mut config = Config::preset("demo").unwrap();
        config.training.batch_size = 16;
        let all: Vec<usize> = (0..corpus.len()).collect();
        let batches = |epoch| training_batches(&corpus, &all, &config, epoch);
        assert_eq!(batches(0), batches(0));
        assert_ne!(batches(0), batches(1));
        let mut seen: Vec<usize> = batches(2).concat();
        seen.sort_unstable();
        assert_eq!(seen, all);
    }

    #[test]
    fn copies_are_counted_over_the_batches_of_an_epoch() {
        let batches = [vec![3, 5], vec![5, 3, 5], vec![4]];
        assert_eq!(copies(&batches), [vec![0, 0], vec![1, 1, 2], vec![0]]);
    }

    #[test]
    fn balanced_batches_have_as_many_of_every_class() {
        let mut corpus = mct_corpus::demo::generate(1, 0.05).unwrap();
        let all: Vec<usize> = (0..corpus.len()).collect();
        // One class has five utterances.
        let mut kept = 0;
        for utterance in &mut corpus.utterances {
            if utterance.label == Some(0) {
                kept += 1;
                utterance.label = Some(usize::from(kept > 5));
            }
        }
        let count = |drawn: &[usize]| {
            let mut counts = vec![0; corpus.class_count()];
            for label in drawn.iter().filter_map(|i| corpus.utterances[*i].label) {
                counts[label] += 1;
            }
            counts
        };
        assert_eq!(count(&all)[0], 5);
        let drawn = balanced(&corpus, &all, 1, 0);
        assert_eq!(drawn.len(), all.len());
        let counts = count(&drawn);
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= 1 && *least > 5, "{counts:?}");
        assert_ne!(drawn, balanced(&corpus, &all, 1, 1));
        // Each batch, too, and where a class is of short utterances.
        let mut by_length = all.clone();
        let config = Config::preset("demo").unwrap();
        by_length.sort_by_key(|index| total_steps(&corpus, &config.model, *index));
        for (rank, index) in by_length.iter().enumerate() {
            corpus.utterances[*index].label = Some(usize::from(rank < 40));
        }
        let of = |balanced: bool| {
            let mut config = config.clone();
            config.training.balanced_batches = balanced;
            config.training.batch_size = 16;
            training_batches(&corpus, &all, &config, 0)
        };
        let share = |batch: &Vec<usize>| {
            let labels = batch
                .iter()
                .filter(|i| corpus.utterances[**i].label == Some(1));
            labels.count() as f64 / batch.len() as f64
        };
        assert!(of(false).iter().any(|batch| share(batch) > 0.9));
        for batch in of(true).iter().filter(|batch| batch.len() == 16) {
            assert!((0.35..=0.65).contains(&share(batch)), "{}", share(batch));
        }
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
