//! Which steps of a padded batch are real.

use burn::tensor::{Tensor, TensorData};

/// What is added to the scores of padded keys: far below any score, so that their weight is
/// exactly 0, and finite, so that no gradient is NaN.
const PADDED: f64 = -1e9;

/// The real steps of one padded sequence.
#[derive(Debug, Clone)]
pub struct Steps {
    /// 1 at real steps, 0 at padding: `[batch, steps, 1]`.
    pub valid: Tensor<3>,
    /// What is added to attention scores: 0 at real keys, -1e9 at padding, `[batch, 1, 1, steps]`.
    pub bias: Tensor<4>,
    /// Real steps of each sample.
    pub lengths: Vec<usize>,
}

impl Steps {
    /// From the marks of real steps, `[batch, steps, 1]`, of which each sample has `lengths[b]`.
    pub fn new(valid: Tensor<3>, lengths: Vec<usize>) -> Self {
        let [batch, steps, _] = valid.dims();
        let bias = (valid.clone() - 1.0).mul_scalar(-PADDED);
        Self {
            bias: bias.reshape([batch, 1, 1, steps]),
            valid,
            lengths,
        }
    }

    /// Sequences put end to end.
    pub fn joined(parts: &[&Self]) -> Self {
        let valid = parts.iter().map(|part| part.valid.clone()).collect();
        let bias = parts.iter().map(|part| part.bias.clone()).collect();
        let samples = parts.first().map_or(0, |part| part.lengths.len());
        Self {
            valid: Tensor::cat(valid, 1),
            bias: Tensor::cat(bias, 3),
            lengths: (0..samples)
                .map(|sample| parts.iter().map(|part| part.lengths[sample]).sum())
                .collect(),
        }
    }

    /// Mean over the real steps: `[batch, steps, size]` to `[batch, size]`.
    pub fn mean(&self, sequence: Tensor<3>) -> Tensor<2> {
        let [batch, _, size] = sequence.dims();
        let weights = self
            .lengths
            .iter()
            .map(|length| 1.0 / (*length).max(1) as f32);
        let weights = TensorData::new(weights.collect::<Vec<f32>>(), [batch, 1, 1]);
        let weights = Tensor::<3>::from_data(weights, &sequence.device());
        let weights = self.valid.clone() * weights;
        (sequence * weights).sum_dim(1).reshape([batch, size])
    }
}
