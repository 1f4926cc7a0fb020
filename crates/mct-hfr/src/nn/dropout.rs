//! Dropout whose masks are made on the host from a counter.
//!
//! burn's dropout draws from a generator that belongs to the device and to the whole process, so a
//! resumed run could not repeat it. Here a mask depends on (seed, training step, index of the dropout
//! layer in the forward pass) alone: the same on every device, in every thread and after every resume.

use burn::tensor::{Tensor, TensorData};
use mct_corpus::counter;

/// The randomness of one training step.
#[derive(Debug, Clone)]
pub struct DropoutKey {
    key: u64,
    /// Dropout layers passed so far.
    layers: u64,
}

impl DropoutKey {
    pub fn new(seed: u64, step: u64) -> Self {
        Self {
            key: counter::key(&[0x6472_6F70, seed, step]),
            layers: 0,
        }
    }
}

/// Inverted dropout, see [`Mode::dropout`](super::mode::Mode::dropout).
pub(super) fn dropout<const D: usize>(
    x: Tensor<D>,
    probability: f64,
    key: &mut DropoutKey,
) -> Tensor<D> {
    let threshold = (probability * 65536.0).round() as u32;
    if threshold == 0 {
        return x;
    }
    key.layers += 1;
    let layer_key = counter::key(&[key.key, key.layers]);
    let scale = 65536.0 / (65536 - threshold) as f32;
    let shape = x.dims();
    let mut mask = vec![0.0; shape.iter().product()];
    fill(&mut mask, layer_key, threshold, scale);
    let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
    x * mask
}

/// Values computed together: the compiler vectorises loops over arrays of this length.
const LANES: usize = 32;

/// `scale` where a value is kept, 0 where it is dropped. One hash serves four values of 16 bits.
///
/// Compiled per SIMD instruction set and dispatched at run time.
#[macerator::with_simd]
#[allow(
    clippy::extra_unused_type_parameters,
    reason = "names the SIMD instruction set"
)]
fn fill<S: macerator::Simd>(mask: &mut [f32], key: u64, threshold: u32, scale: f32) {
    for (block, chunk) in mask.chunks_mut(LANES).enumerate() {
        let mut values = [0.0; LANES];
        for (word, values) in values.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let index = (block * (LANES / 4) + word) as u64;
            let word = counter::scramble(key ^ counter::scramble(index));
            for (lane, value) in values.iter_mut().enumerate() {
                let kept = (word >> (16 * lane)) as u32 & 0xFFFF >= threshold;
                *value = if kept { scale } else { 0.0 };
            }
        }
        chunk.copy_from_slice(&values[..chunk.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::mode::Mode;
    use burn::tensor::Device;

    #[test]
    fn dropout_keeps_the_mean_and_repeats_itself() {
        let device = Device::flex();
        let ones: Tensor<2> = Tensor::ones([100, 101], &device);
        let drop = |step, p| {
            let mut mode = Mode::training(1, step);
            mode.dropout(ones.clone(), p)
                .into_data()
                .try_to_vec::<f32>()
                .unwrap()
        };
        let dropped = drop(1, 0.25);
        let zeros = dropped.iter().filter(|v| **v == 0.0).count();
        assert!((zeros as f64 / 10100.0 - 0.25).abs() < 0.02, "{zeros}");
        assert!(
            dropped
                .iter()
                .all(|v| *v == 0.0 || (*v - 4.0 / 3.0).abs() < 1e-6)
        );
        assert_eq!(dropped, drop(1, 0.25));
        assert_ne!(dropped, drop(2, 0.25));
        assert!(drop(1, 0.0).iter().all(|v| *v == 1.0));
        let kept = Mode::Evaluation.dropout(ones.clone(), 0.5).into_data();
        assert!(kept.try_to_vec::<f32>().unwrap().iter().all(|v| *v == 1.0));
    }

    #[test]
    fn each_value_is_dropped_by_its_own_bits_of_the_counter() {
        let (key, threshold) = (7, 0x4000);
        // Whole blocks, and a tail that ends within a word.
        let mut mask = vec![0.0; 3 * LANES + 6];
        fill(&mut mask, key, threshold, 2.0);
        for (index, value) in mask.iter().enumerate() {
            let word = counter::scramble(key ^ counter::scramble(index as u64 / 4));
            let bits = word >> (16 * (index % 4)) & 0xFFFF;
            let expected = if bits >= u64::from(threshold) {
                2.0
            } else {
                0.0
            };
            assert_eq!(*value, expected, "{index}");
        }
    }
}
