//! Softmax of attention scores.
//!
//! burn's CPU backend calls the system's exponential value by value, and its gradient goes through six
//! operations, each of which reads and writes all weights. That took half the time of an evaluation and
//! a third of a training step. On the CPU both are computed here, vectorised.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::activation::softmax;
use burn::tensor::{DType, Device, Tensor};
use burn_flex::FlexTensor;
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

use crate::nn::softmax_rows::{gradient_rows, softmax_rows};

/// `softmax(scores + bias)` over the keys: scores `[batch, heads, queries, keys]`, bias
/// `[batch, 1, 1, keys]`, which gets no gradient.
pub fn biased_softmax(scores: Tensor<4>, bias: Option<&Tensor<4>>) -> Tensor<4> {
    if scores.device() != Device::flex() || scores.dtype() != DType::F32 {
        return by_backend(scores, bias);
    }
    let [batch, _, _, keys] = scores.dims();
    let values = |bias: &Tensor<4>| {
        let bias = bias.clone();
        let bias = if bias.device().is_autodiff() {
            bias.inner()
        } else {
            bias
        };
        bias.into_data().try_into_vec()
    };
    let zeros = || Ok(vec![0.0f32; batch * keys]);
    let Ok(key_bias) = bias.map_or_else(zeros, values) else {
        return by_backend(scores, bias);
    };
    let spare = scores.clone();
    if scores.device().is_autodiff() {
        let Ok(scores) = scores.try_into_primitive::<Autodiff<Flex>>() else {
            return by_backend(spare, bias);
        };
        drop(spare); // Its memory becomes that of the weights, where nothing else holds it.
        return Tensor::from_primitive::<Autodiff<Flex>>(tracked(scores, &key_bias));
    }
    let Ok(scores) = scores.try_into_primitive::<Flex>() else {
        return by_backend(spare, bias);
    };
    drop(spare);
    Tensor::from_primitive::<Flex>(forward(scores, &key_bias))
}

fn by_backend(scores: Tensor<4>, bias: Option<&Tensor<4>>) -> Tensor<4> {
    let scores = match bias {
        Some(bias) => scores + bias.clone(),
        None => scores,
    };
    softmax(scores, 3)
}

/// The softmax of scores whose gradient is needed.
fn tracked(scores: FloatTensor<Autodiff<Flex>>, bias: &[f32]) -> FloatTensor<Autodiff<Flex>> {
    let (scores, node) = scores.into_parts();
    let operation = Softmax.prepare::<NoCheckpointing>([node]);
    match operation.compute_bound().stateful() {
        OpsKind::Tracked(operation) => {
            let weights = forward(scores, bias);
            operation.finish(weights.clone(), weights)
        }
        OpsKind::UnTracked(operation) => operation.finish(forward(scores, bias)),
    }
}

/// The operation in the autodiff graph; its state is the weights.
#[derive(Debug)]
struct Softmax;

impl Backward<Flex, 1> for Softmax {
    type State = FlexTensor;

    fn backward(self, ops: Ops<FlexTensor, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let weights = ops.state;
        unary::<Flex, _>(ops.parents, ops.node, gradients, |gradient| {
            backward(gradient, &weights)
        });
    }
}

/// Softmax of scores `[batch, heads, queries, keys]`; `bias` is `[batch, keys]` row by row.
fn forward(scores: FlexTensor, bias: &[f32]) -> FlexTensor {
    let shape = scores.layout().shape();
    let (batch, keys) = (shape[0], shape[3]);
    let per_sample = shape.num_elements() / batch.max(1);
    in_place(scores, |scores| {
        for_each_sample((scores, per_sample), (bias, keys), softmax_rows);
    })
}

/// The gradient with respect to the scores, from that with respect to the weights.
fn backward(gradient: FlexTensor, weights: &FlexTensor) -> FlexTensor {
    let shape = weights.layout().shape();
    let (batch, keys) = (shape[0], shape[3]);
    let per_sample = shape.num_elements() / batch.max(1);
    let weights: &[f32] = weights.storage();
    in_place(gradient, |gradient| {
        for_each_sample(
            (gradient, per_sample),
            (weights, per_sample),
            |gradient, weights| {
                gradient_rows(gradient, weights, keys);
            },
        );
    })
}

/// Calls `change` with each sample's values and its other values, both given with their number per
/// sample; on all threads.
fn for_each_sample(
    (values, size): (&mut [f32], usize),
    (others, other_size): (&[f32], usize),
    change: impl Fn(&mut [f32], &[f32]) + Sync,
) {
    #[cfg(not(target_arch = "wasm32"))]
    values
        .par_chunks_exact_mut(size)
        .zip(others.par_chunks_exact(other_size))
        .for_each(|(values, others)| change(values, others));
    #[cfg(target_arch = "wasm32")]
    values
        .chunks_exact_mut(size)
        .zip(others.chunks_exact(other_size))
        .for_each(|(values, others)| change(values, others));
}

/// Changes the values, row by row of the last dimension; copies them where they are shared.
fn in_place(tensor: FlexTensor, change: impl FnOnce(&mut [f32])) -> FlexTensor {
    let mut tensor = FlexTensor::from_data(tensor.into_data());
    change(tensor.storage_mut());
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    #[test]
    fn weights_are_those_of_the_backend_and_padding_has_none() {
        let device = Device::flex();
        // 21 keys: whole lanes and a tail.
        let values: Vec<f32> = (0..2 * 3 * 4 * 21)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0)
            .collect();
        let scores = Tensor::<4>::from_data(TensorData::new(values, [2, 3, 4, 21]), &device);
        let mut bias = vec![0.0f32; 42];
        bias[17..21].fill(-1e9);
        let bias = Tensor::<4>::from_data(TensorData::new(bias, [2, 1, 1, 21]), &device);
        let floats =
            |weights: Tensor<4>| -> Vec<f32> { weights.into_data().try_into_vec().unwrap() };
        let fast = floats(biased_softmax(scores.clone(), Some(&bias)));
        let backend = floats(softmax(scores + bias, 3));
        for (fast, backend) in fast.iter().zip(&backend) {
            assert!((fast - backend).abs() < 1e-6);
        }
        assert!(
            fast[..3 * 4 * 21]
                .chunks(21)
                .all(|row| row[17..] == [0.0; 4])
        );
    }

    #[test]
    fn gradients_are_those_of_the_backend() {
        let device = Device::flex().autodiff();
        let tensor = |seed: usize, shape: [usize; 4]| {
            let count = shape.iter().product();
            let value = |i| ((i * 31 + seed * 17) % 97) as f32 / 24.0 - 2.0;
            let values: Vec<f32> = (0..count).map(value).collect();
            Tensor::<4>::from_data(TensorData::new(values, shape), &device)
        };
        let mut bias = vec![0.0f32; 42];
        bias[17..21].fill(-1e9);
        let bias = Tensor::<4>::from_data(TensorData::new(bias, [2, 1, 1, 21]), &device);
        let towards = tensor(2, [2, 3, 4, 21]);
        let gradient = |softmax: fn(Tensor<4>, Option<&Tensor<4>>) -> Tensor<4>| {
            let scores = tensor(1, [2, 3, 4, 21]).require_grad();
            // Shared with the graph: nothing may change in place.
            let twice = softmax(scores.clone() * 2.0, Some(&bias)) + scores.clone() * 0.1;
            let loss = (twice * towards.clone()).sum();
            let gradient = scores.grad(&loss.backward()).unwrap();
            gradient.into_data().try_into_vec::<f32>().unwrap()
        };
        let (fast, backend) = (gradient(biased_softmax), gradient(by_backend));
        assert!(fast.iter().any(|value| value.abs() > 0.01));
        for (fast, backend) in fast.iter().zip(&backend) {
            assert!((fast - backend).abs() < 1e-6, "{fast} {backend}");
        }
    }
}
