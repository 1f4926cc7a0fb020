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
/// `[utterance][output]`. On the CPU they are the same whatever is predicted beside them; on a GPU and in a browser
/// batch size and padding change them by no more than rounding. `masking` says which steps are missing (`None`: none).
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

/// Predictions of each of these batches, `[utterance, output]` row by row; see [`predictions`].
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
    let out = of_batches(batches, on, async |indices: &[usize]| {
        let (batch, view) = view(model, corpus, indices, masking, on);
        let values = device::read(model.predictions(view.logits, &batch, false)).await?;
        let rows = values.chunks_exact(values.len() / indices.len());
        Ok(rows.map(<[f32]>::to_vec).collect())
    })
    .await?;
    corpus.require_unchanged()?;
    finite(out.into_iter().map(|rows| rows.concat()).collect())
}

/// What `compute` gives of each utterance of each of these batches.
///
/// A GPU computes a batch at once, and so does a browser, whose one thread takes a fifth longer without. Natively the
/// CPU computes each utterance alone, on all threads: that is as fast, since nothing is padded, and how a product of
/// matrices adds up depends on its shape, so that with others an utterance's values would differ in their last digits.
#[cfg_attr(
    target_arch = "wasm32",
    expect(unused_variables, reason = "a browser computes on every device alike")
)]
async fn of_batches<T: Send>(
    batches: &[Vec<usize>],
    on: &Device,
    compute: impl AsyncFn(&[usize]) -> Result<Vec<T>> + Sync,
) -> Result<Vec<Vec<T>>> {
    #[cfg(not(target_arch = "wasm32"))]
    if device::is_plain_cpu(on) {
        let all: Vec<usize> = batches.concat();
        let values = all.par_iter();
        let values = values.map(|index| pollster::block_on(compute(&[*index])));
        let values = values.collect::<Result<Vec<_>>>()?;
        let mut values = values.into_iter().flatten();
        let of_batch = |batch: &Vec<usize>| values.by_ref().take(batch.len()).collect();
        return Ok(batches.iter().map(of_batch).collect());
    }
    let mut out = Vec::with_capacity(batches.len());
    for batch in batches {
        out.push(compute(batch).await?);
    }
    Ok(out)
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
    let batches = evaluation_batches(corpus, indices, model.config(), batch_size);
    let vectors = batch_representations(model, corpus, &batches, masking, on).await?;
    for (index, vectors) in batches.iter().flatten().zip(vectors.into_iter().flatten()) {
        parts.resize_with(vectors.len(), || vec![Vec::new(); corpus.len()]);
        for (part, vector) in parts.iter_mut().zip(vectors) {
            part[*index] = vector;
        }
    }
    Ok(parts
        .iter_mut()
        .map(|part| in_order(part, indices))
        .collect())
}

/// The pooled vectors of these batches, `[batch][utterance][part][width]`; see [`representations`].
///
/// # Errors
/// When the device fails.
pub async fn batch_representations(
    model: &Model,
    corpus: &Corpus,
    batches: &[Vec<usize>],
    masking: Option<Masking<'_>>,
    on: &Device,
) -> Result<Vec<Vec<Vec<Vec<f32>>>>> {
    let out = of_batches(batches, on, async |indices: &[usize]| {
        let (_, view) = view(model, corpus, indices, masking, on);
        let mut vectors = vec![Vec::new(); indices.len()];
        for pooled in view.pooled {
            let [rows, width] = pooled.dims();
            let values = device::read(pooled.reshape([rows * width])).await?;
            for (vectors, row) in vectors.iter_mut().zip(values.chunks_exact(width)) {
                vectors.push(row.to_vec());
            }
        }
        Ok(vectors)
    })
    .await?;
    corpus.require_unchanged()?;
    Ok(out)
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
