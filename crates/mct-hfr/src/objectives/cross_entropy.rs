//! The classification loss (eq. 12).

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

/// Mean cross entropy (eq. 12) of logits `[batch, classes]` against one-hot `targets` of the same shape;
/// `[1]`.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let batch = logits.dims()[0];
    let log_likelihood = (log_softmax(logits, 1) * targets).sum();
    log_likelihood.div_scalar(-(batch as f64))
}
