//! Evaluation at missing rates, and prediction.

use burn::tensor::Device;
use burn::tensor::activation::softmax;
use mct_corpus::Corpus;
use mct_corpus::missing::{Missing, Purpose};
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Masks, evaluation_batches};
use crate::device;
use crate::error::Result;
use crate::metrics::{Confusion, Scores, auilc};
use crate::model::{Model, View};
use crate::noise::Mode;

/// The missing rates of the paper's evaluation.
pub const PAPER_RATES: [f64; 10] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Which steps are hidden, with the seed of their masks.
pub type Hidden<'a> = (&'a Missing, u64);

/// Probabilities of the utterances `indices`, in their order: `[utterance][class]`. Batch size and
/// padding change no probability by more than rounding. `hidden` says which steps are missing (`None`:
/// all steps are there).
///
/// # Errors
/// When the device fails.
pub async fn probabilities(
    model: &Model,
    corpus: &Corpus,
    indices: &[usize],
    hidden: Option<Hidden<'_>>,
    batch_size: usize,
    on: &Device,
) -> Result<Vec<Vec<f32>>> {
    let classes = corpus.class_count();
    let mut out = vec![Vec::new(); corpus.len()];
    let batches = evaluation_batches(corpus, indices, model.config(), batch_size);
    let values = batch_probabilities(model, corpus, &batches, hidden, on).await?;
    for (batch, values) in batches.iter().zip(values) {
        for (index, row) in batch.iter().zip(values.chunks_exact(classes)) {
            out[*index] = row.to_vec();
        }
    }
    Ok(in_order(&mut out, indices))
}

/// Probabilities of each of these batches, `[utterance, class]` row by row; see [`probabilities`]. On
/// the CPU as many at once as there are threads: one alone would leave most of them idle.
///
/// # Errors
/// When the device fails.
pub async fn batch_probabilities(
    model: &Model,
    corpus: &Corpus,
    batches: &[Vec<usize>],
    hidden: Option<Hidden<'_>>,
    on: &Device,
) -> Result<Vec<Vec<f32>>> {
    let of = |batch: &Vec<usize>| {
        let view = view(model, corpus, batch, hidden, on);
        device::read(softmax(view.logits, 1))
    };
    #[cfg(not(target_arch = "wasm32"))]
    if device::is_plain_cpu(on) {
        let all = batches.par_iter();
        return all.map(|batch| pollster::block_on(of(batch))).collect();
    }
    let mut out = Vec::with_capacity(batches.len());
    for batch in batches {
        out.push(of(batch).await?);
    }
    Ok(out)
}

/// What the classifier reads of the utterances `indices`, in their order: `[part][utterance][size]`,
/// a part a modality for MCT. `hidden` as in [`probabilities`].
///
/// # Errors
/// When the device fails.
pub async fn representations(
    model: &Model,
    corpus: &Corpus,
    indices: &[usize],
    hidden: Option<Hidden<'_>>,
    batch_size: usize,
    on: &Device,
) -> Result<Vec<Vec<Vec<f32>>>> {
    let mut parts: Vec<Vec<Vec<f32>>> = Vec::new();
    for batch in evaluation_batches(corpus, indices, model.config(), batch_size) {
        let rows = batch_representations(model, corpus, &batch, hidden, on).await?;
        parts.resize(rows.len(), vec![Vec::new(); corpus.len()]);
        for (part, rows) in parts.iter_mut().zip(rows) {
            for (index, row) in batch.iter().zip(rows) {
                part[*index] = row;
            }
        }
    }
    let parts = parts.iter_mut();
    Ok(parts.map(|part| in_order(part, indices)).collect())
}

/// What the classifier reads of one batch, `[part][utterance][size]`; see [`representations`].
///
/// # Errors
/// When the device fails.
pub async fn batch_representations(
    model: &Model,
    corpus: &Corpus,
    indices: &[usize],
    hidden: Option<Hidden<'_>>,
    on: &Device,
) -> Result<Vec<Vec<Vec<f32>>>> {
    let view = view(model, corpus, indices, hidden, on);
    let mut parts = Vec::with_capacity(view.pooled.len());
    for pooled in view.pooled {
        let [rows, size] = pooled.dims();
        let values = device::read(pooled.reshape([rows * size])).await?;
        parts.push(values.chunks_exact(size).map(<[f32]>::to_vec).collect());
    }
    Ok(parts)
}

fn view(
    model: &Model,
    corpus: &Corpus,
    indices: &[usize],
    hidden: Option<Hidden<'_>>,
    on: &Device,
) -> View {
    let masks =
        |index: usize| hidden.map(|(missing, seed)| static_masks(corpus, missing, seed, index));
    let batch = Batch::read(corpus, indices, model.config(), masks, on);
    model.incomplete(&batch, &mut Mode::Evaluation)
}

/// The rows of `indices`, in their order.
fn in_order(rows: &mut [Vec<f32>], indices: &[usize]) -> Vec<Vec<f32>> {
    let rows = indices
        .iter()
        .map(|index| std::mem::take(&mut rows[*index]));
    rows.collect()
}

/// The static masks of one utterance, a modality.
pub fn static_masks(corpus: &Corpus, missing: &Missing, seed: u64, index: usize) -> Masks {
    let id = &corpus.utterances[index].id;
    let modalities = corpus.modalities.iter().enumerate();
    modalities
        .map(|(m, modality)| missing.mask(seed, Purpose::Static, id, m, modality.steps(index)))
        .collect()
}

/// The class of the highest probability, the first of equals.
pub fn most_probable(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best
}

/// Upper edges of the duration bins of Table 5, in seconds; the last bin is open.
pub const DURATION_EDGES_SECS: [f32; 4] = [2.0, 4.0, 6.0, 8.0];

/// Which bin of Table 5 a duration falls into.
pub fn duration_bin(secs: f32) -> usize {
    DURATION_EDGES_SECS
        .iter()
        .take_while(|edge| secs > **edge)
        .count()
}

/// Scores over the missing rates; the arrays are of one length.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Evaluation {
    pub synthetic: bool,
    pub utterances: usize,
    pub classes: Vec<String>,
    pub rates: Vec<f64>,
    pub ua: Vec<f64>,
    pub wa: Vec<f64>,
    pub uf1: Vec<f64>,
    pub wf1: Vec<f64>,
    /// Area under each score (eq. 19).
    pub auilc: Scores,
    /// Counts of true class (row) against predicted class (column), a rate.
    pub confusion: Vec<Confusion>,
    /// The duration bins of Table 5.
    pub durations: Vec<DurationBin>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DurationBin {
    pub name: String,
    pub utterances: usize,
    pub ua: Vec<f64>,
    /// Area under UA over the rates.
    pub auilc: f64,
}

impl Evaluation {
    /// From the predictions at each rate: `predicted[rate][utterance]`.
    pub fn of(corpus: &Corpus, indices: &[usize], rates: &[f64], predicted: &[Vec<usize>]) -> Self {
        let classes = corpus.class_count();
        let tally = |pick: &dyn Fn(usize) -> bool, predicted: &[usize]| {
            let mut confusion = Confusion::new(classes);
            for (index, class) in indices.iter().zip(predicted) {
                if pick(*index) {
                    confusion.add(corpus.utterances[*index].label, *class);
                }
            }
            confusion
        };
        let all = |_: usize| true;
        let confusion: Vec<Confusion> = predicted.iter().map(|p| tally(&all, p)).collect();
        let scores: Vec<Scores> = confusion.iter().map(Confusion::scores).collect();
        let of = |pick: fn(&Scores) -> f64| -> Vec<f64> { scores.iter().map(pick).collect() };
        let (ua, wa, uf1, wf1) = (of(|s| s.ua), of(|s| s.wa), of(|s| s.uf1), of(|s| s.wf1));
        let names = ["up to 2 s", "2 to 4 s", "4 to 6 s", "6 to 8 s", "over 8 s"];
        let durations = names.iter().enumerate().map(|(bin, name)| {
            let inside = |i: usize| duration_bin(corpus.utterances[i].duration_secs) == bin;
            let ua: Vec<f64> = predicted
                .iter()
                .map(|p| tally(&inside, p).scores().ua)
                .collect();
            DurationBin {
                name: (*name).to_owned(),
                utterances: indices.iter().filter(|i| inside(**i)).count(),
                auilc: auilc(rates, &ua),
                ua,
            }
        });
        Self {
            synthetic: corpus.metadata.synthetic,
            utterances: indices.len(),
            classes: corpus.metadata.classes.clone(),
            rates: rates.to_vec(),
            auilc: Scores {
                ua: auilc(rates, &ua),
                wa: auilc(rates, &wa),
                uf1: auilc(rates, &uf1),
                wf1: auilc(rates, &wf1),
            },
            durations: durations.collect(),
            ua,
            wa,
            uf1,
            wf1,
            confusion,
        }
    }
}
