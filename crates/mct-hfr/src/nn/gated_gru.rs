//! Gated-GRU pooling, the released code's choice instead of the paper's attention pooling: a two-layer
//! bidirectional GRU, a sigmoid gate over time, and the maximum over time.
//!
//! burn-nn's `BiGru` was tried: as fast, but without a padding mask, so that its backward direction starts
//! in the padding; reversing each sample by its length takes as much code as the cell.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Initializer, Linear, LinearConfig, PaddingConfig1d};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use crate::config::ModelConfig;
use crate::nn::linear::linear;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::nn::steps::steps;

#[derive(Module, Debug)]
pub struct GatedGru {
    gru: Vec<Bidirectional>,
    gate: Conv1d,
    project: Linear,
    #[module(skip)]
    dropout: f64,
}

impl GatedGru {
    /// For sequences of width `d_model`.
    pub fn new(config: &ModelConfig, d_model: usize, device: &Device) -> Self {
        Self {
            gru: (0..2)
                .map(|_| Bidirectional::new(d_model, d_model / 2, device))
                .collect(),
            gate: Conv1dConfig::new(d_model, 1, 3)
                .with_padding(PaddingConfig1d::Same)
                .init(device),
            project: LinearConfig::new(2 * d_model, d_model / 2).init(device),
            dropout: config.dropout.embedding,
        }
    }

    /// `[batch, time, d_model]` to `[batch, d_model / 2]`.
    pub fn forward(&self, sequence: Tensor<3>, mask: &PaddingMask, mode: &mut Mode) -> Tensor<2> {
        let [batch, time, _] = sequence.dims();
        let mut hidden = sequence.clone();
        let valid = steps(mask.valid.clone());
        for layer in &self.gru {
            hidden = layer.forward(hidden, &valid, mode);
        }
        mode.count_weight(&self.gate.weight, batch * time);
        let gate = self
            .gate
            .forward(hidden.clone().swap_dims(1, 2))
            .swap_dims(1, 2);
        let gated = hidden.tanh() * sigmoid(gate);
        let both = Tensor::cat(vec![sequence, gated], 2);
        let representation = linear(&self.project, both, mode).tanh();
        let masked = representation + mask.bias.clone().reshape([batch, time, 1]);
        let width = masked.dims()[2];
        mode.dropout(masked.max_dim(1).reshape([batch, width]), self.dropout)
    }
}

#[derive(Module, Debug)]
struct Bidirectional {
    forward: Gru,
    backward: Gru,
}

impl Bidirectional {
    fn new(input: usize, hidden: usize, device: &Device) -> Self {
        Self {
            forward: Gru::new(input, hidden, device),
            backward: Gru::new(input, hidden, device),
        }
    }

    fn forward(&self, input: Tensor<3>, valid: &[Tensor<2>], mode: &mut Mode) -> Tensor<3> {
        let time = input.dims()[1];
        let forward = self.forward.run(input.clone(), valid, 0..time, mode);
        let backward = self.backward.run(input, valid, (0..time).rev(), mode);
        Tensor::cat(vec![forward, backward], 2)
    }
}

/// One direction of one layer. Its gates are in PyTorch's order: reset, update, new.
#[derive(Module, Debug)]
struct Gru {
    input_weight: Param<Tensor<2>>,
    input_bias: Param<Tensor<1>>,
    hidden_weight: Param<Tensor<2>>,
    hidden_bias: Param<Tensor<1>>,
}

impl Gru {
    fn new(input: usize, hidden: usize, device: &Device) -> Self {
        let bound = (hidden as f64).powf(-0.5);
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        Self {
            input_weight: uniform.init([input, 3 * hidden], device),
            input_bias: uniform.init([3 * hidden], device),
            hidden_weight: uniform.init([hidden, 3 * hidden], device),
            hidden_bias: uniform.init([3 * hidden], device),
        }
    }

    /// Runs over the steps in the given order: `[batch, time, input]` to `[batch, time, hidden]`, with
    /// `valid` `[batch, 1]` of each step. The state is held at zero in the padding, so that the backward
    /// direction starts at the last valid step of each sample.
    fn run(
        &self,
        input: Tensor<3>,
        valid: &[Tensor<2>],
        order: impl Iterator<Item = usize>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let [batch, time, _] = input.dims();
        let hidden = self.hidden_weight.val().dims()[0];
        let device = input.device();
        mode.count_weight(&self.input_weight, batch * time);
        mode.count_weight(&self.hidden_weight, batch * time);
        let weight = self.input_weight.val().unsqueeze::<3>();
        let from_input = steps(input.matmul(weight) + self.input_bias.val().unsqueeze());
        let hidden_bias = self.hidden_bias.val().unsqueeze::<2>();
        let mut state: Tensor<2> = Tensor::zeros([batch, hidden], &device);
        let mut outputs = vec![state.clone(); time];
        for t in order {
            let x = from_input[t].clone();
            let h = state.clone().matmul(self.hidden_weight.val()) + hidden_bias.clone();
            let gate =
                |tensor: &Tensor<2>, index: usize| tensor.clone().narrow(1, index * hidden, hidden);
            let reset = sigmoid(gate(&x, 0) + gate(&h, 0));
            let update = sigmoid(gate(&x, 1) + gate(&h, 1));
            let new = (gate(&x, 2) + reset * gate(&h, 2)).tanh();
            state = (new.clone() + update * (state - new)) * valid[t].clone();
            outputs[t] = state.clone();
        }
        Tensor::stack(outputs, 1)
    }
}
