//! Smooth L1 (eq. 14): `0.5 x^2` where `|x| < 1`, `|x| - 0.5` elsewhere.

use burn::tensor::Tensor;

/// Element-wise smooth L1 of a difference, of any shape.
pub fn smooth_l1<const D: usize>(difference: Tensor<D>) -> Tensor<D> {
    let size = difference.abs();
    // With c = min(|x|, 1) both branches are c (|x| - c / 2).
    let clamped = size.clone().clamp_max(1.0);
    clamped.clone() * (size - clamped.mul_scalar(0.5))
}
