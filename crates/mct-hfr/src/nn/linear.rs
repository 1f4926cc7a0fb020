//! Linear layers on sequences.

use burn::nn::Linear;
use burn::tensor::Tensor;

use crate::nn::mode::Mode;

/// `layer` on the last axis: `[.., d_in]` to `[.., d_out]`.
///
/// All rows of the batch go through one matrix product. burn multiplies sample by sample, and in the
/// backward pass adds up one gradient of the weights per sample.
pub fn linear<const D: usize>(layer: &Linear, x: Tensor<D>, mode: &mut Mode) -> Tensor<D> {
    let mut shape = x.dims();
    let d_in = shape[D - 1];
    let rows = shape[..D - 1].iter().product();
    mode.count_weight(&layer.weight, rows);
    let y = layer.forward(x.reshape([rows, d_in]));
    shape[D - 1] = y.dims()[1];
    y.reshape(shape)
}
