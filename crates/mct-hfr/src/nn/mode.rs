//! What a forward pass is for, and what it carries along.

use std::collections::BTreeMap;

use burn::module::{Param, ParamId};
use burn::tensor::Tensor;

use crate::nn::dropout::{self, DropoutKey};

/// What a forward pass is for.
#[derive(Debug, Clone)]
pub enum Mode {
    Evaluation,
    /// With dropout.
    Training(DropoutKey),
    /// As evaluation, and every layer records its multiply-accumulates.
    Counting(Tally),
}

/// Multiply-accumulates of a forward pass, by the parameter of the layer that has done them.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Products with a weight.
    pub weights: BTreeMap<ParamId, u64>,
    /// Products of activations with each other, under a parameter of the layer.
    pub activations: BTreeMap<ParamId, u64>,
}

impl Mode {
    /// Training step number `step` of the run with this seed, from which its dropout masks follow.
    pub fn training(seed: u64, step: u64) -> Self {
        Self::Training(DropoutKey::new(seed, step))
    }

    /// Inverted dropout: each value is zeroed with `probability`, the others are scaled so that the
    /// expectation stays. Without effect outside of training. The probability is rounded to 1/65536.
    pub fn dropout<const D: usize>(&mut self, x: Tensor<D>, probability: f64) -> Tensor<D> {
        match self {
            Self::Training(key) => dropout::dropout(x, probability, key),
            Self::Evaluation | Self::Counting(_) => x,
        }
    }

    /// Records that `weight` has been applied `times`, once to each row of an input.
    pub fn count_weight<const D: usize>(&mut self, weight: &Param<Tensor<D>>, times: usize) {
        if let Self::Counting(tally) = self {
            let size = weight.lazy_shape().num_elements();
            *tally.weights.entry(weight.id).or_default() += (size * times) as u64;
        }
    }

    /// Records `macs` multiply-accumulates of activations in the layer that `owner` belongs to.
    pub fn count_activations<const D: usize>(&mut self, owner: &Param<Tensor<D>>, macs: usize) {
        if let Self::Counting(tally) = self {
            *tally.activations.entry(owner.id).or_default() += macs as u64;
        }
    }
}
