//! Which time steps of a padded batch are valid.

use burn::tensor::{Tensor, TensorData};

/// Added to the attention scores of padded keys: far below any score, so that their weight is
/// exactly 0, and finite, so that no gradient is NaN.
const PADDED_BIAS: f64 = -1e9;

/// The padding mask of one modality of a batch.
#[derive(Debug, Clone)]
pub struct PaddingMask {
    /// 1 at valid steps, 0 at padding: `[batch, time, 1]`.
    pub valid: Tensor<3>,
    /// Added to attention scores, 0 at valid keys and -1e9 at padding: `[batch, 1, 1, time]`.
    pub bias: Tensor<4>,
    /// Valid steps per sample.
    pub lengths: Vec<usize>,
}

impl PaddingMask {
    /// From the valid steps `[batch, time, 1]` (1 valid, 0 padding), `lengths[b]` of them in sample `b`.
    pub fn new(valid: Tensor<3>, lengths: Vec<usize>) -> Self {
        let [batch, time, _] = valid.dims();
        let bias = (valid.clone() - 1.0).mul_scalar(-PADDED_BIAS);
        Self {
            bias: bias.reshape([batch, 1, 1, time]),
            valid,
            lengths,
        }
    }

    /// The mask of sequences that are concatenated along time.
    pub fn concat(masks: &[&Self]) -> Self {
        let valid = masks.iter().map(|mask| mask.valid.clone()).collect();
        let bias = masks.iter().map(|mask| mask.bias.clone()).collect();
        let samples = masks.first().map_or(0, |mask| mask.lengths.len());
        Self {
            valid: Tensor::cat(valid, 1),
            bias: Tensor::cat(bias, 3),
            lengths: (0..samples)
                .map(|sample| masks.iter().map(|mask| mask.lengths[sample]).sum())
                .collect(),
        }
    }

    /// The mask of the samples one further, the first at the end.
    pub fn next(&self) -> Self {
        let mut lengths = self.lengths.clone();
        lengths.rotate_left(1);
        Self {
            valid: next_samples(self.valid.clone()),
            bias: next_samples(self.bias.clone()),
            lengths,
        }
    }

    /// Mean over the valid steps: `[batch, time, d_model]` to `[batch, d_model]`.
    pub fn mean(&self, sequence: Tensor<3>) -> Tensor<2> {
        let [batch, _, d_model] = sequence.dims();
        let weights = self
            .lengths
            .iter()
            .map(|length| 1.0 / (*length).max(1) as f32);
        let weights = TensorData::new(weights.collect::<Vec<f32>>(), [batch, 1, 1]);
        let weights = Tensor::<3>::from_data(weights, &sequence.device());
        let weights = self.valid.clone() * weights;
        (sequence * weights).sum_dim(1).reshape([batch, d_model])
    }
}

/// The samples `[batch, ...]` one further, the first at the end.
pub fn next_samples<const D: usize>(samples: Tensor<D>) -> Tensor<D> {
    let batch = samples.dims()[0];
    let (first, others) = (
        samples.clone().narrow(0, 0, 1),
        samples.narrow(0, 1, batch - 1),
    );
    Tensor::cat(vec![others, first], 0)
}
