//! Predictions of a corpus's utterances under missing steps.

use burn::tensor::Device;
use mct_corpus::Corpus;
use mct_corpus::missing::{Missing, Purpose};
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

use crate::data::{Batch, Masks, evaluation_batches};
use crate::device;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::mode::Mode;
use crate::systems::View;

/// Which steps are missing, and the seed of their static masks.
pub type Masking<'a> = (&'a Missing, u64);

/// Class probabilities or intensities of the utterances `indices`, in their order:
/// `[utterance][output]`. Batch size and padding change none by more than rounding. `masking` says which steps are missing (`None`:
/// none).
///
/// # Errors
/// When the device fails, or what is predicted is no number.
pub async fn predictions(
    model: &Model,
    corpus: &Corpus,
    indices: &[usize],
    masking: Option<Masking<'_>>,
    batch_size: usize,
    on: &Device,
) -> Result<Vec<Vec<f32>>> {
    let outputs = model.outputs();
    let mut out = vec![Vec::new(); corpus.len()];
    let batches = evaluation_batches(corpus, indices, model.config(), batch_size);
    let values = batch_predictions(model, corpus, &batches, masking, on).await?;
    for (batch, values) in batches.iter().zip(values) {
        for (index, row) in batch.iter().zip(values.chunks_exact(outputs)) {
            out[*index] = row.to_vec();
        }
    }
    Ok(in_order(&mut out, indices))
}

/// Predictions of each of these batches, `[utterance, output]` row by row; see [`predictions`]. On
/// the CPU as many batches run at once as there are threads: one alone would leave most of them idle.
///
/// # Errors
/// When the device fails, or what is predicted is no number.
pub async fn batch_predictions(
    model: &Model,
    corpus: &Corpus,
    batches: &[Vec<usize>],
    masking: Option<Masking<'_>>,
    on: &Device,
) -> Result<Vec<Vec<f32>>> {
    let predict = |batch: &Vec<usize>| {
        let (batch, view) = view(model, corpus, batch, masking, on);
        device::read(model.predictions(view.logits, &batch, false))
    };
    #[cfg(not(target_arch = "wasm32"))]
    if device::is_plain_cpu(on) {
        let all = batches.par_iter();
        let out: Result<Vec<_>> = all
            .map(|batch| pollster::block_on(predict(batch)))
            .collect();
        corpus.require_unchanged()?;
        return finite(out?);
    }
    let mut out = Vec::with_capacity(batches.len());
    for batch in batches {
        out.push(predict(batch).await?);
    }
    corpus.require_unchanged()?;
    finite(out)
}

/// Refuses predictions that are no numbers: weights can be such that there are none.
fn finite(rows: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>> {
    match rows.iter().flatten().all(|value| value.is_finite()) {
        true => Ok(rows),
        false => Err(Error::NoNumbers),
    }
}

/// The pooled vectors, which the classifier reads, of the utterances `indices` in their order:
/// `[part][utterance][width]`; for MCT a part is a modality. `masking` as in [`predictions`].
///
/// # Errors
/// When the device fails.
pub async fn representations(
    model: &Model,
    corpus: &Corpus,
    indices: &[usize],
    masking: Option<Masking<'_>>,
    batch_size: usize,
    on: &Device,
) -> Result<Vec<Vec<Vec<f32>>>> {
    let mut parts: Vec<Vec<Vec<f32>>> = Vec::new();
    for batch in evaluation_batches(corpus, indices, model.config(), batch_size) {
        let rows = batch_representations(model, corpus, &batch, masking, on).await?;
        parts.resize(rows.len(), vec![Vec::new(); corpus.len()]);
        for (part, rows) in parts.iter_mut().zip(rows) {
            for (index, row) in batch.iter().zip(rows) {
                part[*index] = row;
            }
        }
    }
    Ok(parts
        .iter_mut()
        .map(|part| in_order(part, indices))
        .collect())
}

/// The pooled vectors of one batch, `[part][utterance][width]`; see [`representations`].
///
/// # Errors
/// When the device fails.
pub async fn batch_representations(
    model: &Model,
    corpus: &Corpus,
    indices: &[usize],
    masking: Option<Masking<'_>>,
    on: &Device,
) -> Result<Vec<Vec<Vec<f32>>>> {
    let (_, view) = view(model, corpus, indices, masking, on);
    let mut parts = Vec::with_capacity(view.pooled.len());
    for pooled in view.pooled {
        let [rows, width] = pooled.dims();
        let values = device::read(pooled.reshape([rows * width])).await?;
        parts.push(values.chunks_exact(width).map(<[f32]>::to_vec).collect());
    }
    corpus.require_unchanged()?;
    Ok(parts)
}

fn view(
    model: &Model,
    corpus: &Corpus,
    indices: &[usize],
    masking: Option<Masking<'_>>,
    on: &Device,
) -> (Batch, View) {
    let masks =
        |index: usize| masking.map(|(missing, seed)| static_masks(corpus, missing, seed, index));
    let batch = Batch::read(corpus, indices, model.config(), masks, on);
    let view = model.incomplete(&batch, &mut Mode::Evaluation);
    (batch, view)
}

/// The rows of `indices`, in their order.
fn in_order(rows: &mut [Vec<f32>], indices: &[usize]) -> Vec<Vec<f32>> {
    let rows = indices
        .iter()
        .map(|index| std::mem::take(&mut rows[*index]));
    rows.collect()
}

/// The static masks of one utterance, per modality.
pub fn static_masks(corpus: &Corpus, missing: &Missing, seed: u64, index: usize) -> Masks {
    let id = &corpus.utterances[index].id;
    missing.masks(seed, Purpose::Static, id, &corpus.steps(index))
}
