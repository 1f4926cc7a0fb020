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

/// The same with a weight per class, `[classes]`: the sum over the batch divided by the weights of its
/// labels. Of `smoothing`, the share of a target that is spread evenly over the classes, each class has its
/// own weight, as in PyTorch.
pub fn weighted_cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<2>,
    weights: Tensor<1>,
    smoothing: f64,
) -> Tensor<1> {
    let classes = logits.dims()[1];
    let weights = weights.unsqueeze::<2>();
    let of_labels = (targets.clone() * weights.clone()).sum();
    // Nothing is spread where an utterance has no label.
    let spread = targets
        .clone()
        .sum_dim(1)
        .mul_scalar(smoothing / classes as f64);
    let targets = targets.mul_scalar(1.0 - smoothing) + spread;
    let log_likelihood = (log_softmax(logits, 1) * targets * weights).sum();
    log_likelihood.neg() / of_labels
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[test]
    fn weights_and_smoothing_are_those_of_pytorch() {
        let device = Device::flex();
        let logits = || Tensor::<2>::from_floats([[2.0, -1.0, 0.5], [0.0, 1.0, -2.0]], &device);
        let targets = || Tensor::<2>::from_floats([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], &device);
        let weights = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device);
        let close = |found: Tensor<1>, expected: f32| {
            let found: f32 = found.into_scalar();
            assert!(
                (found - expected).abs() < 1e-5,
                "{found}, expected {expected}"
            );
        };
        close(cross_entropy(logits(), targets()), 1.795_162);
        let even = weights([1.0; 3]);
        close(
            weighted_cross_entropy(logits(), targets(), even, 0.0),
            1.795_162,
        );
        let uneven = || weights([0.5, 1.0, 3.0]);
        close(
            weighted_cross_entropy(logits(), targets(), uneven(), 0.0),
            2.905_055,
        );
        close(
            weighted_cross_entropy(logits(), targets(), uneven(), 0.2),
            2.698_453,
        );
    }
}
