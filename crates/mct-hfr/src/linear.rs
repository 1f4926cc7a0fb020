//! Linear layers on sequences.

use burn::nn::Linear;
use burn::tensor::Tensor;

/// `layer` at each step: `[batch, steps, in]` to `[batch, steps, out]`.
///
/// As one product of matrices: burn multiplies sample by sample, and makes the gradient of the weights
/// once a sample to add them up.
pub fn at_each_step(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    let [batch, steps, channels] = x.dims();
    let y = layer.forward(x.reshape([batch * steps, channels]));
    let [_, out] = y.dims();
    y.reshape([batch, steps, out])
}
